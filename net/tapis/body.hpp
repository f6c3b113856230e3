#pragma once
// Request bodies of the Tapis door: read strictly, with every problem named, before anything is decided. The words are
// those of the upstream's validator where its tests and users look for them. Pure, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "model/requests.hpp"

namespace coffer::net::tapis {

using Problems = std::vector<std::string>;

/// The body as a JSON object, in memory that is wiped. `content_type` may be empty; else it must be JSON's.
/// Nothing when `problems` says why not.
std::optional<boost::json::object> read_object(std::string_view body, std::string_view content_type,
                                               Problems& problems);

/// NewSecret as a Put that makes a new secret of the caller's own.
std::optional<model::Put> read_new_secret(const boost::json::object& body, Problems& problems);

struct SecretUpdate {
  std::optional<std::string> description;
  std::optional<model::Secret> value;
};
std::optional<SecretUpdate> read_update(const boost::json::object& body, Problems& problems);

struct PermissionUpdate {
  std::string subject;  // as a policy's
  model::Level level = model::Level::read;
};
std::optional<PermissionUpdate> read_permission(const boost::json::object& body, Problems& problems);

/// "alice" is user:alice, "service:pods" is itself. Nothing for what is no name: a pattern is none.
std::optional<std::string> subject_of(std::string_view user);
/// What is said of one that it does not take.
inline constexpr std::string_view kNoUser =
    "user: Value error, user must be one username: not TENANT, no '*', no ':', nothing unprintable";
/// The other way.
std::string user_of(std::string_view subject);

/// Letters, digits, '_' and '-', at least one letter or digit, at most 110: secret ids and keys of maps.
bool is_secret_id(std::string_view text);
/// What a secret of the scope `pod` can have: 1 to 4096 bytes of UTF-8.
bool is_pod_id(std::string_view text);

}  // namespace coffer::net::tapis
