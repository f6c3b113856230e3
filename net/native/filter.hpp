#pragma once
// List's filter. Used by the native door; pure, any thread.
//
//   filter = term *( "," term )          every term must hold; the empty filter holds for everything
//   term   = "tags." key "=" value
//   In a key and a value a backslash makes the next character (one of , = \) an ordinary one.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/result.hpp"

namespace coffer::net::native {

/// The tags that must hold, in the filter's order. Errors: invalid_argument that names the term and what is wrong.
model::Result<std::vector<std::pair<std::string, std::string>>> parse_filter(std::string_view filter);

}  // namespace coffer::net::native
