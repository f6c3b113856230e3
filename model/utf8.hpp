#pragma once
// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. Used by the checks of names and
// texts, by the JSON scanner and by the doors. Pure functions, any thread.

#include <cstddef>
#include <string_view>

namespace coffer::model {

/// Bytes of the well-formed character at the front (1-4) and its code point; 0 when there is none.
std::size_t decode_utf8(std::string_view text, char32_t* code_point);
/// Length of the longest prefix that is UTF-8: text.size() when all of it is.
std::size_t valid_utf8_prefix(std::string_view text);
bool is_valid_utf8(std::string_view text);
/// The characters that names may not hold: C0 (U+0000-U+001F), DEL, C1 (U+0080-U+009F).
constexpr bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

}  // namespace coffer::model
