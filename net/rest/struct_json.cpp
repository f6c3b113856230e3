// See struct_json.hpp. Field numbers are those of google/protobuf/struct.proto: Struct.fields 1; ListValue.values 1;
// Value null_value 1, number_value 2, string_value 3, bool_value 4, struct_value 5, list_value 6.

#include "net/rest/struct_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "net/rest/json_write.hpp"

namespace coffer::net::rest {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* field(const Message& message, int number) {
  return message.GetDescriptor()->FindFieldByNumber(number);
}

Message* mutable_member(Message* message, int number) {
  return message->GetReflection()->MutableMessage(message, field(*message, number));
}

void append_double(double number, std::string* out) {
  if (!std::isfinite(number)) {
    out->append("null");
    return;
  }
  char text[40];
  const bool whole = number == std::floor(number) && std::fabs(number) < 1e15;
  const auto end = whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(number)).ptr
                         : std::to_chars(text, text + sizeof text, number).ptr;
  out->append(text, end);
}

void write_object(const Message& message, std::string* out) {
  const auto& reflection = *message.GetReflection();
  const auto* fields = field(message, 1);
  std::vector<std::pair<std::string, const Message*>> members;
  for (int i = 0; i < reflection.FieldSize(message, fields); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, fields, i);
    const auto& of_entry = *entry.GetReflection();
    members.emplace_back(of_entry.GetString(entry, field(entry, 1)), &of_entry.GetMessage(entry, field(entry, 2)));
  }
  std::ranges::sort(members);
  out->push_back('{');
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i != 0) out->push_back(',');
    append_quoted(members[i].first, out);
    out->push_back(':');
    write_struct(*members[i].second, out);
  }
  out->push_back('}');
}

void write_list(const Message& message, std::string* out) {
  const auto& reflection = *message.GetReflection();
  const auto* values = field(message, 1);
  out->push_back('[');
  for (int i = 0; i < reflection.FieldSize(message, values); ++i) {
    if (i != 0) out->push_back(',');
    write_struct(reflection.GetRepeatedMessage(message, values, i), out);
  }
  out->push_back(']');
}

void write_value(const Message& message, std::string* out) {
  const auto& reflection = *message.GetReflection();
  const auto* which = reflection.GetOneofFieldDescriptor(message, message.GetDescriptor()->oneof_decl(0));
  switch (which ? which->number() : 1) {
    case 2: return append_double(reflection.GetDouble(message, which), out);
    case 3: return append_quoted(reflection.GetString(message, which), out);
    case 4: out->append(reflection.GetBool(message, which) ? "true" : "false"); return;
    case 5: return write_object(reflection.GetMessage(message, which), out);
    case 6: return write_list(reflection.GetMessage(message, which), out);
    default: out->append("null");
  }
}

bool is_finite_object(const Message& message) {
  const auto& reflection = *message.GetReflection();
  const auto* fields = field(message, 1);
  for (int i = 0; i < reflection.FieldSize(message, fields); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, fields, i);
    if (!is_finite(entry.GetReflection()->GetMessage(entry, field(entry, 2)))) return false;
  }
  return true;
}

bool is_finite_list(const Message& message) {
  const auto& reflection = *message.GetReflection();
  const auto* values = field(message, 1);
  for (int i = 0; i < reflection.FieldSize(message, values); ++i) {
    if (!is_finite(reflection.GetRepeatedMessage(message, values, i))) return false;
  }
  return true;
}

bool is_finite_value(const Message& message) {
  const auto& reflection = *message.GetReflection();
  const auto* which = reflection.GetOneofFieldDescriptor(message, message.GetDescriptor()->oneof_decl(0));
  switch (which ? which->number() : 1) {
    case 2: return std::isfinite(reflection.GetDouble(message, which));
    case 5:
    case 6: return is_finite(reflection.GetMessage(message, which));
    default: return true;
  }
}

}  // namespace

JsonType json_type(const Descriptor& type) {
  if (type.full_name() == "google.protobuf.Struct") return JsonType::object;
  if (type.full_name() == "google.protobuf.ListValue") return JsonType::list;
  return type.full_name() == "google.protobuf.Value" ? JsonType::value : JsonType::none;
}

void StructReader::begin(Message* message) { root_ = message; }

/// Where the next value goes: a Value, or the root as it is.
Message* StructReader::slot() {
  if (root_) return root_;
  Open& open = open_.back();
  if (!open.is_list) return open.member;
  return open.message->GetReflection()->AddMessage(open.message, field(*open.message, 1));
}

bool StructReader::placed() {
  root_ = nullptr;
  return true;
}

bool StructReader::begin_object() {
  Message* at = slot();
  const JsonType type = json_type(*at->GetDescriptor());
  if (type == JsonType::list) return false;
  open_.push_back({type == JsonType::object ? at : mutable_member(at, 5), false, {}, nullptr});
  return placed();
}

bool StructReader::begin_list() {
  Message* at = slot();
  const JsonType type = json_type(*at->GetDescriptor());
  if (type == JsonType::object) return false;
  open_.push_back({type == JsonType::list ? at : mutable_member(at, 6), true, {}, nullptr});
  return placed();
}

bool StructReader::key(std::string_view name) {
  Open& open = open_.back();
  open.names.emplace_back(name);
  auto* entry = open.message->GetReflection()->AddMessage(open.message, field(*open.message, 1));
  entry->GetReflection()->SetString(entry, field(*entry, 1), std::string(name));
  open.member = mutable_member(entry, 2);
  return true;
}

bool StructReader::end() {
  auto& names = open_.back().names;
  std::ranges::sort(names);
  const bool differ = std::ranges::adjacent_find(names) == names.end();
  open_.pop_back();
  return differ;
}

bool StructReader::null() {
  Message* at = slot();
  if (json_type(*at->GetDescriptor()) != JsonType::value) return false;
  at->GetReflection()->SetEnumValue(at, field(*at, 1), 0);
  return placed();
}

bool StructReader::boolean(bool value) {
  Message* at = slot();
  if (json_type(*at->GetDescriptor()) != JsonType::value) return false;
  at->GetReflection()->SetBool(at, field(*at, 4), value);
  return placed();
}

bool StructReader::number(double value) {
  Message* at = slot();
  if (json_type(*at->GetDescriptor()) != JsonType::value) return false;
  at->GetReflection()->SetDouble(at, field(*at, 2), value);
  return placed();
}

bool StructReader::text(std::string_view value) {
  Message* at = slot();
  if (json_type(*at->GetDescriptor()) != JsonType::value) return false;
  at->GetReflection()->SetString(at, field(*at, 3), std::string(value));
  return placed();
}

void write_struct(const Message& message, std::string* out) {
  switch (json_type(*message.GetDescriptor())) {
    case JsonType::object: return write_object(message, out);
    case JsonType::list: return write_list(message, out);
    case JsonType::value: return write_value(message, out);
    case JsonType::none: out->append("null");
  }
}

bool is_finite(const Message& message) {
  switch (json_type(*message.GetDescriptor())) {
    case JsonType::object: return is_finite_object(message);
    case JsonType::list: return is_finite_list(message);
    case JsonType::value: return is_finite_value(message);
    case JsonType::none: break;
  }
  return true;
}

}  // namespace coffer::net::rest
