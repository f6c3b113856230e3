#pragma once
// Times in queries: ISO 8601 texts, times relative to now, and how a group cuts and writes them. UTC. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "model/entry.hpp"

namespace coffer::model::query {

/// "2026-01-02", "2026-01-02T03:04", "...:05", "...05.678", with "Z", "+hh:mm" or nothing (UTC); a blank may stand for T.
std::optional<TimeMs> parse_datetime(std::string_view text);

/// "now", "now/d", "now/w" (Monday), "now/m" (the 1st); then nothing, or + or - and a number and s, m, h, d or w.
std::optional<TimeMs> parse_timediff(std::string_view text, TimeMs now);

struct CivilTime {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0;
  int weekday = 4;  // 0: Sunday
  int yearday = 1;  // from 1
};
CivilTime civil(TimeMs time);

/// %Y %m %d %H %M %S %L %j %u %w %%; whatever else stands there stays.
std::string format_time(TimeMs time, std::string_view format);

}  // namespace coffer::model::query
