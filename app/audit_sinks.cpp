// See audit_sinks.hpp.

#include "app/audit_sinks.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

namespace coffer::app {
namespace {

using model::Code;
using model::Error;

constexpr int kPatienceMs = 5000;  // with a syslog server
constexpr int kRetryMs = 1000;     // after a connection that failed

/// Something that write() waits on together with a descriptor, so that cancel() ends the wait.
class Cancel {
 public:
  Cancel() : fd_(::eventfd(0, EFD_CLOEXEC)) {}
  Cancel(const Cancel&) = delete;
  ~Cancel() { ::close(fd_); }
  void set() noexcept {
    const std::uint64_t one = 1;
    is_set_ = true;
    (void)!::write(fd_, &one, sizeof one);
  }
  bool is_set() const { return is_set_; }
  /// True when `fd` is ready; false after `ms` (-1: never) or a cancel. fd -1: only waits.
  bool ready(int fd, short events, int ms) const {
    pollfd both[2] = {{fd_, POLLIN, 0}, {fd, events, 0}};
    int n = 0;
    do {
      n = ::poll(both, fd < 0 ? 1 : 2, ms);
    } while (n < 0 && errno == EINTR);
    return n > 0 && both[0].revents == 0;
  }

 private:
  const int fd_;
  std::atomic<bool> is_set_{false};
};

class DescriptorSink final : public model::AuditSink {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}
  std::string_view name() const override { return "stdout"; }
  bool write(std::string_view line) noexcept override {
    std::string text(line);
    text += '\n';
    for (std::string_view rest = text; !rest.empty();) {
      if (!cancel_.ready(fd_, POLLOUT, -1)) return false;
      // A pipe that is ready takes so much without blocking (pipe(7)); the descriptor itself may not be made
      // non-blocking, because others share it.
      const ssize_t n = ::write(fd_, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
      if (n < 0 && errno != EINTR && errno != EAGAIN) return false;
      if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void cancel() noexcept override { cancel_.set(); }

 private:
  const int fd_;
  Cancel cancel_;
};

class SyslogSink final : public model::AuditSink {
 public:
  SyslogSink(SyslogTarget target, unsigned facility) : target_(std::move(target)), facility_(facility) {
    char host[256] = "-";
    if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') std::strcpy(host, "-");
    host_ = host;
  }
  ~SyslogSink() override { close(); }
  std::string_view name() const override { return "syslog"; }

  bool write(std::string_view line) noexcept override {
    constexpr std::string_view kTime = "\"time\":\"";
    const auto at = line.find(kTime);
    const std::string_view time = at == std::string_view::npos ? "-" : line.substr(at + kTime.size(), 24);
    std::string message = syslog_message(facility_, time, host_, line);
    if (target_.kind == SyslogTarget::Kind::tcp) message = std::to_string(message.size()) + " " + message;
    // A connection that the other side has closed is noticed by a write only: once anew.
    for (int attempt = 0; attempt < 2 && !cancel_.is_set(); ++attempt) {
      if (fd_ < 0 && !connect()) {
        cancel_.ready(-1, 0, kRetryMs);
        return false;
      }
      if (send(message)) return true;
      close();
    }
    return false;
  }
  void cancel() noexcept override { cancel_.set(); }

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  bool connect_to(int family, int type, const sockaddr* address, socklen_t size) {
    fd_ = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return false;
    if (::connect(fd_, address, size) == 0) return true;
    int failure = errno;
    if (failure == EINPROGRESS && cancel_.ready(fd_, POLLOUT, kPatienceMs)) {
      socklen_t length = sizeof failure;
      ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &failure, &length);
      if (failure == 0) return true;
    }
    close();
    return false;
  }

  bool connect() {
    if (target_.kind == SyslogTarget::Kind::unix_socket) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      target_.host.copy(address.sun_path, sizeof address.sun_path - 1);
      return connect_to(AF_UNIX, SOCK_DGRAM, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    addrinfo hints{};
    hints.ai_socktype = target_.kind == SyslogTarget::Kind::udp ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(target_.host.c_str(), target_.port.c_str(), &hints, &list) != 0) return false;
    bool connected = false;
    for (const addrinfo* one = list; one != nullptr && !connected; one = one->ai_next) {
      connected = connect_to(one->ai_family, one->ai_socktype, one->ai_addr, one->ai_addrlen);
    }
    ::freeaddrinfo(list);
    return connected;
  }

  bool send(std::string_view message) {
    while (!message.empty()) {
      if (!cancel_.ready(fd_, POLLOUT, kPatienceMs)) return false;
      const ssize_t n = ::send(fd_, message.data(), message.size(), MSG_NOSIGNAL);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n < 0) return false;
      message.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  const SyslogTarget target_;
  const unsigned facility_;
  std::string host_;
  int fd_ = -1;
  Cancel cancel_;
};

}  // namespace

model::Result<SyslogTarget> parse_syslog(std::string_view text) {
  const auto bad = [&] {
    return Error(Code::invalid_argument,
                 "'" + std::string(text) + "' is no syslog target: unix:/dev/log, udp:HOST:514 or tcp:HOST:601");
  };
  SyslogTarget target;
  if (text.starts_with("unix:")) {
    target.host = text.substr(5);
    if (target.host.empty() || target.host[0] != '/' || target.host.size() >= sizeof(sockaddr_un::sun_path)) {
      return bad();
    }
    return target;
  }
  if (!text.starts_with("udp:") && !text.starts_with("tcp:")) return bad();
  target.kind = text.starts_with("udp:") ? SyslogTarget::Kind::udp : SyslogTarget::Kind::tcp;
  std::string_view rest = text.substr(4);
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  target.port = rest.substr(colon + 1);
  rest = rest.substr(0, colon);
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  target.host = rest;
  if (target.host.empty() || target.port.empty() || target.port.size() > 5 ||
      target.port.find_first_not_of("0123456789") != std::string::npos) {
    return bad();
  }
  return target;
}

std::string syslog_message(unsigned facility, std::string_view time, std::string_view host, std::string_view record) {
  constexpr unsigned kNotice = 5;
  std::string message = "<" + std::to_string(facility * 8 + kNotice) + ">1 ";
  message.append(time).append(" ").append(host).append(" coffer ").append(std::to_string(::getpid()));
  return message.append(" audit - ").append(record);
}

std::unique_ptr<model::AuditSink> make_stdout_sink() { return make_descriptor_sink(STDOUT_FILENO); }
std::unique_ptr<model::AuditSink> make_descriptor_sink(int fd) { return std::make_unique<DescriptorSink>(fd); }
std::unique_ptr<model::AuditSink> make_syslog_sink(SyslogTarget target, unsigned facility) {
  return std::make_unique<SyslogSink>(std::move(target), facility);
}

}  // namespace coffer::app
