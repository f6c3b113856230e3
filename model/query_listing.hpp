#pragma once
// The page of a list: of all documents that are pushed, those that stand on it, in order. A page that is not far from the
// beginning neither sorts nor keeps the rest; everything, or a page far behind, is sorted in slices. One per query, on
// the shard's turn.

#include <cstdint>
#include <memory>
#include <vector>

#include "model/query_filter.hpp"
#include "model/query_sort.hpp"

namespace coffer::model::query {

class Listing {
 public:
  /// `keys` in their priority; what is equal in all of them stays in the order of creation, then of names. A key that the
  /// schema does not know sorts nothing. `limit` 0: everything behind `skip`.
  Listing(const std::vector<SortKey>& keys, const Schema& schema, std::uint64_t skip, std::uint64_t limit);
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  void push(const std::shared_ptr<const Document>& document);
  std::uint64_t total() const { return total_; }
  /// After the last push: appends what follows on the page. Looks at most at `most` documents, those before the page among
  /// them; true when the page has ended.
  bool take(std::size_t most, std::vector<std::shared_ptr<const Document>>& page);

 private:
  struct Held {
    Value first;  // of the first key, where most comparisons end
    std::shared_ptr<const Document> document;
  };
  struct Key {
    Path path;
    bool descending;
  };
  struct InOrder {
    const Listing* listing;
    bool operator()(const Held& a, const Held& b) const { return listing->before(a, b); }
  };
  Value value_of(const Document& document, const Key& key) const;
  bool before(const Value& first_of_a, const Document& a, const Value& first_of_b, const Document& b) const;
  bool before(const Held& a, const Held& b) const { return before(a.first, *a.document, b.first, *b.document); }
  void keep(const std::shared_ptr<const Document>& document);

  std::vector<Key> keys_;
  const std::uint64_t skip_;
  const std::uint64_t room_;  // documents that may stand on the page or before it
  std::uint64_t total_ = 0, taken_ = 0;
  std::vector<Held> held_;         // of a page near the beginning: a heap with the last one in front, once it is full
  RunSort<Held, InOrder> sorted_;  // of any other
};

}  // namespace coffer::model::query
