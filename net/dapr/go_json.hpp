#pragma once
// JSON text as Go's encoding/json writes it, which Dapr's clients compare byte for byte: keys sorted, no blanks, HTML's
// characters escaped. Used by the Dapr door; pure, any thread.

#include <map>
#include <string>
#include <string_view>

namespace coffer::net::dapr {

using StringMap = std::map<std::string, std::string>;

/// A string in quotes. Escapes ", \, control characters, <, >, &, U+2028 and U+2029; what is not UTF-8 becomes U+FFFD.
void append_go_string(std::string* out, std::string_view text);
/// {"key":"value"}, in the byte order of the keys.
void append_go_map(std::string* out, const StringMap& map);

/// Go's %q (strconv.Quote), as it stands in messages: like a Go string literal. REQUIRES: text is UTF-8.
std::string go_quote(std::string_view text);

}  // namespace coffer::net::dapr
