// See query_time.hpp. Civil days by the C++20 calendar.

#include "model/query_time.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace coffer::model::query {
namespace {

namespace chrono = std::chrono;
constexpr TimeMs kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

/// Reads exactly `digits` digits from the front.
bool take_number(std::string_view& text, std::size_t digits, int* out) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, *out);
  if (error != std::errc() || end != text.data() + digits || text.front() == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<TimeMs> days_from(int year, int month, int day) {
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return chrono::sys_days(date).time_since_epoch().count() * kDay;
}

/// The fraction of a second, cut to milliseconds.
bool take_fraction(std::string_view& text, TimeMs* out) {
  int digits = 0, value = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 3) value = value * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  for (int i = digits; i < 3; ++i) value *= 10;
  *out = value;
  return digits > 0 && digits <= 9;
}

bool take_offset(std::string_view& text, TimeMs* out) {
  if (text.empty() || take(text, 'Z') || take(text, 'z')) return true;
  const bool minus = text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return false;
  int hours = 0, minutes = 0;
  if (!take_number(text, 2, &hours)) return false;
  take(text, ':');
  if (!text.empty() && !take_number(text, 2, &minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  *out = (hours * kHour + minutes * kMinute) * (minus ? -1 : 1);
  return true;
}

TimeMs floor_day(TimeMs t) { return t - ((t % kDay) + kDay) % kDay; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

TimeMs unit_of(char c) {
  switch (c) {
    case 's': return kSecond;
    case 'm': return kMinute;
    case 'h': return kHour;
    case 'd': return kDay;
    case 'w': return 7 * kDay;
    default: return 0;
  }
}

}  // namespace

std::optional<TimeMs> parse_datetime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  TimeMs fraction = 0, offset = 0;
  if (!take_number(text, 4, &year) || !take(text, '-') || !take_number(text, 2, &month) || !take(text, '-') ||
      !take_number(text, 2, &day)) {
    return std::nullopt;
  }
  const auto date = days_from(year, month, day);
  if (!date || text.empty()) return date;
  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
  if (!take_number(text, 2, &hour) || !take(text, ':') || !take_number(text, 2, &minute)) return std::nullopt;
  if (take(text, ':') && !take_number(text, 2, &second)) return std::nullopt;
  if (take(text, '.') && !take_fraction(text, &fraction)) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60 || !take_offset(text, &offset) || !text.empty()) return std::nullopt;
  return *date + hour * kHour + minute * kMinute + second * kSecond + fraction - offset;
}

std::optional<TimeMs> parse_timediff(std::string_view text, TimeMs now) {
  text = without_blanks(text);
  if (!text.starts_with("now")) return std::nullopt;
  text.remove_prefix(3);
  TimeMs at = now;
  if (take(text, '/')) {
    if (text.empty()) return std::nullopt;
    const char cut = text.front();
    text.remove_prefix(1);
    const CivilTime c = civil(now);
    at = floor_day(now);
    if (cut == 'w') {
      at -= ((c.weekday + 6) % 7) * kDay;
    } else if (cut == 'm') {
      at -= (c.day - 1) * kDay;
    } else if (cut != 'd') {
      return std::nullopt;
    }
  }
  text = without_blanks(text);
  if (text.empty()) return at;
  const bool minus = text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  text = without_blanks(text);
  std::int32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 0) return std::nullopt;
  text = without_blanks(text.substr(static_cast<std::size_t>(end - text.data())));
  const TimeMs unit = text.size() == 1 ? unit_of(text.front()) : 0;
  if (unit == 0) return std::nullopt;
  return at + (minus ? -1 : 1) * count * unit;
}

CivilTime civil(TimeMs time) {
  const TimeMs midnight = floor_day(time);
  const chrono::sys_days days{chrono::days(midnight / kDay)};
  const chrono::year_month_day date{days};
  CivilTime c;
  c.year = static_cast<int>(date.year());
  c.month = static_cast<int>(static_cast<unsigned>(date.month()));
  c.day = static_cast<int>(static_cast<unsigned>(date.day()));
  const TimeMs rest = time - midnight;
  c.hour = static_cast<int>(rest / kHour);
  c.minute = static_cast<int>(rest / kMinute % 60);
  c.second = static_cast<int>(rest / kSecond % 60);
  c.millisecond = static_cast<int>(rest % kSecond);
  c.weekday = static_cast<int>(chrono::weekday(days).c_encoding());
  c.yearday = static_cast<int>((days - chrono::sys_days(date.year() / 1 / 1)).count()) + 1;
  return c;
}

std::string format_time(TimeMs time, std::string_view format) {
  const CivilTime c = civil(time);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    int value = 0, width = 2;
    switch (format[++i]) {
      case 'Y': value = c.year, width = 4; break;
      case 'm': value = c.month; break;
      case 'd': value = c.day; break;
      case 'H': value = c.hour; break;
      case 'M': value = c.minute; break;
      case 'S': value = c.second; break;
      case 'L': value = c.millisecond, width = 3; break;
      case 'j': value = c.yearday, width = 3; break;
      case 'u': value = c.weekday == 0 ? 7 : c.weekday, width = 1; break;
      case 'w': value = c.weekday, width = 1; break;
      case '%': out += '%'; continue;
      default: out.append(format.substr(i - 1, 2)); continue;
    }
    char text[16];
    std::snprintf(text, sizeof text, "%0*d", width, value);
    out += text;
  }
  return out;
}

}  // namespace coffer::model::query
