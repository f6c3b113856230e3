#pragma once
// What the listeners and doors are told: filled by app/ from the configuration, checked there as a whole. Values.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/access.hpp"
#include "model/identity.hpp"

namespace coffer::net {

struct TlsFiles {
  std::string certificate;  // PEM chain
  std::string key;          // PEM
  std::string client_ca;    // PEM; empty: client certificates are not asked for
};

struct Limits {
  std::size_t header_bytes = 16 << 10;
  std::size_t body_bytes = 4 << 20;
  std::size_t json_depth = 32;
  std::size_t connections = 10000;
  std::uint32_t streams_per_connection = 1000;
  std::size_t calls_in_flight = 20000;
  std::chrono::milliseconds header_timeout{10'000};  // slow senders
  std::chrono::milliseconds slow_reader{30'000};     // of a stream takes nothing for so long: he is cut
  std::chrono::milliseconds idle_timeout{120'000};
  std::chrono::milliseconds default_deadline{15'000};
  std::chrono::milliseconds max_deadline{60'000};
  std::chrono::milliseconds drain{10'000};
};

struct Listener {
  std::string address;  // "127.0.0.1:7780"; port 0: any free one
  std::optional<TlsFiles> tls;
  Limits limits;
  unsigned threads = 1;
};

/// A named view that Dapr's API calls a secret store.
struct DaprStore {
  std::string name, tenant, space;
  bool multiple_values = false;
  bool default_deny = false;
  std::vector<std::string> allowed, denied;
};

/// A rule of [[certificates]]: whom this node takes the bearer of a client certificate for.
struct NodeCertificate {
  model::CertificateRule rule;
  std::string tenant;  // where; "*": in every tenant
};

/// What get_data gives to clients that decrypt themselves (net/cloudforet/README.md).
enum class CloudforetScheme : std::uint8_t { none, aes, envelope };
struct CloudforetSettings {
  bool open_get_data = false;  // cloudforet.get_data = "open": values by id without a credential, as upstream
  CloudforetScheme scheme = CloudforetScheme::none;
  std::string key_file;  // of the scheme: base64 of 16, 24 or 32 bytes; the envelope's has 32
};

struct Doors {
  bool dev = false;  // Direktiv and Dapr open on loopback, tenants at first use
  std::vector<DaprStore> dapr_stores;
  bool dapr_runtime_statuses = false;  // dapr.statuses = "runtime"
  bool tapis_auth_400 = false;         // tapis.auth_status = "400": 401 and 403 of credentials and rights become 400
  std::string tapis_site;              // what a service's token must be for (tapis/target_site); empty: any
  CloudforetSettings cloudforet;
  std::string version;  // of the program
};

}  // namespace coffer::net
