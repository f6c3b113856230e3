#pragma once
// One HTTP connection, plain or TLS, as a coroutine on its io thread: read a request, start its job, sleep until it is
// answered, write, and again. The only session type, so that Asio's composed operations are instantiated once.

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <boost/asio/ssl/stream.hpp>

#include "net/http/io.hpp"
#include "net/http/job.hpp"
#include "net/http/parser.hpp"

namespace coffer::net::http {

class Session final : public Waker {
 public:
  Session(std::shared_ptr<IoThread> io, Socket socket);
  ~Session() override;
  /// The coroutine of a connection; owns the session.
  static Await<void> serve(std::unique_ptr<Session> self);

  /// Any thread.
  void wake() noexcept override;
  /// Of the io thread.
  void tick(Clock::time_point now);
  void drain();
  void cut();
  std::size_t place = 0;  // in the io thread's list

 private:
  using Transferred = std::tuple<boost::system::error_code, std::size_t>;
  using Resume = asio::async_result<asio::use_awaitable_t<Executor>, void()>::handler_type;
  enum class Next { request, close, linger };

  Await<bool> handshake();
  Await<Next> exchange();
  Await<Next> read_header(Parser& parser);
  Await<Next> read_body(Parser& parser);
  Await<Next> answer_request(Site::Selection selection);
  Await<void> wait_for(std::unique_ptr<Job>& job, Answer* late);
  Await<Next> send(const Answer& answer, bool keep_alive);
  Await<Next> send_stream(std::unique_ptr<Job> job);
  Await<bool> pause();
  Await<Next> refuse(int status, model::Error error);
  Await<Next> refuse(Answer answer);
  model::Status admit();
  void note_failure(const Answer& answer);
  Await<Next> refuse_malformed(Malformed malformed);
  Await<bool> write(std::string_view bytes);
  Await<bool> fill(std::size_t capacity);
  Await<void> linger();

  Await<Transferred> read_some(asio::mutable_buffer buffer);
  Await<Transferred> write_some(asio::const_buffer buffer);
  Await<void> sleep();
  void resume();
  void allow(std::chrono::milliseconds time, std::size_t bytes = 0);
  std::string_view buffered() const { return {input_.data() + begin_, end_ - begin_}; }
  void take_call_id();

  std::shared_ptr<IoThread> io_;
  Shared& shared_;
  Socket socket_;
  std::shared_ptr<asio::ssl::context> tls_context_;  // as it was when the connection came
  std::optional<asio::ssl::stream<Socket&>> tls_;
  Peer peer_;

  Clock::time_point deadline_ = Clock::time_point::max();
  bool expired_ = false;  // the deadline passed; what was under way was cancelled
  bool cut_ = false;
  bool idle_ = false;  // between two requests
  bool first_ = true;
  bool streams_ = false;  // a stream's next piece is waited for
  bool woken_ = false;
  std::optional<Resume> sleeping_;

  std::unique_ptr<Incoming> request_ = std::make_unique<Incoming>();
  std::string call_id_;
  std::vector<char> input_;
  std::size_t begin_ = 0, end_ = 0;  // of what is unread in it
  std::string output_;
};

}  // namespace coffer::net::http
