#pragma once
// How names and times stand in error details: short, printable, in one line. Used by the checks and rules of model and by
// rooms that write such details. Pure functions, any thread.

#include <string>
#include <string_view>

#include "model/entry.hpp"

namespace coffer::model {

/// The text in double quotes, at most 64 bytes of it (then "..."), cut between characters. Control characters and bytes
/// that are not UTF-8 are written \xNN; quotes and backslashes are escaped. Never for values.
std::string in_quotes(std::string_view text);
/// RFC 3339 in UTC with milliseconds: "2026-01-02T03:04:05.678Z".
std::string rfc3339(TimeMs time);

}  // namespace coffer::model
