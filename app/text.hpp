#pragma once
// Small text forms that several parts of the program print: JSON strings, base64, terminal-safe text, and
// guesses at what a mistyped word meant. Pure, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coffer::app {

/// A JSON string (RFC 8259) with its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string json_quote(std::string_view text);
/// RFC 4648 section 4, with padding.
std::string base64(std::string_view bytes);
/// The text with control characters (C0, DEL, C1) as \xNN and broken UTF-8 as '?': safe on a terminal.
std::string printable(std::string_view text);
/// Columns on a terminal, one per code point. REQUIRES: text came from printable().
std::size_t display_width(std::string_view text);

/// The candidate nearest to `word` by edit distance (Damerau-Levenshtein with adjacent swaps), if it is near at all.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace coffer::app
