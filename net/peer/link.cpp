// The link as a whole: who listens, who dials whom and when again, which connection of a node counts. See link.hpp.

#include "net/peer/link.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "net/listen.hpp"
#include "net/peer/connection.hpp"
#include "net/peer/samples.hpp"

namespace coffer::net {
namespace peer {
namespace {

using boost::system::error_code;
using model::Code;
using model::Error;
using model::NodeId;
using model::Result;
using model::Status;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;

constexpr std::chrono::milliseconds kTick{50};
constexpr std::chrono::milliseconds kAcceptPause{100};

/// Lets a late answer of the join handler find out that the link is no more.
struct Gate {
  std::mutex mutex;
  asio::io_context* context = nullptr;
};

class Link final : public PeerListener, public Host {
 public:
  explicit Link(PeerSettings settings)
      : settings_(std::move(settings)), acceptor_(context_), pause_(context_), tick_(context_) {
    if (!settings_.log) settings_.log = [](std::string_view) {};
    gate_->context = &context_;
  }
  ~Link() override {
    stop();
    remotes_.clear();  // their timers must not outlive the context
  }

  // ---- main's thread ----
  Status open() override;
  std::uint16_t port() const override { return port_; }
  void start(cluster::PeerSink* sink) override;
  void stop() override;

  // ---- any thread ----
  Status set_credentials(const PeerCredentials& credentials) override;
  void set_join_handler(JoinHandler handler) override;
  void set_peers(std::vector<cluster::Peer> peers) override;
  bool send(NodeId to, cluster::PeerFrame frame) override;
  void send_waiting() override;
  std::vector<actors::Sample> samples() const override;

  // ---- Host: the io thread ----
  const PeerSettings& settings() const override { return settings_; }
  Counters& counters() override { return counters_; }
  Result<std::shared_ptr<Remote>> admit(const std::shared_ptr<Connection>& connection, const Hello& hello) override;
  void received(Remote& remote, cluster::PeerFrame frame) override {
    sink_->received(remote.peer.id, std::move(frame));
  }
  void received_all() override { sink_->received_all(); }
  void join(Join request, std::function<void(Result<Joined>)> done) override;
  void add(Connection* connection) override;
  void remove(Connection* connection) override;

 private:
  Await<void> accept();
  Await<void> beat();
  Await<void> dial(std::shared_ptr<Remote> remote);
  Await<Result<std::vector<asio::ip::tcp::endpoint>>> resolve(const std::string& address);
  Await<void> serve(std::shared_ptr<Connection> connection);
  void apply(std::vector<cluster::Peer> peers);
  void wake(const std::shared_ptr<Remote>& remote);
  void detach(Remote& remote);
  void begin_dialing(const std::shared_ptr<Remote>& remote);
  void note(Remote& remote, const std::string& words);
  bool make_place();
  std::shared_ptr<TlsContexts> contexts() const;
  std::vector<std::shared_ptr<Remote>> remotes() const;

  PeerSettings settings_;
  Counters counters_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  cluster::PeerSink* sink_ = nullptr;
  std::uint16_t port_ = 0;

  mutable std::shared_mutex mutex_;  // guards remotes_, contexts_, join_handler_
  std::map<NodeId, std::shared_ptr<Remote>> remotes_;
  std::shared_ptr<TlsContexts> contexts_;
  JoinHandler join_handler_;

  // The io thread's.
  std::vector<Connection*> connections_;
  std::minstd_rand jitter_{std::random_device{}()};
  bool stopping_ = false;

  std::thread thread_;
  asio::io_context context_{1};  // destroyed before what its coroutines refer to
  Acceptor acceptor_;
  Timer pause_, tick_;
};

Status Link::open() {
  if (auto status = check_free(settings_.address); !status) return status;
  const auto address = parse_address(settings_.address);
  if (!address) return address.error();
  const auto refuse = [&](const error_code& ec) {
    return Error(Code::unavailable, "cannot listen on " + settings_.address + ": " + ec.message());
  };
  error_code ec;
  Resolver resolver(context_);
  const auto flags = asio::ip::resolver_base::passive | asio::ip::resolver_base::numeric_service;
  const auto found = resolver.resolve(address->host, std::to_string(address->port), flags, ec);
  if (ec) return refuse(ec);
  const auto endpoint = found.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return refuse(ec);
  port_ = acceptor_.local_endpoint().port();
  return {};
}

void Link::start(cluster::PeerSink* sink) {
  if (thread_.joinable()) return;
  sink_ = sink;
  asio::co_spawn(context_, beat(), asio::detached);
  if (acceptor_.is_open()) asio::co_spawn(context_, accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

void Link::stop() {
  {
    const std::lock_guard lock(gate_->mutex);
    gate_->context = nullptr;
  }
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    for (std::size_t i = connections_.size(); i-- > 0;) connections_[i]->close();
    for (const auto& remote : remotes()) {
      remote->connected = false;
      remote->outbox.close();
      remote->current.reset();
      remote->dialing.reset();
    }
    context_.stop();
  });
  thread_.join();
}

Status Link::set_credentials(const PeerCredentials& credentials) {
  auto made = make_contexts(credentials);
  if (!made) return made.error();
  {
    const std::unique_lock lock(mutex_);
    contexts_ = *std::move(made);
  }
  // Whoever could not be dialled for want of a certificate can be now.
  asio::post(context_, [this] {
    for (const auto& remote : remotes()) begin_dialing(remote);
  });
  return {};
}

void Link::set_join_handler(JoinHandler handler) {
  const std::unique_lock lock(mutex_);
  join_handler_ = std::move(handler);
}

void Link::set_peers(std::vector<cluster::Peer> peers) {
  asio::post(context_, [this, peers = std::move(peers)]() mutable { apply(std::move(peers)); });
}

bool Link::send(NodeId to, cluster::PeerFrame frame) {
  const std::size_t channel = index_of(frame.channel);
  std::shared_ptr<Remote> remote;
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = remotes_.find(to); found != remotes_.end()) remote = found->second;
  }
  if (frame.body.size() > cluster::kMaxPeerBody) return false;
  switch (remote ? remote->outbox.push(std::move(frame)) : Outbox::Push::closed) {
    case Outbox::Push::queued: return true;
    case Outbox::Push::queued_first: wake(remote); return true;
    case Outbox::Push::full: ++counters_.refused_full[channel]; return false;
    case Outbox::Push::closed: ++counters_.refused_closed[channel]; return false;
  }
  return false;
}

void Link::send_waiting() {
  const std::shared_lock lock(mutex_);
  for (const auto& [id, remote] : remotes_) {
    if (remote->outbox.wake()) wake(remote);
  }
}

void Link::wake(const std::shared_ptr<Remote>& remote) {
  asio::post(context_, [remote] {
    if (remote->current) remote->current->pump();
  });
}

// ---- who is a peer ----

void Link::apply(std::vector<cluster::Peer> peers) {
  std::vector<std::shared_ptr<Remote>> gone, moved, fresh;
  {
    const std::unique_lock lock(mutex_);
    std::map<NodeId, std::shared_ptr<Remote>> now;
    for (cluster::Peer& peer : peers) {
      const auto known = remotes_.find(peer.id);
      if (known != remotes_.end()) {
        if (known->second->peer.address != peer.address) moved.push_back(known->second);
        known->second->peer.address = std::move(peer.address);
        now[peer.id] = known->second;
        remotes_.erase(known);
      } else if (now.count(peer.id) == 0) {
        fresh.push_back(std::make_shared<Remote>(std::move(peer), settings_.limits, context_));
        now[fresh.back()->peer.id] = fresh.back();
      }
    }
    for (auto& [id, remote] : remotes_) gone.push_back(remote);
    remotes_ = std::move(now);
  }
  for (const auto& remote : gone) {
    remote->gone = true;
    remote->retry.cancel();
    if (remote->dialing) remote->dialing->close();
    if (!remote->current) continue;
    const auto connection = remote->current;
    detach(*remote);
    connection->dismiss(Error(Code::permission_denied, "this node is not a member of the cluster any more"));
  }
  for (const auto& remote : moved) remote->retry.cancel();  // the next attempt goes to the new address, now
  for (const auto& remote : fresh) begin_dialing(remote);
}

void Link::begin_dialing(const std::shared_ptr<Remote>& remote) {
  const auto own = contexts();
  if (stopping_ || remote->gone || remote->is_dialled || !own || remote->peer.id <= own->name.node) return;
  remote->is_dialled = true;
  asio::co_spawn(context_, dial(remote), asio::detached);
}

Result<std::shared_ptr<Remote>> Link::admit(const std::shared_ptr<Connection>& connection, const Hello& hello) {
  std::shared_ptr<Remote> remote;
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = remotes_.find(hello.node); found != remotes_.end()) remote = found->second;
  }
  const auto own = contexts();
  if (!remote || !own || stopping_) {
    return Error(Code::permission_denied, "node " + std::to_string(hello.node.value) +
                                              " is not a member of the cluster, or this node has not heard of it");
  }
  if (!connection->dials() && hello.node > own->name.node) {
    return Error(Code::invalid_argument, "the node with the lower id dials");
  }
  // Whoever dials again knows that the last connection is dead.
  if (const auto last = remote->current) {
    detach(*remote);
    last->close();
  }
  remote->current = connection;
  remote->outbox.open();
  remote->connected = true;
  remote->last_words.clear();
  ++counters_.connects;
  settings_.log("connected with node " + std::to_string(hello.node.value) + " (" + remote->peer.address + ")");
  sink_->connected(hello.node);
  return remote;
}

void Link::detach(Remote& remote) {
  const auto last = std::move(remote.current);
  remote.current.reset();
  remote.connected = false;
  const std::size_t dropped = remote.outbox.close();
  counters_.dropped += dropped;
  ++counters_.disconnects;
  if (!stopping_) sink_->disconnected(remote.peer.id);
}

void Link::note(Remote& remote, const std::string& words) {
  if (words == remote.last_words || remote.gone || stopping_) return;
  remote.last_words = words;
  settings_.log("node " + std::to_string(remote.peer.id.value) + " (" + remote.peer.address + "): " + words);
}

// ---- connections ----

Await<void> Link::serve(std::shared_ptr<Connection> connection) {
  co_await connection->run();
  const auto remote = connection->remote();
  if (remote && remote->current == connection && !stopping_) {
    detach(*remote);
    note(*remote, "disconnected: " + connection->reason());
  }
}

Await<void> Link::accept() {
  while (acceptor_.is_open()) {
    auto [ec, socket] = co_await acceptor_.async_accept(context_, kAwait);
    const auto own = contexts();
    if (!ec && own && make_place()) {
      const auto connection = std::make_shared<Connection>(*this, std::move(socket), own, std::nullopt);
      asio::co_spawn(context_, serve(connection), asio::detached);
    } else if (ec && acceptor_.is_open()) {
      // Out of descriptors, most likely: a retry at once would only burn the processor.
      pause_.expires_after(kAcceptPause);
      co_await pause_.async_wait(kAwait);
    }
  }
}

Await<Result<std::vector<asio::ip::tcp::endpoint>>> Link::resolve(const std::string& address) {
  const auto parsed = parse_address(address);
  if (!parsed) co_return parsed.error();
  error_code ec;
  const auto numeric = asio::ip::make_address(parsed->host, ec);
  std::vector<asio::ip::tcp::endpoint> endpoints;
  if (!ec) {
    endpoints.emplace_back(numeric, parsed->port);
    co_return endpoints;
  }
  Resolver resolver(context_);
  auto [error, found] = co_await resolver.async_resolve(parsed->host, std::to_string(parsed->port), kAwait);
  if (error) co_return Error(Code::unavailable, "its name has no address: " + error.message());
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  co_return endpoints;
}

Await<void> Link::dial(std::shared_ptr<Remote> remote) {
  auto wait = settings_.redial_first;
  while (!remote->gone && !stopping_) {
    const std::string address = remote->peer.address;
    auto endpoints = co_await resolve(address);
    const auto own = contexts();
    if (remote->gone || stopping_) break;
    if (!endpoints) {
      note(*remote, std::string(endpoints.error().message()));
    } else {
      const auto connection = std::make_shared<Connection>(*this, Socket(context_), own, remote->peer.id);
      remote->dialing = connection;
      connection->set_endpoints(*std::move(endpoints));
      co_await serve(connection);
      remote->dialing.reset();
      if (connection->was_open()) {
        wait = settings_.redial_first;
      } else {
        note(*remote, connection->reason());
      }
    }
    if (remote->gone || stopping_) break;
    // All that lost the same node would come back at the same moment.
    const auto half = wait / 2;
    remote->retry.expires_after(half + half * static_cast<int>(jitter_() % 1024) / 1024 + std::chrono::milliseconds(1));
    co_await remote->retry.async_wait(kAwait);
    wait = std::min(2 * wait, settings_.redial_last);
  }
  remote->is_dialled = false;
}

Await<void> Link::beat() {
  while (!stopping_) {
    tick_.expires_after(kTick);
    co_await tick_.async_wait(kAwait);
    send_waiting();
    const auto now = Clock::now();
    // Backwards, because a connection that ends puts the last one in its place.
    for (std::size_t i = connections_.size(); i-- > 0;) {
      if (i < connections_.size()) connections_[i]->tick(now);
    }
  }
}

/// For one more that has not proved who it is. Where there are too many, the oldest goes of the source that has most of
/// them: one address cannot keep the others out. False: it is this one that goes.
bool Link::make_place() {
  std::map<model::IpAddress, std::pair<std::size_t, Connection*>> sources;  // how many, and the oldest
  std::size_t greeting = 0;
  for (Connection* connection : connections_) {
    if (connection->dials() || !connection->is_greeting()) continue;
    ++greeting;
    auto& [count, oldest] = sources[connection->source()];
    ++count;
    if (oldest == nullptr || connection->accepted() < oldest->accepted()) oldest = connection;
  }
  if (greeting < settings_.greeting) return true;
  ++counters_.too_many;
  Connection* victim = nullptr;
  std::size_t most = 0;
  for (const auto& [source, held] : sources) {
    const auto& [count, oldest] = held;
    if (count < most || (count == most && victim->accepted() < oldest->accepted())) continue;
    most = count;
    victim = oldest;
  }
  if (victim == nullptr) return false;
  victim->close();
  return true;
}

void Link::add(Connection* connection) {
  connection->place = connections_.size();
  connections_.push_back(connection);
}

void Link::remove(Connection* connection) {
  std::swap(connections_[connection->place], connections_.back());
  connections_[connection->place]->place = connection->place;
  connections_.pop_back();
}

void Link::join(Join request, std::function<void(Result<Joined>)> done) {
  JoinHandler handler;
  {
    const std::shared_lock lock(mutex_);
    handler = join_handler_;
  }
  if (!handler) return done(Error(Code::unavailable, "this node lets nobody in; ask another one"));
  handler(std::move(request), [gate = gate_, done = std::move(done)](Result<Joined> result) {
    const std::lock_guard lock(gate->mutex);
    if (gate->context == nullptr) return;
    asio::post(*gate->context, [done, result = std::move(result)] { done(result); });
  });
}

std::shared_ptr<TlsContexts> Link::contexts() const {
  const std::shared_lock lock(mutex_);
  return contexts_;
}

std::vector<std::shared_ptr<Remote>> Link::remotes() const {
  std::vector<std::shared_ptr<Remote>> all;
  const std::shared_lock lock(mutex_);
  for (const auto& [id, remote] : remotes_) all.push_back(remote);
  return all;
}

std::vector<actors::Sample> Link::samples() const {
  std::vector<PeerSample> peers;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, remote] : remotes_) {
      if (contexts_ && id == contexts_->name.node) continue;
      PeerSample sample{id, remote->connected, remote->outbox.waiting_bytes(), {}};
      for (std::size_t i = 0; i < kChannels; ++i) sample.frames[i] = remote->outbox.frames(i);
      peers.push_back(sample);
    }
  }
  return make_samples(counters_, peers);
}

}  // namespace
}  // namespace peer

std::unique_ptr<PeerListener> make_peer_listener(PeerSettings settings) {
  return std::make_unique<peer::Link>(std::move(settings));
}

}  // namespace coffer::net
