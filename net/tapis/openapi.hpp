#pragma once
// The OpenAPI 3.1 document of the Tapis door, served at /pods/openapi.json. Constant.

#include <string_view>

namespace coffer::net::tapis {

std::string_view openapi();

}  // namespace coffer::net::tapis
