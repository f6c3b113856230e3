#pragma once
// A Raft message between two nodes of a group as a value: what the peer link carries and the simulator delivers.
// wire.hpp has its bytes.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/ids.hpp"
#include "storage/log_store.hpp"

namespace coffer::cluster {

struct RequestVote {
  model::Term term;
  model::NodeId candidate;
  model::Index last_log_index;
  model::Term last_log_term;
  bool disrupt_leader = false;
  bool pre_vote = false;
};
struct RequestVoteResult {
  model::Term term;
  bool vote_granted = false;
  bool pre_vote = false;
  std::uint16_t features = 0;
  std::uint16_t capacity = 0;
};
struct AppendEntries {
  model::Term term;
  model::Index prev_log_index;
  model::Term prev_log_term;
  model::Index leader_commit;
  std::vector<storage::LogEntry> entries;
};
struct AppendEntriesResult {
  model::Term term;
  model::Index rejected;
  model::Index last_log_index;
  std::uint64_t features = 0;
  std::uint16_t capacity = 0;
};
struct InstallSnapshot {
  model::Term term;
  storage::Snapshot snapshot;
};
struct TimeoutNow {
  model::Term term;
  model::Index last_log_index;
  model::Term last_log_term;
};

/// When a leader sent something, for its reads (read_gate.hpp).
struct Stamp {
  std::uint64_t sent_at = 0;  // milliseconds of the leader's own clock; 0: says nothing about leases
  std::uint64_t round = 0;    // the newest round of reads that waits for an answer
  friend bool operator==(const Stamp&, const Stamp&) = default;
};
/// Asks whether the receiver still follows the sender; does not count as a heartbeat.
struct StampPing {
  model::Term term;
};
/// The receiver follows the sender of `stamp` in this term. An AppendEntriesResult with a stamp says so, too.
struct StampEcho {
  model::Term term;
};

struct Message {
  using Body = std::variant<RequestVote, RequestVoteResult, AppendEntries, AppendEntriesResult, InstallSnapshot,
                            TimeoutNow, StampPing, StampEcho>;
  model::GroupId group;
  model::NodeId from, to;
  Body body;
  Stamp stamp;  // of AppendEntries, InstallSnapshot, StampPing; StampEcho repeats it, AppendEntriesResult may
};

/// A heartbeat, or an answer such as heartbeats get: nobody waits for it, unless it is late by much of an election timeout.
inline bool is_heartbeat(const Message& message) {
  if (const auto* append = std::get_if<AppendEntries>(&message.body)) return append->entries.empty();
  const auto* result = std::get_if<AppendEntriesResult>(&message.body);
  return result != nullptr && result->rejected.value == 0;
}

}  // namespace coffer::cluster
