#pragma once
// Changes of a tenant, as a watcher asks for them and is told. A watch is a row of short requests: each names the
// revision it wants to hear of next and waits a while for it, so a listener keeps its place itself, nothing is pushed
// faster than it is read, and any node can go on with it. Used by doors and the shard; pure values, any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.hpp"

namespace coffer::model {

/// A revision as clients see it, and back: one number that grows with both parts and stays below 2^53, JSON's exact
/// integers: the epoch above 40 bits of counter.
constexpr std::uint64_t to_number(Revision revision) {
  return (static_cast<std::uint64_t>(revision.epoch) << 40) + revision.counter;
}
constexpr Revision to_revision(std::uint64_t number) {
  return {static_cast<std::uint32_t>(number >> 40), number & ((1ULL << 40) - 1)};
}

/// Could it have been told to anybody?
constexpr bool is_exact_in_json(Revision revision) { return revision.epoch < (1U << 13); }

enum class ChangeType : std::uint8_t { put = 1, del = 2, undelete = 3, destroy = 4, metadata = 5 };

/// Answers as soon as there is a change that the caller may list, or with none when the time is over.
struct Watch {
  Revision from;              // the first one of interest; zero: whatever comes from now on
  std::string space, prefix;  // empty: every space, every name
  std::int64_t wait_ms = 0;   // at most kLongestWatchMs; 0: answers at once
  std::uint32_t limit = 256;  // changes in one answer; a revision's changes are never parted
};
inline constexpr std::int64_t kLongestWatchMs = 30'000;
inline constexpr std::uint32_t kMostWatched = 1000;  // the greatest limit

struct WatchedChange {
  std::uint64_t revision = 0;  // counters, under the epoch that the reply names
  ChangeType type = ChangeType::put;
  std::string space, name;
  std::uint64_t version = 0;
  std::int64_t time_ms = 0;
};
struct WatchReply {
  std::vector<WatchedChange> changes;  // ascending
  std::uint64_t next_revision = 0;     // where to go on; everything before it was looked at
};

}  // namespace coffer::model
