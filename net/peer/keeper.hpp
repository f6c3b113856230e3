#pragma once
// Keeps this node's certificate young: asks the directory for a new one at half of its life, has it stored, and gives it
// to the link without a restart. A thread of its own, which sleeps nearly always. Made and stopped by app/.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "actors/gateway.hpp"
#include "net/peer/link.hpp"

namespace coffer::net {

struct KeeperSettings {
  model::NodeId node;
  /// Must be durable when it returns: the link uses the new certificate from then on.
  std::function<model::Status(const PeerCredentials&)> store;
  std::function<model::TimeMs()> clock;       // the wall clock
  std::function<void(std::string_view)> log;  // one line
  std::chrono::milliseconds look{60'000};     // how often it looks at the clock, and tries again what failed
  std::chrono::milliseconds timeout{10'000};  // of one request
};

/// Half of the certificate's life is over, or it cannot be read.
bool is_due_for_renewal(std::string_view certificate, model::TimeMs now);

class CertificateKeeper {
 public:
  /// Gateway and link outlive it.
  CertificateKeeper(actors::Gateway& gateway, PeerListener& link, KeeperSettings settings);
  ~CertificateKeeper() { stop(); }
  CertificateKeeper(const CertificateKeeper&) = delete;
  CertificateKeeper& operator=(const CertificateKeeper&) = delete;

  /// Gets, checks, stores and installs a new certificate. Blocks; by the thread that starts the node, before start().
  /// Errors: those of the directory, of peer::make_contexts, of `store` and of the link.
  model::Status renew();
  void start(std::string certificate);
  void stop();

 private:
  void run();

  actors::Gateway& gateway_;
  PeerListener& link_;
  const KeeperSettings settings_;
  std::string certificate_;  // in use; the thread's once it runs
  std::mutex mutex_;         // guards stopping_
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace coffer::net
