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

/// From here on the tenant answers nothing in its group but ReadMoving. Repeating it changes nothing.
struct FenceTenant {
  std::uint32_t number = 0;
  GroupId to;
};
/// The rows of a fenced tenant, sealed as they are stored: those behind `after`, about so many bytes of them.
struct ReadMoving {
  std::uint32_t number = 0;
  std::string after;
  std::uint32_t bytes = 256 << 10;
};
struct MovingReply {
  std::vector<std::pair<std::string, std::string>> rows;
  bool more = false;
};

}  // namespace coffer::model
