// The schema of the server's TOML file: which settings there are, their types and ranges. Reading never stops at the
// first mistake but for broken TOML, after which there is nothing left to read.

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "app/config.hpp"
#include "app/config_reader.hpp"
#include "app/log.hpp"
#include "app/parse.hpp"
#include "cluster/founders.hpp"

namespace coffer::app {
namespace {

using namespace std::chrono_literals;
using model::Code;
using model::Error;
using model::Status;

Status address_check(std::string_view text) {
  const auto address = parse_address(text);
  return address.ok() ? Status() : Status(address.error());
}

/// Opened, not only looked at: what the server will do at start-up.
Status readable_file_check(std::string_view path) {
  errno = 0;
  const std::ifstream file{std::string(path)};
  if (file.is_open()) return {};
  return Error(Code::invalid_argument, "'" + std::string(path) + "' cannot be read: " + std::strerror(errno));
}

Status tenant_check(std::string_view text) { return model::check_tenant_name(text); }
Status space_check(std::string_view text) { return model::check_space(text); }

void read_tls(Section& tls, std::optional<net::TlsFiles>& out) {
  net::TlsFiles files;
  const bool certificate = tls.text("certificate", files.certificate, readable_file_check);
  const bool key = tls.text("key", files.key, readable_file_check);
  tls.text("client_ca", files.client_ca, readable_file_check);
  if (!tls.present()) return;
  if (!certificate && !tls.has("certificate"))
    tls.problem("certificate", "is needed: TLS takes a certificate and its key");
  if (!key && !tls.has("key")) tls.problem("key", "is needed: TLS takes a certificate and its key");
  out = std::move(files);
}

void read_limits(Section& limits, net::Limits& out) {
  limits.size("header_bytes", out.header_bytes, 1 << 10, 1 << 20);
  limits.size("body_bytes", out.body_bytes, 64 << 10, 64 << 20);
  limits.number("json_depth", out.json_depth, 4, 256);
  limits.number("connections", out.connections, 1, 1'000'000);
  limits.number("streams_per_connection", out.streams_per_connection, 1, 100'000);
  limits.number("calls_in_flight", out.calls_in_flight, 1, 10'000'000);
  limits.duration("header_timeout", out.header_timeout, 100ms, 10min);
  limits.duration("idle_timeout", out.idle_timeout, 1s, 24h);
  limits.duration("default_deadline", out.default_deadline, 10ms, 60s);
  limits.duration("max_deadline", out.max_deadline, 10ms, 60s);
  limits.duration("drain", out.drain, 0ms, 10min);
  if (out.default_deadline > out.max_deadline) limits.problem("default_deadline", "is longer than max_deadline");
}

void read_listener(Section& section, net::Listener& out) {
  section.text("address", out.address, address_check);
  section.number("threads", out.threads, 1, 256);
  section.table("tls", [&](Section& tls) { read_tls(tls, out.tls); });
  section.table("limits", [&](Section& limits) { read_limits(limits, out.limits); });
}

void read_peer(Section& section, PeerConfig& out) {
  section.text("address", out.address, address_check);
  section.text("advertise", out.advertise, address_check);
  section.text("join", out.join, address_check);
  // Not looked at before it is needed: when the node has joined, the file may go.
  section.text("join_token_file", out.token_file);
}

void read_log(Section& section, LogSettings& out) {
  const auto& levels = log_levels();
  if (const auto i = section.choice("level", levels)) out.level = levels[*i];
  if (const auto i = section.choice("format", {"text", "json"}))
    out.format = *i == 0 ? LogFormat::text : LogFormat::json;
  if (const auto i = section.choice("requests", {"none", "failed", "all"}))
    out.requests = static_cast<net::CallLog::Level>(*i);
}

void read_audit(Section& section, AuditConfig& out) {
  section.flag("enabled", out.enabled);
  section.text("directory", out.directory);
  section.size("file_bytes", out.file_bytes, 64 << 10, 16ULL << 30);
  section.duration("file_age", out.file_age, 1min, 365 * 24h);
  section.duration("keep", out.keep, 0ms, 100 * 365 * 24h);
  section.size("keep_bytes", out.keep_bytes, 0, 1ULL << 50);
  section.size("queue_bytes", out.queue_bytes, 64 << 10, 4ULL << 30);
  section.duration("sync_interval", out.sync_interval, 1ms, 1min);
  section.flag("stdout", out.to_stdout);
  section.number("sink_queue", out.sink_queue, 16, 10'000'000);
  section.table("syslog", [&](Section& syslog) {
    std::string address;
    const auto check = [](std::string_view text) {
      const auto target = parse_syslog(text);
      return target.ok() ? Status() : Status(target.error());
    };
    if (syslog.text("address", address, check)) out.syslog = *parse_syslog(address);
    syslog.number("facility", out.syslog_facility, 0, 23);
    if (syslog.present() && !syslog.has("address"))
      syslog.problem("address", "is needed: it says where syslog listens");
  });
}

void read_store(Section& section, std::vector<net::DaprStore>& stores) {
  net::DaprStore store;
  store.space = "kv";
  section.text("name", store.name);
  section.text("tenant", store.tenant, tenant_check);
  section.text("space", store.space, space_check);
  section.flag("multiple_values", store.multiple_values);
  if (const auto i = section.choice("default_access", {"allow", "deny"})) store.default_deny = *i == 1;
  section.texts("allowed_secrets", store.allowed);
  section.texts("denied_secrets", store.denied);
  if (!section.present()) return;
  for (const auto* key : {"name", "tenant"}) {
    if (!section.has(key)) section.problem(key, "is needed for each store");
  }
  if (section.has("name") && (store.name.empty() || store.name.find('/') != std::string::npos)) {
    section.problem("name", "must be one path segment: not empty, without '/'");
  }
  for (const auto& other : stores) {
    if (!store.name.empty() && other.name == store.name) {
      section.problem("name", "another store is called '" + store.name + "', too");
    }
  }
  stores.push_back(std::move(store));
}

void read_dapr(Section& section, net::Doors& out) {
  if (const auto i = section.choice("statuses", {"reference", "runtime"})) out.dapr_runtime_statuses = *i == 1;
  section.tables("store", [&](Section& store) { read_store(store, out.dapr_stores); });
}

void read_tapis(Section& section, net::Doors& out) {
  if (const auto i = section.choice("auth_status", {"401", "400"})) out.tapis_auth_400 = *i == 1;
  section.text("site", out.tapis_site);
}

void read_cloudforet(Section& section, net::CloudforetSettings& out) {
  if (const auto i = section.choice("get_data", {"restricted", "open"})) out.open_get_data = *i == 1;
  if (const auto i = section.choice("encrypt", {"none", "AES", "envelope"})) {
    out.scheme = static_cast<net::CloudforetScheme>(*i);
  }
  const bool key = section.text("key_file", out.key_file, readable_file_check);
  if (out.scheme != net::CloudforetScheme::none && !key && !section.has("key_file")) {
    section.problem("key_file", "is needed: values are encrypted under its key");
  }
}

/// Its limits are those of the public listener of the same protocol.
void read_extra_listener(Section& section, const Config& config, std::vector<ExtraListener>& out) {
  ExtraListener one;
  section.text("address", one.listener.address, address_check);
  section.number("threads", one.listener.threads, 1, 256);
  section.table("tls", [&](Section& tls) { read_tls(tls, one.listener.tls); });
  if (const auto i = section.choice("protocol", {"grpc", "http"})) one.http = *i == 1;
  section.table("cloudforet", [&](Section& s) {
    if (const auto i = s.choice("profile", {"1.12", "2.x"})) one.cloudforet_newer = *i == 1;
  });
  if (!section.present()) return;
  if (!section.has("address")) return section.problem("address", "is needed for each listener");
  one.listener.limits = one.http ? config.http.limits : config.grpc.limits;
  out.push_back(std::move(one));
}

void read_certificate(Section& section, std::vector<net::NodeCertificate>& out) {
  net::NodeCertificate one;
  one.tenant = "*";
  section.text("name", one.rule.name);
  section.text("san", one.rule.san);
  section.text("tenant", one.tenant, [](std::string_view text) { return text == "*" ? Status() : tenant_check(text); });
  section.text("principal", one.rule.principal);
  section.texts("roles", one.rule.roles);
  if (!section.present()) return;
  if (const Status ok = model::check_certificate_rule(one.rule); !ok) {
    // The check's sentence begins with the field.
    const std::string text(ok.error().message());
    const std::size_t colon = text.find(": ");
    return section.problem(text.substr(0, colon).c_str(), text.substr(colon + 2));
  }
  for (const auto& other : out) {
    if (other.rule.name == one.rule.name)
      section.problem("name", "another rule is called '" + one.rule.name + "', too");
  }
  out.push_back(std::move(one));
}

void read_quotas(Section& section, model::QuotaLimits& out) {
  for (const model::Limit limit : model::kAllLimits) {
    const std::string name(model::limit_name(limit));
    if (limit == model::Limit::bytes) {
      section.size(name.c_str(), out[limit], 0, model::limit_maximum(limit));
    } else {
      section.number(name.c_str(), out[limit], 0, model::limit_maximum(limit));
    }
  }
  for (const model::Limit limit : model::kAllLimits) {
    if (!model::is_burst(limit) || out[limit] == 0) continue;
    const auto rate = static_cast<model::Limit>(static_cast<std::size_t>(limit) - 1);
    if (out[rate] != 0) continue;
    section.problem(std::string(model::limit_name(limit)).c_str(),
                    "has no effect without " + std::string(model::limit_name(rate)));
  }
}

void read_seal(Section& section, Config& out) {
  section.text("key_file", out.seal_key_file);
  section.text("passphrase_file", out.seal.passphrase_file);
  section.text("key_directory", out.seal.key_directory);
  section.flag("manual", out.seal.manual);
  section.table("pkcs11", [&](Section& device) {
    device.text("module", out.seal.pkcs11.module);
    device.text("token", out.seal.pkcs11.token);
    device.text("key", out.seal.pkcs11.key);
    device.text("pin_file", out.seal.pkcs11.pin_file);
  });
}

void read_all(Section& root, Config& out) {
  root.text("data", out.data_dir);
  root.table("seal", [&](Section& s) { read_seal(s, out); });
  root.table("keys", [&](Section& s) {
    s.number("reseal_rows_per_second", out.reseal_rows_per_second, 1, 10'000'000);
    s.duration("retire_after", out.retire_keys_after, 1s, 24h * 3650);
  });
  root.table("backup", [&](Section& s) {
    s.text("directory", out.backup.directory);
    s.duration("every", out.backup.every, 1s, 24h * 365);
    s.number("keep", out.backup.keep, 1, 100'000);
    s.size("rate", out.backup.bytes_per_second, 0, 1ULL << 40);
  });
  root.table("metrics", [&](Section& s) { s.number("tenants", out.metrics.tenants, 0, 100'000); });
  root.table("http", [&](Section& s) { read_listener(s, out.http); });
  root.table("grpc", [&](Section& s) { read_listener(s, out.grpc); });
  root.table("admin", [&](Section& s) { read_listener(s, out.admin); });
  root.table("peer", [&](Section& s) { read_peer(s, out.peer); });
  root.table("log", [&](Section& s) { read_log(s, out.log); });
  root.table("cluster", [&](Section& s) {
    s.number("data_groups", out.cluster.data_groups, 1, cluster::kMostDataGroups);
    s.number("format", out.cluster.format, cluster::kFirstFormat, cluster::kNewestFormat);
    s.duration("election_timeout", out.cluster.election_timeout, 50ms, 60s);
    s.duration("heartbeat", out.cluster.heartbeat, 10ms, 10s);
    s.flag("lease", out.cluster.lease);
    s.number("replicas", out.cluster.replicas, 1, 5);
    s.duration("replace_after", out.cluster.replace_after, 0ms, 24h * 30);
    s.size("snapshot_rate", out.cluster.snapshot_bytes_per_second, 0, 1ULL << 40);
    s.size("catch_up_memory", out.cluster.catch_up_memory, 0, 1ULL << 40);
  });
  root.table("storage", [&](Section& s) {
    s.size("checkpoint_bytes", out.storage.checkpoint_bytes, 1 << 20, 16ULL << 30);
    s.size("read_only_below", out.storage.read_only_below, 0, 1ULL << 50);
  });
  root.table("audit", [&](Section& s) { read_audit(s, out.audit); });
  root.table("shards", [&](Section& s) {
    s.number("threads", out.shards.threads, 0, 1024);
    s.duration("idle", out.shards.idle, 1s, 24h);
    s.number("max_live", out.shards.max_live, 16, 10'000'000);
    s.size("cache_budget_bytes", out.shards.cache_budget_bytes, 1 << 20, 1ULL << 40);
  });
  root.table("identity", [&](Section& s) {
    s.number("threads", out.identity.threads, 1, 64);
    s.number("cached_credentials", out.identity.cached_credentials, 16, 10'000'000);
    s.number("failures_per_second", out.identity.guard.failures_per_second, 0, 1'000'000);
    s.number("failure_burst", out.identity.guard.burst, 0, 1'000'000);
  });
  root.table("quotas", [&](Section& s) { read_quotas(s, out.quotas); });
  root.tables("certificates", [&](Section& s) { read_certificate(s, out.identity.certificates); });
  root.tables("listener", [&](Section& s) { read_extra_listener(s, out, out.extra); });
  root.table("cloudforet", [&](Section& s) { read_cloudforet(s, out.doors.cloudforet); });
  root.table("dapr", [&](Section& s) { read_dapr(s, out.doors); });
  root.table("tapis", [&](Section& s) { read_tapis(s, out.doors); });
}

}  // namespace

ConfigFile read_config_text(std::string_view text) {
  ConfigFile file;
  const auto parsed = toml::parse(text);
  if (!parsed) {
    const auto& error = parsed.error();
    file.problems.push_back({"", error.source().begin.line, error.source().begin.column,
                             "this is not TOML: " + std::string(error.description())});
    return file;
  }
  ReadState state;
  {
    Section root(state, "", &parsed.table());
    read_all(root, file.config);
  }
  state.report_unknown();
  file.problems = std::move(state.problems);
  file.positions = std::move(state.positions);
  return file;
}

ConfigFile read_config_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in.is_open() || in.bad() || !text.good()) {
    ConfigFile file;
    const auto* reason = errno != 0 ? std::strerror(errno) : "it is empty or no file";
    file.problems.push_back({"", 0, 0, std::string("cannot be read: ") + reason});
    return file;
  }
  return read_config_text(text.str());
}

std::vector<std::string> all_settings() {
  ReadState state;
  Config config;
  {
    Section root(state, "", nullptr);
    read_all(root, config);
  }
  return {state.settings.begin(), state.settings.end()};
}

}  // namespace coffer::app
