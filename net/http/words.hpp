#pragma once
// The words of a request target: path and query taken apart and percent-decoded (RFC 3986; a query's '+' is a space, as
// HTML forms write it). Pure.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coffer::net::http {

struct Target {
  std::string_view path;   // raw; begins with '/'
  std::string_view query;  // raw, without '?'
};

/// Of origin form ("/a?b") and absolute form ("http://host/a?b"); an empty path when it is neither.
Target split_target(std::string_view target);

/// Nothing when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// Names and values in order; nothing when one of them cannot be decoded.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

}  // namespace coffer::net::http
