#pragma once
// Carries out the moves of tenants that concern groups led here: into one, and out of one (tenant_move.hpp). A thread of
// its own that may block: the keeper of keys may be busy for minutes, and a tenant that is fenced waits for nobody.
// Whoever publishes the directory's rows tells it of every move; who leads decides anew with every look.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/keeper_host.hpp"
#include "actors/tenant_move.hpp"

namespace coffer::actors {

class MoveKeeper {
 public:
  MoveKeeper(KeeperHost& host, crypto::Random& random, std::function<void(std::string_view)> log)
      : host_(host), random_(random), log_(std::move(log)) {}
  ~MoveKeeper() { stop(); }
  MoveKeeper(const MoveKeeper&) = delete;
  MoveKeeper& operator=(const MoveKeeper&) = delete;

  void start();
  /// After at most one order: some seconds.
  void stop();
  /// The directory has committed this row. Any thread.
  void noticed(const model::TenantInfo& tenant);
  std::vector<Sample> samples() const;

 private:
  void run();
  /// True when something was done.
  bool attend(const model::TenantInfo& tenant);
  bool is_known(const model::TenantInfo& tenant) const;
  model::Result<bool> is_under_way(const model::TenantInfo& tenant);
  void carry_in(const model::TenantInfo& tenant);
  void sweep_out(const model::TenantInfo& tenant);
  model::Result<MoveFindings> look(model::GroupId group, const model::TenantId& tenant);
  model::Result<std::vector<std::string>> list(model::GroupId group, const model::TenantId& tenant) const;
  model::Result<model::MovingReply> show(model::GroupId group, const model::TenantId& tenant,
                                         const MoveOrder& order) const;
  model::Status write(model::GroupId group, const model::TenantId& tenant, const MoveOrder& order);
  model::Status tell(const model::TenantInfo& tenant, model::MoveStage stage);
  void report(const model::TenantInfo& tenant, const model::Error& error);

  KeeperHost& host_;
  crypto::Random& random_;
  const std::function<void(std::string_view)> log_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<model::TenantId, model::TenantInfo> moving_;  // under the mutex
  bool news_ = false;                                    // likewise
  std::atomic<bool> stopped_{false};
  std::thread thread_;
  std::atomic<std::uint64_t> moved_in_{0}, moved_out_{0}, failed_{0};
};

}  // namespace coffer::actors
