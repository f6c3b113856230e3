#pragma once
// Statistics: rows are pushed through stages one by one, so that the shard may feed them in slices; what a stage must
// hold (groups, rows to be sorted) it holds until finish(), which goes on in slices, too. One per query, on the shard's turn.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/query_filter.hpp"
#include "model/query_sort.hpp"

namespace coffer::model::query {

/// A row on its way: a document, or an object that a stage made.
struct Row {
  const Document* document = nullptr;
  Value object;  // when there is no document
};

class Pipeline {
 public:
  /// Errors: invalid_argument (keys that the schema does not know, values that a test does not take).
  static Result<std::unique_ptr<Pipeline>> make(const std::vector<Stage>& stages, const Schema& schema,
                                                const Surroundings& around);
  ~Pipeline();

  /// Keeps the document while the pipeline lives. Errors: too_large, when it holds more than the shard wants to.
  Status push(std::shared_ptr<const Document> document);
  /// After the last push, until it says true: what stages hold goes on, `budget` steps at most, which are taken off it.
  /// Errors: too_large.
  Result<bool> finish(std::size_t& budget);
  /// The rows that came out, as objects.
  const std::vector<Value>& rows() const;

  struct Impl;

 private:
  explicit Pipeline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Values of one field over documents, each once, in order: scalars only, lists give their elements.
class Distinct {
 public:
  Distinct(std::string_view key, const Schema& schema);
  /// Keeps the document when it brings a value. Errors: too_large.
  Status push(std::shared_ptr<const Document> document);
  /// After the last push: the next value. Times become texts when they are written.
  std::optional<Value> next();

 private:
  void keep(const Value& value);
  void settle();

  Path path_;                  // a field that is not known gives nothing
  std::vector<Value> recent_;  // sorted when it is full, and what comes twice goes
  RunSort<Value, Less> sorted_{Less()};
  std::optional<Value> last_;  // of next(): runs may have values in common
  std::vector<std::shared_ptr<const Document>> held_;
};

/// A document as an object of its schema's fields.
Value to_object(const Document& document, const Schema& schema, Pool& pool);

}  // namespace coffer::model::query
