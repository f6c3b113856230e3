#pragma once
// SIGHUP: reads the configuration again and takes over what may change while the server runs: certificates and limits of
// the listeners, log level and the log of requests, Dapr's stores, [[certificates]], the limits of addresses and those of
// tenants that have none of their own, the PKCS#11 device by which a seal is added, the issuer of --dev. Keys that were
// fetched from issuers' URLs are forgotten. Everything else needs a restart; each changed setting of that is named in the
// log and has no effect. A file that is wrong changes nothing. Main's thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/node.hpp"
#include "app/config.hpp"
#include "app/sealing.hpp"
#include "net/guard.hpp"
#include "net/identity/gateway.hpp"
#include "net/server.hpp"

namespace coffer::app {

/// What a reload reaches. Everything outlives it.
struct Reloadable {
  struct NamedServer {
    std::string name;  // "http", as its table in the file; "listener 127.0.0.1:7784"
    net::Server* server = nullptr;
    /// Its settings in a configuration; null: that has no such listener.
    std::function<net::Listener*(Config&)> settings;
  };
  /// `listener` is one of `config`, which the server runs with.
  void add_server(const Config& config, const net::Listener& listener, net::Server* server);

  std::vector<NamedServer> servers;
  std::vector<net::Door*> doors;
  net::IdentityGateway* identity = nullptr;
  std::function<model::Result<std::vector<model::Issuer>>()> issuers;  // of the node itself, from their files
  net::CallLog* calls = nullptr;
  net::SourceGuard* guard = nullptr;
  actors::Node* node = nullptr;
  LiveDevice* device = nullptr;
};

/// `running` is what the server runs with, and what it runs with afterwards. Says in the log what happened; false when
/// nothing was taken over.
bool reload(const ServerOverrides& overrides, const Reloadable& parts, Config& running);

/// Settings that differ and that only a restart takes over, by name.
std::vector<std::string> needs_restart(const Config& running, const Config& next);

}  // namespace coffer::app
