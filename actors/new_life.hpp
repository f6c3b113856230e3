#pragma once
// A tenant's header where its life begins anew from a copy of its rows: a restored backup, an imported file. What the copy
// lacks has been told to watchers nevertheless, so no position of an earlier life may mean anything in this one, of however
// many restores, moves and purges there were since. Used by backup_restore and backup_import; pure, any thread.

#include <chrono>
#include <cstdint>

#include "actors/records.hpp"

namespace coffer::actors {

/// Numbers that grow with the wall clock: greater than any that a life which began earlier has counted up to since, as long
/// as it had fewer than 512 of them a second, and below 2^40 for 68 years.
std::uint64_t first_of_life(std::chrono::system_clock::time_point now);
/// The same for moves, which have 32 bits and are fewer than one a second.
std::uint32_t first_move_of_life(std::chrono::system_clock::time_point now);

/// Revisions go on behind first_of_life() in the next epoch, and whatever was before is not kept: the copy's change rows
/// are to be left out (storage::kChangeRows).
void begin_new_life(store::v1::TenantHeader& header, std::chrono::system_clock::time_point now);

}  // namespace coffer::actors
