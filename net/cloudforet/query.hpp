#pragma once
// Cloudforet's query messages (core.v1 and core.v2) into the neutral tree, with upstream's words for what is wrong in
// them. What only the stored fields can tell is left to the shard. Pure functions, any thread.

#include "model/document_requests.hpp"
#include "model/result.hpp"
#include "net/cloudforet/message.hpp"
#include "net/cloudforet/resource.hpp"

namespace coffer::net::cloudforet {

/// What of a list shapes the answer only.
struct Shown {
  std::vector<std::string> only;  // public names; empty: all
  bool minimal = false;
  bool rows = false;  // unwound: the answer is rows
};

/// The request of `list`: its own fields and its Query.
model::Result<model::Query> read_list(const Resource& resource, const Message& in, Shown* shown);
/// The request of `stat`.
model::Result<model::Query> read_stat(const Resource& resource, const Message& in);
/// Names of fields that are to be shown. Errors: ERROR_DB_QUERY for unknown ones.
model::Result<std::vector<std::string>> read_only(const Resource& resource, const Message& message);
/// Which fields `minimal` shows.
std::vector<std::string> minimal_fields(const Resource& resource);

}  // namespace coffer::net::cloudforet
