// See tenant_query.hpp.

#include "actors/tenant_query.hpp"

#include <algorithm>

#include "model/document_rules.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;
namespace query = model::query;

namespace {

// One slice of finishing each takes about a millisecond.
constexpr std::size_t kQueryRowsPerSlice = 4096;
constexpr std::size_t kQueryEntriesPerSlice = 1024;  // copied into the answer
constexpr std::size_t kBytesPerSlice = 256 << 10;
/// Values of an answer's rows: doors make objects of them, which take far more room than their text.
constexpr std::size_t kMostShown = 1'000'000;

/// See QueryRun::cost(); measured roughly, in parts of what a plain look takes.
std::uint64_t cost_of(const std::vector<query::Condition>& conditions) {
  std::uint64_t cost = 0;
  for (const query::Condition& condition : conditions) {
    const std::uint64_t items = std::max<std::uint64_t>(condition.value.items.size(), 1);
    switch (condition.op) {
      case query::Operator::contain:
      case query::Operator::not_contain:
      case query::Operator::contain_in:
      case query::Operator::not_contain_in: cost += items; break;
      case query::Operator::regex:
      case query::Operator::regex_in: cost += 4 * items; break;
      case query::Operator::in:
      case query::Operator::not_in: cost += 1 + items / 16; break;
      default: ++cost;
    }
  }
  return cost;
}

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
  run->cost_ = 4 + cost_of(asked.filter.all) + cost_of(asked.filter.any);
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
  if (distinct_) return distinct_->push(document);
  if (listing_) listing_->push(document);
  return {};
}

/// The part of the rows that the page shows; their JSON is written by finish_rows().
void QueryRun::begin_rows(const query::Value* rows, std::size_t count) {
  reply_.total = count;
  const std::size_t from = std::min<std::uint64_t>(query_.skip, count);
  const std::size_t most = query_.limit == 0 ? count : static_cast<std::size_t>(query_.limit);
  writer_.emplace(query::Value::of_list(rows + from, std::min(most, count - from)));
}

model::Result<bool> QueryRun::finish_rows() {
  std::size_t budget = kQueryRowsPerSlice;
  if (pipeline_ && !writer_) {
    auto done = pipeline_->finish(budget);
    if (!done || !*done) return done;
    begin_rows(pipeline_->rows().data(), pipeline_->rows().size());
  }
  while (!writer_) {
    if (budget-- == 0) return false;
    const auto value = distinct_->next();
    if (value) {
      values_.push_back(*value);
    } else {
      begin_rows(values_.data(), values_.size());
    }
  }
  const bool done = writer_->write(reply_.rows, kBytesPerSlice);
  if (reply_.rows.size() > query_.byte_limit) return too_large(query_.byte_limit);
  if (writer_->written() > kMostShown) {
    return Error(Code::too_large,
                 "the answer would have more than " + std::to_string(kMostShown) + " values; ask for fewer at a time");
  }
  return done;
}

model::Status QueryRun::finish_page(bool* done) {
  std::vector<std::shared_ptr<const model::Document>> page;
  *done = listing_->take(kQueryEntriesPerSlice, page);
  for (const auto& document : page) {
    reply_bytes_ += bytes_of(*document->entry);
    if (reply_bytes_ > query_.byte_limit) return too_large(query_.byte_limit);
    reply_.entries.push_back({*document->entry, document->entry->last_version, std::nullopt});
  }
  return {};
}

model::Result<bool> QueryRun::finish() {
  finishing_ = true;
  if (pipeline_ || distinct_) return finish_rows();
  reply_.total = total_;
  bool done = true;
  if (listing_) {
    if (auto status = finish_page(&done); !status) return status.error();
  }
  return done;
}

}  // namespace coffer::actors
