#pragma once
// One query over a tenant's documents while it is answered: what was compiled of it, and what it has gathered so far.
// Made by TenantCore, which feeds it documents in slices. That shard's turn only.

#include <memory>
#include <optional>
#include <string>

#include "actors/call_handle.hpp"
#include "model/document.hpp"
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
  /// Takes a document that is wanted and may be seen. Errors: too_large.
  model::Status take(const std::shared_ptr<const model::Document>& document);
  /// Errors: too_large.
  model::Result<model::QueryReply> finish();

  std::size_t next = 0;  // number of the document that is looked at next

 private:
  QueryRun(const model::Query& query, const model::Schema& schema) : query_(query), schema_(schema) {}
  model::Result<model::QueryReply> write_rows(const model::query::Value* rows, std::size_t count) const;

  const model::Query& query_;
  const model::Schema& schema_;
  std::vector<model::Restriction> where_;
  model::query::Pool pool_;
  std::optional<model::query::Predicate> filter_;
  std::optional<model::query::Listing> listing_;
  std::unique_ptr<model::query::Pipeline> pipeline_;
  std::optional<model::query::Distinct> distinct_;
  std::uint64_t total_ = 0;
};

}  // namespace coffer::actors
