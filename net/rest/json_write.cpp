// Messages as JSON; see json_write.hpp.

#include "net/rest/json_write.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "model/payload.hpp"
#include "net/rest/struct_json.hpp"
#include "net/rest/time_text.hpp"

namespace coffer::net::rest {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;

template <class Number>
void append_number(Number number, std::string* out) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out->append(text, end);
}

template <class Real>
void append_real(Real number, std::string* out) {
  if (std::isnan(number)) {
    out->append("\"NaN\"");
  } else if (std::isinf(number)) {
    out->append(number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else {
    append_number(number, out);
  }
}

void append_enum(const FieldShape& field, int number, std::string* out) {
  if (const auto* value = field.field->enum_type()->FindValueByNumber(number)) {
    out->push_back('"');
    out->append(value->name());
    out->push_back('"');
  } else {
    append_number(number, out);
  }
}

void append_bytes(std::string_view bytes, std::string* out) {
  out->push_back('"');
  out->append(model::base64_encode(bytes).expose());
  out->push_back('"');
}

void append_timestamp(const Message& time, std::string* out) {
  const auto& type = *time.GetDescriptor();
  const Reflection& reflection = *time.GetReflection();
  const Instant instant{reflection.GetInt64(time, type.field(0)), reflection.GetInt32(time, type.field(1))};
  out->push_back('"');
  // A time that RFC 3339 cannot carry is shown as its epoch; the rooms below never make one.
  if (!append_time(instant, out)) append_time(Instant{}, out);
  out->push_back('"');
}

/// `reflection` is the message's: asking for it again for every field would cost more than the field.
void append_scalar(const Message& message, const Reflection& reflection, const FieldShape& field, std::string* out) {
  const auto* f = field.field;
  std::string scratch;
  switch (field.kind) {
    case Kind::boolean: out->append(reflection.GetBool(message, f) ? "true" : "false"); break;
    case Kind::int32: append_number(reflection.GetInt32(message, f), out); break;
    case Kind::int64: append_number(reflection.GetInt64(message, f), out); break;
    case Kind::uint32: append_number(reflection.GetUInt32(message, f), out); break;
    case Kind::uint64: append_number(reflection.GetUInt64(message, f), out); break;
    case Kind::float_number: append_real(reflection.GetFloat(message, f), out); break;
    case Kind::double_number: append_real(reflection.GetDouble(message, f), out); break;
    case Kind::text: append_quoted(reflection.GetStringReference(message, f, &scratch), out); break;
    case Kind::bytes: append_bytes(reflection.GetStringReference(message, f, &scratch), out); break;
    case Kind::enumeration: append_enum(field, reflection.GetEnumValue(message, f), out); break;
    case Kind::timestamp: append_timestamp(reflection.GetMessage(message, f), out); break;
    case Kind::json: write_struct(reflection.GetMessage(message, f), out); break;
    case Kind::message: write_json(reflection.GetMessage(message, f), *field.message, out); break;
  }
}

void append_element(const Message& message, const Reflection& reflection, const FieldShape& field, int i,
                    std::string* out) {
  const auto* f = field.field;
  std::string scratch;
  switch (field.kind) {
    case Kind::boolean: out->append(reflection.GetRepeatedBool(message, f, i) ? "true" : "false"); break;
    case Kind::int32: append_number(reflection.GetRepeatedInt32(message, f, i), out); break;
    case Kind::int64: append_number(reflection.GetRepeatedInt64(message, f, i), out); break;
    case Kind::uint32: append_number(reflection.GetRepeatedUInt32(message, f, i), out); break;
    case Kind::uint64: append_number(reflection.GetRepeatedUInt64(message, f, i), out); break;
    case Kind::float_number: append_real(reflection.GetRepeatedFloat(message, f, i), out); break;
    case Kind::double_number: append_real(reflection.GetRepeatedDouble(message, f, i), out); break;
    case Kind::text: append_quoted(reflection.GetRepeatedStringReference(message, f, i, &scratch), out); break;
    case Kind::bytes: append_bytes(reflection.GetRepeatedStringReference(message, f, i, &scratch), out); break;
    case Kind::enumeration: append_enum(field, reflection.GetRepeatedEnumValue(message, f, i), out); break;
    case Kind::timestamp: append_timestamp(reflection.GetRepeatedMessage(message, f, i), out); break;
    case Kind::json: write_struct(reflection.GetRepeatedMessage(message, f, i), out); break;
    case Kind::message: write_json(reflection.GetRepeatedMessage(message, f, i), *field.message, out); break;
  }
}

void append_list(const Message& message, const Reflection& reflection, const FieldShape& field, int size,
                 std::string* out) {
  out->push_back('[');
  for (int i = 0; i < size; ++i) {
    if (i) out->push_back(',');
    append_element(message, reflection, field, i, out);
  }
  out->push_back(']');
}

/// A key that is no string is written as one: {"1":...}.
std::string key_text(const Message& entry, const FieldShape& key) {
  std::string text;
  if (key.kind == Kind::text) {
    std::string scratch;
    return entry.GetReflection()->GetStringReference(entry, key.field, &scratch);
  }
  append_scalar(entry, *entry.GetReflection(), key, &text);
  return text;
}

void append_map(const Message& message, const FieldShape& field, int size, std::string* out) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<std::pair<std::string, const Message*>> entries;
  entries.reserve(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, field.field, i);
    entries.emplace_back(key_text(entry, field.message->key()), &entry);
  }
  std::ranges::sort(entries);
  out->push_back('{');
  bool first = true;
  for (const auto& [key, entry] : entries) {
    if (!first) out->push_back(',');
    first = false;
    append_quoted(key, out);
    out->push_back(':');
    append_scalar(*entry, *entry->GetReflection(), field.message->value(), out);
  }
  out->push_back('}');
}

/// The first character from `at` on that JSON does not take as it is, or the end. Eight at a time, by the usual trick
/// for a zero byte in a word: values are long, and few of their characters need an escape.
std::size_t next_to_escape(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const auto below = [](std::uint64_t word, std::uint64_t least) { return (word - kOnes * least) & ~word & kHighs; };
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if (below(word, 0x20) | below(word ^ (kOnes * '"'), 1) | below(word ^ (kOnes * '\\'), 1)) break;
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\') break;
  }
  return at;
}

}  // namespace

void append_quoted(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  std::size_t done = 0;
  for (std::size_t i = next_to_escape(text, 0); i < text.size(); i = next_to_escape(text, i + 1)) {
    const auto c = static_cast<unsigned char>(text[i]);
    out->append(text, done, i - done);
    done = i + 1;
    switch (c) {
      case '"': out->append("\\\""); break;
      case '\\': out->append("\\\\"); break;
      case '\n': out->append("\\n"); break;
      case '\r': out->append("\\r"); break;
      case '\t': out->append("\\t"); break;
      default:
        out->append("\\u00");
        out->push_back(kHex[c >> 4]);
        out->push_back(kHex[c & 15]);
    }
  }
  out->append(text, done, text.size() - done);
  out->push_back('"');
}

void write_json(const Message& message, const Shape& shape, std::string* out) {
  if (shape.is_json) return write_struct(message, out);
  const Reflection& reflection = *message.GetReflection();
  out->push_back('{');
  bool first = true;
  for (const FieldShape& field : shape.fields) {
    int size = 0;
    if (field.is_map || field.is_list) {
      size = reflection.FieldSize(message, field.field);
      if (size == 0 && field.omit_empty) continue;
    } else if (field.has_presence && !reflection.HasField(message, field.field)) {
      continue;
    }
    if (!first) out->push_back(',');
    first = false;
    out->append(field.quoted);
    if (field.is_map) {
      append_map(message, field, size, out);
    } else if (field.is_list) {
      append_list(message, reflection, field, size, out);
    } else {
      append_scalar(message, reflection, field, out);
    }
  }
  out->push_back('}');
}

}  // namespace coffer::net::rest
