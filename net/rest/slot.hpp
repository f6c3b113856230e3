#pragma once
// One place in a message that a value goes to, and the rules by which texts and numbers become field values. Used by the
// JSON reader (values), by the binding (path variables and query parameters) and for map keys. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <google/protobuf/message.h>

#include "net/rest/shape.hpp"

namespace coffer::net::rest {

struct Slot {
  google::protobuf::Message* message = nullptr;
  const FieldShape* field = nullptr;  // a list: the value is appended
};

using Number = std::variant<std::int64_t, std::uint64_t, double>;

/// True when the value fitted and was set; else see expected().
bool set_bool(const Slot& slot, bool value);
bool set_number(const Slot& slot, const Number& number);
/// A JSON string: text, base64, a time, an enumerator, or a number written as a string.
bool set_string(const Slot& slot, std::string_view text);
/// A word of a URL or a map's key: as a JSON string, and "true" and "false" as well.
bool set_word(const Slot& slot, std::string_view text);

/// What would have been right: "expected a string".
std::string expected(const FieldShape& field);
/// The same for the field as a whole: "expected an array".
std::string expected_container(const FieldShape& field);

/// A name of the client's making as an error shows it: cut to 64 bytes, and nothing of it when it is not UTF-8.
std::string shown(std::string_view name);

/// The value of a scalar field as text, to compare two of them. REQUIRES: no list, map or message.
std::string scalar_text(const google::protobuf::Message& message, const FieldShape& field);

}  // namespace coffer::net::rest
