// See history.hpp.

#include "tests/sim/history.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>

namespace coffer::sim {

namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

std::string name_of(const Op& op) { return "operation " + std::to_string(op.id); }

struct Contradiction : std::runtime_error {
  using std::runtime_error::runtime_error;
};
void require_that(bool holds, const Op& op, const std::string& what) {
  if (!holds) {
    throw Contradiction(name_of(op) + " " + what);
  }
}

class Checker {
 public:
  explicit Checker(std::vector<Op> history) : ops_(std::move(history)) {
    for (Op& op : ops_) {
      op.returned = op.returned == 0 ? kNever : op.returned;
    }
  }
  void run() {
    place_writes();
    replay();
    bound();
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      check(ops_[i], floors_[i], ceilings_[i]);
    }
  }

 private:
  /// A key from a revision on.
  struct State {
    std::uint64_t revision = 0, newest_version = 0;
    Seen seen;
  };

  // Each revision has one write, and each write that counts has one revision.
  void place_writes() {
    for (const Op& op : ops_) {
      if (op.is_read()) {
        continue;
      }
      const std::uint64_t at = op.committed_at != 0 ? op.committed_at : op.outcome == Outcome::ok ? op.revision : 0;
      if (op.outcome == Outcome::ok) {
        require_that(op.revision != 0 && op.revision == at, op, "was acknowledged at a revision that is not its own");
      }
      const bool excluded = op.outcome == Outcome::refused || (op.outcome == Outcome::failed && op.is_certain);
      require_that(at == 0 || !excluded, op, "was answered as not applied and is in the log");
      if (at != 0) {
        const auto [known, fresh] = writes_.emplace(at, &op);
        require_that(fresh, op, "has the revision of " + name_of(*known->second));
      }
    }
  }

  const State& at(std::size_t key, std::uint64_t revision) const {
    static const State nothing;
    const auto found = keys_.find(key);
    if (found == keys_.end()) {
      return nothing;
    }
    auto next = std::upper_bound(found->second.begin(), found->second.end(), revision,
                                 [](std::uint64_t r, const State& state) { return r < state.revision; });
    return next == found->second.begin() ? nothing : *std::prev(next);
  }

  static bool holds(const Op& op, const Change& change, const State& state) {
    const bool deletes_nothing = change.is_delete && op.kind == OpKind::del && state.seen.version == 0;
    return !deletes_nothing && (!change.expected || *change.expected == state.seen.version);
  }

  void replay() {
    for (const auto& [revision, op] : writes_) {
      std::size_t put = 0;
      for (const Change& change : op->changes) {
        State state = at(change.key, revision);
        require_that(holds(*op, change, state), *op, "was applied though its condition does not hold");
        state.revision = revision;
        if (change.is_delete) {
          state.seen = {};
        } else {
          state.seen = {++state.newest_version, change.value};
          const bool told = op->outcome == Outcome::ok;
          require_that(!told || (put < op->versions.size() && op->versions[put] == state.newest_version), *op,
                       "was told a version that the store cannot have had");
          ++put;
        }
        auto& states = keys_[change.key];
        if (!states.empty() && states.back().revision == revision) {
          states.back() = state;
        } else {
          states.push_back(state);
        }
      }
    }
  }

  // By real time: the highest revision that somebody knew before the operation began, and the highest that anything asked
  // for before its end can have made.
  void bound() {
    floors_.resize(ops_.size());
    ceilings_.resize(ops_.size());
    std::vector<std::pair<std::uint64_t, std::uint64_t>> known, asked;  // time, revision
    for (const Op& op : ops_) {
      if (op.outcome == Outcome::ok && op.returned != kNever) {
        known.emplace_back(op.returned, op.revision);
      }
    }
    std::uint64_t newest = 0;  // a revision is there when everything up to it was asked for
    for (const auto& [revision, op] : writes_) {
      newest = std::max(newest, op->invoked);
      asked.emplace_back(newest, revision);
    }
    const auto highest_before = [](std::vector<std::pair<std::uint64_t, std::uint64_t>>& events) {
      std::sort(events.begin(), events.end());
      for (std::size_t i = 1; i < events.size(); ++i) {
        events[i].second = std::max(events[i].second, events[i - 1].second);
      }
      return [&events](std::uint64_t time) {
        auto next = std::lower_bound(events.begin(), events.end(), std::pair(time, std::uint64_t{0}));
        return next == events.begin() ? std::uint64_t{0} : std::prev(next)->second;
      };
    };
    const auto floor = highest_before(known);
    const auto ceiling = highest_before(asked);
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      floors_[i] = floor(ops_[i].invoked);
      ceilings_[i] = ceiling(ops_[i].returned);
    }
  }

  void check(const Op& op, std::uint64_t floor, std::uint64_t ceiling) const {
    const std::uint64_t at_revision = op.committed_at != 0 ? op.committed_at : op.revision;
    if (!op.is_read() && at_revision != 0) {
      require_that(at_revision > floor, op, "stands before what was answered when it began");
    }
    if (op.outcome == Outcome::ok) {
      require_that(op.revision <= std::max(ceiling, floor), op, "was answered from a future that nobody had asked for");
    }
    if (op.outcome == Outcome::ok && op.is_read()) {
      require_that(op.revision >= floor, op, "read an older state than was answered before it began");
      for (std::size_t i = 0; i < op.keys.size(); ++i) {
        require_that(i < op.seen.size() && op.seen[i] == at(op.keys[i], op.revision).seen, op,
                     "read what the store did not hold at that revision");
      }
    }
    if (op.outcome == Outcome::failed && op.committed_at == 0 && op.is_certain) {
      require_that(may_have_failed(op, floor, std::max(floor, ceiling)), op,
                   "was told that its condition does not hold, and it always did");
    }
  }

  bool may_have_failed(const Op& op, std::uint64_t floor, std::uint64_t ceiling) const {
    const auto fails_at = [&](std::uint64_t revision) {
      if (op.is_read()) {
        return std::any_of(op.keys.begin(), op.keys.end(),
                           [&](std::size_t key) { return at(key, revision).seen.version == 0; });
      }
      return std::any_of(op.changes.begin(), op.changes.end(),
                         [&](const Change& change) { return !holds(op, change, at(change.key, revision)); });
    };
    for (std::uint64_t revision = floor; revision <= ceiling; ++revision) {
      if (fails_at(revision)) {
        return true;
      }
    }
    return false;
  }

  std::vector<Op> ops_;
  std::map<std::uint64_t, const Op*> writes_;
  std::map<std::size_t, std::vector<State>> keys_;
  std::vector<std::uint64_t> floors_, ceilings_;
};

}  // namespace

std::optional<std::string> find_contradiction(std::vector<Op> history) {
  try {
    Checker(std::move(history)).run();
    return std::nullopt;
  } catch (const Contradiction& contradiction) {
    return contradiction.what();
  }
}

}  // namespace coffer::sim
