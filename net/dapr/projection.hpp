#pragma once
// What a Dapr store shows of a payload, and how its clients ask for a version. Used by the Dapr door; pure, any thread.

#include <string>
#include <string_view>

#include "model/payload.hpp"
#include "model/requests.hpp"
#include "model/result.hpp"
#include "net/dapr/go_json.hpp"
#include "net/dapr/stores.hpp"

namespace coffer::net::dapr {

/// A key that ends so, with the value "base64", says that the value of the key before it is base64 of bytes that are not
/// UTF-8 (Dapr carries strings only). A payload's own key of that name goes before it.
inline constexpr std::string_view kEncodingSuffix = ".encoding";

/// A store of single values: {name: value}. A store of multiple values: the payload's map or JSON object; what is
/// neither, as a single value.
StringMap project(const model::Payload& payload, std::string_view name, bool multiple_values);

/// What a bulk read shows, by name: what the scopes deny is left out.
std::map<std::string, StringMap> project_all(const model::ListReply& reply, const View& view);

/// metadata.version_id: absent, empty or "0" is the newest. A number too large to be a version is version_not_found.
/// Errors: invalid_argument, version_not_found.
model::Result<std::uint64_t> read_version(std::string_view version_id);

}  // namespace coffer::net::dapr
