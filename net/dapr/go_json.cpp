// See go_json.hpp.

#include "net/dapr/go_json.hpp"

#include <cstdio>

#include "model/utf8.hpp"

namespace coffer::net::dapr {
namespace {

void append_u(std::string* out, char32_t c) {
  char escape[11];
  std::snprintf(escape, sizeof escape, c > 0xffff ? "\\U%08x" : "\\u%04x", static_cast<unsigned>(c));
  out->append(escape);
}

/// The two-character escape of a control character, or 0.
char short_escape(char32_t c) {
  switch (c) {
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
  }
}

/// Characters that strconv.IsPrint refuses: blanks other than U+0020, controls, formats, private use. The unassigned ones
/// change with Go's Unicode tables and are left as they are.
bool is_unprintable(char32_t c) {
  return model::is_control(c) || c == 0xa0 || c == 0xad || c == 0x61c || c == 0x1680 || c == 0x180e ||
         (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
         (c >= 0xe000 && c <= 0xf8ff) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000);
}

}  // namespace

void append_go_string(std::string* out, std::string_view text) {
  out->push_back('"');
  while (!text.empty()) {
    char32_t c = 0;
    const std::size_t length = model::decode_utf8(text, &c);
    if (length == 0) {
      out->append("\\ufffd");
    } else if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(c));
    } else if (const char escape = short_escape(c)) {
      out->push_back('\\');
      out->push_back(escape);
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x2028 || c == 0x2029) {
      append_u(out, c);
    } else {
      out->append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out->push_back('"');
}

void append_go_map(std::string* out, const StringMap& map) {
  out->push_back('{');
  bool first = true;
  for (const auto& [key, value] : map) {
    if (!first) out->push_back(',');
    first = false;
    append_go_string(out, key);
    out->push_back(':');
    append_go_string(out, value);
  }
  out->push_back('}');
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    char32_t c = 0;
    const std::size_t length = model::decode_utf8(text, &c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else if (c == '\a' || c == '\v') {
      out.append(c == '\a' ? "\\a" : "\\v");
    } else if (const char escape = short_escape(c)) {
      out.push_back('\\');
      out.push_back(escape);
    } else if (length == 0 || c < 0x20 || c == 0x7f) {
      char hex[5];
      std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(text.front()));
      out.append(hex);
    } else if (is_unprintable(c)) {
      append_u(&out, c);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out.push_back('"');
  return out;
}

}  // namespace coffer::net::dapr
