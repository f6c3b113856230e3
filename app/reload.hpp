#pragma once
// SIGHUP: reads the configuration again and takes over what may change while the server runs: certificates and limits of
// the listeners, log level and the log of requests, Dapr's stores, [[certificates]], the issuer of --dev. Keys that were
// fetched from issuers' URLs are forgotten. Everything else needs a restart; a change of it is named in the log and has no
// effect. A file that is wrong changes nothing. Main's thread.

#include <functional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "net/identity/gateway.hpp"
#include "net/server.hpp"

namespace coffer::app {

/// What a reload reaches. Everything outlives it.
struct Reloadable {
  struct NamedServer {
    std::string name;  // "http", as its table in the file
    net::Server* server = nullptr;
    net::Listener Config::*settings = nullptr;
  };
  std::vector<NamedServer> servers;
  std::vector<net::Door*> doors;
  net::IdentityGateway* identity = nullptr;
  std::function<model::Result<std::vector<model::Issuer>>()> issuers;  // of the node itself, from their files
  net::CallLog* calls = nullptr;
};

/// `running` is what the server runs with, and what it runs with afterwards. Says in the log what happened; false when
/// nothing was taken over.
bool reload(const ServerOverrides& overrides, const Reloadable& parts, Config& running);

/// Settings that differ and that only a restart takes over, by name.
std::vector<std::string> needs_restart(const Config& running, const Config& next);

}  // namespace coffer::app
