#pragma once
// Failures in Cloudforet's words: details "ERROR_CODE: message" with the status of the contract's table (section 3.6),
// and the body {"detail":{"code","message"}} over HTTP. Pure functions, any thread.

#include <string>
#include <string_view>

#include "model/errors.hpp"
#include "net/rpc.hpp"

namespace coffer::net::cloudforet {

/// An error that already is in these words, with the category of its name; it passes the door as it is.
model::Error error(std::string_view name, std::string_view message);
model::Error required(std::string_view key);
/// ERROR_DB_QUERY, what upstream says of everything that its database refuses.
model::Error db_query(std::string_view reason);

/// What the door knows of the call that failed.
struct Failed {
  std::string keys, values;  // of ERROR_NOT_FOUND: "secret_id" and "secret-1", or Python's tuples of them
  std::string unique;        // of ERROR_SAVE_UNIQUE_VALUES: "['name', 'domain_id']"
  bool older = false;        // words of 1.12
  bool is_query = false;     // what the tenant finds wrong with a query is ERROR_DB_QUERY
};
WireStatus to_status(const model::Error& error, const Failed& failed);

/// 'it\'s' as Python's repr writes a text.
std::string python_repr(std::string_view text);
/// ('a', 'b') of several, 'a' as it is of one.
std::string python_tuple(const std::vector<std::string>& texts);

}  // namespace coffer::net::cloudforet
