#pragma once
// Conditions of Cloudforet's queries, which stand in filters, in statistics and in unwind. Used by query.cpp and
// stages.cpp only; pure.

#include <string>
#include <string_view>
#include <vector>

#include "model/query.hpp"
#include "model/result.hpp"
#include "net/cloudforet/message.hpp"
#include "net/cloudforet/resource.hpp"

namespace coffer::net::cloudforet {

/// google.protobuf.Value as a literal.
model::query::Literal to_literal(const Message& value);
/// As Python writes it: {'a': 1.0}.
std::string python_repr(const model::query::Literal& literal);

/// Which keys a condition may have.
enum class Keys { stored, any };
/// Errors: those of the contract's section 2.4.
model::Result<model::query::Condition> read_condition(const Resource& resource, const Message& filter, Keys keys);
model::Result<std::vector<model::query::Condition>> read_conditions(const Resource& resource, const Message& message,
                                                                    std::string_view field, Keys keys);
/// The stored key, or ERROR_DB_QUERY: Cannot resolve field.
model::Result<std::string> read_key(const Resource& resource, std::string_view key);

}  // namespace coffer::net::cloudforet
