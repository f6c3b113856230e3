#pragma once
// One query over a tenant's documents while it is answered: what was compiled of it, and what it has gathered so far.
// Made by TenantCore, which feeds it documents in slices. That shard's turn only.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/call_handle.hpp"
#include "model/document.hpp"
#include "model/query_json.hpp"
#include "model/query_listing.hpp"
#include "model/query_stages.hpp"
#include "model/requests.hpp"

namespace coffer::actors {

class QueryRun {
 public:
  /// `query` must outlive it; `where` is the query's and what the caller's token adds. Errors: invalid_argument (an unknown field, a value that an operator does not take).
  static model::Result<std::unique_ptr<QueryRun>> make(const model::Query& query, std::vector<model::Restriction> where,
                                                       const model::Schema& schema,
                                                       const model::query::RegexCompiler& regex, model::TimeMs now);

  const model::Query& query() const { return query_; }
  /// Does the filter hold? Before anybody asks whether the caller may see it, which costs more.
  bool wants(const model::Document& document, model::TimeMs now) const;
  /// What wants() may cost for this document: 4 for a plain look, more for conditions, expressions and long tags.
  std::uint64_t cost(const model::Document& document) const { return cost_ * document.weight; }
  /// Takes a document that is wanted and may be seen. Errors: too_large.
  model::Status take(const std::shared_ptr<const model::Document>& document);
  /// After the last document: sorts, gathers and writes the answer, a slice at each call, until it says true.
  /// Errors: too_large.
  model::Result<bool> finish();
  /// finish() was called: documents that come now are too late.
  bool is_finishing() const { return finishing_; }
  /// The answer, once.
  model::QueryReply reply() { return std::move(reply_); }

  std::size_t next = 0;  // number of the document that is looked at next

 private:
  QueryRun(const model::Query& query, const model::Schema& schema) : query_(query), schema_(schema) {}
  model::Status finish_page(bool* done);
  model::Result<bool> finish_rows();
  void begin_rows(const model::query::Value* rows, std::size_t count);

  const model::Query& query_;
  const model::Schema& schema_;
  std::vector<model::Restriction> where_;
  model::query::Pool pool_;
  std::optional<model::query::Predicate> filter_;
  std::optional<model::query::Listing> listing_;
  std::unique_ptr<model::query::Pipeline> pipeline_;
  std::optional<model::query::Distinct> distinct_;
  std::uint64_t total_ = 0;
  std::uint64_t cost_ = 0;
  bool finishing_ = false;
  model::QueryReply reply_;
  std::uint64_t reply_bytes_ = 0;
  std::vector<model::query::Value> values_;         // of distinct_, in order
  std::optional<model::query::JsonWriter> writer_;  // of the rows
};

}  // namespace coffer::actors
