#pragma once
// The request ids that a node gives changes whose clients gave none, and where the rows of such ids lie. Rows of ids that
// are made one after the other lie one after the other, so that a write adds to the end of what is in memory instead of
// somewhere in it, and files of older ids are not asked about newer ones. Used by RetryingCall, which makes ids, and by
// TenantCore, which stores answers under them; pure, any thread.

#include <cstdint>
#include <string>
#include <string_view>

namespace coffer::actors {

/// `start` names this node and its start, see start_of_request_ids(); `number` counts. Ordered ones are for clusters
/// whose nodes all know cluster::kOrderedIdsFormat: a node that does not would look for the answer elsewhere.
std::string own_request_id(std::string_view start, std::uint64_t number, bool ordered);

/// "n" node "-" sixteen hexadecimal digits; `random` is eight bytes.
std::string start_of_request_ids(std::uint64_t node, std::string_view random);

/// The 32 bytes under which the answer to a request is stored. `hash` is the keyed hash of principal and id; of an ordered
/// id its last eight bytes give way to the id's order, which comes first (24 keyed bytes are left to tell ids apart).
std::string request_row_hash(std::string_view id, std::string hash);

}  // namespace coffer::actors
