#pragma once
// How busy a group is, and what placement makes of it: a counter becomes a smoothed rate on the node that leads the group
// (LoadMeter), a rate becomes work in one unit, and work becomes a level that noise does not move (LoadLevels) beside the
// meta group's leader. Used by the steward; pure values, time comes from outside.
//
// The unit is a Get from memory. A write set costs the leader about two and a half, in all, and each further replica about
// two thirds of one, beside its part of the disk (docs/benchmarks.md: 17 us of CPU for a Get, 43 for a Put on a node alone;
// three nodes spend 3.7 times as much on a Put as on a Get). So a request counts 1 where the group is led, a write set 1
// more there, and 1 on each node that has a replica, which logs and applies it.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "cluster/types.hpp"
#include "model/cluster_requests.hpp"

namespace coffer::cluster {

/// What only the leader does, per second.
std::uint64_t work_of_leading(const model::GroupLoad& load);
/// What each of the group's `replicas` costs, per second. Any of them may lead, so each carries its part of that: else
/// groups that are read a lot could all be on the same few nodes, and no hand-over would help.
std::uint64_t work_of_a_replica(const model::GroupLoad& load, std::uint32_t replicas);

/// What a leader has served since it began to count.
struct Served {
  std::uint64_t requests = 0, writes = 0;
};

/// Served per second, smoothed exponentially over `window`. The first samples weigh as much as there are of them, so the
/// rate is right from the beginning and only less smooth; before a third of the window it is none, for a group that has
/// just got a new leader must not look idle.
class LoadMeter {
 public:
  explicit LoadMeter(std::chrono::milliseconds window) : window_(static_cast<double>(window.count())) {}
  /// Counters that went back have begun anew, and so does the meter.
  void sample(const Served& served, MonotonicMs now);
  std::optional<model::GroupLoad> load() const;

 private:
  double window_;
  std::optional<Served> last_;
  MonotonicMs last_at_ = 0;
  double requests_ = 0, writes_ = 0;  // per millisecond, times weight_
  double weight_ = 0;                 // 0 at the beginning, towards 1
};

/// Loads as placement goes by them. A level stays while what is measured is near it (from six tenths of it to its ten
/// sixths: what is steady but for a fifth up or down never moves it), and what is below kLeastLoad is none. A leadership
/// moves in milliseconds and follows at once; a replica is copied, so the level that decides about replicas changes only
/// when what is measured has been away from it for `lasting`.
class LoadLevels {
 public:
  static constexpr std::uint64_t kLeastLoad = 100;  // two thousandths of what one core serves
  struct Level {
    std::uint64_t leading = 0, replica = 0;
  };
  explicit LoadLevels(std::chrono::milliseconds lasting) : lasting_(static_cast<MonotonicMs>(lasting.count())) {}
  /// What is known of the group now; none: nobody has measured it yet, and its level stays.
  void follow(model::GroupId group, const std::optional<model::GroupLoad>& load, std::uint32_t replicas,
              MonotonicMs now);
  Level of(model::GroupId group) const;
  /// Some group is busy, and of another one nobody knows whether it is: balance by these levels would be guesswork.
  bool is_partial() const;

 private:
  struct Known {
    Level level;
    bool is_measured = false;
    std::optional<MonotonicMs> away_since;  // of the replica's level
  };
  MonotonicMs lasting_;
  std::map<model::GroupId, Known> groups_;
};

}  // namespace coffer::cluster
