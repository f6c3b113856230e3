// Words for error details; any thread.

#include "model/text.hpp"

#include <chrono>
#include <cstdio>

#include "model/utf8.hpp"

namespace coffer::model {

namespace {
constexpr std::size_t kShownBytes = 64;

void append_hex(std::string& out, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}
}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  std::size_t at = 0;
  while (at < text.size()) {
    char32_t c = 0;
    const std::size_t decoded = decode_utf8(text.substr(at), &c);
    const std::size_t size = decoded == 0 ? 1 : decoded;
    if (at + size > kShownBytes) break;
    const std::string_view character = text.substr(at, size);
    if (decoded == 0 || is_control(c)) {
      append_hex(out, character);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += character;
    }
    at += size;
  }
  out += at < text.size() ? "...\"" : "\"";
  return out;
}

std::string rfc3339(TimeMs time) {
  using namespace std::chrono;
  const sys_time<milliseconds> point{milliseconds(time)};
  const auto day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss clock(point - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

}  // namespace coffer::model
