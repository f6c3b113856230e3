// Resolving options, dialling, calling with retries, and saying what went wrong; see connection.hpp.

#include "app/cli/connection.hpp"

#include <algorithm>
#include <thread>

#include "app/cli/files.hpp"
#include "app/parse.hpp"
#include "app/text.hpp"
#include "crypto/hash.hpp"
#include "crypto/random.hpp"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace coffer::app::cli {
namespace {

using model::Code;
using model::Error;

constexpr std::int64_t kLongWait = 5;  // seconds; nobody waits so long for a command that was refused
constexpr const char* kDevToken = "coffer-data/dev/root.token";

/// The option, else the variable; empty: neither.
std::string pick(const std::optional<std::string>& option, const char* variable, const Io& io) {
  if (option) return *option;
  return io.env(variable).value_or("");
}

/// Without the line end that files have; a token is one word of printable ASCII.
model::Result<std::string> clean_token(std::string text, const std::string& source) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  const bool word = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!word) return Error(Code::invalid_argument, source + " does not hold a token: it must be one word, like cft_...");
  return text;
}

model::Result<std::string> read_token_file(const std::string& path) {
  const auto text = read_file(path, 64 << 10);
  if (!text.ok()) return Error(Code::invalid_argument, "the token file " + text.error().detail);
  return clean_token(std::string(text->expose()), "the token file '" + path + "'");
}

model::Result<std::string> find_token(const ConnectionOptions& options, bool loopback, const Io& io) {
  if (const auto file = pick(options.token_file, "COFFER_TOKEN_FILE", io); !file.empty()) return read_token_file(file);
  if (auto token = io.env("COFFER_TOKEN"); token && !token->empty()) return clean_token(*token, "COFFER_TOKEN");
  // Another machine must not be shown a token that it was not meant for.
  if (loopback && is_readable(kDevToken)) return read_token_file(kDevToken);
  return std::string();
}

model::Status read_pem(const std::string& path, const char* option, std::string& out) {
  if (path.empty()) return {};
  const auto text = read_file(path, 1 << 20);
  if (!text.ok()) return Error(Code::invalid_argument, std::string(option) + ": " + text.error().detail);
  out = text->expose();
  return {};
}

/// What the server says of trying again.
struct RetryWord {
  bool is_sealed = false;
  std::int64_t seconds = 0;  // until it may succeed; 0: it does not say
  bool is_final() const { return is_sealed || seconds >= kLongWait; }
};

RetryWord retry_word(const grpc::Status& status) {
  RetryWord word;
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return word;
  for (const auto& any : details.details()) {
    google::rpc::RetryInfo retry;
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&retry)) word.seconds = retry.retry_delay().seconds();
    if (any.UnpackTo(&info)) word.is_sealed = info.domain() == "coffer" && info.reason() == "SEALED";
  }
  return word;
}

std::string advice_for(const grpc::Status& status, Target target, const Endpoint& endpoint) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAUTHENTICATED:
      return endpoint.token.empty() ? "give a token with --token-file FILE, COFFER_TOKEN_FILE or COFFER_TOKEN"
                                    : "the token is unknown, expired or revoked, or it belongs to another server";
    case grpc::StatusCode::PERMISSION_DENIED:
      return target == Target::admin ? "the admin API needs an operator's token"
                                     : "ask an operator for a token whose scope covers it (coffer admin tokens create)";
    case grpc::StatusCode::NOT_FOUND:
      return target == Target::admin ? "see what there is: coffer admin tenants list"
                                     : "see what there is: coffer list --tenant " + endpoint.tenant;
    case grpc::StatusCode::ABORTED: return "someone else changed it: read it again and use its version with --cas";
    case grpc::StatusCode::UNAVAILABLE:
      if (const auto word = retry_word(status); word.is_sealed) {
        return "see what opens it: coffer admin seal status; and give it: coffer admin unseal";
      } else if (word.seconds != 0) {
        return "try again in " + std::to_string(word.seconds) + " seconds";
      }
      return endpoint.tls ? "is the server running there, with TLS by this authority (--ca)?"
                          : "is a server running there? `coffer server --dev` starts one; --server names another";
    case grpc::StatusCode::DEADLINE_EXCEEDED: return "a change may have been made or not; --timeout gives it more time";
    case grpc::StatusCode::UNIMPLEMENTED: return "the server is older than this program, or it is no Coffer server";
    default: return "";
  }
}

}  // namespace

void add_connection(CLI::App* command, ConnectionOptions& options) {
  const bool admin = options.target == Target::admin;
  const std::string server = admin ? "Admin address (env COFFER_ADMIN_ADDR, default 127.0.0.1:7782)"
                                   : "gRPC address (env COFFER_ADDR, default 127.0.0.1:7781)";
  const auto group = [](CLI::Option* option) { return option->group("Connection"); };
  group(command->add_option("--server", options.server, server)->type_name("ADDR"));
  group(command
            ->add_option("--token-file", options.token_file,
                         "File with the token (env COFFER_TOKEN_FILE, or the token itself in COFFER_TOKEN; default: "
                         "that of a --dev server in ./coffer-data)")
            ->type_name("FILE"));
  group(command->add_option("--ca", options.ca, "Trusted certificates, PEM; switches TLS on (env COFFER_CA)")
            ->type_name("FILE"));
  group(command->add_option("--cert", options.cert, "Client certificate, PEM (env COFFER_CERT)")->type_name("FILE"));
  group(command->add_option("--key", options.key, "Its key, PEM (env COFFER_KEY)")->type_name("FILE"));
  group(command->add_flag("--insecure", options.insecure, "No TLS, although the server is not on this machine"));
  group(command->add_option("--timeout", options.timeout, "How long to try, at most")
            ->type_name("DURATION")
            ->capture_default_str());
}

void add_tenant(CLI::App* command, ConnectionOptions& options) {
  command->add_option("--tenant", options.tenant, "Tenant (env COFFER_TENANT, default `default`)")
      ->type_name("TENANT")
      ->group("Connection");
}

model::Result<Endpoint> resolve(const ConnectionOptions& options, const Io& io) {
  const bool admin = options.target == Target::admin;
  const char* variable = admin ? "COFFER_ADMIN_ADDR" : "COFFER_ADDR";
  Endpoint endpoint;
  endpoint.address = pick(options.server, variable, io);
  if (endpoint.address.empty()) endpoint.address = admin ? "127.0.0.1:7782" : "127.0.0.1:7781";
  const auto address = parse_address(endpoint.address);
  if (!address.ok() || address->host.empty() || address->port == 0) {
    return Error(Code::invalid_argument, std::string(options.server ? "--server" : variable) + ": '" +
                                             endpoint.address + "' is not an address; write host:port");
  }
  if (const auto tenant = pick(options.tenant, "COFFER_TENANT", io); !tenant.empty()) endpoint.tenant = tenant;
  const auto timeout = parse_duration(options.timeout);
  if (!timeout.ok()) return Error(Code::invalid_argument, "--timeout: " + timeout.error().detail);
  if (timeout->count() == 0) return Error(Code::invalid_argument, "--timeout: must be longer than 0");
  endpoint.timeout = *timeout;
  auto token = find_token(options, address->is_loopback(), io);
  if (!token.ok()) return token.error();
  endpoint.token = std::move(*token);
  if (options.insecure) return endpoint;

  for (const auto& [path, option, out] : {std::tuple(pick(options.ca, "COFFER_CA", io), "--ca", &endpoint.ca),
                                          std::tuple(pick(options.cert, "COFFER_CERT", io), "--cert", &endpoint.cert),
                                          std::tuple(pick(options.key, "COFFER_KEY", io), "--key", &endpoint.key)}) {
    if (const auto status = read_pem(path, option, *out); !status.ok()) return status.error();
  }
  if (endpoint.cert.empty() != endpoint.key.empty()) {
    return Error(Code::invalid_argument, "--cert and --key belong together: give both or none");
  }
  endpoint.tls = !address->is_loopback() || !endpoint.ca.empty() || !endpoint.cert.empty();
  return endpoint;
}

std::shared_ptr<grpc::Channel> open_channel(const Endpoint& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A peer that is gone without a word is noticed by a call that waits: a watch has no deadline.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // Connection::call retries, by request id
  arguments.SetMaxReceiveMessageSize(64 << 20);
  const auto address = parse_address(endpoint.address);
  if (address.ok() && address->is_loopback()) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!endpoint.tls) return grpc::CreateCustomChannel(endpoint.address, grpc::InsecureChannelCredentials(), arguments);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = endpoint.ca;  // empty: the system's
  tls.pem_cert_chain = endpoint.cert;
  tls.pem_private_key = endpoint.key;
  return grpc::CreateCustomChannel(endpoint.address, grpc::SslCredentials(tls), arguments);
}

Connection::Connection(Endpoint endpoint, Target target, Io& io)
    : endpoint_(std::move(endpoint)), target_(target), io_(io), channel_(open_channel(endpoint_)) {}

Outcome Connection::call(const std::string& what, const Attempt& attempt, const Advice& advice) {
  using Clock = std::chrono::system_clock;
  const auto deadline = Clock::now() + endpoint_.timeout;
  std::chrono::milliseconds pause{50};
  std::optional<grpc::Status> refused;
  for (;;) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    // A call that fails at once polls nothing, and gRPC's reconnecting goes on only while somebody polls: without this a
    // connection that was lost in its TLS handshake stays lost until the timeout.
    context.set_wait_for_ready(refused.has_value());
    if (!endpoint_.token.empty()) context.AddMetadata("authorization", "Bearer " + endpoint_.token);
    const auto status = attempt(&context);
    if (status.ok()) return std::nullopt;
    // Nobody here cancels: a server did that ends, and had not said so yet when the call came to it.
    const bool is_away =
        status.error_code() == grpc::StatusCode::UNAVAILABLE || status.error_code() == grpc::StatusCode::CANCELLED;
    if (!is_away || retry_word(status).is_final()) {
      // Out of time while it was refused: the refusal says more than the deadline.
      const bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
      return explain(what, late && refused ? *refused : status, advice);
    }
    if (Clock::now() + pause >= deadline) return explain(what, status, advice);
    if (!refused) {
      // Who says how long it takes is there.
      const bool answers = retry_word(status).seconds != 0 && !status.error_message().empty();
      io_.err << "coffer: " << (answers ? printable(status.error_message()) : endpoint_.address + " is not available")
              << "; trying for " << format_duration(endpoint_.timeout) << "\n"
              << std::flush;
    }
    refused = status;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(1000));
  }
}

Outcome Connection::listen(const std::string& what, const Attempt& attempt) {
  grpc::ClientContext context;
  if (!endpoint_.token.empty()) context.AddMetadata("authorization", "Bearer " + endpoint_.token);
  const auto status = attempt(&context);
  if (status.ok()) return std::nullopt;
  return explain(what, status);
}

Failure Connection::explain(const std::string& what, const grpc::Status& status, const Advice& advice) const {
  const auto category = static_cast<model::Category>(status.error_code());
  auto message = status.error_message();
  while (message.ends_with('.')) message.pop_back();
  const auto own = std::ranges::find(advice, status.error_code(), &Advice::value_type::first);
  return {exit_of(category),
          "cannot " + what + ": " + (message.empty() ? "no reason was given" : message) + " (" +
              std::string(model::category_name(category)) + ")",
          own != advice.end() ? own->second : advice_for(status, target_, endpoint_)};
}

std::unique_ptr<Connection> connect(const ConnectionOptions& options, Io& io, Outcome& failure) {
  auto endpoint = resolve(options, io);
  if (!endpoint.ok()) {
    failure = Failure(endpoint.error());
    return nullptr;
  }
  return std::make_unique<Connection>(std::move(*endpoint), options.target, io);
}

std::string new_request_id() { return crypto::hex(crypto::system_random().bytes(16)); }

}  // namespace coffer::app::cli
