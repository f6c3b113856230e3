// A connection's life; see session.hpp.

#include "net/http/session.hpp"

#include <algorithm>
#include <cstring>

#include <boost/asio/post.hpp>

#include "net/certificate.hpp"
#include "net/http/response.hpp"
#include "net/streaming.hpp"

namespace coffer::net::http {
namespace {

using model::Code;
using model::Error;

constexpr std::size_t kFirstBuffer = 4 << 10;
constexpr std::size_t kBodyBuffer = 64 << 10;
/// Who sends or reads a large body more slowly than this is cut.
constexpr std::size_t kLeastBytesPerSecond = 64 << 10;
/// How much of a refused request is read on, so that its sender gets to read why (RFC 9112 9.6).
constexpr std::size_t kLingerBytes = 1 << 20;
constexpr std::chrono::milliseconds kLingerTime{2000};
/// What a connection gets for its answer when the server's time to drain is over.
constexpr std::chrono::milliseconds kLastWords{500};

std::string text_of(const asio::ip::tcp::endpoint& endpoint) {
  const auto host = endpoint.address().to_string();
  const auto port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

}  // namespace

Session::Session(std::shared_ptr<IoThread> io, Socket socket)
    : io_(std::move(io)), shared_(io_->shared()), socket_(std::move(socket)) {
  boost::system::error_code ec;
  const auto endpoint = socket_.remote_endpoint(ec);
  if (!ec) {
    peer_.address = text_of(endpoint);
    peer_.loopback = endpoint.address().is_loopback() ||
                     (endpoint.address().is_v6() && endpoint.address().to_v6().is_v4_mapped() &&
                      asio::ip::make_address_v4(asio::ip::v4_mapped, endpoint.address().to_v6()).is_loopback());
  }
  peer_.tls = shared_.has_tls;
  if (shared_.has_tls) {
    tls_context_ = shared_.tls.load();
    tls_.emplace(socket_, *tls_context_);
  }
  io_->add(this);
}

Session::~Session() { io_->remove(this); }

Await<void> Session::serve(std::unique_ptr<Session> self) {
  Session& session = *self;
  if (session.tls_ && !co_await session.handshake()) co_return;
  Next next = Next::request;
  while (next == Next::request) next = co_await session.exchange();
  if (next == Next::linger) co_await session.linger();
}

Await<bool> Session::handshake() {
  allow(shared_.limits().header_timeout);
  auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAwait);
  if (ec) co_return false;
  peer_.certificate = client_certificate(tls_->native_handle());
  co_return true;
}

Await<Session::Next> Session::exchange() {
  request_->clear();
  call_id_.clear();
  if (begin_ == end_ && input_.size() > 4 * kFirstBuffer) input_ = {};
  Parser parser(shared_.limits().header_bytes, shared_.limits().body_bytes, *request_);
  if (const Next next = co_await read_header(parser); next != Next::request) co_return next;
  take_call_id();
  if (auto status = admit(); !status) co_return co_await refuse(429, status.error());
  Site::Selection selection = shared_.site->select(*request_, HttpCaller(*request_, peer_, call_id_));
  if (!parser.is_done()) {
    const bool waits = request_->expects_continue && begin_ == end_;
    // Its body was not sent yet, and need not be.
    if (waits && !selection.endpoint) co_return co_await refuse(selection.refusal);
    if (waits && !co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return Next::close;
    if (const Next next = co_await read_body(parser); next != Next::request) co_return next;
  }
  co_return co_await answer_request(std::move(selection));
}

Await<Session::Next> Session::read_header(Parser& parser) {
  idle_ = begin_ == end_;
  if (idle_ && io_->is_draining()) co_return Next::close;
  allow(first_ || !idle_ ? shared_.limits().header_timeout : shared_.limits().idle_timeout);
  first_ = false;
  bool began = false;
  while (true) {
    // RFC 9112 2.2: an empty line before a request is a mistake of old clients, and harmless.
    while (!began && buffered().starts_with("\r\n")) begin_ += 2;
    if (began || (begin_ != end_ && buffered() != "\r")) {
      began = true;
      begin_ += parser.feed(buffered());
      if (parser.malformed() != Malformed::none) co_return co_await refuse_malformed(parser.malformed());
      if (parser.has_header()) co_return Next::request;
    }
    if (!co_await fill(shared_.limits().header_bytes + kFirstBuffer)) {
      if (expired_ && began) {
        co_return co_await refuse(408, Error(Code::deadline_exceeded, "the request's header took too long"));
      }
      if (end_ - begin_ >= shared_.limits().header_bytes)
        co_return co_await refuse_malformed(Malformed::header_too_large);
      co_return Next::close;
    }
    if (idle_) allow(shared_.limits().header_timeout);
    idle_ = false;
  }
}

Await<Session::Next> Session::read_body(Parser& parser) {
  const auto declared = parser.declared_length();
  allow(shared_.limits().header_timeout, declared ? static_cast<std::size_t>(declared) : shared_.limits().body_bytes);
  while (true) {
    if (begin_ != end_) begin_ += parser.feed(buffered());
    if (parser.malformed() != Malformed::none) co_return co_await refuse_malformed(parser.malformed());
    if (parser.is_done()) co_return Next::request;
    if (!co_await fill(kBodyBuffer)) {
      if (expired_) co_return co_await refuse(408, Error(Code::deadline_exceeded, "the request's body took too long"));
      if (end_ - begin_ >= kBodyBuffer) co_return co_await refuse_malformed(Malformed::header_too_large);
      co_return Next::close;
    }
  }
}

Await<Session::Next> Session::answer_request(Site::Selection selection) {
  if (!selection.endpoint) {
    shared_.site->count_refusal(selection.refusal.status);
    note_failure(selection.refusal);
    co_return co_await send(selection.refusal, request_->keep_alive);
  }
  const bool keep_alive = request_->keep_alive;
  Arrival arrival{std::move(request_), &peer_, call_id_, std::move(selection.variables), selection.query, Clock::now()};
  auto job = selection.endpoint->make_job(std::move(arrival));
  woken_ = false;
  Answer late;
  if (!job->start(*this, shared_.in_flight)) co_await wait_for(job, &late);
  if (job && job->stream.is_on) co_return co_await send_stream(std::move(job));
  if (job) {
    late = std::move(job->outcome);
    request_ = job->take_request();
    job.reset();
    note_failure(late);
    co_return co_await send(late, keep_alive);
  }
  request_ = std::make_unique<Incoming>();
  co_return co_await send(late, false);
}

/// Returns with the job answered, or with no job and the answer that stands for it.
Await<void> Session::wait_for(std::unique_ptr<Job>& job, Answer* late) {
  deadline_ = job->patience();
  expired_ = false;
  while (!woken_) {
    if (!cut_ && !expired_) co_await sleep();
    if (woken_) break;
    if ((expired_ || cut_) && job->abandon()) {
      *late = job->give_up(cut_);
      Job::disown(std::move(job), shared_.in_flight);
      co_return;
    }
    // The answer is being made at this moment.
    co_await sleep();
  }
}

/// Errors: those of SourceGuard, of an address that has failed too often.
model::Status Session::admit() {
  if (!shared_.guard || !shared_.guard->may_refuse() || !shared_.site->is_guarded(request_->target)) return {};
  return shared_.guard->admit(peer_.address, peer_.loopback, Clock::now());
}

void Session::note_failure(const Answer& answer) {
  if (answer.unauthenticated && shared_.guard) shared_.guard->failed(peer_.address, peer_.loopback, Clock::now());
}

Await<Session::Next> Session::send(const Answer& answer, bool keep_alive) {
  keep_alive = keep_alive && !io_->is_draining() && !cut_;
  bool large = false;
  append_response(answer, {request_->method == "HEAD", keep_alive, request_->http_10, call_id_}, &output_, &large);
  allow(shared_.limits().header_timeout, output_.size() + answer.body.size());
  // First everybody's turn to compute, then everybody's to send: a peer that sleeps is woken by the kernel at the sender's
  // expense, and of many peers on one machine or one proxy only the first is.
  co_await asio::post(socket_.get_executor(), kAwait);
  const bool sent = co_await write(output_) && (!large || co_await write(answer.body));
  model::wipe(output_.data(), output_.size());
  output_.clear();
  if (!sent) co_return Next::close;
  co_return keep_alive ? Next::request : Next::linger;
}

/// Piece after piece, each asked for when the last one was sent, until either side ends it.
Await<Session::Next> Session::send_stream(std::unique_ptr<Job> job) {
  const bool http_10 = job->is_http_10();
  append_stream_header(job->outcome, {job->is_head(), false, http_10, call_id_}, &output_);
  if (job->is_head()) job->stream.is_last = true;
  while (true) {
    if (!job->is_head()) append_piece(job->outcome.body, http_10, &output_);
    job->outcome.body.clear();
    allow(shared_.limits().slow_reader, output_.size());
    const bool sent = co_await write(output_);
    output_.clear();
    if (!sent) co_return Next::close;
    if (job->stream.is_last || io_->is_draining() || cut_) break;
    if (job->stream.pauses && !co_await pause()) break;
    woken_ = false;
    streams_ = true;
    Answer late;
    if (!job->again()) co_await wait_for(job, &late);
    streams_ = false;
    if (!job) break;
    note_failure(job->outcome);
  }
  request_ = std::make_unique<Incoming>();
  append_piece({}, http_10, &output_);
  allow(shared_.limits().header_timeout);
  const bool sent = co_await write(output_);
  output_.clear();
  co_return sent ? Next::linger : Next::close;
}

/// False: the server stops.
Await<bool> Session::pause() {
  allow(kStreamPause);
  streams_ = true;
  while (!expired_ && !cut_) co_await sleep();
  streams_ = false;
  co_return !cut_ && !io_->is_draining();
}

Await<Session::Next> Session::refuse(int status, Error error) {
  if (call_id_.empty()) take_call_id();
  co_return co_await refuse(shared_.site->failure(request_->target, status, error, call_id_));
}

Await<Session::Next> Session::refuse(Answer answer) {
  shared_.site->count_refusal(answer.status);
  note_failure(answer);
  co_return co_await send(answer, false);
}

Await<Session::Next> Session::refuse_malformed(Malformed malformed) {
  const auto& limits = shared_.limits();
  switch (malformed) {
    case Malformed::header_too_large:
      return refuse(431, Error(Code::too_large, "the request's header is larger than " +
                                                    std::to_string(limits.header_bytes) + " bytes"));
    case Malformed::body_too_large:
      return refuse(413, Error(Code::too_large,
                               "the request's body is larger than " + std::to_string(limits.body_bytes) + " bytes"));
    case Malformed::bad_coding:
      return refuse(501, Error(Code::unimplemented, "the only transfer coding served is chunked"));
    default: return refuse(400, Error(Code::invalid_argument, "the request is not HTTP/1.1"));
  }
}

/// Reads what there is behind end_. False: nothing more comes, or there is no room within `capacity`.
Await<bool> Session::fill(std::size_t capacity) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == input_.size() && begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == input_.size()) {
    if (input_.size() >= capacity) co_return false;
    input_.resize(std::min(capacity, std::max(kFirstBuffer, input_.size() * 2)));
  }
  auto [ec, size] = co_await read_some(asio::buffer(input_.data() + end_, input_.size() - end_));
  end_ += size;
  co_return !ec && size > 0 && !expired_;  // what was there already when the time was over came too late
}

Await<bool> Session::write(std::string_view bytes) {
  while (!bytes.empty()) {
    auto [ec, size] = co_await write_some(asio::buffer(bytes.data(), bytes.size()));
    if (ec || expired_) co_return false;
    bytes.remove_prefix(size);
  }
  co_return true;
}

/// The connection is closed, but a peer that is still sending would see a reset instead of the answer.
Await<void> Session::linger() {
  allow(kLingerTime);
  boost::system::error_code ec;
  if (tls_) co_await tls_->async_shutdown(kAwait);
  socket_.shutdown(asio::socket_base::shutdown_send, ec);
  input_.resize(kFirstBuffer);
  for (std::size_t left = kLingerBytes; left > 0 && !expired_ && !cut_;) {
    auto [error, size] = co_await socket_.async_read_some(asio::buffer(input_), kAwait);
    if (error) break;
    left -= std::min(left, size);
  }
}

Await<Session::Transferred> Session::read_some(asio::mutable_buffer buffer) {
  if (tls_) return tls_->async_read_some(buffer, kAwait);
  return socket_.async_read_some(buffer, kAwait);
}

Await<Session::Transferred> Session::write_some(asio::const_buffer buffer) {
  if (tls_) return tls_->async_write_some(buffer, kAwait);
  return socket_.async_write_some(buffer, kAwait);
}

Await<void> Session::sleep() {
  return asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this](Resume handler) { sleeping_.emplace(std::move(handler)); }, asio::use_awaitable_t<Executor>());
}

void Session::resume() {
  if (!sleeping_) return;
  Resume handler = std::move(*sleeping_);
  sleeping_.reset();
  std::move(handler)();
}

void Session::wake() noexcept {
  // The session may be gone before post() returns, and the io thread with it.
  const auto io = io_;
  asio::post(io->context(), [this] {
    woken_ = true;
    resume();
  });
}

void Session::allow(std::chrono::milliseconds time, std::size_t bytes) {
  if (cut_) time = std::min(time, kLastWords);
  deadline_ = Clock::now() + time + std::chrono::milliseconds(bytes * 1000 / kLeastBytesPerSecond);
  expired_ = false;
}

void Session::tick(Clock::time_point now) {
  if (now < deadline_) return;
  deadline_ = Clock::time_point::max();
  expired_ = true;
  boost::system::error_code ec;
  if (sleeping_) {
    resume();
  } else {
    socket_.cancel(ec);
  }
}

void Session::drain() {
  boost::system::error_code ec;
  if (idle_) socket_.cancel(ec);
  if (streams_ && sleeping_) {
    expired_ = true;
    resume();
  }
}

void Session::cut() {
  cut_ = true;
  boost::system::error_code ec;
  if (sleeping_) {
    resume();
  } else {
    socket_.close(ec);
  }
}

void Session::take_call_id() {
  const auto given = request_->header("x-request-id");
  call_id_ = is_valid_call_id(given) ? std::string(given) : make_call_id();
}

}  // namespace coffer::net::http
