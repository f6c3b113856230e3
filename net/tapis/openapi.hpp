#pragma once
// The OpenAPI 3.1 document of the Tapis door, served at /pods/openapi.json. Constant, any thread.

#include <string_view>

namespace coffer::net::tapis {

std::string_view openapi();
/// The end of it, from "schemas" on.
std::string_view openapi_schemas();

}  // namespace coffer::net::tapis
