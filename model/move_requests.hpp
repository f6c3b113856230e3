#pragma once
// What is asked when a tenant moves from one group to another while it is used (actors/tenant_move.hpp says how a move
// goes). The first and the last are operators' requests to the directory; the others are what nodes ask of it and of the
// tenant that moves. Pure values, any thread.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/ids.hpp"

namespace coffer::model {

// ---- requests to the directory

/// Begins a move. Answers the tenant as it is from now on; `moving_to` tells that the move is under way.
struct MoveTenant {
  std::string name;
  GroupId to;
};
/// By the node that carries a move out (of_node): the tenant's rows are at their new place, or have gone from the old one.
enum class MoveStage : std::uint8_t { installed = 1, cleaned = 2 };
struct AdvanceMove {
  TenantId id;
  std::uint32_t number = 0;  // of the tenant's move
  MoveStage stage = MoveStage::installed;
};
/// By a node (of_node): no move begins for so many milliseconds, so that a backup sees each tenant in one place. Answers
/// the tenants that are still moving.
struct PauseMoves {
  std::uint64_t ms = 0;  // 0: moves go on
};

// ---- requests to the tenant, by the node that leads the new group (of_node)

/// From here on the tenant answers nothing in its group but ReadMoving. Repeating it changes nothing. With a trace it is
/// answered by a MovingReply: with `more` the tenant is not fenced, because too much has changed behind the place named, or,
/// when the reply has no trace, because the shard cannot tell what has; else with all that has, and header and keys.
struct FenceTenant {
  std::uint32_t number = 0;
  GroupId to;
  std::string trace;        // of MovingReply; empty: no such answer is wanted
  std::uint64_t since = 0;  // where the last MovingReply ended
  std::string after;        // likewise
};
/// A moving tenant's rows, sealed as they are stored, about so many bytes of them: those behind `after` in the order of
/// their names, or, with `changed`, those that changed behind the place named, in the order in which they did.
struct ReadMoving {
  std::uint32_t number = 0;
  std::string after;
  std::uint32_t bytes = 256 << 10;
  bool live = false;        // the tenant is not fenced yet; what was decided last is not shown
  bool changed = false;     // only with live
  std::string trace;        // of the last MovingReply; the shard notes all changes since it was first given out
  std::uint64_t since = 0;  // with changed: where the last MovingReply ended
};
struct MovingReply {
  std::vector<std::pair<std::string, std::string>> rows;
  bool more = false;
  std::string trace;              // of a live tenant; another one than before: changes in between may not be known
  std::vector<std::string> gone;  // rows that changed, and are not there any more
  std::uint64_t since = 0;        // the place of the last row that changed: the number of its write set, and its name
  std::string after;
};

}  // namespace coffer::model
