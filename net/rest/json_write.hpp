#pragma once
// A message into JSON: snake_case names, 64-bit integers as numbers, bytes as base64, times as RFC 3339, enumerations
// by name, maps in the order of their keys. What has no presence is written even when it is empty, what has presence and
// is not set is left out. Used by the REST endpoint, on the thread that completed the call.

#include <string>
#include <string_view>

#include <google/protobuf/message.h>

#include "net/rest/shape.hpp"

namespace coffer::net::rest {

/// Appends the object.
void write_json(const google::protobuf::Message& message, const Shape& shape, std::string* out);
/// Appends the text as a JSON string with its quotes. The text must be UTF-8.
void append_quoted(std::string_view text, std::string* out);

}  // namespace coffer::net::rest
