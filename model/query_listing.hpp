#pragma once
// The page of a list: of all documents that are pushed, those that stand on it, in order, without sorting or keeping the
// rest. One per query, on the shard's turn.

#include <cstdint>
#include <memory>
#include <vector>

#include "model/query_filter.hpp"

namespace coffer::model::query {

class Listing {
 public:
  /// `keys` in their priority; what is equal in all of them stays in the order of creation, then of names. A key that the
  /// schema does not know sorts nothing. `limit` 0: everything behind `skip`.
  Listing(const std::vector<SortKey>& keys, const Schema& schema, std::uint64_t skip, std::uint64_t limit);

  void push(const std::shared_ptr<const Document>& document);
  std::uint64_t total() const { return total_; }
  /// The page. Once, after the last push.
  std::vector<std::shared_ptr<const Document>> finish();

 private:
  struct Held {
    Value first;  // of the first key, where most comparisons end
    std::shared_ptr<const Document> document;
  };
  struct Key {
    Path path;
    bool descending;
  };
  Value value_of(const Document& document, const Key& key) const;
  bool before(const Value& first_of_a, const Document& a, const Value& first_of_b, const Document& b) const;
  bool before(const Held& a, const Held& b) const { return before(a.first, *a.document, b.first, *b.document); }

  std::vector<Key> keys_;
  const std::uint64_t skip_, limit_;
  std::uint64_t total_ = 0;
  std::vector<Held> held_;  // a heap with the last one in front, once it is full
};

}  // namespace coffer::model::query
