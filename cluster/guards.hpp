#pragma once
// What the host of libraft 0.22.1 must keep away from it, or correct in what it says: the released library has defects
// that lose data or stop a cluster. Each is a pure function here, used by raft_core.cpp and group_events.cpp, and each
// has a scripted regression in tests/unit/cluster. G1, G6 and G8 are not about messages: see raft_core.hpp. G10 is this
// project's own find: see raft_core.cpp.

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/message.hpp"

namespace coffer::cluster::guards {

/// G2: entries from below the local log's start (delayed or sent twice, or the acknowledgement was lost and the log
/// compacted since) would be taken as new ones. What the local snapshot covers is committed and therefore the same at
/// the sender: it is cut off and the rest anchored at the snapshot. That holds, too, for what follows the entry right
/// before the log's start, whose term is not known here any more unless the snapshot ends there. Dropping the message
/// would be safe, but a leader that never learned of the acknowledgement would repeat it for ever, as it does when the
/// message is refused. `first` is the log's first index.
void cut_below_log(AppendEntries& message, std::uint64_t first, model::Index snapshot_index, model::Term snapshot_term);

/// G3: a refused pre-vote must name the voter's own term when that is higher; libraft repeats the candidate's, and a
/// candidate with the newest log then never learns the term that it has to exceed: no leader for ever.
void tell_own_term(RequestVoteResult& result, std::uint64_t current_term);

/// G4: a refusal at or below what the peer is known to hold is stale; libraft would let next fall below match and then
/// send that peer nothing more in this term. `match` is none when this node does not lead or does not know the peer.
/// One of a higher term is never stale: this leader must hear of it, or the peer would be cut off for good.
bool is_stale_refusal(const AppendEntriesResult& result, std::optional<std::uint64_t> match,
                      std::uint64_t current_term);

/// G5: libraft books a configuration entry under the index of the message's first new entry. So a message is cut so
/// that each configuration entry stands first in its part.
std::vector<AppendEntries> split_at_configurations(AppendEntries message);

/// Shape that libraft asserts and a release build does not check: entries contiguous after prev, terms set.
bool is_well_formed(const AppendEntries& message);

}  // namespace coffer::cluster::guards
