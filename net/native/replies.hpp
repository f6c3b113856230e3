#pragma once
// Encodes the tenant's replies into the native API's messages. Used by the native door on the thread that completes the
// call; pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "coffer/v1/secrets.pb.h"
#include "model/requests.hpp"

namespace coffer::net::native {

/// Metadata of an entry as of one of its versions; times and author of creation are the entry's.
void to_message(const model::Entry& entry, std::uint64_t version, v1::Metadata* out);
/// Metadata, and the payload as it was put when the reply has it. JSON that another door stored is shown as value.
void to_message(const model::EntryReply& reply, v1::Secret* out);
void to_message(const model::HistoryReply& reply, v1::HistoryResponse* out);
/// `in` is the request: a page token belongs to its query.
void to_message(const model::ListReply& reply, model::Revision revision, const v1::ListRequest& in,
                v1::ListResponse* out);
/// REQUIRES: one result for each item of `in`.
void to_message(const model::BatchGetReply& reply, const v1::BatchGetRequest& in, v1::BatchGetResponse* out);
void to_message(const model::TransactReply& reply, model::Revision revision, v1::TransactResponse* out);

/// The entity tag of a Get (RFC 9110 section 8.8.3): changes with the version and with the metadata.
std::string entity_tag(const model::EntryReply& reply);
/// If-None-Match (RFC 9110 section 13.1.2): a list of tags, weak or not, or "*".
bool matches_entity_tag(std::string_view if_none_match, std::string_view tag);

/// Owner and permissions of the entry.
void to_message(const model::Entry& entry, v1::Permissions* out);
void to_message(const model::TokenInfo& token, v1::Token* out);

}  // namespace coffer::net::native
