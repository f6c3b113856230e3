// See net/grpc/acceptor.hpp.

#include "net/grpc/acceptor.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "net/listen.hpp"

namespace coffer::net::rpc {
namespace {

using model::Code;
using model::Error;
using model::Status;

constexpr std::chrono::milliseconds kLook{20};               // while it is full: a look at 10,000 connections takes 3
constexpr std::chrono::milliseconds kOutOfDescriptors{100};  // a retry at once would only burn the processor

void set(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

void set_port(sockaddr* address, std::uint16_t port) {
  if (address->sa_family == AF_INET6) reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  if (address->sa_family == AF_INET) reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
}

std::uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

/// -1, with errno: could not be opened.
int open_socket(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol);
  if (fd < 0) return fd;
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // "[::]" takes IPv4, too, whatever the machine's default is; a name's other addresses are opened by themselves.
  const bool any = address.ai_family == AF_INET6 &&
                   IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<sockaddr_in6*>(address.ai_addr)->sin6_addr);
  if (address.ai_family == AF_INET6) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1);
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, SOMAXCONN) == 0) return fd;
  const int reason = errno;
  ::close(fd);
  errno = reason;
  return -1;
}

std::uint64_t inode_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? info.st_ino : 0;
}

}  // namespace

bool Acceptor::Connection::is_open() const { return inode_of(fd) == inode; }

Status Acceptor::listen(const std::string& address) {
  const auto addresses = addresses_of(address);
  if (!addresses) return addresses.error();
  const bool is_any = address.starts_with(':');
  std::string reason = "the name has no address";
  bool taken = false;
  // The IPv6 ones first: without a host that is "[::]", beside which "0.0.0.0" cannot be opened and need not be.
  for (const int family : {AF_INET6, AF_INET}) {
    for (addrinfo* a = addresses->get(); a != nullptr; a = a->ai_next) {
      if (a->ai_family != family || (is_any && !listening_.empty())) continue;
      if (port_ != 0) set_port(a->ai_addr, port_);  // the free one that the first address got
      const int fd = open_socket(*a);
      if (fd >= 0) {
        listening_.push_back(fd);
        port_ = port_of(fd);
        continue;
      }
      reason = std::strerror(errno);
      taken = taken || errno == EADDRINUSE;
    }
  }
  // A machine without IPv6 lacks an address; one that another process has would take half of this listener's clients.
  if (!listening_.empty() && !taken) return {};
  stop();
  return Error(Code::unavailable, "cannot listen on " + address + ": " + reason);
}

void Acceptor::start(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> sink) {
  sink_ = std::move(sink);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { run(); });
}

void Acceptor::stop() {
  if (thread_.joinable()) {
    ::eventfd_write(wake_, 1);
    thread_.join();
    ::close(std::exchange(wake_, -1));
  }
  for (const int fd : listening_) ::close(fd);
  listening_.clear();
}

void Acceptor::run() {
  std::vector<pollfd> waits{{wake_, POLLIN, 0}};
  for (const int fd : listening_) waits.push_back({fd, POLLIN, 0});
  for (;;) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits.front().revents != 0) return;
    for (std::size_t i = 1; i < waits.size(); ++i) {
      if (waits[i].revents != 0) accept_from(waits[i].fd);
    }
  }
}

void Acceptor::accept_from(int listening) {
  const int fd = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) return admit(fd);
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    pollfd stopped{wake_, POLLIN, 0};
    ::poll(&stopped, 1, static_cast<int>(kOutOfDescriptors.count()));
  }
}

void Acceptor::admit(int fd) {
  if (is_full()) {
    ::close(fd);
    return;
  }
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  connections_.push_back({fd, inode_of(fd)});
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.fd = fd;
  sink_->HandleNewConnection(&connection);
}

bool Acceptor::is_full() {
  const std::size_t limit = limits_->get().connections;
  if (connections_.size() < limit) return false;
  // Who is gone is looked at only here: a connection costs nothing while there is room. Not for each one of a flood.
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return true;
  next_look_ = now + kLook;
  std::erase_if(connections_, [](const Connection& c) { return !c.is_open(); });
  return connections_.size() >= limit;
}

}  // namespace coffer::net::rpc
