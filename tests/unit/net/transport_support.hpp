#pragma once
// What the listeners' tests share: a gateway that answers as it is told, a door over coffer.v1.Secrets, a blocking HTTP
// client on a raw socket, and certificates made on the spot.

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openssl/ssl.h>

#include "net/server.hpp"

namespace coffer::net::test {

/// Generous: nothing here waits that long unless it is broken.
inline constexpr std::chrono::seconds kPatience{20};

/// Answers at once, from a thread of its own, or when it is told.
class FakeGateway final : public actors::Gateway {
 public:
  enum class Mode { at_once, other_thread, hold };
  FakeGateway();
  /// Completes what it holds.
  ~FakeGateway() override;

  void submit(actors::Call* call) noexcept override;
  model::Result<model::Credential> authenticate(std::string_view, model::Door) const override;
  bool tenant_exists(const model::TenantRef&) const override { return true; }
  std::optional<model::TenantId> find_tenant(const model::TenantRef&) const override { return model::TenantId{}; }
  void ask_trust(const model::TenantRef&, model::TimeMs, actors::TrustDone done) const override {
    done(actors::TenantTrust{});
  }
  actors::TrustBasis trust_basis(const model::TenantRef& tenant) const override {
    return {find_tenant(tenant), 0, true};
  }
  actors::NodeStatus status() const override;
  std::vector<actors::Sample> samples() const override;

  void set_mode(Mode mode) { mode_ = mode; }
  void set_ready(bool ready, bool sealed = false);
  /// What submit answers; by default the entry that was asked for, of version 7.
  std::function<model::Result<model::Reply>(const model::Request&)> answer;
  /// Waits until it holds as many calls; false when it takes too long.
  bool wait_for_held(std::size_t count);
  void release();
  /// A copy of the last request.
  model::Request last() const;

 private:
  void finish(actors::Call* call);

  std::atomic<Mode> mode_{Mode::at_once};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<actors::Call*> held_, queue_;
  actors::NodeStatus status_;
  model::Request last_;
  bool stopping_ = false;
  std::thread thread_;
};

/// Get and Put of coffer.v1.Secrets, and the routes /t/{store}/{key}, /t/{store}/bulk and /t/late.
class TestDoor final : public Door {
 public:
  std::string_view name() const override { return "test"; }
  std::vector<Method> methods() override;
  std::vector<HttpRoute> routes() override;
  std::vector<std::string> path_prefixes() const override { return {"/v1/", "/t/"}; }
  WireStatus http_failure(const model::Error& error, std::string_view request_id) const override;
};

struct Response {
  int status = 0;                              // 0: the connection ended without one
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
};

/// TLS files in a directory that goes with the object. `ca` signs `server` (for localhost and 127.0.0.1) and `client`
/// (URI spiffe://test/client); `other` is signed by nobody the server knows.
class Certificates {
 public:
  Certificates();
  ~Certificates();
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string read(const std::string& name) const;
  TlsFiles server_files(bool ask_clients) const;

 private:
  std::filesystem::path directory_;
};

/// A blocking client; every read ends after kPatience.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  /// False when the handshake fails. `identity`: name of a certificate to present. `resumed`: a session to go on with.
  bool start_tls(const Certificates& certificates, const std::string& identity = {}, SSL_SESSION* resumed = nullptr);
  /// The caller's to free. With TLS 1.3 it can be resumed when something was received.
  SSL_SESSION* session() const;
  bool has_resumed() const;

  bool send(std::string_view bytes);
  /// `no_body`: the answer to HEAD.
  Response receive(bool no_body = false);
  Response call(std::string_view method, std::string_view target, std::string_view body = {},
                std::string_view headers = {});
  /// True when the server has closed the connection and nothing is left to read.
  bool is_closed();
  void close_writing();

 private:
  long read(char* to, std::size_t size);
  bool fill();
  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string buffer_;
};

/// A listener on a free loopback port with short, test-sized limits.
Listener test_listener();
std::string get(std::string_view target, std::string_view headers = {});

}  // namespace coffer::net::test
