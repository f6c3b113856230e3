// The HTTP listener as the composition root sees it: start, port, stop; see net/server.hpp. Main's thread.

#include <condition_variable>
#include <mutex>

#include <boost/asio/ip/tcp.hpp>

#include "net/http/io.hpp"
#include "net/http/session.hpp"
#include "net/listen.hpp"
#include "net/server.hpp"

namespace coffer::net {
namespace http {
namespace {

using model::Code;
using model::Error;
using model::Status;

/// Only HTTP/1.1 is spoken here; a client that offers h2 alone is answered by a failed handshake.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size,
                    void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, kOurs, sizeof kOurs - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Status set_up_tls(const TlsFiles& files, std::atomic<std::shared_ptr<asio::ssl::context>>* out) {
  const auto material = load_tls(files);
  if (!material) return material.error();
  const auto made = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  asio::ssl::context& context = *made;
  SSL_CTX* const native = context.native_handle();
  boost::system::error_code ec;
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  context.use_certificate_chain(asio::buffer(material->certificate), ec);
  if (ec) return Error(Code::invalid_argument, "the TLS certificate " + files.certificate + ": " + ec.message());
  const auto key = material->key.expose();
  context.use_private_key(asio::buffer(key.data(), key.size()), asio::ssl::context::pem, ec);
  if (ec) return Error(Code::invalid_argument, "the TLS key " + files.key + ": " + ec.message());
  if (material->client_ca.empty()) {
    out->store(made);
    return {};
  }
  context.add_certificate_authority(asio::buffer(material->client_ca), ec);
  if (ec) return Error(Code::invalid_argument, "the TLS client CA " + files.client_ca + ": " + ec.message());
  // Asked for, not demanded: a door may take a token instead. One that is presented must verify.
  context.set_verify_mode(asio::ssl::verify_peer, ec);
  // A session that is resumed verifies nothing anew: neither the certificate's time nor the CA above it.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET);  // of TLS 1.3 it leaves tickets of sessions that the cache has
  SSL_CTX_set_num_tickets(native, 0);
  static constexpr unsigned char kName[] = "coffer";
  SSL_CTX_set_session_id_context(native, kName, sizeof kName - 1);
  out->store(made);
  return {};
}

class HttpServer final : public Server {
 public:
  HttpServer(Listener listener, std::vector<Door*> doors, actors::Gateway& gateway, Metrics& metrics,
             std::shared_ptr<SourceGuard> guard)
      : listener_(std::move(listener)),
        doors_(std::move(doors)),
        context_{&gateway, &metrics, std::make_shared<LiveLimits>(listener_.limits)} {
    shared_.live = context_.live;
    shared_.guard = std::move(guard);
  }
  ~HttpServer() override { stop(); }

  Status start() override {
    shared_.in_flight = std::make_shared<InFlight>(listener_.limits.calls_in_flight);
    auto site = Site::make(doors_, context_);
    if (!site) return site.error();
    shared_.site = *std::move(site);
    if (listener_.tls) {
      if (auto status = set_up_tls(*listener_.tls, &shared_.tls); !status) return status;
      shared_.has_tls = true;
    }
    if (auto status = check_free(listener_.address); !status) return status;
    if (auto status = listen(); !status) {
      threads_.clear();
      return status;
    }
    running_ = threads_.size();
    for (auto& io : threads_) {
      workers_.emplace_back([this, io] {
        io->run();
        const std::lock_guard lock(mutex_);
        --running_;
        ended_.notify_all();
      });
    }
    return {};
  }

  std::uint16_t port() const override { return port_; }

  Status reload(const Listener& listener) override {
    if (shared_.has_tls && listener.tls) {
      if (auto status = set_up_tls(*listener.tls, &shared_.tls); !status) return status;
    }
    shared_.live->set(listener.limits);
    if (shared_.in_flight) shared_.in_flight->set_limit(listener.limits.calls_in_flight);
    return {};
  }

  void stop() override {
    if (workers_.empty()) return;
    for (auto& io : threads_) io->drain();
    {
      std::unique_lock lock(mutex_);
      if (!ended_.wait_for(lock, shared_.limits().drain, [this] { return running_ == 0; })) {
        lock.unlock();
        for (auto& io : threads_) io->cut();
      }
    }
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    threads_.clear();
  }

 private:
  Status listen() {
    const auto address = parse_address(listener_.address);
    if (!address) return address.error();
    const auto refuse = [&](const boost::system::error_code& ec) {
      return Error(Code::unavailable, "cannot listen on " + listener_.address + ": " + ec.message());
    };
    boost::system::error_code ec;
    asio::io_context context;
    asio::ip::tcp::resolver resolver(context);
    const auto flags = asio::ip::resolver_base::passive | asio::ip::resolver_base::numeric_service;
    const auto found = resolver.resolve(address->host, std::to_string(address->port), flags, ec);
    if (ec) return refuse(ec);
    auto endpoint = found.begin()->endpoint();
    const unsigned count = std::max(1U, listener_.threads);
    for (unsigned i = 0; i < count; ++i) {
      auto io = std::make_shared<IoThread>(shared_);
      if (ec = io->listen(endpoint, count > 1); ec) return refuse(ec);
      // With port 0 the first thread finds the port that the others share.
      port_ = io->port();
      endpoint.port(port_);
      threads_.push_back(std::move(io));
    }
    return {};
  }

  const Listener listener_;
  const std::vector<Door*> doors_;
  const Context context_;
  Shared shared_;
  std::vector<std::shared_ptr<IoThread>> threads_;
  std::vector<std::thread> workers_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;  // guards running_
  std::condition_variable ended_;
  std::size_t running_ = 0;
};

}  // namespace
}  // namespace http

std::unique_ptr<Server> make_http_server(const Listener& listener, std::vector<Door*> doors, actors::Gateway& gateway,
                                         Metrics& metrics, std::shared_ptr<SourceGuard> guard) {
  return std::make_unique<http::HttpServer>(listener, std::move(doors), gateway, metrics, std::move(guard));
}

}  // namespace coffer::net
