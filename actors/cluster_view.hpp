#pragma once
// What the nodes have reported to the meta group's leader, for placement and for the operators' status. Written by the
// steward, read by the directory; any thread.

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "model/cluster_requests.hpp"

namespace coffer::actors {

class ClusterView {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kSilent{5};
  /// This node leads the meta group from now on: what was reported before counts no more.
  void begin(Clock::time_point now);
  /// The last begin().
  Clock::time_point since() const;
  /// Have all of these nodes reported since then, and leaders of so many groups? After `patience` it counts as said: who
  /// has not reported by then is away.
  bool is_informed(const std::vector<model::NodeId>& reporters, std::size_t groups, Clock::time_point now,
                   Clock::duration patience) const;
  void heard(model::NodeId node, std::vector<model::GroupInfo> leads, Clock::time_point at, bool low_on_disk);
  /// Did its last report say that its disk has no room for changes?
  bool is_low_on_disk(model::NodeId node) const;
  /// When the node reported last; the epoch when it never did.
  Clock::time_point heard_at(model::NodeId node) const;
  /// Has it reported within the last seconds?
  bool hears(model::NodeId node, Clock::time_point now) const { return now - heard_at(node) < kSilent; }
  /// Of each group what the leader of the newest term said; by id. A leader that has not measured the group's load yet
  /// gives it the one that was measured last.
  std::vector<model::GroupInfo> groups() const;
  std::uint32_t replicas_of(model::NodeId node) const;
  void set_plan(std::vector<std::string> words);
  /// Fills in what the rows do not say.
  void complete(model::NodeId self, model::ClusterStatusReply& reply, Clock::time_point now) const;

 private:
  struct Heard {
    std::vector<model::GroupInfo> leads;
    Clock::time_point at;
    bool low_on_disk = false;
  };
  std::vector<model::GroupInfo> groups_locked() const;
  mutable std::mutex mutex_;
  Clock::time_point since_;
  std::map<model::NodeId, Heard> heard_;
  struct Measured {
    model::Term term;
    model::GroupLoad load;
  };
  std::map<model::GroupId, Measured> loads_;
  std::vector<std::string> plan_;
};

}  // namespace coffer::actors
