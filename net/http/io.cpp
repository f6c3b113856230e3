// Accepting, ticking and stopping of one io thread; see io.hpp.

#include "net/http/io.hpp"

#include <algorithm>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "net/http/session.hpp"

namespace coffer::net::http {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);

}  // namespace

IoThread::~IoThread() = default;

boost::system::error_code IoThread::listen(const asio::ip::tcp::endpoint& endpoint, bool share_port) {
  boost::system::error_code ec;
  acceptor_.open(endpoint.protocol(), ec);
  if (ec) return ec;
  acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (share_port) {
    const int on = 1;
    ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  acceptor_.bind(endpoint, ec);
  if (ec) return ec;
  acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  return ec;
}

void IoThread::run() {
  asio::co_spawn(context_, accept(), asio::detached);
  asio::co_spawn(context_, tick(), asio::detached);
  context_.run();
}

Await<void> IoThread::accept() {
  while (acceptor_.is_open()) {
    auto [ec, socket] = co_await acceptor_.async_accept(context_, kAwait);
    if (!ec) {
      admit(std::move(socket));
    } else if (acceptor_.is_open()) {
      // Out of descriptors, most likely: a retry at once would only burn the processor.
      pause_.expires_after(kTick);
      co_await pause_.async_wait(kAwait);
    }
  }
}

void IoThread::admit(Socket socket) {
  if (shared_.connections.load(std::memory_order_relaxed) >= shared_.limits().connections) return;
  boost::system::error_code ec;
  socket.set_option(asio::ip::tcp::no_delay(true), ec);
  asio::co_spawn(context_, Session::serve(std::make_unique<Session>(shared_from_this(), std::move(socket))),
                 asio::detached);
}

Await<void> IoThread::tick() {
  while (!draining_ || !sessions_.empty()) {
    tick_.expires_after(kTick);
    co_await tick_.async_wait(kAwait);
    const auto now = Clock::now();
    // Backwards, because a session that ends puts the last one in its place.
    for (std::size_t i = sessions_.size(); i-- > 0;) {
      if (i < sessions_.size()) sessions_[i]->tick(now);
    }
  }
}

void IoThread::drain() {
  asio::post(context_, [self = shared_from_this()] {
    boost::system::error_code ec;
    self->draining_ = true;
    self->acceptor_.close(ec);
    self->pause_.cancel();
    self->tick_.cancel();
    for (std::size_t i = self->sessions_.size(); i-- > 0;) {
      if (i < self->sessions_.size()) self->sessions_[i]->drain();
    }
  });
}

void IoThread::cut() {
  asio::post(context_, [self = shared_from_this()] {
    for (std::size_t i = self->sessions_.size(); i-- > 0;) {
      if (i < self->sessions_.size()) self->sessions_[i]->cut();
    }
  });
}

void IoThread::add(Session* session) {
  session->place = sessions_.size();
  sessions_.push_back(session);
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
}

void IoThread::remove(Session* session) {
  std::swap(sessions_[session->place], sessions_.back());
  sessions_[session->place]->place = session->place;
  sessions_.pop_back();
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace coffer::net::http
