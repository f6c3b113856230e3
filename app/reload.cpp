// See reload.hpp.

#include "app/reload.hpp"

#include <spdlog/spdlog.h>

#include "app/log.hpp"

namespace coffer::app {
namespace {

bool has_tls(const net::Listener& listener) { return listener.tls.has_value(); }

}  // namespace

std::vector<std::string> needs_restart(const Config& running, const Config& next) {
  std::vector<std::string> names;
  const auto compare = [&names](const char* name, const auto& a, const auto& b) {
    if (!(a == b)) names.emplace_back(name);
  };
  compare("data", running.data_dir, next.data_dir);
  compare("seal.key_file", running.seal_key_file, next.seal_key_file);
  compare("seal.key_directory", running.seal.key_directory, next.seal.key_directory);
  const std::pair<const char*, net::Listener Config::*> listeners[] = {
      {"http", &Config::http}, {"grpc", &Config::grpc}, {"admin", &Config::admin}};
  for (const auto& [name, member] : listeners) {
    const net::Listener &a = running.*member, &b = next.*member;
    compare((std::string(name) + ".address").c_str(), a.address, b.address);
    compare((std::string(name) + ".threads").c_str(), a.threads, b.threads);
    compare((std::string(name) + ".tls").c_str(), has_tls(a), has_tls(b));
  }
  compare("log.format", running.log.format, next.log.format);
  compare("cluster.election_timeout", running.cluster.election_timeout, next.cluster.election_timeout);
  compare("cluster.heartbeat", running.cluster.heartbeat, next.cluster.heartbeat);
  compare("storage.checkpoint_bytes", running.storage.checkpoint_bytes, next.storage.checkpoint_bytes);
  compare("storage.read_only_below", running.storage.read_only_below, next.storage.read_only_below);
  compare("audit.enabled", running.audit.enabled, next.audit.enabled);
  compare("audit.directory", running.audit.directory, next.audit.directory);
  compare("audit.stdout", running.audit.to_stdout, next.audit.to_stdout);
  compare("audit.syslog", running.audit.syslog.has_value(), next.audit.syslog.has_value());
  compare("shards.threads", running.shards.threads, next.shards.threads);
  compare("shards.max_live", running.shards.max_live, next.shards.max_live);
  compare("identity.threads", running.identity.threads, next.identity.threads);
  compare("identity.failures_per_second", running.identity.guard.failures_per_second,
          next.identity.guard.failures_per_second);
  compare("quotas", running.quotas.values, next.quotas.values);
  compare("metrics.tenants", running.metrics.tenants, next.metrics.tenants);
  compare("keys.reseal_rows_per_second", running.reseal_rows_per_second, next.reseal_rows_per_second);
  compare("keys.retire_after", running.retire_keys_after, next.retire_keys_after);
  compare("backup.directory", running.backup.directory, next.backup.directory);
  compare("backup.every", running.backup.every, next.backup.every);
  compare("backup.keep", running.backup.keep, next.backup.keep);
  compare("backup.rate", running.backup.bytes_per_second, next.backup.bytes_per_second);
  return names;
}

bool reload(const ServerOverrides& overrides, const Reloadable& parts, Config& running) {
  const ConfigFile file = load_config(overrides);
  for (const Problem& problem : file.problems) spdlog::error("{}", to_string(problem, overrides.config_file));
  if (!file.problems.empty()) {
    spdlog::error("reload: the configuration is wrong; nothing was changed");
    return false;
  }
  const Config& next = file.config;
  // Whatever can be refused goes first.
  const auto issuers = parts.issuers();
  if (!issuers) {
    spdlog::error("reload: {}; nothing was changed", issuers.error().message());
    return false;
  }
  if (auto status = parts.identity->reload(*issuers, next.identity.certificates); !status) {
    spdlog::error("reload: {}; nothing was changed", status.error().message());
    return false;
  }
  bool good = true;
  for (const auto& part : parts.servers) {
    const auto status = part.server->reload(next.*part.settings);
    if (status) {
      (running.*part.settings).limits = (next.*part.settings).limits;
      continue;
    }
    good = false;
    spdlog::error("reload: {} keeps its certificates and limits: {}", part.name, status.error().message());
  }
  for (net::Door* door : parts.doors) door->reload(next.doors);
  if (auto status = set_log_level(next.log.level); !status) spdlog::error("reload: {}", status.error().message());
  parts.calls->set_level(next.log.requests);
  for (const std::string& name : needs_restart(running, next)) {
    spdlog::warn("reload: {} was changed; it takes effect at the next start", name);
  }
  running.doors.dapr_stores = next.doors.dapr_stores;
  running.identity.certificates = next.identity.certificates;
  running.log.level = next.log.level;
  running.log.requests = next.log.requests;
  spdlog::info("reload: done{}", good ? "" : ", but for what is named above");
  return good;
}

}  // namespace coffer::app
