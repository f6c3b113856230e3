// RFC 3339 by std::chrono's calendar; see time_text.hpp.

#include "net/rest/time_text.hpp"

#include <chrono>

namespace coffer::net::rest {
namespace {

using namespace std::chrono;

constexpr std::int64_t kFirst = sys_seconds(sys_days(year(1) / 1 / 1)).time_since_epoch().count();
constexpr std::int64_t kLast = sys_seconds(sys_days(year(10000) / 1 / 1)).time_since_epoch().count() - 1;

/// The number with leading zeros, and what stands behind it. printf would cost more than the rest of an answer.
void append_digits(unsigned number, std::size_t digits, char behind, std::string* out) {
  char text[10];
  for (std::size_t i = digits; i-- > 0; number /= 10) text[i] = static_cast<char>('0' + number % 10);
  text[digits] = behind;
  out->append(text, digits + 1);
}

/// Takes exactly `digits` digits off the front; -1 when they are not there.
int take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char lower, char upper) {
  if (text.empty() || (text.front() != lower && text.front() != upper)) return false;
  text.remove_prefix(1);
  return true;
}
bool take(std::string_view& text, char c) { return take(text, c, c); }

std::optional<std::int32_t> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  std::int32_t nanos = 0;
  int digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++digits > 9) return std::nullopt;
    nanos = nanos * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) nanos *= 10;
  return nanos;
}

/// Seconds east of UTC.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, 'z', 'Z')) return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const int hour = take_number(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return std::nullopt;
  const int minute = take_number(text, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  return sign * (hour * 3600 + minute * 60);
}

}  // namespace

std::optional<Instant> parse_time(std::string_view text) {
  const int y = take_number(text, 4);
  if (y < 1 || !take(text, '-')) return std::nullopt;
  const int mo = take_number(text, 2);
  if (mo < 1 || !take(text, '-')) return std::nullopt;
  const int d = take_number(text, 2);
  if (d < 1 || !take(text, 't', 'T')) return std::nullopt;
  const int h = take_number(text, 2);
  if (h < 0 || h > 23 || !take(text, ':')) return std::nullopt;
  const int mi = take_number(text, 2);
  if (mi < 0 || mi > 59 || !take(text, ':')) return std::nullopt;
  const int s = take_number(text, 2);
  if (s < 0 || s > 59) return std::nullopt;
  const auto nanos = take_fraction(text);
  if (!nanos) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return std::nullopt;
  const auto days = sys_days(date).time_since_epoch().count();
  const Instant result{std::int64_t{days} * 86400 + h * 3600 + mi * 60 + s - *offset, *nanos};
  if (result.seconds < kFirst || result.seconds > kLast) return std::nullopt;
  return result;
}

bool append_time(const Instant& instant, std::string* out) {
  if (instant.seconds < kFirst || instant.seconds > kLast) return false;
  if (instant.nanos < 0 || instant.nanos > 999'999'999) return false;
  const sys_seconds time{seconds(instant.seconds)};
  const auto date = floor<days>(time);
  const year_month_day ymd{date};
  const hh_mm_ss clock{time - date};
  append_digits(static_cast<unsigned>(static_cast<int>(ymd.year())), 4, '-', out);
  append_digits(static_cast<unsigned>(ymd.month()), 2, '-', out);
  append_digits(static_cast<unsigned>(ymd.day()), 2, 'T', out);
  append_digits(static_cast<unsigned>(clock.hours().count()), 2, ':', out);
  append_digits(static_cast<unsigned>(clock.minutes().count()), 2, ':', out);
  append_digits(static_cast<unsigned>(clock.seconds().count()), 2, instant.nanos ? '.' : 'Z', out);
  if (instant.nanos == 0) return true;
  const auto nanos = static_cast<unsigned>(instant.nanos);
  if (nanos % 1'000'000 == 0) {
    append_digits(nanos / 1'000'000, 3, 'Z', out);
  } else if (nanos % 1000 == 0) {
    append_digits(nanos / 1000, 6, 'Z', out);
  } else {
    append_digits(nanos, 9, 'Z', out);
  }
  return true;
}

}  // namespace coffer::net::rest
