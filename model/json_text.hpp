#pragma once
// As much JSON (RFC 8259) as the projections of payloads need: writing a string, checking a text, and taking a top-level
// object apart. Strict, linear in the text's length, bounded in depth. Used by payload and the checks; any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::model {

inline constexpr std::size_t kMaxJsonDepth = 64;

/// Appends `text` in quotes; escapes what RFC 8259 section 7 demands and nothing else. REQUIRES: text is UTF-8.
void append_json_string(Secret* out, std::string_view text);

/// Errors: invalid_argument, with the byte at which the text stops being JSON and why, never with what stands there.
/// Refuses broken UTF-8, escapes of lone surrogates, and arrays and objects nested deeper than kMaxJsonDepth.
Status check_json(std::string_view text);

/// The members of a top-level object in their order, repeated names and all: strings decoded, other values as they
/// stand in the text. Nothing when the text is not an object or check_json would refuse it.
std::optional<std::vector<std::pair<std::string, Secret>>> split_json_object(std::string_view text);

}  // namespace coffer::model
