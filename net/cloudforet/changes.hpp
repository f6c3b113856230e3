#pragma once
// Requests that change something, as what they ask of the tenant: required fields, lengths, trimming, what is derived.
// Pure functions but for the id's randomness.

#include "crypto/random.hpp"
#include "model/document_requests.hpp"
#include "model/result.hpp"
#include "net/cloudforet/message.hpp"
#include "net/cloudforet/resource.hpp"

namespace coffer::net::cloudforet {

/// Errors of all: ERROR_REQUIRED_PARAMETER, ERROR_DB_QUERY for what is too long.
model::Result<model::ChangeDocument> read_create(const Resource& resource, const Message& in, const std::string& domain,
                                                 crypto::Random& random);
model::Result<model::ChangeDocument> read_update(const Resource& resource, const Message& in);
model::Result<model::ChangeDocument> read_update_data(const Resource& resource, const Message& in);
model::Result<model::ChangeDocument> read_delete(const Resource& resource, const Message& in);
/// add_secret and remove_secret of a group.
model::Result<model::ChangeDocument> read_membership(const Resource& resource, const Message& in, bool adds);
/// get (without the value) and get_data.
model::Result<model::ReadDocument> read_read(const Resource& resource, const Message& in, bool with_value);

/// ERROR_DB_QUERY for a field that is longer than upstream stores.
model::Error too_long(const Resource& resource, std::string_view field);

/// What upstream asks identity for: the provider that a schema's name begins with; empty when it tells none.
std::string_view provider_of(std::string_view schema);

}  // namespace coffer::net::cloudforet
