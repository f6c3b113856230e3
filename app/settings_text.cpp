// See settings_text.hpp.

#include "app/settings_text.hpp"

#include <type_traits>

namespace coffer::app {
namespace {

class SettingsWriter {
 public:
  std::map<std::string, std::string> all;

  template <class T>
  void add(const std::string& name, const T& value) {
    // An element's length first: two arrays that only share their text are not the same.
    const std::string text = text_of(value);
    all[name] += std::to_string(text.size()) + ':' + text;
  }

  void add_tls(const std::string& prefix, const std::optional<net::TlsFiles>& tls) {
    const net::TlsFiles none, &files = tls ? *tls : none;
    add(prefix + "certificate", files.certificate);
    add(prefix + "key", files.key);
    add(prefix + "client_ca", files.client_ca);
  }
  void add_listener(const std::string& name, const net::Listener& listener) {
    add(name + ".address", listener.address);
    add(name + ".threads", listener.threads);
    add_tls(name + ".tls.", listener.tls);
    const net::Limits& limits = listener.limits;
    const std::string prefix = name + ".limits.";
    add(prefix + "header_bytes", limits.header_bytes);
    add(prefix + "body_bytes", limits.body_bytes);
    add(prefix + "json_depth", limits.json_depth);
    add(prefix + "connections", limits.connections);
    add(prefix + "streams_per_connection", limits.streams_per_connection);
    add(prefix + "calls_in_flight", limits.calls_in_flight);
    add(prefix + "header_timeout", limits.header_timeout);
    add(prefix + "idle_timeout", limits.idle_timeout);
    add(prefix + "default_deadline", limits.default_deadline);
    add(prefix + "max_deadline", limits.max_deadline);
    add(prefix + "drain", limits.drain);
  }

  /// Makes the name known although there may be no element.
  void begin_array(const std::string& prefix, std::initializer_list<const char*> names) {
    for (const char* name : names) all[prefix + name];
  }

 private:
  static std::string text_of(const std::string& value) { return value; }
  static std::string text_of(const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& value : values) text += std::to_string(value.size()) + ':' + value;
    return text;
  }
  template <class Rep, class Period>
  static std::string text_of(std::chrono::duration<Rep, Period> value) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(value).count());
  }
  template <class T>
  requires std::is_enum_v<T>
  static std::string text_of(T value) { return std::to_string(static_cast<unsigned>(value)); }
  template <class T>
  requires std::is_integral_v<T>
  static std::string text_of(T value) { return std::to_string(value); }
};

void add_audit(SettingsWriter& out, const AuditConfig& audit) {
  out.add("audit.enabled", audit.enabled);
  out.add("audit.directory", audit.directory);
  out.add("audit.file_bytes", audit.file_bytes);
  out.add("audit.file_age", audit.file_age);
  out.add("audit.keep", audit.keep);
  out.add("audit.keep_bytes", audit.keep_bytes);
  out.add("audit.queue_bytes", audit.queue_bytes);
  out.add("audit.sync_interval", audit.sync_interval);
  out.add("audit.stdout", audit.to_stdout);
  out.add("audit.sink_queue", audit.sink_queue);
  std::string address;
  if (audit.syslog) {
    address =
        std::to_string(static_cast<unsigned>(audit.syslog->kind)) + ' ' + audit.syslog->host + ' ' + audit.syslog->port;
  }
  out.add("audit.syslog.address", address);
  out.add("audit.syslog.facility", audit.syslog_facility);
}

void add_seals(SettingsWriter& out, const Config& config) {
  out.add("seal.key_file", config.seal_key_file);
  out.add("seal.key_directory", config.seal.key_directory);
  out.add("seal.passphrase_file", config.seal.passphrase_file);
  out.add("seal.manual", config.seal.manual);
  out.add("seal.pkcs11.module", config.seal.pkcs11.module);
  out.add("seal.pkcs11.token", config.seal.pkcs11.token);
  out.add("seal.pkcs11.key", config.seal.pkcs11.key);
  out.add("seal.pkcs11.pin_file", config.seal.pkcs11.pin_file);
  out.add("keys.reseal_rows_per_second", config.reseal_rows_per_second);
  out.add("keys.retire_after", config.retire_keys_after);
  out.add("backup.directory", config.backup.directory);
  out.add("backup.every", config.backup.every);
  out.add("backup.keep", config.backup.keep);
  out.add("backup.rate", config.backup.bytes_per_second);
}

void add_doors(SettingsWriter& out, const net::Doors& doors) {
  out.add("dapr.statuses", doors.dapr_runtime_statuses);
  out.begin_array("dapr.store.", {"name", "tenant", "space", "multiple_values", "default_access", "allowed_secrets",
                                  "denied_secrets"});
  for (const net::DaprStore& store : doors.dapr_stores) {
    out.add("dapr.store.name", store.name);
    out.add("dapr.store.tenant", store.tenant);
    out.add("dapr.store.space", store.space);
    out.add("dapr.store.multiple_values", store.multiple_values);
    out.add("dapr.store.default_access", store.default_deny);
    out.add("dapr.store.allowed_secrets", store.allowed);
    out.add("dapr.store.denied_secrets", store.denied);
  }
  out.add("tapis.auth_status", doors.tapis_auth_400);
  out.add("tapis.site", doors.tapis_site);
  out.add("cloudforet.get_data", doors.cloudforet.open_get_data);
  out.add("cloudforet.encrypt", doors.cloudforet.scheme);
  out.add("cloudforet.key_file", doors.cloudforet.key_file);
}

void add_listeners(SettingsWriter& out, const Config& config) {
  out.add_listener("http", config.http);
  out.add_listener("grpc", config.grpc);
  out.add_listener("admin", config.admin);
  out.begin_array("listener.", {"address", "threads", "protocol", "cloudforet.profile", "tls.certificate", "tls.key",
                                "tls.client_ca"});
  for (const ExtraListener& one : config.extra) {
    out.add("listener.address", one.listener.address);
    out.add("listener.threads", one.listener.threads);
    out.add("listener.protocol", one.http);
    out.add("listener.cloudforet.profile", one.cloudforet_newer);
    out.add_tls("listener.tls.", one.listener.tls);
  }
  out.add("peer.address", config.peer.address);
  out.add("peer.advertise", config.peer.advertise);
  out.add("peer.join", config.peer.join);
  out.add("peer.join_token_file", config.peer.token_file);
}

void add_identity(SettingsWriter& out, const Config& config) {
  out.add("identity.threads", config.identity.threads);
  out.add("identity.cached_credentials", config.identity.cached_credentials);
  out.add("identity.failures_per_second", config.identity.guard.failures_per_second);
  out.add("identity.failure_burst", config.identity.guard.burst);
  out.begin_array("certificates.", {"name", "san", "tenant", "principal", "roles"});
  for (const net::NodeCertificate& one : config.identity.certificates) {
    out.add("certificates.name", one.rule.name);
    out.add("certificates.san", one.rule.san);
    out.add("certificates.tenant", one.tenant);
    out.add("certificates.principal", one.rule.principal);
    out.add("certificates.roles", one.rule.roles);
  }
  for (const model::Limit limit : model::kAllLimits) {
    out.add("quotas." + std::string(model::limit_name(limit)), config.quotas[limit]);
  }
}

void add_node(SettingsWriter& out, const Config& config) {
  out.add("data", config.data_dir);
  out.add("metrics.tenants", config.metrics.tenants);
  out.add("log.level", config.log.level);
  out.add("log.format", config.log.format);
  out.add("log.requests", config.log.requests);
  out.add("cluster.data_groups", config.cluster.data_groups);
  out.add("cluster.format", config.cluster.format);
  out.add("cluster.election_timeout", config.cluster.election_timeout);
  out.add("cluster.heartbeat", config.cluster.heartbeat);
  out.add("cluster.lease", config.cluster.lease);
  out.add("cluster.replicas", config.cluster.replicas);
  out.add("cluster.snapshot_rate", config.cluster.snapshot_bytes_per_second);
  out.add("cluster.catch_up_memory", config.cluster.catch_up_memory);
  out.add("cluster.replace_after", config.cluster.replace_after);
  out.add("storage.checkpoint_bytes", config.storage.checkpoint_bytes);
  out.add("storage.read_only_below", config.storage.read_only_below);
  out.add("shards.threads", config.shards.threads);
  out.add("shards.idle", config.shards.idle);
  out.add("shards.max_live", config.shards.max_live);
  out.add("shards.cache_budget_bytes", config.shards.cache_budget_bytes);
}

}  // namespace

std::map<std::string, std::string> settings_of(const Config& config) {
  SettingsWriter out;
  add_node(out, config);
  add_listeners(out, config);
  add_seals(out, config);
  add_audit(out, config.audit);
  add_identity(out, config);
  add_doors(out, config.doors);
  return std::move(out.all);
}

}  // namespace coffer::app
