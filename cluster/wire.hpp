#pragma once
// Bytes of this room's messages between nodes: what a PeerFrame of the channels `raft` and `snapshot` holds as its body.
// Pure functions, any thread. The golden files of tests/unit/cluster fix every format.
//
//   raft body = format kind fields stamp            kind        fields
//   stamp     = sent_at round                       1 RequestVote          term candidate last_index last_term flags
//   entry     = term kind data                      2 RequestVoteResult    term flags features capacity
//   flags     = bit 0: disrupt_leader or granted    3 AppendEntries        term prev_index prev_term commit n entry*n
//               bit 1: pre_vote                     4 AppendEntriesResult  term rejected last_index features capacity
//                                                   5 InstallSnapshot      term index term configuration_index configuration
//                                                   6 TimeoutNow           term last_index last_term
//                                                   7 StampPing            term
//                                                   8 StampEcho            term
// Numbers are varints, data and configuration stand behind their length; group and nodes are the frame's. The numbers of
// kinds are never reused. The bodies of `snapshot` are in snapshot_transfer.hpp.

#include <cstdint>
#include <string_view>

#include "cluster/message.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::cluster {

/// The form of raft bodies that this program writes and reads. Which forms a cluster may use: cluster/formats.hpp.
inline constexpr std::uint32_t kRaftFormat = 1;

/// What the entries of one AppendEntries may take together; a larger entry goes alone.
inline constexpr std::size_t kMaxAppendBytes = 1 << 20;

model::Secret encode(const Message& message);
/// Errors: unimplemented (a format or kind of a newer version), data_loss (not what encode() writes).
model::Result<Message> decode(model::GroupId group, model::NodeId from, model::NodeId to, std::string_view body);

}  // namespace coffer::cluster
