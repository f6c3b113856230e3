#pragma once
// Entries as the Tapis API shows them. Pure, any thread.

#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "model/requests.hpp"

namespace coffer::net::tapis {

/// SecretResponseModel: nine fields, never the value. `tenant` is Tapis's name of it.
boost::json::object show_secret(const model::Entry& entry, std::string_view tenant);
/// ["alice:ADMIN", "bob:READ"], the owner first.
boost::json::array show_permissions(const model::Entry& entry);
/// Owned by the principal, or his by the entry's permissions.
bool is_accessible(const model::Entry& entry, std::string_view principal);

}  // namespace coffer::net::tapis
