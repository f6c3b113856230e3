// Readers and writers of app/parse.hpp. Calendar arithmetic by std::chrono; no locale, no time zone database.

#include "app/parse.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>

#include <arpa/inet.h>

namespace coffer::app {
namespace {

using model::Code;
using model::Error;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Longer names first, so that "ms" is not read as "m".
constexpr std::array<Unit, 6> kDurationUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}}};
constexpr std::uint64_t kMaxDurationMs = 100ULL * 366 * 86'400'000;
constexpr std::array<Unit, 4> kSizeUnits = {{{"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"B", 1}}};

Error invalid(std::string_view what, std::string_view text, std::string_view right) {
  return {Code::invalid_argument,
          "'" + std::string(text) + "' is not " + std::string(what) + "; " + std::string(right)};
}

bool take_number(std::string_view& text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

const Unit* take_unit(std::string_view& text) {
  for (const auto& unit : kDurationUnits) {
    if (text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return &unit;
    }
  }
  return nullptr;
}

}  // namespace

model::Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto failure = invalid("a duration", text, "write a number with a unit, such as 300ms, 30s, 5m, 12h, 30d");
  std::uint64_t total = 0;
  auto rest = text;
  if (rest.empty()) return failure;
  while (!rest.empty()) {
    std::uint64_t number = 0;
    if (!take_number(rest, number)) return failure;
    const auto* unit = take_unit(rest);
    if (!unit) return failure;
    if (number > kMaxDurationMs / unit->factor || total + number * unit->factor > kMaxDurationMs) {
      return Error(Code::invalid_argument, "'" + std::string(text) + "' is longer than 100 years");
    }
    total += number * unit->factor;
  }
  return std::chrono::milliseconds(total);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto ms = static_cast<std::uint64_t>(duration.count());
  for (auto unit = kDurationUnits.rbegin() + 1; unit != kDurationUnits.rend(); ++unit) {
    if (ms != 0 && ms % unit->factor == 0) return std::to_string(ms / unit->factor) + std::string(unit->name);
  }
  return "0s";
}

model::Result<std::uint64_t> parse_size(std::string_view text) {
  const auto failure = invalid("a size", text, "write bytes, or a number with KiB, MiB or GiB, such as 64MiB");
  auto rest = text;
  std::uint64_t number = 0;
  if (!take_number(rest, number)) return failure;
  if (rest.empty()) return number;
  for (const auto& unit : kSizeUnits) {
    if (rest != unit.name) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.factor) return failure;
    return number * unit.factor;
  }
  return failure;
}

std::string format_size(std::uint64_t bytes) {
  for (const auto* name : {"GiB", "MiB", "KiB"}) {
    const auto factor = name[0] == 'G' ? 1ULL << 30 : name[0] == 'M' ? 1ULL << 20 : 1ULL << 10;
    if (bytes >= factor && bytes % factor == 0) return std::to_string(bytes / factor) + name;
  }
  return std::to_string(bytes);
}

bool Address::is_loopback() const {
  if (host == "localhost" || host == "::1") return true;
  in_addr v4{};  // a name may begin with "127.", too
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 && host.starts_with("127.");
}

model::Result<Address> parse_address(std::string_view text) {
  const auto failure = invalid("an address", text, "write host:port, such as 127.0.0.1:7780 or [::1]:7780");
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return failure;
  auto host = text.substr(0, colon);
  auto port_text = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return failure;
  } else if (host.find(':') != std::string_view::npos) {
    return failure;  // an IPv6 address without brackets: its last group would be taken for the port
  }
  for (const char c : host) {
    const bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                      c == '-' || c == '_' || c == ':' || c == '%';
    if (!fine) return failure;
  }
  std::uint64_t port = 0;
  if (!take_number(port_text, port) || !port_text.empty() || port > 65535) return failure;
  return Address{std::string(host), static_cast<std::uint16_t>(port)};
}

namespace {

/// Reads exactly `digits` decimal digits.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// ".5" and its like, as milliseconds; digits beyond the third are cut off.
std::optional<int> take_fraction(std::string_view& text) {
  if (!take_char(text, '.')) return 0;
  int ms = 0, seen = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (seen < 3) ms = ms * 10 + (text[0] - '0');
    ++seen;
    text.remove_prefix(1);
  }
  if (seen == 0 || seen > 9) return std::nullopt;
  for (; seen < 3; ++seen) ms *= 10;
  return ms;
}

std::optional<int> take_offset_minutes(std::string_view& text) {
  if (take_char(text, 'Z') || take_char(text, 'z')) return 0;
  const int sign = take_char(text, '+') ? 1 : take_char(text, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take_char(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

std::optional<model::TimeMs> read_time(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take_char(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take_char(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take_char(text, 'T') || take_char(text, 't') || take_char(text, ' '))) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take_char(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take_char(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 60) return std::nullopt;
  const auto fraction = take_fraction(text);
  if (!fraction) return std::nullopt;
  const auto offset = take_offset_minutes(text);
  if (!offset || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24LL + *hour) * 60 + *minute - *offset) * 60'000LL + *second * 1000LL + *fraction;
}

}  // namespace

model::Result<model::TimeMs> parse_time(std::string_view text) {
  const auto time = read_time(text);
  if (!time) return invalid("a time", text, "write RFC 3339, such as 2030-01-31T12:00:00Z");
  return *time;
}

std::string format_time(model::TimeMs time) {
  const auto point = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time));
  const auto midnight = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(point - midnight);
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string text = buffer.data();
  if (const auto ms = clock.subseconds().count(); ms != 0) {
    std::snprintf(buffer.data(), buffer.size(), ".%03d", static_cast<int>(ms));
    text += buffer.data();
  }
  return text + "Z";
}

model::Result<model::TimeMs> parse_expiry(std::string_view text, model::TimeMs now) {
  model::TimeMs time = 0;
  if (const auto duration = parse_duration(text); duration.ok()) {
    time = now + duration->count();
  } else if (const auto moment = parse_time(text); moment.ok()) {
    time = *moment;
  } else {
    return invalid("an expiry", text, "write a duration such as 30d, or a time such as 2030-01-31T12:00:00Z");
  }
  if (time <= now) return Error(Code::invalid_argument, "the expiry '" + std::string(text) + "' is not in the future");
  return time;
}

}  // namespace coffer::app
