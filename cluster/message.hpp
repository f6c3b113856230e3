#pragma once
// A Raft message between two nodes of a group as a value: what the peer link carries and the simulator delivers.
// Encodings for the wire are the cluster issue's; here it only exists in memory.

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

struct Message {
  model::GroupId group;
  model::NodeId from, to;
  std::variant<RequestVote, RequestVoteResult, AppendEntries, AppendEntriesResult, InstallSnapshot, TimeoutNow> body;
};

}  // namespace coffer::cluster
