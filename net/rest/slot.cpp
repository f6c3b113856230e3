// Values into fields; see slot.hpp.

#include "net/rest/slot.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "model/payload.hpp"
#include "model/utf8.hpp"
#include "net/rest/struct_json.hpp"
#include "net/rest/time_text.hpp"

namespace coffer::net::rest {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Reflection names every setter twice, once for lists; this names them once.
#define COFFER_PUT(Type, value)                                                                           \
  (slot.field->is_list ? slot.message->GetReflection()->Add##Type(slot.message, slot.field->field, value) \
                       : slot.message->GetReflection()->Set##Type(slot.message, slot.field->field, value))

/// A whole number between the limits of Int, also when it came as 1e3 or 5.0.
template <class Int>
std::optional<Int> whole(const Number& number) {
  return std::visit(
      [](auto n) -> std::optional<Int> {
        if constexpr (std::is_same_v<decltype(n), double>) {
          // Above 2^53 a double has already lost the digits that the client wrote.
          if (std::trunc(n) != n || std::abs(n) > 9007199254740992.0) return std::nullopt;
          const auto exact = static_cast<std::int64_t>(n);
          if (!std::in_range<Int>(exact)) return std::nullopt;
          return static_cast<Int>(exact);
        } else {
          if (!std::in_range<Int>(n)) return std::nullopt;
          return static_cast<Int>(n);
        }
      },
      number);
}

double real(const Number& number) {
  return std::visit([](auto n) { return static_cast<double>(n); }, number);
}

bool set_enum(const Slot& slot, std::int32_t value) {
  COFFER_PUT(EnumValue, value);  // proto3 enumerations are open: an unknown number is kept
  return true;
}

/// "12", "-3", "1.5e3"; nothing when there is more or less than a number.
std::optional<Number> parse_number(std::string_view text) {
  const char* const first = text.data();
  const char* const last = first + text.size();
  if (text.empty() || text.front() == '+') return std::nullopt;
  std::int64_t whole_number = 0;
  if (auto [end, error] = std::from_chars(first, last, whole_number); error == std::errc() && end == last) {
    return whole_number;
  }
  std::uint64_t big = 0;
  if (auto [end, error] = std::from_chars(first, last, big); error == std::errc() && end == last) return big;
  double number = 0;
  if (auto [end, error] = std::from_chars(first, last, number); error == std::errc() && end == last) {
    return number;
  }
  return std::nullopt;
}

bool set_time(const Slot& slot, std::string_view text) {
  const auto instant = parse_time(text);
  if (!instant) return false;
  const Reflection& reflection = *slot.message->GetReflection();
  Message* time = slot.field->is_list ? reflection.AddMessage(slot.message, slot.field->field)
                                      : reflection.MutableMessage(slot.message, slot.field->field);
  const auto& type = *time->GetDescriptor();
  time->GetReflection()->SetInt64(time, type.field(0), instant->seconds);
  time->GetReflection()->SetInt32(time, type.field(1), instant->nanos);
  return true;
}

bool is_finite_word(std::string_view text) { return text != "NaN" && text != "Infinity" && text != "-Infinity"; }

double word_value(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  return text == "Infinity" ? infinity : -infinity;
}

}  // namespace

bool set_bool(const Slot& slot, bool value) {
  if (slot.field->kind != Kind::boolean) return false;
  COFFER_PUT(Bool, value);
  return true;
}

bool set_number(const Slot& slot, const Number& number) {
  switch (slot.field->kind) {
    case Kind::int32:
      if (const auto n = whole<std::int32_t>(number)) return COFFER_PUT(Int32, *n), true;
      return false;
    case Kind::int64:
      if (const auto n = whole<std::int64_t>(number)) return COFFER_PUT(Int64, *n), true;
      return false;
    case Kind::uint32:
      if (const auto n = whole<std::uint32_t>(number)) return COFFER_PUT(UInt32, *n), true;
      return false;
    case Kind::uint64:
      if (const auto n = whole<std::uint64_t>(number)) return COFFER_PUT(UInt64, *n), true;
      return false;
    case Kind::enumeration:
      if (const auto n = whole<std::int32_t>(number)) return set_enum(slot, *n);
      return false;
    case Kind::float_number: {
      const double value = real(number);
      if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) return false;
      COFFER_PUT(Float, static_cast<float>(value));
      return true;
    }
    case Kind::double_number: {
      const double value = real(number);
      if (!std::isfinite(value)) return false;
      COFFER_PUT(Double, value);
      return true;
    }
    default: return false;
  }
}

bool set_string(const Slot& slot, std::string_view text) {
  switch (slot.field->kind) {
    case Kind::text: COFFER_PUT(String, std::string(text)); return true;
    case Kind::bytes: {
      const auto bytes = model::base64_decode(text);
      if (!bytes) return false;
      COFFER_PUT(String, std::string(bytes->expose()));
      return true;
    }
    case Kind::timestamp: return set_time(slot, text);
    case Kind::enumeration: {
      const EnumValueDescriptor* value = slot.field->field->enum_type()->FindValueByName(std::string(text));
      return value && set_enum(slot, value->number());
    }
    case Kind::boolean:
    case Kind::json:
    case Kind::message: return false;
    case Kind::float_number:
      if (!is_finite_word(text)) return COFFER_PUT(Float, static_cast<float>(word_value(text))), true;
      break;
    case Kind::double_number:
      if (!is_finite_word(text)) return COFFER_PUT(Double, word_value(text)), true;
      break;
    default: break;
  }
  const auto number = parse_number(text);
  return number && set_number(slot, *number);
}

bool set_word(const Slot& slot, std::string_view text) {
  if (slot.field->kind == Kind::boolean) return (text == "true" || text == "false") && set_bool(slot, text == "true");
  return set_string(slot, text);
}

#undef COFFER_PUT

std::string expected(const FieldShape& field) {
  switch (field.kind) {
    case Kind::boolean: return "expected true or false";
    case Kind::int32: return "expected a whole number between -2147483648 and 2147483647";
    case Kind::int64: return "expected a whole number between -9223372036854775808 and 9223372036854775807";
    case Kind::uint32: return "expected a whole number between 0 and 4294967295";
    case Kind::uint64: return "expected a whole number between 0 and 18446744073709551615";
    case Kind::float_number:
    case Kind::double_number: return "expected a number";
    case Kind::text: return "expected a string";
    case Kind::bytes: return "expected base64 in a string";
    case Kind::timestamp: return "expected a time such as \"2030-01-31T12:00:00Z\"";
    case Kind::json:
      return json_type(*field.field->message_type()) == JsonType::list ? "expected an array" : "expected an object";
    case Kind::message: return "expected an object";
    case Kind::enumeration: break;
  }
  std::string names = "expected one of";
  const auto& type = *field.field->enum_type();
  for (int i = 0; i < type.value_count(); ++i) names += (i ? ", " : " ") + type.value(i)->name();
  return names;
}

std::string expected_container(const FieldShape& field) {
  return field.is_list ? "expected an array" : field.is_map ? "expected an object" : expected(field);
}

std::string shown(std::string_view name) {
  constexpr std::size_t kMost = 64;
  const auto valid = model::valid_utf8_prefix(name.substr(0, kMost));
  if (valid == name.size()) return std::string(name);
  // Where a long name is cut, a character may be cut, too.
  if (name.size() <= kMost || valid + 4 <= kMost) return "(not UTF-8)";
  return std::string(name.substr(0, valid)) + "...";
}

std::string scalar_text(const Message& message, const FieldShape& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.kind) {
    case Kind::boolean: return reflection.GetBool(message, field.field) ? "true" : "false";
    case Kind::int32: return std::to_string(reflection.GetInt32(message, field.field));
    case Kind::int64: return std::to_string(reflection.GetInt64(message, field.field));
    case Kind::uint32: return std::to_string(reflection.GetUInt32(message, field.field));
    case Kind::uint64: return std::to_string(reflection.GetUInt64(message, field.field));
    case Kind::enumeration: return std::to_string(reflection.GetEnumValue(message, field.field));
    case Kind::float_number: return std::to_string(reflection.GetFloat(message, field.field));
    case Kind::double_number: return std::to_string(reflection.GetDouble(message, field.field));
    case Kind::text:
    case Kind::bytes: return reflection.GetString(message, field.field);
    case Kind::timestamp:
    case Kind::json:
    case Kind::message: return reflection.GetMessage(message, field.field).SerializeAsString();
  }
  return {};
}

}  // namespace coffer::net::rest
