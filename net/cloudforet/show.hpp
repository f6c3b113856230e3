#pragma once
// Entries as Cloudforet's messages: infos, lists, statistics. Pure functions; on the thread that completed the call.

#include <string>
#include <vector>

#include "model/requests.hpp"
#include "net/cloudforet/message.hpp"
#include "net/cloudforet/query.hpp"
#include "net/cloudforet/resource.hpp"

namespace coffer::net::cloudforet {

/// Fills an info; `only` names the fields that are shown, none: all.
void show_info(const Resource& resource, const model::Entry& entry, const std::vector<std::string>& only, Message& out);
/// Results and total_count.
void show_list(const Resource& resource, const model::QueryReply& reply, const Shown& shown, Message& out);
/// {"results": [...]} with total_count when there are pages. `of_documents`: rows are objects of stored fields.
void show_stat(const Resource& resource, const model::QueryReply& reply, bool of_documents, bool with_total,
               Message& out);

}  // namespace coffer::net::cloudforet
