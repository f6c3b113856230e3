#pragma once
// The cluster's format: one number for everything that nodes store for each other or send to each other and that an
// older program would not understand. A node announces the newest one that it knows; the directory makes active what
// all of them know, and it never goes back. What a format brings is refused until it is active, so that nodes of this
// program and of the one before can run side by side, and until then every node can go back to the older one.
// Pure, any thread. (Each record and message also carries a number of its own form, by which it is read.)

#include <cstdint>

namespace coffer::cluster {

inline constexpr std::uint32_t kFirstFormat = 1;
/// Tenants move between groups (marks and members of records that only this format has), and groups are added.
inline constexpr std::uint32_t kMovesFormat = 2;
/// Ids that nodes give to changes lie in their order in the state, see actors/own_request_id.hpp.
inline constexpr std::uint32_t kOrderedIdsFormat = 3;
/// Nodes report that their disk has no room for changes, and hand over what they lead.
inline constexpr std::uint32_t kRoomFormat = 3;
/// Nodes read a group's rows, as they are at one moment, at others that have a replica (group_view.hpp): for backups.
inline constexpr std::uint32_t kViewsFormat = 4;
/// A node lets go of replicas whose group it has left, and remembers where their logs ended (departure.hpp): a program that
/// does not read that record would vote for logs that are older.
inline constexpr std::uint32_t kLeavingFormat = 5;
/// Nodes report how busy the groups are that they lead (group_load.hpp).
inline constexpr std::uint32_t kLoadFormat = 5;
/// That this program knows.
inline constexpr std::uint32_t kNewestFormat = 5;

}  // namespace coffer::cluster
