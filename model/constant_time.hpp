#pragma once
// The one comparison of secrets: keys, plaintext, MACs, hashes that stand for tokens. Everything that compares such bytes
// goes through it, which tests/tidy checks (`secrets`); crypto::equal_constant_time and the == of Key and Secret are other
// names for it. In secret.cpp. Pure, any thread.

#include <string_view>

namespace coffer::model {

/// Reads all of both whatever they hold, so that the time tells nothing of where they differ. False at once when the lengths
/// differ, which are no secret.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace coffer::model
