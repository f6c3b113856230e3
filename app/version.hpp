#pragma once
// The program's version, as `coffer --version`, the admin status and Dapr's metadata show it. The same as in CMakeLists.txt,
// which a test compares.

#include <string_view>

namespace coffer::app {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace coffer::app
