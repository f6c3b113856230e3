#pragma once
// A plain HTTP/1.1 client connection on a blocking socket, only as much as the load generator needs: it sends prepared
// requests and reads answers that have a Content-Length or no body. One thread.

#include <chrono>
#include <string>
#include <string_view>

#include "model/result.hpp"

namespace coffer::app::bench {

class HttpSocket {
 public:
  HttpSocket(std::string host, std::string port, std::chrono::milliseconds timeout);
  ~HttpSocket();
  HttpSocket(const HttpSocket&) = delete;
  HttpSocket& operator=(const HttpSocket&) = delete;

  /// Sends a whole request and reads its answer; connects when there is no connection. The answer's status.
  /// Errors: unavailable with the reason; the connection is closed then.
  model::Result<int> exchange(std::string_view request);
  /// Of the last answer.
  std::string_view body() const { return body_; }

 private:
  model::Status connect();
  void close();
  bool send_all(std::string_view bytes);
  model::Result<int> read_answer();

  std::string host_, port_;
  std::chrono::milliseconds timeout_;
  int socket_ = -1;
  std::string received_, body_;
};

/// From an answer's head (up to its empty line): status, body length, and whether the server closes afterwards.
struct AnswerHead {
  int status = 0;
  std::size_t length = 0;
  bool closes = false;
};
/// Errors: invalid_argument for what is no HTTP/1.1 answer, or has a body without Content-Length.
model::Result<AnswerHead> parse_head(std::string_view head);

}  // namespace coffer::app::bench
