// See tenant_query.hpp.

#include "actors/tenant_query.hpp"

#include <algorithm>

#include "model/document_rules.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;
namespace query = model::query;

namespace {

Error too_large(std::uint64_t limit) {
  return {Code::too_large, "the answer would exceed " + std::to_string(limit) + " bytes; ask for fewer at a time"};
}

std::uint64_t bytes_of(const model::Entry& entry) {
  std::uint64_t bytes = entry.name.size() + 64;
  for (const auto& [key, value] : entry.attributes) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace

model::Result<std::unique_ptr<QueryRun>> QueryRun::make(const model::Query& asked,
                                                        std::vector<model::Restriction> where,
                                                        const model::Schema& schema, const query::RegexCompiler& regex,
                                                        model::TimeMs now) {
  std::unique_ptr<QueryRun> run(new QueryRun(asked, schema));
  run->where_ = std::move(where);
  const query::Surroundings around{regex, now};
  auto filter = query::Predicate::make(asked.filter, schema, run->pool_, around);
  if (!filter) return filter.error();
  run->filter_.emplace(std::move(*filter));
  if (!asked.stages.empty()) {
    auto pipeline = query::Pipeline::make(asked.stages, schema, around);
    if (!pipeline) return pipeline.error();
    run->pipeline_ = std::move(*pipeline);
  } else if (!asked.distinct.empty()) {
    run->distinct_.emplace(asked.distinct, schema);
  } else if (!asked.count_only) {
    auto sort = asked.sort;
    if (sort.empty()) sort.push_back({std::string(schema.order_by), false});
    run->listing_.emplace(sort, schema, asked.skip, asked.limit);
  }
  return run;
}

bool QueryRun::wants(const model::Document& document, model::TimeMs now) const {
  return document.readable_at(now) && filter_->holds(document) &&
         (where_.empty() || model::fits(document.entry.get(), where_, now));
}

model::Status QueryRun::take(const std::shared_ptr<const model::Document>& document) {
  ++total_;
  if (pipeline_) return pipeline_->push(document);
  if (distinct_) {
    distinct_->push(document);
  } else if (listing_) {
    listing_->push(document);
  }
  return {};
}

model::Result<model::QueryReply> QueryRun::write_rows(const query::Value* rows, std::size_t count) const {
  model::QueryReply reply;
  reply.total = count;
  const std::size_t from = std::min<std::uint64_t>(query_.skip, count);
  const std::size_t most = query_.limit == 0 ? count : static_cast<std::size_t>(query_.limit);
  reply.rows = "[";
  for (std::size_t i = from; i < count && i - from < most; ++i) {
    if (i != from) reply.rows += ',';
    query::append_json(rows[i], reply.rows);
    if (reply.rows.size() > query_.byte_limit) return too_large(query_.byte_limit);
  }
  reply.rows += ']';
  return reply;
}

model::Result<model::QueryReply> QueryRun::finish() {
  if (pipeline_) {
    const auto& rows = pipeline_->finish();
    return write_rows(rows.data(), rows.size());
  }
  if (distinct_) {
    const auto values = distinct_->finish();
    return write_rows(values.data(), values.size());
  }
  model::QueryReply reply;
  reply.total = total_;
  if (!listing_) return reply;
  std::uint64_t bytes = 0;
  for (const auto& document : listing_->finish()) {
    bytes += bytes_of(*document->entry);
    if (bytes > query_.byte_limit) return too_large(query_.byte_limit);
    reply.entries.push_back({*document->entry, document->entry->last_version, std::nullopt});
  }
  return reply;
}

}  // namespace coffer::actors
