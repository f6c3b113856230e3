// Blocking HTTP; see http_socket.hpp.

#include "app/bench/http_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace coffer::app::bench {
namespace {

using model::Code;
using model::Error;

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Error broken(const std::string& what, int reason) {
  return {Code::unavailable, what + (reason == 0 ? "" : std::string(": ") + std::strerror(reason))};
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

model::Result<AnswerHead> parse_head(std::string_view head) {
  const Error bad(Code::invalid_argument, "the answer is not HTTP/1.1 with a Content-Length");
  AnswerHead out;
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12 || !read_number(head.substr(9, 3), out.status)) return bad;
  bool has_length = false;
  for (auto at = head.find("\r\n"); at != std::string_view::npos && at + 2 < head.size();) {
    const auto next = head.find("\r\n", at + 2);
    const auto line = head.substr(at + 2, next == std::string_view::npos ? next : next - at - 2);
    at = next;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = lower(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    if (name == "content-length") {
      if (!read_number(value, out.length)) return bad;
      has_length = true;
    } else if (name == "transfer-encoding") {
      return bad;
    } else if (name == "connection") {
      out.closes = lower(value) == "close";
    }
  }
  if (!has_length && out.status != 204 && out.status != 304) return bad;
  return out;
}

HttpSocket::HttpSocket(std::string host, std::string port, std::chrono::milliseconds timeout)
    : host_(std::move(host)), port_(std::move(port)), timeout_(timeout) {}

HttpSocket::~HttpSocket() { close(); }

void HttpSocket::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  received_.clear();
}

model::Status HttpSocket::connect() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host_.c_str(), port_.c_str(), &hints, &found); error != 0) {
    return broken("cannot find " + host_ + ": " + gai_strerror(error), 0);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  int reason = 0;
  for (const auto* a = found; a && socket_ < 0; a = a->ai_next) {
    socket_ = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (socket_ >= 0 && ::connect(socket_, a->ai_addr, a->ai_addrlen) != 0) {
      reason = errno;
      close();
    }
  }
  if (socket_ < 0) return broken("cannot connect", reason);
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  timeval patience{};
  patience.tv_sec = timeout_.count() / 1000;
  patience.tv_usec = timeout_.count() % 1000 * 1000;
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return {};
}

bool HttpSocket::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

model::Result<int> HttpSocket::read_answer() {
  std::array<char, 16384> buffer{};
  std::size_t head_end = std::string::npos;
  AnswerHead head;
  for (;;) {
    if (head_end == std::string::npos && (head_end = received_.find("\r\n\r\n")) != std::string::npos) {
      const auto parsed = parse_head(std::string_view(received_).substr(0, head_end));
      if (!parsed.ok()) return parsed.error();
      head = *parsed;
    }
    if (head_end != std::string::npos && received_.size() >= head_end + 4 + head.length) break;
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) return broken("the server closed the connection", 0);
    if (got < 0) return broken("no answer", errno);
    received_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  body_ = received_.substr(head_end + 4, head.length);
  received_.erase(0, head_end + 4 + head.length);
  if (head.closes) close();
  return head.status;
}

model::Result<int> HttpSocket::exchange(std::string_view request) {
  if (socket_ < 0) {
    if (const auto status = connect(); !status.ok()) return status.error();
  }
  if (!send_all(request)) {
    const auto error = broken("cannot send", errno);
    close();
    return error;
  }
  auto answer = read_answer();
  if (!answer.ok()) close();
  return answer;
}

}  // namespace coffer::app::bench
