// See search_oracle.hpp.

#include "tests/sim/search_oracle.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace coffer::sim {

namespace {

struct Key {
  std::uint64_t newest_version = 0;
  Seen seen;
  friend auto operator<=>(const Key& a, const Key& b) {
    return std::tuple(a.newest_version, a.seen.version, a.seen.value) <=>
           std::tuple(b.newest_version, b.seen.version, b.seen.value);
  }
};
using Store = std::map<std::size_t, Key>;

class Search {
 public:
  explicit Search(const std::vector<Op>& history) : ops_(history) {}
  bool run() { return extend(0, {}); }

 private:
  static std::uint64_t end_of(const Op& op) {
    const bool open = op.returned == 0 || op.outcome == Outcome::unknown;
    return open ? std::numeric_limits<std::uint64_t>::max() : op.returned;
  }

  /// Whether everything that must have happened has, or can, from here on. `done`: a bit for each operation.
  bool extend(std::uint32_t done, const Store& store) {
    std::uint64_t first_end = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      first_end = (done >> i & 1) == 0 ? std::min(first_end, end_of(ops_[i])) : first_end;
    }
    if (first_end == std::numeric_limits<std::uint64_t>::max()) {
      return true;  // what is left may never have happened
    }
    if (!tried_.emplace(done, store).second) {
      return false;
    }
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if ((done >> i & 1) != 0 || ops_[i].invoked > first_end) {
        continue;
      }
      Store next = store;
      if (apply(ops_[i], next) && extend(done | std::uint32_t{1} << i, next)) {
        return true;
      }
    }
    return false;
  }

  static bool holds(const Op& op, Store& store) {
    return std::all_of(op.changes.begin(), op.changes.end(), [&](const Change& change) {
      const Key& key = store[change.key];
      const bool deletes_nothing = change.is_delete && op.kind == OpKind::del && key.seen.version == 0;
      return !deletes_nothing && (!change.expected || *change.expected == key.seen.version);
    });
  }

  /// False when a store in this state cannot have given that answer.
  static bool apply(const Op& op, Store& store) {
    if (op.outcome == Outcome::refused) {
      return true;
    }
    if (op.is_read()) {
      if (op.outcome == Outcome::unknown) {
        return true;
      }
      if (op.outcome == Outcome::failed) {
        return std::any_of(op.keys.begin(), op.keys.end(), [&](std::size_t k) { return store[k].seen.version == 0; });
      }
      for (std::size_t i = 0; i < op.keys.size(); ++i) {
        if (i >= op.seen.size() || !(store[op.keys[i]].seen == op.seen[i])) {
          return false;
        }
      }
      return true;
    }
    if (op.outcome == Outcome::failed || !holds(op, store)) {
      return op.outcome == Outcome::unknown || (op.outcome == Outcome::failed && !holds(op, store));
    }
    std::size_t put = 0;
    for (const Change& change : op.changes) {
      Key& key = store[change.key];
      if (change.is_delete) {
        key.seen = {};
        continue;
      }
      key.seen = {++key.newest_version, change.value};
      if (op.outcome == Outcome::ok && (put >= op.versions.size() || op.versions[put] != key.newest_version)) {
        return false;
      }
      ++put;
    }
    return true;
  }

  const std::vector<Op>& ops_;
  std::set<std::pair<std::uint32_t, Store>> tried_;
};

}  // namespace

bool has_linear_order(const std::vector<Op>& history) { return Search(history).run(); }

}  // namespace coffer::sim
