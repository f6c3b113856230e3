#pragma once
// One connection between two nodes: handshake, hellos, then frames both ways until somebody ends it. Everything runs on
// the link's io thread. Seen by link.cpp and connection.cpp only.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/peer/link.hpp"
#include "net/peer/tls.hpp"

namespace coffer::net::peer {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
template <class T>
using Await = asio::awaitable<T, Executor>;
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> kAwait{};

/// What /metrics shows; added to by the io thread and by senders.
struct Counters {
  std::atomic<std::uint64_t> writes{0}, bytes_sent{0}, bytes_received{0}, connects{0}, disconnects{0};
  std::atomic<std::uint64_t> frames_received[kChannels]{}, refused_full[kChannels]{}, refused_closed[kChannels]{};
  std::atomic<std::uint64_t> bad_handshake{0}, bad_certificate{0}, bad_hello{0}, not_a_member{0}, bad_message{0},
      dropped{0}, timed_out{0}, too_many{0}, joins{0}, joins_refused{0};
};

class Connection;

/// One other node, as long as it is named by set_peers().
struct Remote {
  Remote(cluster::Peer p, const OutboxLimits& limits, asio::io_context& context)
      : peer(std::move(p)), outbox(limits), retry(context) {}
  cluster::Peer peer;
  Outbox outbox;
  std::atomic<bool> connected{false};
  // The io thread's:
  std::shared_ptr<Connection> current;  // the one that counts
  std::shared_ptr<Connection> dialing;
  Timer retry;
  bool gone = false, is_dialled = false;
  std::string last_words;  // why it does not work, as logged last
};

/// The link as its connections see it.
class Host {
 public:
  virtual ~Host() = default;
  virtual const PeerSettings& settings() const = 0;
  virtual Counters& counters() = 0;
  /// The other side has proved to be `hello.node`. Makes this connection the one that counts, or says why not.
  virtual model::Result<std::shared_ptr<Remote>> admit(const std::shared_ptr<Connection>& connection,
                                                       const Hello& hello) = 0;
  virtual void received(Remote& remote, cluster::PeerFrame frame) = 0;
  /// All frames that were there are handed over.
  virtual void received_all() = 0;
  /// Asks the join handler; the answer comes on the io thread.
  virtual void join(Join request, std::function<void(model::Result<Joined>)> done) = 0;
  virtual void add(Connection* connection) = 0;
  virtual void remove(Connection* connection) = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `wanted`: whom it dials; none when it was accepted.
  Connection(Host& host, Socket socket, std::shared_ptr<TlsContexts> contexts, std::optional<model::NodeId> wanted);
  ~Connection();

  /// Where it dials to. REQUIRES: before run().
  void set_endpoints(std::vector<asio::ip::tcp::endpoint> endpoints) { endpoints_ = std::move(endpoints); }
  /// Connects first when it dials, then lives until it ends. No coroutine here takes an argument by value, and none is
  /// awaited with a temporary: g++ 12 destroys some of those twice.
  Await<void> run();
  /// Something waits in the outbox.
  void pump();
  void tick(Clock::time_point now);
  void close();
  /// Says why, then ends.
  void dismiss(const model::Error& why);

  /// Did it ever count, and what did the other side or the system say at its end?
  bool was_open() const { return was_open_; }
  bool dials() const { return wanted_.has_value(); }
  const std::shared_ptr<Remote>& remote() const { return remote_; }
  const std::string& reason() const { return reason_; }
  /// Whose connection was accepted here: "10.0.0.1:4711", and the network that stands for it.
  const std::string& from() const { return from_; }
  const model::IpAddress& source() const { return source_; }
  Clock::time_point accepted() const { return accepted_; }
  /// Not yet proved.
  bool is_greeting() const { return !was_open_ && !closed_; }
  std::size_t place = 0;  // the host's

 private:
  enum class Got : std::uint8_t { message, ended };
  Await<bool> greet();
  Await<bool> introduce();
  Await<void> serve_join();
  bool admits_joins();
  void count_stranger();
  Await<void> converse();
  Await<void> farewell();  // says last_words_, unless they are ok
  Await<Got> read(Message& message);
  void tell_all();
  void put(const Message& message);
  Await<void> flush();
  bool dispatch(Message& message);
  void say(const Message& message);
  void write();
  void fail(std::string why);

  Host& host_;
  const std::shared_ptr<TlsContexts> contexts_;
  const std::optional<model::NodeId> wanted_;
  std::string from_;
  model::IpAddress source_{};
  bool is_loopback_ = false;
  asio::ssl::stream<Socket> stream_;
  Timer budget_;
  Decoder decoder_;
  Intake intake_;
  std::shared_ptr<Remote> remote_;
  model::Secret small_;   // pings, pongs, credits: they wait for the next write
  model::Secret buffer_;  // of the write under way
  bool writing_ = false, closed_ = false, was_open_ = false, waiting_ = false, saying_goodbye_ = false;
  bool handed_ = false;  // frames to the host, since it was last told that it has all
  const Clock::time_point accepted_ = Clock::now();
  Clock::time_point began_, heard_, asked_, wrote_;
  Clock::time_point slice_;  // the millisecond in which writes are counted
  unsigned slice_writes_ = 0;
  std::uint64_t pings_ = 0;
  std::vector<asio::ip::tcp::endpoint> endpoints_;
  model::Error last_words_;
  std::string reason_;
};

}  // namespace coffer::net::peer
