#pragma once
// Sees to it that what a purge has removed is not on this node's disk any more: the state is flushed, the log is cut behind
// it, both databases are compacted. That takes as long as the disk needs, and as long as another node that is away still
// needs the log; so it is done beside the keeper of keys, by a thread of its own, for all groups at once. Made by the node.
//
// A node hears of a purge by the meta group, and of the deletions by the tenant's group, which may be far behind here: so
// the first thing is to ask how far that has come, and to wait until the state has come as far.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "model/ids.hpp"
#include "model/result.hpp"

namespace coffer::actors {

class Forgetter {
 public:
  /// What it needs of the node and its databases. Called by its thread, which may wait.
  class Disk {
   public:
    virtual ~Disk() = default;
    /// Asks for the entry up to which everything is committed that was acknowledged before, on whatever node. At once;
    /// the answer may never come. Errors: any.
    virtual std::future<model::Result<model::Index>> newest(model::GroupId group,
                                                            std::chrono::steady_clock::time_point until) = 0;
    /// Up to where the group's log is in the state.
    virtual model::Index applied(model::GroupId group) const = 0;
    /// Is ready when everything that the state holds now is durable.
    virtual std::future<void> flush_state() = 0;
    /// The oldest entry of the group's log; none: it is empty.
    virtual model::Result<std::optional<model::Index>> first_logged(model::GroupId group) const = 0;
    virtual model::Status compact_state(model::GroupId group) = 0;
    virtual model::Status compact_log() = 0;
  };
  using Done = std::function<void(model::Status)>;

  explicit Forgetter(Disk& disk, std::chrono::milliseconds patience = std::chrono::seconds(30))
      : disk_(disk), patience_(patience) {}
  ~Forgetter() { stop(); }
  Forgetter(const Forgetter&) = delete;
  Forgetter& operator=(const Forgetter&) = delete;

  void start();
  /// What is under way is left; nobody is told of it any more.
  void stop();
  /// Everything that was acknowledged of the group so far, on whatever node. Any thread, at once; `done` is called by the
  /// thread of this object, with not_active when nobody says how far the group has come, unavailable when it takes longer
  /// than its patience, or disk_error, data_loss. Bounded: one job for each group and those who wait for it.
  void forget(model::GroupId group, Done done);

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::future<model::Result<model::Index>> asked;
    std::optional<model::Index> newest;  // this, and everything before it
    Clock::time_point until, ask_again;
    bool flushed = false;
    std::vector<Done> waiting;
  };
  void run();
  void begin();
  void learn();
  bool is_applied(model::GroupId group, const Job& job) const;
  void flush();
  void compact();
  void end(model::GroupId group, const model::Status& status);
  bool sleep_for(std::chrono::milliseconds time);
  bool stopped();

  Disk& disk_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<model::GroupId, Job> asked_;  // under the mutex; begun when no job of the group is under way
  bool stopped_ = false;
  std::thread thread_;
  std::map<model::GroupId, Job> jobs_;  // the thread's
};

}  // namespace coffer::actors
