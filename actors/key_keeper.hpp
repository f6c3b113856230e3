#pragma once
// The keeper of keys: one thread of its own that may block. It answers what operators ask about seals, keys and backups,
// and between that tends the tenants that this node leads: purges deleted ones, has rows sealed anew after a rotation,
// sweeps what has expired and deleted versions whose recovery window is over, writes the scheduled backups.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "actors/backup_sessions.hpp"
#include "actors/call_handle.hpp"
#include "actors/keeper_host.hpp"
#include "actors/keeper_settings.hpp"
#include "actors/seal_keeper.hpp"

namespace coffer::actors {

class KeyKeeper {
 public:
  KeyKeeper(KeeperHost& host, crypto::Random& random, std::function<void(std::string_view)> log,
            KeeperSettings settings);
  ~KeyKeeper() { stop(); }
  KeyKeeper(const KeyKeeper&) = delete;
  KeyKeeper& operator=(const KeyKeeper&) = delete;

  void start();
  void stop();
  /// Any thread; bounded. Answers itself when the queue is full or the caller may not ask.
  void submit(CallHandle call);
  /// A change of the keys' rows is committed. Any thread.
  void keys_changed(const KeyRows& rows);
  /// Rows of the group were purged: their bytes go from this node's disk, too. Any thread.
  void forget(model::GroupId group);
  /// Somebody was deleted, or seals under a new key: look at the tenants soon. Any thread.
  void hurry();
  /// A cluster key has sealed as often as it may: this node, which leads the directory, replaces it. Any thread.
  void replace_cluster_key(std::uint32_t version);
  std::vector<Sample> samples() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Candidate {  // a tenant that needs tending
    model::TenantId id;
    std::string name;
    bool reseal = false, sweep = false;
    model::GroupId group;
    model::TimeMs due = 0;  // the sweep's; of what is sealed anew 0
  };

  void run();
  void answer(CallHandle call);
  model::Result<model::ReplyBody> act(const model::Request& request);
  model::Result<model::ReplyBody> key_status(const std::string& tenant);
  model::Result<model::ReplyBody> rotate(const model::RotateKeys& rotate);
  model::Result<model::ReplyBody> set_reseal(const model::SetReseal& set);
  model::Status rotate_cluster_key();
  void follow_resealing(const KeyRows& rows);

  // key_tending.cpp
  Clock::time_point tend();
  void look_for_work();
  void look_at_deleted();
  model::Result<std::optional<std::uint32_t>> wrapping_of(const model::TenantInfo& tenant) const;
  void forget_purged();
  model::Status look_at(const model::TenantInfo& tenant);
  void purge(const model::TenantInfo& tenant);
  void forgotten(const model::TenantId& tenant, model::GroupId group, const model::Status& status);
  void finish_purges();
  model::Status tell_purged(const model::TenantId& tenant, model::TimeMs deleted_at, bool done);
  void replace_worn_key();
  void slice(Candidate& candidate);

  // key_retiring.cpp
  bool has_old_cluster_key() const;
  void begin_looks();
  void see_use(model::GroupId group, std::uint32_t wrapping, bool reseal);
  void tell_directory(bool looked);
  void directory_slice();
  void retire(std::uint32_t up_to);
  model::TendKeys news() const;
  model::Result<model::KeysReply> tell(model::TendKeys news);

  KeeperHost& host_;
  crypto::Random& random_;
  const std::function<void(std::string_view)> log_;
  const KeeperSettings settings_;
  SealKeeper seals_;
  BackupSessions backups_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<CallHandle> queue_;
  std::set<model::GroupId> to_forget_;
  struct Purging {  // its rows are gone; the disk is to forget them
    model::GroupId group;
    model::TimeMs deleted_at = 0;
    std::size_t left = 0;  // groups
    model::Status status;
  };
  std::map<model::TenantId, Purging> purging_;  // under the mutex
  bool purge_ends_ = false;                     // of one of them no group is left; under the mutex
  bool stopped_ = false, hurry_ = false;
  bool sealing_ = false;    // the keeper's thread
  std::uint32_t worn_ = 0;  // version of a cluster key that is to be replaced; under the mutex
  std::thread thread_;

  // The thread's.
  Clock::time_point next_round_{}, next_slice_{};
  Clock::time_point next_sweep_{};  // when the next look is for one that is due, once there is no work left
  std::deque<Candidate> work_;
  std::map<model::GroupId, model::KeyUse> looks_;  // of the groups that this node leads; in the last look
  bool look_failed_ = false;                       // so that it says nothing about what is not used any more
  bool directory_due_ = false;                     // the directory's own rows are to be looked through
  Clock::time_point next_news_{};
  std::uint64_t told_done_ = 0, told_rows_ = 0;  // of what this node did, as the directory knows it
  std::atomic<bool> paused_{false};
  std::atomic<std::uint64_t> rate_, left_{0}, done_{0}, rows_{0}, swept_{0}, purged_{0};
  std::string working_on_;
};

}  // namespace coffer::actors
