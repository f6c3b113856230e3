#pragma once
// JSON into a message: Boost.JSON's parser reports each value, and it is put straight into its field, so no tree is
// built. Used by the binding, on the listener's io thread.

#include <cstddef>
#include <string_view>

#include <google/protobuf/message.h>

#include "model/result.hpp"
#include "net/rest/shape.hpp"

namespace coffer::net::rest {

/// Merges the text, which must be one JSON object, into `message`. Errors: invalid_argument with the path of the field
/// and what would be right ("data.password: expected a string"): unknown and repeated fields, wrong types, numbers out
/// of range, two members of one oneof, more than `depth` levels, text that is not UTF-8 or not JSON. Then `message` is
/// half filled.
model::Status read_json(std::string_view text, std::size_t depth, const Shape& shape,
                        google::protobuf::Message* message);

}  // namespace coffer::net::rest
