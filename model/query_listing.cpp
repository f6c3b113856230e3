// See query_listing.hpp.

#include "model/query_listing.hpp"

#include <algorithm>

#include "model/query_stage.hpp"

namespace coffer::model::query {

namespace {

/// A page that ends within as many documents is a heap of its size.
constexpr std::uint64_t kMostInHeap = 4096;

std::uint64_t room_of(std::uint64_t skip, std::uint64_t limit) {
  return limit == 0 || skip + limit < skip ? UINT64_MAX : skip + limit;
}

}  // namespace

Listing::Listing(const std::vector<SortKey>& keys, const Schema& schema, std::uint64_t skip, std::uint64_t limit)
    : skip_(skip), room_(room_of(skip, limit)), sorted_(InOrder{this}) {
  for (const SortKey& key : keys) {
    if (auto path = resolve(key.key, schema)) keys_.push_back({std::move(*path), key.descending});
  }
}

Value Listing::value_of(const Document& document, const Key& key) const {
  const Value& root = document.fields[static_cast<std::size_t>(key.path.field)];
  return sort_value(key.path.steps.empty() ? root : value_at(root, key.path.begin(), key.path.end()), key.descending);
}

bool Listing::before(const Value& first_of_a, const Document& a, const Value& first_of_b, const Document& b) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_[i];
    const int order = i == 0 ? compare(first_of_a, first_of_b) : compare(value_of(a, key), value_of(b, key));
    if (order != 0) return key.descending ? order > 0 : order < 0;
  }
  const Entry& x = *a.entry;
  const Entry& y = *b.entry;
  return x.created_at != y.created_at ? x.created_at < y.created_at : x.name < y.name;
}

void Listing::push(const std::shared_ptr<const Document>& document) {
  ++total_;
  if (room_ <= kMostInHeap) return keep(document);
  sorted_.push({keys_.empty() ? Value() : value_of(*document, keys_.front()), document});
}

void Listing::keep(const std::shared_ptr<const Document>& document) {
  const InOrder in_order{this};
  const Value first = keys_.empty() ? Value() : value_of(*document, keys_.front());
  if (held_.size() < room_) {
    held_.push_back({first, document});
    if (held_.size() == room_) std::make_heap(held_.begin(), held_.end(), in_order);
    return;
  }
  // Most documents end here, and are not even counted as held.
  if (!before(first, *document, held_.front().first, *held_.front().document)) return;
  std::pop_heap(held_.begin(), held_.end(), in_order);
  held_.back() = {first, document};
  std::push_heap(held_.begin(), held_.end(), in_order);
}

bool Listing::take(std::size_t most, std::vector<std::shared_ptr<const Document>>& page) {
  if (taken_ == 0) {
    for (Held& held : held_) sorted_.push(std::move(held));
    held_.clear();
  }
  for (std::size_t looked = 0; looked < most; ++looked) {
    if (taken_ == room_) return true;
    auto held = sorted_.next();
    if (!held) return true;
    if (taken_++ >= skip_) page.push_back(std::move(held->document));
  }
  return false;
}

}  // namespace coffer::model::query
