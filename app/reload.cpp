// See reload.hpp.

#include "app/reload.hpp"

#include <algorithm>
#include <array>

#include <spdlog/spdlog.h>

#include "app/log.hpp"
#include "app/settings_text.hpp"

namespace coffer::app {
namespace {

/// What a reload takes over, or what nothing takes over: the first nodes of a cluster are told how many groups it has, and
/// whoever has joined looks at no token any more. A name that ends in '.' or '_' stands for all that begin with it.
constexpr std::array kNeverWait{
    "http.limits.", "log.level",        "log.requests", "dapr.store.", "certificates.",
    "quotas.",      "identity.failure", "seal.pkcs11.", "peer.join",   "cluster.data_groups"};
/// Of gRPC's limits these are agreed on at the start; the others are taken over.
constexpr std::array kGrpcsOwn{"header_bytes", "body_bytes", "streams_per_connection", "header_timeout",
                               "idle_timeout"};

bool is_grpcs_own(std::string_view name) {
  return std::ranges::any_of(kGrpcsOwn, [&](std::string_view one) { return name.ends_with(one); });
}

bool waits(const std::string& name) {
  if (name.find(".tls.") != std::string::npos) return false;  // looked at by listener
  if (name.starts_with("grpc.limits.") || name.starts_with("admin.limits.")) return is_grpcs_own(name);
  return std::ranges::none_of(kNeverWait, [&](std::string_view one) { return name.starts_with(one); });
}

bool is_same(const ExtraListener& a, const ExtraListener& b) {
  return a.listener.address == b.listener.address && a.http == b.http && a.cloudforet_newer == b.cloudforet_newer;
}

/// The listener in `config` that `one` is, whose place is `index`: several may ask for any free port.
net::Listener* find_extra(Config& config, const ExtraListener& one, std::size_t index) {
  if (index < config.extra.size() && is_same(config.extra[index], one)) return &config.extra[index].listener;
  const auto found = std::ranges::find_if(config.extra, [&](const auto& other) { return is_same(other, one); });
  return found == config.extra.end() ? nullptr : &found->listener;
}

/// What the listener runs with after a reload.
void take_over(const net::Listener& next, bool http, net::Listener& running) {
  const net::Limits old = running.limits;
  running.limits = next.limits;
  if (!http) {
    running.limits.header_bytes = old.header_bytes;
    running.limits.body_bytes = old.body_bytes;
    running.limits.streams_per_connection = old.streams_per_connection;
    running.limits.header_timeout = old.header_timeout;
    running.limits.idle_timeout = old.idle_timeout;
  }
  if (running.tls && next.tls) running.tls = next.tls;
}

}  // namespace

void Reloadable::add_server(const Config& config, const net::Listener& listener, net::Server* server) {
  const std::pair<const char*, net::Listener Config::*> three[] = {
      {"http", &Config::http}, {"grpc", &Config::grpc}, {"admin", &Config::admin}};
  for (const auto& [name, member] : three) {
    if (&(config.*member) != &listener) continue;
    servers.push_back({name, server, [member = member](Config& in) { return &(in.*member); }});
  }
  for (std::size_t i = 0; i < config.extra.size(); ++i) {
    if (&config.extra[i].listener != &listener) continue;
    servers.push_back({"listener " + listener.address, server,
                       [one = config.extra[i], i](Config& in) { return find_extra(in, one, i); }});
  }
}

std::vector<std::string> needs_restart(const Config& running, const Config& next) {
  std::vector<std::string> names;
  const auto before = settings_of(running);
  auto after = settings_of(next);
  for (const auto& [name, value] : before) {
    if (waits(name) && after[name] != value) names.push_back(name);
  }
  const auto look_at_tls = [&names](const char* name, const net::Listener& a, const net::Listener& b) {
    if (a.tls.has_value() != b.tls.has_value()) names.push_back(std::string(name) + ".tls");
  };
  look_at_tls("http", running.http, next.http);
  look_at_tls("grpc", running.grpc, next.grpc);
  look_at_tls("admin", running.admin, next.admin);
  Config found = next;
  for (std::size_t i = 0; i < running.extra.size(); ++i) {
    const net::Listener* const other = find_extra(found, running.extra[i], i);
    if (other != nullptr) look_at_tls("listener", running.extra[i].listener, *other);
  }
  return names;
}

bool reload(const ServerOverrides& overrides, const Reloadable& parts, Config& running) {
  ConfigFile file = load_config(overrides);
  for (const Problem& problem : file.problems) spdlog::error("{}", to_string(problem, overrides.config_file));
  if (!file.problems.empty()) {
    spdlog::error("reload: the configuration is wrong; nothing was changed");
    return false;
  }
  Config& next = file.config;
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
  const std::vector<std::string> waiting = needs_restart(running, next);
  for (const auto& part : parts.servers) {
    net::Listener* const in_force = part.settings(running);
    const net::Listener* const wanted = part.settings(next);
    if (in_force == nullptr || wanted == nullptr) continue;  // it is named as what needs a restart
    if (auto status = part.server->reload(*wanted); !status) {
      good = false;
      spdlog::error("reload: {} keeps its certificates and limits: {}", part.name, status.error().message());
      continue;
    }
    const auto is_it = [in_force](const ExtraListener& one) { return one.http && &one.listener == in_force; };
    take_over(*wanted, in_force == &running.http || std::ranges::any_of(running.extra, is_it), *in_force);
  }
  for (net::Door* door : parts.doors) door->reload(next.doors);
  if (auto status = set_log_level(next.log.level); !status) spdlog::error("reload: {}", status.error().message());
  parts.calls->set_level(next.log.requests);
  parts.guard->set(next.identity.guard);
  parts.node->set_default_quotas(next.quotas);
  parts.device->set(next.seal.pkcs11);
  for (const std::string& name : waiting) {
    spdlog::warn("reload: {} was changed; it takes effect at the next start", name);
  }
  running.doors.dapr_stores = next.doors.dapr_stores;
  running.identity.certificates = next.identity.certificates;
  running.identity.guard = next.identity.guard;
  running.quotas = next.quotas;
  running.seal.pkcs11 = next.seal.pkcs11;
  running.log.level = next.log.level;
  running.log.requests = next.log.requests;
  spdlog::info("reload: done{}", good ? "" : ", but for what is named above");
  return good;
}

}  // namespace coffer::app
