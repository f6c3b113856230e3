#pragma once
// Page tokens of List: opaque to clients, and good only for the query that made them. Used by the native and the admin
// door. Pure, any thread.
//
//   base64url without padding( format:1 (=1)  hash of the query:8, big endian  name to continue after )

#include <initializer_list>
#include <string>
#include <string_view>

#include "model/result.hpp"

namespace coffer::net {

/// `query` are the parts that must not change between pages (tenant, space, prefix, filter), in a fixed order.
/// REQUIRES: last is not empty.
std::string make_page_token(std::initializer_list<std::string_view> query, std::string_view last);

/// The name to continue after; empty for the empty token (the first page). Errors: invalid_argument.
model::Result<std::string> read_page_token(std::initializer_list<std::string_view> query, std::string_view token);

/// The number of rows to answer: 0 means 100. Errors: invalid_argument above 1000.
model::Result<std::uint32_t> read_page_size(std::uint32_t page_size);

}  // namespace coffer::net
