#pragma once
// What the link's tests share: a cluster's CA, links on loopback, a sink that remembers, and a peer on a raw TLS socket
// that says whatever a test wants.

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "crypto/cluster_ca.hpp"
#include "crypto/hash.hpp"
#include "net/peer/link.hpp"

namespace coffer::net::test {

using cluster::Peer;
using cluster::PeerChannel;
using cluster::PeerFrame;
using model::GroupId;
using model::NodeId;
using namespace std::chrono_literals;

inline constexpr std::chrono::seconds kPeerPatience{20};  // nothing waits that long unless it is broken

inline model::TimeMs now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Remembers what it is told, in order.
class RecordingSink final : public cluster::PeerSink {
 public:
  void received(NodeId from, PeerFrame frame) override {
    const std::lock_guard lock(mutex_);
    frames_[from].push_back(std::move(frame));
    changed_.notify_all();
  }
  void received_all() override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    changed_.notify_all();
  }
  void connected(NodeId peer) override {
    const std::lock_guard lock(mutex_);
    connected_.insert(peer);
    ++connects_;
    changed_.notify_all();
  }
  void disconnected(NodeId peer) override {
    const std::lock_guard lock(mutex_);
    connected_.erase(peer);
    ++disconnects_;
    changed_.notify_all();
  }
  bool wait_connected(NodeId peer, bool wanted = true) {
    return wait([&] { return (connected_.count(peer) == 1) == wanted; });
  }
  bool wait_connects(int n) {
    return wait([&] { return connects_ >= n; });
  }
  bool wait_frames(NodeId from, std::size_t count) {
    return wait([&] { return frames_[from].size() >= count; });
  }
  std::vector<PeerFrame> frames(NodeId from) {
    const std::lock_guard lock(mutex_);
    return {frames_[from].begin(), frames_[from].end()};
  }
  int connects() {
    const std::lock_guard lock(mutex_);
    return connects_;
  }
  /// How often it was told that it has all.
  int reads() {
    const std::lock_guard lock(mutex_);
    return reads_;
  }
  bool wait_reads(int n) {
    return wait([&] { return reads_ >= n; });
  }
  bool is_connected(NodeId peer) {
    const std::lock_guard lock(mutex_);
    return connected_.count(peer) == 1;
  }

 private:
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPeerPatience, condition);
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<NodeId, std::deque<PeerFrame>> frames_;
  std::set<NodeId> connected_;
  int connects_ = 0, disconnects_ = 0, reads_ = 0;
};

/// One cluster's authority.
struct Authority {
  std::string cluster_id;
  crypto::ClusterCa ca;
  explicit Authority(std::string id = std::string(32, 'a'), model::TimeMs at = now_ms())
      : cluster_id(id), ca(crypto::ClusterCa::make(id, at, crypto::system_random())) {}
  PeerCredentials credentials(std::uint64_t node, model::TimeMs at = now_ms(),
                              std::chrono::seconds life = crypto::kNodeCertificateLife) const {
    const crypto::NodeKey key = crypto::NodeKey::generate();
    auto pem = ca.sign(key.certificate_request(), NodeId{node}, at, crypto::system_random(), life);
    return {pem.value(), ca.certificate_pem(), key.private_pem()};
  }
  std::string raw_id() const { return std::string(16, '\xaa'); }
};

inline PeerSettings quick_settings() {
  PeerSettings settings;
  settings.address = "127.0.0.1:0";
  settings.handshake = 2'000ms;
  settings.ping = 100ms;
  settings.dead = 2'000ms;
  settings.redial_first = 10ms;
  settings.redial_last = 100ms;
  return settings;
}

/// A link with its sink.
struct TestNode {
  NodeId id;
  RecordingSink sink;
  std::unique_ptr<PeerListener> link;
  explicit TestNode(std::uint64_t number, const Authority& authority, PeerSettings settings = quick_settings())
      : id{number}, link(make_peer_listener(std::move(settings))) {
    EXPECT_TRUE(link->open().ok());
    EXPECT_TRUE(link->set_credentials(authority.credentials(number)).ok());
    link->start(&sink);
  }
  Peer peer() const { return {id, "127.0.0.1:" + std::to_string(link->port())}; }
  double sample(const std::string& name, const std::string& label = {}) const {
    double sum = 0;
    for (const actors::Sample& s : link->samples()) {
      if (s.name != name) continue;
      bool fits = label.empty();
      for (const auto& [key, value] : s.labels) fits = fits || value == label;
      if (fits) sum += s.value;
    }
    return sum;
  }
  /// Waits until the sample is at least `least`.
  bool wait_sample(const std::string& name, const std::string& label, double least) const {
    for (const auto end = std::chrono::steady_clock::now() + kPeerPatience; std::chrono::steady_clock::now() < end;) {
      if (sample(name, label) >= least) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
};

/// A blocking TLS socket to a link; every read ends after kPeerPatience.
class RawPeer {
 public:
  /// Without credentials it shows no certificate. It checks nobody. `from`: the last number of its address.
  explicit RawPeer(std::uint16_t port, const PeerCredentials* credentials = nullptr, int most = TLS1_3_VERSION,
                   unsigned from = 1) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own);
    const timeval patience{kPeerPatience.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context_, most);
    if (credentials != nullptr) {
      BIO* bio = BIO_new_mem_buf(credentials->certificate.data(), static_cast<int>(credentials->certificate.size()));
      X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
      SSL_CTX_use_certificate(context_, certificate);
      X509_free(certificate);
      BIO_free(bio);
      const auto pem = credentials->key.expose();
      bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
      EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
      SSL_CTX_use_PrivateKey(context_, key);
      EVP_PKEY_free(key);
      BIO_free(bio);
    }
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
  }
  ~RawPeer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    if (fd_ >= 0) ::close(fd_);
    ERR_clear_error();
  }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  bool handshake() { return SSL_connect(ssl_) == 1; }
  bool send_plain(std::string_view bytes) { return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0; }
  bool send(std::string_view bytes) {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }
  bool send(const peer::Message& message) {
    model::Secret bytes;
    peer::append(message, bytes);
    return send(bytes.expose());
  }
  /// The next message; none when the connection has ended.
  std::optional<peer::Message> receive() {
    peer::Message message;
    for (;;) {
      const auto state = decoder_.next(message);
      if (state == peer::Decoder::State::message) return message;
      if (state == peer::Decoder::State::broken) return std::nullopt;
      const int size = SSL_read(ssl_, decoder_.prepare(16384), 16384);
      if (size <= 0) return std::nullopt;
      decoder_.commit(static_cast<std::size_t>(size));
      decoder_.set_most(peer::kMostMessage);
    }
  }
  /// Reads on until the other side closes; false when it takes too long.
  bool is_closed() {
    char bytes[4096];
    for (;;) {
      const int size = SSL_read(ssl_, bytes, sizeof bytes);
      if (size > 0) continue;
      const bool ended = errno != EAGAIN && errno != EWOULDBLOCK;
      ERR_clear_error();
      return ended;
    }
  }
  bool is_closed_plain() {
    char byte;
    for (;;) {
      const auto size = ::recv(fd_, &byte, 1, 0);
      if (size > 0) continue;
      return size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    }
  }
  bool connected = false;

 private:
  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  peer::Decoder decoder_;
};

inline PeerFrame frame(PeerChannel channel, std::string_view body, std::uint64_t group = 0) {
  return {channel, GroupId{group}, model::Secret(body)};
}

}  // namespace coffer::net::test
