#pragma once
// One io thread of the HTTP listener: an io_context of its own with an acceptor, its sessions, and a tick that looks at
// every session's deadline, which is cheaper than a timer for each read and write. Everything in here runs on that
// thread, except what is marked otherwise. Asio's types are seen by http/{session,io,server}.cpp only.

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/flight.hpp"
#include "net/http/site.hpp"

namespace coffer::net::http {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
template <class T>
using Await = asio::awaitable<T, Executor>;
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> kAwait{};

/// What all io threads of a listener share; constant but for the counters.
struct Shared {
  std::unique_ptr<Site> site;
  std::shared_ptr<LiveLimits> live;
  const Limits& limits() const { return live->get(); }
  bool has_tls = false;
  std::atomic<std::shared_ptr<asio::ssl::context>> tls;  // of new connections
  std::shared_ptr<InFlight> in_flight;
  std::shared_ptr<SourceGuard> guard;  // null: no address is refused
  std::atomic<std::size_t> connections{0};
};

class Session;

class IoThread : public std::enable_shared_from_this<IoThread> {
 public:
  explicit IoThread(Shared& shared) : shared_(shared), acceptor_(context_), pause_(context_), tick_(context_) {}
  ~IoThread();

  /// Main's thread, before run(). Errors: the reason in the system's words.
  boost::system::error_code listen(const asio::ip::tcp::endpoint& endpoint, bool share_port);
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  /// The thread's function: returns when the listener is closed and every session has ended.
  void run();
  /// Any thread. Closes the listener and idle sessions; busy ones end after their answer.
  void drain();
  /// Any thread. Ends the rest, answering calls under way by itself.
  void cut();

  void add(Session* session);
  void remove(Session* session);
  bool is_draining() const { return draining_; }
  Shared& shared() { return shared_; }
  asio::io_context& context() { return context_; }

 private:
  Await<void> accept();
  Await<void> tick();
  void admit(Socket socket);

  Shared& shared_;
  std::vector<Session*> sessions_;
  bool draining_ = false;
  asio::io_context context_{1};  // destroyed before what its coroutines refer to
  Acceptor acceptor_;
  Timer pause_, tick_;
};

}  // namespace coffer::net::http
