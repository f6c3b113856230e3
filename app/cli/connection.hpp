#pragma once
// A command's connection to a server: where it is, TLS, the token, the tenant, and calls with deadline and retries.
// Used by the client commands and by bench's set-up; one per command, main's thread.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <grpcpp/grpcpp.h>

#include "app/cli/io.hpp"
#include "app/exit.hpp"
#include "model/result.hpp"

namespace coffer::app::cli {

enum class Target { secrets, admin };

/// As given on the command line; what is absent comes from the environment or a default (resolve).
struct ConnectionOptions {
  Target target = Target::secrets;
  std::optional<std::string> server, token_file, tenant, ca, cert, key;
  std::string timeout = "10s";
  bool insecure = false;
};

/// Adds --server, --token-file, --ca, --cert, --key, --insecure and --timeout.
void add_connection(CLI::App* command, ConnectionOptions& options);
/// Adds --tenant (env COFFER_TENANT).
void add_tenant(CLI::App* command, ConnectionOptions& options);

/// What a connection is made of. Without TLS only to loopback, or when --insecure says so.
struct Endpoint {
  std::string address;
  std::string token;
  std::string tenant = "default";
  bool tls = false;
  std::string ca, cert, key;  // PEM text, not file names
  std::chrono::milliseconds timeout{10'000};
};
/// Command line over environment (COFFER_ADDR or COFFER_ADMIN_ADDR, COFFER_TOKEN_FILE, COFFER_TOKEN, COFFER_TENANT,
/// COFFER_CA, COFFER_CERT, COFFER_KEY) over defaults; the token of a --dev server in ./coffer-data is found by itself.
/// Errors: invalid_argument that names option or variable.
model::Result<Endpoint> resolve(const ConnectionOptions& options, const Io& io);

/// A channel of its own, not shared with another connection of the same address.
std::shared_ptr<grpc::Channel> open_channel(const Endpoint& endpoint);

/// What to do about a failure of one call, where it is not what most failures of this kind ask for.
using Advice = std::vector<std::pair<grpc::StatusCode, std::string>>;

class Connection {
 public:
  Connection(Endpoint endpoint, Target target, Io& io);

  using Attempt = std::function<grpc::Status(grpc::ClientContext*)>;
  /// Calls until it is answered: UNAVAILABLE is tried again with back-off until the timeout, so an attempt that changes
  /// something must carry a request id. It is not tried again when the answer says that waiting does not help: the node is
  /// sealed, or takes no changes for longer. `what` completes "cannot ...", without values.
  Outcome call(const std::string& what, const Attempt& attempt, const Advice& advice = {});

  /// Calls once, for as long as it lasts: for streams.
  Outcome listen(const std::string& what, const Attempt& attempt);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  Failure explain(const std::string& what, const grpc::Status& status, const Advice& advice = {}) const;

  Endpoint endpoint_;
  Target target_;
  Io& io_;
  std::shared_ptr<grpc::Channel> channel_;
};

/// resolve() and Connection in one; nullptr after a failure was put into `failure`.
std::unique_ptr<Connection> connect(const ConnectionOptions& options, Io& io, Outcome& failure);

/// 128 random bits in hexadecimal: makes retries of one change one change.
std::string new_request_id();

}  // namespace coffer::app::cli
