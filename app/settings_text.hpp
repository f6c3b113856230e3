#pragma once
// Every setting of the configuration by its full name, as text: what a reload compares. A test holds it against the schema
// (all_settings), so that no setting can be forgotten. Pure.

#include <map>
#include <string>

#include "app/config.hpp"

namespace coffer::app {

/// Of the elements of an array, such as [[listener]], the values in their order.
std::map<std::string, std::string> settings_of(const Config& config);

}  // namespace coffer::app
