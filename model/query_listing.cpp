// See query_listing.hpp.

#include "model/query_listing.hpp"

#include <algorithm>

#include "model/query_stage.hpp"

namespace coffer::model::query {

Listing::Listing(const std::vector<SortKey>& keys, const Schema& schema, std::uint64_t skip, std::uint64_t limit)
    : skip_(skip), limit_(limit) {
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
  const auto in_order = [this](const Held& a, const Held& b) { return before(a, b); };
  const std::uint64_t room = limit_ == 0 || skip_ + limit_ < skip_ ? UINT64_MAX : skip_ + limit_;
  const Value first = keys_.empty() ? Value() : value_of(*document, keys_.front());
  if (held_.size() < room) {
    held_.push_back({first, document});
    if (held_.size() == room) std::make_heap(held_.begin(), held_.end(), in_order);
    return;
  }
  // Most documents end here, and are not even counted as held.
  if (!before(first, *document, held_.front().first, *held_.front().document)) return;
  std::pop_heap(held_.begin(), held_.end(), in_order);
  held_.back() = {first, document};
  std::push_heap(held_.begin(), held_.end(), in_order);
}

std::vector<std::shared_ptr<const Document>> Listing::finish() {
  std::sort(held_.begin(), held_.end(), [this](const Held& a, const Held& b) { return before(a, b); });
  std::vector<std::shared_ptr<const Document>> page;
  for (std::size_t i = std::min<std::uint64_t>(skip_, held_.size()); i < held_.size(); ++i) {
    page.push_back(std::move(held_[i].document));
  }
  return page;
}

}  // namespace coffer::model::query
