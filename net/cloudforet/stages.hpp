#pragma once
// The aggregate of a StatisticsQuery into stages of the neutral tree. Used by query.cpp; pure.

#include <vector>

#include "model/query.hpp"
#include "model/result.hpp"
#include "net/cloudforet/message.hpp"
#include "net/cloudforet/resource.hpp"

namespace coffer::net::cloudforet {

/// Errors: ERROR_DB_QUERY around what is wrong, as upstream wraps everything that fails inside of a stage.
model::Result<std::vector<model::query::Stage>> read_stages(const Resource& resource, const Message& query);

/// Are rows of these stages still whole documents, under the names of their fields?
bool keeps_documents(const Message& query);

}  // namespace coffer::net::cloudforet
