#pragma once
// Which rows of a tenant changed since somebody began to copy them while it is used (tenant_move.hpp), in the order in
// which they did: the shard notes what it decides. Bounded; a trace that has lost something says so, and the copy is
// compared with the tenant from its beginning. One per shard that is being copied; that shard's actor only.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace coffer::actors {

class MoveTrace {
 public:
  /// Some 10 MiB.
  static constexpr std::size_t kMostRows = 1 << 16;
  /// The number of the write set that changed a row last, and the row.
  using Place = std::pair<std::uint64_t, std::string>;

  explicit MoveTrace(std::string id, std::size_t most = kMostRows) : id_(std::move(id)), most_(most) {}
  const std::string& id() const { return id_; }

  /// `sequence` never falls.
  void note(std::uint64_t sequence, const std::string& row) {
    if (lost_) return;
    const auto [known, is_new] = newest_.try_emplace(row, sequence);
    if (!is_new) {
      if (known->second == sequence) return;
      order_.erase({known->second, row});
      known->second = sequence;
    }
    order_.emplace(sequence, row);
    if (order_.size() <= most_) return;
    lost_ = true;
    order_.clear();
    newest_.clear();
  }
  bool is_lost() const { return lost_; }
  /// Does it know everything that changed behind that place? Not when it was asked to forget it, or had to.
  bool knows(const Place& since) const { return !lost_ && since >= forgotten_; }
  /// What changed up to there has been seen.
  void forget(const Place& seen) {
    while (!order_.empty() && *order_.begin() <= seen) {
      newest_.erase(order_.begin()->second);
      order_.erase(order_.begin());
    }
    forgotten_ = std::max(forgotten_, seen);
  }
  /// In their order; behind(since) is the first.
  std::set<Place>::const_iterator behind(const Place& since) const { return order_.upper_bound(since); }
  std::set<Place>::const_iterator end() const { return order_.end(); }

 private:
  const std::string id_;
  const std::size_t most_;
  std::set<Place> order_;
  std::map<std::string, std::uint64_t> newest_;
  Place forgotten_;
  bool lost_ = false;
};

}  // namespace coffer::actors
