// See query_json.hpp.

#include "model/query_json.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "model/json_text.hpp"
#include "model/text.hpp"

namespace coffer::model::query {
namespace {

void append_number(double n, std::string& out) {
  if (!std::isfinite(n)) {  // JSON has no such number
    out += "null";
    return;
  }
  char text[40];
  const bool whole = n == std::floor(n) && std::fabs(n) < 1e15;
  const auto end = whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(n)).ptr
                         : std::to_chars(text, text + sizeof text, n).ptr;
  out.append(text, end);
}

void append_quoted(std::string_view text, std::string& out) {
  Secret quoted;
  append_json_string(&quoted, text);
  out.append(quoted.expose());
}

}  // namespace

void JsonWriter::begin(const Value& value, std::string& out) {
  ++written_;
  switch (value.kind()) {
    case Value::Kind::missing:
    case Value::Kind::null: out += "null"; return;
    case Value::Kind::boolean: out += value.boolean() ? "true" : "false"; return;
    case Value::Kind::number: return append_number(value.number(), out);
    case Value::Kind::text: return append_quoted(value.text(), out);
    case Value::Kind::time: return append_quoted(rfc3339(value.time()), out);
    case Value::Kind::list: out += '['; break;
    case Value::Kind::object: out += '{'; break;
  }
  levels_.push_back({value});
}

bool JsonWriter::write(std::string& out, std::size_t most) {
  const std::size_t before = out.size();
  if (!begun_) begin(value_, out);
  begun_ = true;
  while (!levels_.empty()) {
    if (out.size() - before >= most) return false;
    Level& level = levels_.back();
    const bool is_list = level.value.kind() == Value::Kind::list;
    if (level.next == level.value.size()) {
      out += is_list ? ']' : '}';
      levels_.pop_back();
      continue;
    }
    if (level.next != 0) out += ',';
    const std::size_t at = level.next++;
    if (!is_list) {
      append_quoted(level.value.member(at).name, out);
      out += ':';
    }
    // A copy: begin() may move the levels.
    const Value next = is_list ? level.value.item(at) : level.value.member(at).value;
    begin(next, out);
  }
  return true;
}

void append_json(const Value& value, std::string& out) { JsonWriter(value).write(out, SIZE_MAX); }

}  // namespace coffer::model::query
