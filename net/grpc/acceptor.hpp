#pragma once
// Accepts a gRPC listener's connections and hands them to grpc++, which has no bound on them (1.51; newer ones have a channel
// argument for it): beyond the limit a new connection is closed, as on the HTTP listeners. Made and stopped by the server
// (main's thread); accepts on a thread of its own, which sleeps in poll(2).

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/server_builder.h>

#include "model/result.hpp"
#include "net/live.hpp"

namespace coffer::net::rpc {

class Acceptor {
 public:
  explicit Acceptor(std::shared_ptr<const LiveLimits> limits) : limits_(std::move(limits)) {}
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor() { stop(); }

  /// Opens the address ("127.0.0.1:7781", ":7781", port 0: any free one) on everything that its name stands for. Errors:
  /// unavailable, one sentence with the address and the reason.
  model::Status listen(const std::string& address);
  /// REQUIRES: listen() was well.
  std::uint16_t port() const { return port_; }
  /// From now on connections are accepted. `sink` is what grpc::ServerBuilder gave for this listener; its server is started.
  void start(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> sink);
  /// Closes the listening sockets, not the connections. REQUIRES: before the server's Shutdown(), which knows no handing over.
  void stop();

 private:
  /// A connection by its descriptor, which is grpc++'s. Once that is closed, the number stands for another file or none.
  struct Connection {
    int fd;
    std::uint64_t inode;
    bool is_open() const;
  };

  void run();
  void accept_from(int listening);
  void admit(int fd);
  bool is_full();

  const std::shared_ptr<const LiveLimits> limits_;
  std::uint16_t port_ = 0;
  std::vector<int> listening_;
  int wake_ = -1;  // an eventfd
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> sink_;
  // Of the thread.
  std::vector<Connection> connections_;  // the closed ones go when it is full
  std::chrono::steady_clock::time_point next_look_;
  std::thread thread_;
};

}  // namespace coffer::net::rpc
