// See connection.hpp.

#include "net/peer/connection.hpp"

#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

namespace coffer::net::peer {
namespace {

using boost::system::error_code;
using model::Code;
using model::Error;

constexpr std::size_t kReadSize = 64 << 10;
constexpr std::size_t kBatch = 256 << 10;
/// So many writes may leave in one millisecond; what comes then waits for its end and leaves together. A request that
/// travels alone is never delayed, and heartbeats of hundreds of groups do not become hundreds of writes.
constexpr unsigned kWritesPerSlice = 4;
constexpr std::chrono::milliseconds kSlice{1};
/// How long the other side gets to read why it was refused.
constexpr std::chrono::milliseconds kLastWords{500};
constexpr std::chrono::milliseconds kJoinPoll{10};

}  // namespace

Connection::Connection(Host& host, Socket socket, std::shared_ptr<TlsContexts> contexts,
                       std::optional<model::NodeId> wanted)
    : host_(host),
      contexts_(std::move(contexts)),
      wanted_(wanted),
      stream_(std::move(socket), wanted ? contexts_->dialing : contexts_->accepting),
      budget_(stream_.get_executor()),
      intake_(host.settings().limits),
      began_(Clock::now()),
      heard_(began_) {
  error_code ec;
  const auto from = stream_.next_layer().remote_endpoint(ec);
  if (!wanted_ && !ec) {
    is_loopback_ = from.address().is_loopback();
    from_ = (from.address().is_v6() ? "[" + from.address().to_string() + "]" : from.address().to_string()) + ":" +
            std::to_string(from.port());
    source_ = source_of(from_).value_or(source_);
  }
  host_.add(this);
}

Connection::~Connection() { host_.remove(this); }

Await<void> Connection::run() {
  const auto self = shared_from_this();
  Socket& socket = stream_.next_layer();
  if (wanted_) {
    auto [ec, endpoint] = co_await asio::async_connect(socket, endpoints_, kAwait);
    if (ec) fail("cannot connect: " + ec.message());
  }
  if (!closed_) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto side = wanted_ ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
    auto [ec] = co_await stream_.async_handshake(side, kAwait);
    if (ec) {
      if (!closed_) ++host_.counters().bad_handshake;
      fail("the TLS handshake failed: " + ec.message());
    }
  }
  if (!closed_) {
    if (!wanted_ && !shows_certificate(stream_.native_handle())) {
      co_await serve_join();
    } else if (co_await greet()) {
      co_await converse();
    }
  }
  close();
}

Await<bool> Connection::greet() {
  const auto name = peer_name(stream_.native_handle());
  const crypto::NodeName& own = contexts_->name;
  if (!name || name->cluster_id != own.cluster_id || (wanted_ && name->node != *wanted_)) {
    ++host_.counters().bad_certificate;
    last_words_ = Error(Code::unauthenticated, "the certificate does not name the node that is expected here");
    co_await farewell();
    co_return false;
  }
  // Whoever accepts answers only when it has let the other in: the one that dialled must not take itself for connected
  // with a node that refuses it.
  if (dials() && !co_await introduce()) co_return false;
  Message message;
  if (co_await read(message) != Got::message) co_return false;
  if (const auto* goodbye = std::get_if<Goodbye>(&message)) {
    fail("refused: " + std::string(goodbye->error.message()));
    co_return false;
  }
  const auto* theirs = std::get_if<Hello>(&message);
  if (theirs == nullptr || theirs->cluster_id != contexts_->cluster_id || theirs->node != name->node) {
    ++host_.counters().bad_hello;
    last_words_ = Error(Code::unauthenticated, "the hello does not fit the certificate");
    co_await farewell();
    co_return false;
  }
  if (theirs->newest < kOldestStream || theirs->oldest > kNewestStream) {
    ++host_.counters().bad_hello;
    last_words_ = Error(Code::unimplemented, "this node speaks formats " + std::to_string(kOldestStream) + " to " +
                                                 std::to_string(kNewestStream) + " of the peers' stream");
    co_await farewell();
    co_return false;
  }
  auto remote = host_.admit(shared_from_this(), *theirs);
  if (!remote) {
    ++host_.counters().not_a_member;
    last_words_ = remote.error();
    co_await farewell();
    co_return false;
  }
  remote_ = *std::move(remote);
  if (!dials() && !co_await introduce()) co_return false;
  was_open_ = true;
  decoder_.set_most(kMostMessage);
  co_return true;
}

Await<bool> Connection::introduce() {
  Hello hello;
  hello.cluster_id = contexts_->cluster_id;
  hello.node = contexts_->name.node;
  hello.content_format = host_.settings().content_format;
  put(hello);
  writing_ = true;  // frames that are sent from now on wait until it is out
  co_await flush();
  writing_ = false;
  co_return !closed_;
}

Await<void> Connection::converse() {
  pump();
  Message message;
  while (!closed_ && co_await read(message) == Got::message) {
    if (!dispatch(message)) break;
  }
  tell_all();
}

void Connection::tell_all() {
  if (std::exchange(handed_, false)) host_.received_all();
}

bool Connection::dispatch(Message& message) {
  if (remote_->current.get() != this) return false;  // dismissed, or another one took its place
  if (auto* frame = std::get_if<cluster::PeerFrame>(&message)) {
    const cluster::PeerChannel channel = frame->channel;
    ++host_.counters().frames_received[index_of(channel)];
    const bool tell = intake_.took(*frame);
    handed_ = true;
    host_.received(*remote_, std::move(*frame));
    if (tell) say(Credit{channel, intake_.total(channel)});
  } else if (const auto* credit = std::get_if<Credit>(&message)) {
    if (remote_->outbox.credit(credit->channel, credit->total)) pump();
  } else if (const auto* ping = std::get_if<Ping>(&message)) {
    say(Pong{ping->number});
  } else if (const auto* goodbye = std::get_if<Goodbye>(&message)) {
    fail("dismissed: " + std::string(goodbye->error.message()));
    return false;
  } else if (!std::holds_alternative<Pong>(message)) {
    ++host_.counters().bad_message;
    fail("sent a message that does not belong here");
    return false;
  }
  return !closed_;
}

/// Whoever shows tokens that do not count is refused before anybody looks at the next one.
bool Connection::admits_joins() {
  const auto& guard = host_.settings().guard;
  if (!guard || !guard->may_refuse()) return true;
  const auto admitted = guard->admit(from_, is_loopback_, Clock::now());
  if (admitted.ok()) return true;
  ++host_.counters().joins_refused;
  last_words_ = admitted.error();
  return false;
}

void Connection::count_stranger() {
  const auto& guard = host_.settings().guard;
  if (guard) guard->failed(from_, is_loopback_, Clock::now());
}

Await<void> Connection::serve_join() {
  if (!admits_joins()) co_return co_await farewell();
  Message message;
  if (co_await read(message) != Got::message) co_return;
  auto* request = std::get_if<Join>(&message);
  if (request == nullptr) {
    ++host_.counters().bad_certificate;
    count_stranger();
    last_words_ = Error(Code::unauthenticated, "a node shows a certificate, a new one a join token");
    co_return co_await farewell();
  }
  // The answer may come from afar; the connection's deadline ends the wait.
  const auto answer = std::make_shared<std::optional<model::Result<Joined>>>();
  began_ = Clock::now() + 2 * host_.settings().handshake;
  request->from = from_;
  host_.join(std::move(*request), [answer](model::Result<Joined> result) { answer->emplace(std::move(result)); });
  while (!answer->has_value() && !closed_) {
    budget_.expires_after(kJoinPoll);
    co_await budget_.async_wait(kAwait);
  }
  if (closed_) co_return;
  if (!(*answer)->ok()) {
    ++host_.counters().joins_refused;
    last_words_ = (*answer)->error();
    if (last_words_.code == Code::permission_denied) count_stranger();
    co_return co_await farewell();
  }
  ++host_.counters().joins;
  put(***answer);
  co_await flush();
  last_words_ = Error(Code::ok);
  co_await farewell();
}

Await<void> Connection::farewell() {
  if (closed_) co_return;
  if (last_words_.code != Code::ok) {
    if (reason_.empty()) reason_ = std::string(last_words_.message());
    put(Goodbye{last_words_});
    co_await flush();
    if (closed_) co_return;
  }
  // Closing at once, with something unread, would take the last words from the other side's buffer.
  error_code ignored;
  stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
  saying_goodbye_ = true;
  began_ = Clock::now() + kLastWords;
  char rest[1024];
  for (;;) {
    auto [ec, size] = co_await stream_.next_layer().async_read_some(asio::buffer(rest), kAwait);
    if (ec) co_return;
  }
}

Await<Connection::Got> Connection::read(Message& message) {
  for (;;) {
    switch (decoder_.next(message)) {
      case Decoder::State::message: co_return Got::message;
      case Decoder::State::broken:
        ++host_.counters().bad_message;
        fail("sent something that is no message");
        co_return Got::ended;
      case Decoder::State::more: tell_all(); break;
    }
    char* const to = decoder_.prepare(kReadSize);
    auto [ec, size] = co_await stream_.async_read_some(asio::buffer(to, kReadSize), kAwait);
    if (ec || closed_) {
      fail(ec == asio::error::eof || ec == asio::ssl::error::stream_truncated ? "ended" : ec.message());
      co_return Got::ended;
    }
    decoder_.commit(size);
    heard_ = Clock::now();
    host_.counters().bytes_received += size;
  }
}

void Connection::put(const Message& message) {
  buffer_.resize(0);
  append(message, buffer_);
}

Await<void> Connection::flush() {
  auto [ec, size] = co_await asio::async_write(stream_, asio::buffer(buffer_.expose()), kAwait);
  if (ec) fail(ec.message());
}

void Connection::say(const Message& message) {
  append(message, small_);
  pump();
}

void Connection::pump() {
  if (writing_ || waiting_ || closed_ || !remote_) return;
  const auto now = Clock::now();
  if (now - slice_ >= kSlice) {
    slice_ = now;
    slice_writes_ = 0;
  }
  if (slice_writes_ < kWritesPerSlice) return write();
  waiting_ = true;
  budget_.expires_at(slice_ + kSlice);
  budget_.async_wait([self = shared_from_this()](const error_code&) {
    self->waiting_ = false;
    self->pump();
  });
}

void Connection::write() {
  buffer_.resize(0);
  buffer_.append(small_.expose());
  small_.resize(0);
  remote_->outbox.gather(kBatch, buffer_);
  if (buffer_.empty()) return;
  writing_ = true;
  wrote_ = Clock::now();
  ++slice_writes_;
  ++host_.counters().writes;
  host_.counters().bytes_sent += buffer_.size();
  asio::async_write(stream_, asio::buffer(buffer_.expose()),
                    [self = shared_from_this()](const error_code& ec, std::size_t) {
                      self->writing_ = false;
                      if (ec) return self->fail(ec.message());
                      self->pump();
                    });
}

void Connection::tick(Clock::time_point now) {
  if (closed_) return;
  const PeerSettings& settings = host_.settings();
  const auto cut = [&](const char* why) {
    if (!saying_goodbye_) ++host_.counters().timed_out;
    fail(why);
  };
  if (saying_goodbye_) {
    if (now > began_) cut("ended");
  } else if (!was_open_) {
    if (now - began_ > settings.handshake) cut("did not prove who it is in time");
  } else if (now - heard_ > settings.dead) {
    cut("was not heard of any more");
  } else if (writing_ && now - wrote_ > settings.dead) {
    cut("does not take what is sent");
  } else if (now - heard_ > settings.ping && now - asked_ > settings.ping) {
    asked_ = now;
    say(Ping{++pings_});
  }
}

void Connection::dismiss(const Error& why) {
  if (closed_ || saying_goodbye_) return;
  if (!was_open_ || writing_) return fail(std::string(why.message()));
  small_.resize(0);
  append(Goodbye{why}, small_);
  buffer_ = std::move(small_);
  writing_ = true;
  saying_goodbye_ = true;
  reason_ = std::string(why.message());
  began_ = Clock::now() + kLastWords;
  asio::async_write(stream_, asio::buffer(buffer_.expose()),
                    [self = shared_from_this()](const error_code&, std::size_t) { self->close(); });
}

void Connection::fail(std::string why) {
  if (!closed_ && reason_.empty()) reason_ = std::move(why);
  close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  stream_.next_layer().close(ignored);
  budget_.cancel();
}

}  // namespace coffer::net::peer
