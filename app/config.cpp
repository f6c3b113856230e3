// Defaults, the command line's place over the file, and the checks that need the whole configuration.

#include "app/config.hpp"

#include <algorithm>

#include "app/parse.hpp"
#include "app/version.hpp"

namespace coffer::app {
namespace {

struct NamedListener {
  const char* name;
  const net::Listener* listener;
};

std::vector<NamedListener> listeners(const Config& config) {
  std::vector<NamedListener> all{{"http", &config.http}, {"grpc", &config.grpc}, {"admin", &config.admin}};
  for (const ExtraListener& one : config.extra) all.push_back({"listener", &one.listener});
  return all;
}

void check_listener(const Config& config, const NamedListener& item, std::vector<Problem>& problems) {
  const std::string setting = std::string(item.name) + ".address";
  const auto address = parse_address(item.listener->address);
  if (!address.ok()) {
    problems.push_back({setting, 0, 0, address.error().detail});
    return;
  }
  if (item.listener->tls || config.insecure) return;
  if (!config.dev) {
    problems.push_back({std::string(item.name) + ".tls", 0, 0,
                        "is needed: a server does not start without TLS. Give certificate and key, start it with "
                        "--dev to try it out, or with --insecure if something in front of it does TLS"});
  } else if (!address->is_loopback()) {
    problems.push_back({setting, 0, 0,
                        "'" + item.listener->address +
                            "' can be reached from other machines, and --dev opens doors without a token: use a "
                            "loopback address, or say --insecure if that is wanted"});
  }
}

void check_same_address(const Config& config, std::vector<Problem>& problems) {
  const auto all = listeners(config);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& address = all[i].listener->address;
      const auto parsed = parse_address(address);
      if (!parsed.ok() || parsed->port == 0 || address != all[j].listener->address) continue;
      problems.push_back({std::string(all[i].name) + ".address", 0, 0,
                          "'" + address + "' is " + all[j].name + ".address, too: each listener needs its own"});
    }
  }
}

void check_peer(const Config& config, std::vector<Problem>& problems) {
  const PeerConfig& peer = config.peer;
  if (peer.address.empty()) {
    if (!peer.join.empty()) {
      problems.push_back({"peer.address", 0, 0, "is needed to join a cluster: where the other nodes reach this one"});
    }
    return;
  }
  const auto address = parse_address(peer.address);
  if (!address.ok()) {
    problems.push_back({"peer.address", 0, 0, address.error().detail});
    return;
  }
  const bool everywhere = address->host.empty() || address->host == "0.0.0.0" || address->host == "::";
  if (everywhere && peer.advertise.empty()) {
    problems.push_back({"peer.advertise", 0, 0,
                        "is needed, because '" + peer.address + "' does not say where the other nodes reach this one"});
  }
  for (const auto& item : listeners(config)) {
    if (address->port == 0 || item.listener->address != peer.address) continue;
    problems.push_back({"peer.address", 0, 0,
                        "'" + peer.address + "' is " + item.name + ".address, too: each listener needs its own"});
  }
  for (const auto& [setting, text] : {std::pair("peer.advertise", peer.advertise), std::pair("peer.join", peer.join)}) {
    if (text.empty()) continue;
    const auto parsed = parse_address(text);
    if (!parsed.ok()) {
      problems.push_back({setting, 0, 0, parsed.error().detail});
    } else if (parsed->host.empty()) {
      problems.push_back({setting, 0, 0, "'" + text + "' names no host"});
    }
  }
  if (!peer.join.empty() && peer.token.empty() && peer.token_file.empty()) {
    problems.push_back({"peer.join_token_file", 0, 0,
                        "is needed to join: the file with a token of `coffer admin cluster join-token`"});
  }
}

}  // namespace

Config::Config() {
  http.address = "127.0.0.1:7780";
  grpc.address = "127.0.0.1:7781";
  admin.address = "127.0.0.1:7782";
  doors.version = kVersion;
}

void apply(const ServerOverrides& overrides, Config& config) {
  config.dev = config.dev || overrides.dev;
  config.insecure = config.insecure || overrides.insecure;
  if (overrides.data) config.data_dir = *overrides.data;
  if (overrides.http) config.http.address = *overrides.http;
  if (overrides.grpc) config.grpc.address = *overrides.grpc;
  if (overrides.admin) config.admin.address = *overrides.admin;
  if (overrides.seal_key_file) config.seal_key_file = *overrides.seal_key_file;
  config.seal.manual = config.seal.manual || overrides.manual_seal;
  if (overrides.peer) config.peer.address = *overrides.peer;
  if (overrides.advertise) config.peer.advertise = *overrides.advertise;
  if (overrides.join) config.peer.join = *overrides.join;
  if (overrides.join_token) config.peer.token = model::Secret(*overrides.join_token);
  if (overrides.join_token_file) config.peer.token_file = *overrides.join_token_file;
  config.doors.dev = config.dev;
  config.identity.guard.spares_loopback = config.dev;
}

std::vector<Problem> validate(const Config& config) {
  std::vector<Problem> problems;
  for (const auto& item : listeners(config)) check_listener(config, item, problems);
  check_same_address(config, problems);
  check_peer(config, problems);
  if (config.data_dir.empty()) problems.push_back({"data", 0, 0, "must not be empty"});
  const crypto::Pkcs11Settings& device = config.seal.pkcs11;
  const bool opens = !config.seal_key_file.empty() || !device.module.empty() || !config.seal.passphrase_file.empty();
  if (!opens && !config.seal.manual && !config.dev) {
    problems.push_back({"seal.key_file", 0, 0,
                        "is needed outside --dev: the file that unseals this node, kept apart from the data; "
                        "`coffer admin init` makes one. Or another seal: seal.pkcs11, seal.passphrase_file, or "
                        "seal.manual = true when a person unseals it"});
  }
  if (!device.module.empty() && (device.token.empty() || device.key.empty() || device.pin_file.empty())) {
    problems.push_back({"seal.pkcs11.module", 0, 0, "needs token, key and pin_file beside it"});
  }
  if (config.cluster.election_timeout < 3 * config.cluster.heartbeat) {
    problems.push_back({"cluster.election_timeout", 0, 0,
                        "must be at least three times cluster.heartbeat (" + format_duration(config.cluster.heartbeat) +
                            "), or one late message costs the leadership"});
  }
  return problems;
}

ConfigFile load_config(const ServerOverrides& overrides) {
  ConfigFile file;
  if (!overrides.config_file.empty()) file = read_config_file(overrides.config_file);
  apply(overrides, file.config);
  // A setting that was refused keeps its default; what the whole says about it would only repeat the complaint.
  const auto reported = [&](const Problem& p) {
    return std::any_of(file.problems.begin(), file.problems.end(),
                       [&](const Problem& q) { return q.setting.starts_with(p.setting); });
  };
  for (auto& problem : validate(file.config)) {
    if (reported(problem)) continue;
    if (const auto at = file.positions.find(problem.setting); at != file.positions.end()) {
      problem.line = at->second.line;
      problem.column = at->second.column;
    }
    file.problems.push_back(std::move(problem));
  }
  std::stable_sort(file.problems.begin(), file.problems.end(), [](const Problem& a, const Problem& b) {
    if ((a.line == 0) != (b.line == 0)) return a.line != 0;
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return file;
}

std::string to_string(const Problem& problem, std::string_view file) {
  std::string text;
  if (!file.empty()) text += std::string(file) + ":";
  if (problem.line != 0) text += std::to_string(problem.line) + ":" + std::to_string(problem.column) + ":";
  if (!text.empty()) text += " ";
  if (!problem.setting.empty()) text += problem.setting + ": ";
  return text + problem.message;
}

}  // namespace coffer::app
