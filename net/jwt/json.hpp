#pragma once
// JSON of strangers, strictly: one object, no repeated member at any depth (two readers of it could read two things),
// bounded in size, depth and members. Used by net/jwt on any thread; pure.

#include <cstddef>
#include <string_view>

#include <boost/json/object.hpp>

#include "model/result.hpp"

namespace coffer::net::jwt {

struct JsonLimits {
  std::size_t bytes = 8 << 10;
  std::size_t depth = 8;      // the object itself is 1
  std::size_t members = 256;  // of all objects and lists together
};

/// Errors: invalid_argument, which says what is wrong and never what stands there.
model::Result<boost::json::object> parse_object(std::string_view text, const JsonLimits& limits);

}  // namespace coffer::net::jwt
