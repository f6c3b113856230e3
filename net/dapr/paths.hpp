#pragma once
// Dapr's upstream looks for routes by the cleaned path. Used by the Dapr door; pure, any thread.

#include <string>
#include <string_view>

namespace coffer::net::dapr {

/// As Go's path.Clean of an absolute path, on the raw (still escaped) one: several slashes are one, "." is dropped, ".."
/// takes the segment before it away, and there is no slash at the end.
std::string clean_path(std::string_view raw_path);

}  // namespace coffer::net::dapr
