#pragma once
// Fields of a message by their names, whatever its generation: a field that the type does not have reads as absent and
// is not written. Pure functions, any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include <google/protobuf/message.h>

#include "model/secret.hpp"

namespace coffer::net::cloudforet {

using google::protobuf::Message;

const google::protobuf::FieldDescriptor* field_of(const Message& message, std::string_view name);
/// A message field or a member of a oneof that is set.
bool has(const Message& message, std::string_view name);
std::string text(const Message& message, std::string_view name);
/// The first of two aliases that is set.
std::string text(const Message& message, std::string_view name, std::string_view alias);
bool flag(const Message& message, std::string_view name);
std::uint64_t number(const Message& message, std::string_view name);
bool is_negative(const Message& message, std::string_view name);
/// The enumerator's name; empty for the first one, which stands for nothing.
std::string enumerator(const Message& message, std::string_view name);
/// Null when it is not set.
const Message* child(const Message& message, std::string_view name);
int count(const Message& message, std::string_view name);
const Message& item(const Message& message, std::string_view name, int i);
std::string text_item(const Message& message, std::string_view name, int i);

void set_text(Message& message, std::string_view name, std::string_view value);
void set_flag(Message& message, std::string_view name, bool value);
void set_number(Message& message, std::string_view name, std::int64_t value);
/// Nothing happens for a name that the enumeration does not have.
void set_enumerator(Message& message, std::string_view name, std::string_view value);
/// Null when the type has no such field.
Message* mutable_child(Message& message, std::string_view name);
Message* add_child(Message& message, std::string_view name);

/// Whether JSON can carry every number of a Struct.
bool is_finite(const Message& structure);
/// A Struct's JSON as it is.
model::Secret json_of(const Message& structure);
/// The same with blanks cut off from both ends of every text and name, as upstream stores names and tags.
std::string trimmed_json(const Message& structure);
std::string trimmed(std::string_view text);
/// Fills a Struct from JSON text. What is no object becomes {"value": ...}.
void fill_struct(std::string_view json, Message& structure);

}  // namespace coffer::net::cloudforet
