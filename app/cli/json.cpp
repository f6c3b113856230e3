// Messages as JSON by reflection: the same shapes as REST, numbers where protobuf's own JSON has strings. See output.hpp.

#include <cmath>
#include <map>

#include <google/protobuf/descriptor.h>

#include "app/cli/output.hpp"
#include "app/parse.hpp"
#include "app/text.hpp"

namespace coffer::app::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void write_message(const Message& message, std::size_t depth, std::string& out);

std::string indent(std::size_t depth) { return "\n" + std::string(2 * depth, ' '); }

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", value);
  return buffer;
}

std::string text_or_bytes(const FieldDescriptor* field, const std::string& value) {
  return json_quote(field->type() == FieldDescriptor::TYPE_BYTES ? base64(value) : value);
}

/// One value: of a singular field, or element `index` of a repeated one.
void write_value(const Message& message, const FieldDescriptor* field, int index, std::size_t depth, std::string& out) {
  const auto* r = message.GetReflection();
  const bool repeated = index >= 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      out += std::to_string(repeated ? r->GetRepeatedInt32(message, field, index) : r->GetInt32(message, field));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      out += std::to_string(repeated ? r->GetRepeatedInt64(message, field, index) : r->GetInt64(message, field));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      out += std::to_string(repeated ? r->GetRepeatedUInt32(message, field, index) : r->GetUInt32(message, field));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      out += std::to_string(repeated ? r->GetRepeatedUInt64(message, field, index) : r->GetUInt64(message, field));
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      out += number(repeated ? r->GetRepeatedDouble(message, field, index) : r->GetDouble(message, field));
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
      out += number(repeated ? r->GetRepeatedFloat(message, field, index) : r->GetFloat(message, field));
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      out += (repeated ? r->GetRepeatedBool(message, field, index) : r->GetBool(message, field)) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      out += json_quote((repeated ? r->GetRepeatedEnum(message, field, index) : r->GetEnum(message, field))->name());
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      out +=
          text_or_bytes(field, repeated ? r->GetRepeatedString(message, field, index) : r->GetString(message, field));
      return;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      write_message(repeated ? r->GetRepeatedMessage(message, field, index) : r->GetMessage(message, field), depth,
                    out);
      return;
  }
}

/// Maps of strings, sorted by key so that equal messages print equally.
void write_map(const Message& message, const FieldDescriptor* field, std::size_t depth, std::string& out) {
  const auto* r = message.GetReflection();
  const auto* key = field->message_type()->map_key();
  const auto* value = field->message_type()->map_value();
  std::map<std::string, const Message*> items;
  for (int i = 0; i < r->FieldSize(message, field); ++i) {
    const auto& item = r->GetRepeatedMessage(message, field, i);
    items.emplace(item.GetReflection()->GetString(item, key), &item);
  }
  out += "{";
  bool first = true;
  for (const auto& [name, item] : items) {
    out += (first ? "" : ",") + indent(depth + 1) + json_quote(name) + ": ";
    write_value(*item, value, -1, depth + 1, out);
    first = false;
  }
  out += first ? "}" : indent(depth) + "}";
}

void write_array(const Message& message, const FieldDescriptor* field, std::size_t depth, std::string& out) {
  const int size = message.GetReflection()->FieldSize(message, field);
  out += "[";
  for (int i = 0; i < size; ++i) {
    out += (i == 0 ? "" : ",") + indent(depth + 1);
    write_value(message, field, i, depth + 1, out);
  }
  out += size == 0 ? "]" : indent(depth) + "]";
}

bool is_shown(const Message& message, const FieldDescriptor* field) {
  const auto* r = message.GetReflection();
  if (field->full_name() == "coffer.v1.Secret.data") {
    // The third of data, value and value_base64; a map has no presence of its own.
    const auto* type = message.GetDescriptor();
    return !r->HasField(message, type->FindFieldByName("value")) &&
           !r->HasField(message, type->FindFieldByName("value_base64"));
  }
  return field->is_repeated() || !field->has_presence() || r->HasField(message, field);
}

void write_message(const Message& message, std::size_t depth, std::string& out) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    out += json_quote(format_time(to_ms(*time)));
    return;
  }
  const auto* type = message.GetDescriptor();
  out += "{";
  bool first = true;
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (!is_shown(message, field)) continue;
    out += (first ? "" : ",") + indent(depth + 1) + json_quote(field->name()) + ": ";
    first = false;
    if (field->is_map()) {
      write_map(message, field, depth + 1, out);
    } else if (field->is_repeated()) {
      write_array(message, field, depth + 1, out);
    } else {
      write_value(message, field, -1, depth + 1, out);
    }
  }
  out += first ? "}" : indent(depth) + "}";
}

}  // namespace

std::string to_json(const Message& message) {
  std::string out;
  write_message(message, 0, out);
  return out + "\n";
}

}  // namespace coffer::app::cli
