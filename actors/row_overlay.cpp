// See row_overlay.hpp.

#include "actors/row_overlay.hpp"

#include <algorithm>

namespace coffer::actors {

void RowOverlay::stage(std::uint64_t sequence, std::vector<storage::RowChange> changes) {
  Staged staged{sequence, model::Index{}, {}};
  staged.rows.reserve(changes.size());
  for (storage::RowChange& change : changes) {
    bytes_ += change.row.size() + (change.value ? change.value->size() : 0);
    auto& row = *rows_.try_emplace(std::move(change.row)).first;
    const bool is_listed = !row.second.empty() && row.second.back().sequence == sequence;
    row.second.push_back({sequence, std::move(change.value)});
    if (!is_listed) staged.rows.push_back(&row);
  }
  staged_.push_back(std::move(staged));
}

void RowOverlay::commit(std::uint64_t sequence, model::Index index) {
  committed_ = std::max(committed_, sequence);
  for (auto it = staged_.rbegin(); it != staged_.rend(); ++it) {
    if (it->sequence > sequence) continue;
    if (it->index.value != 0) break;
    it->index = index;
  }
}

void RowOverlay::trim(model::Index applied) {
  while (!staged_.empty() && staged_.front().index.value != 0 && staged_.front().index <= applied) {
    const Staged& staged = staged_.front();
    for (Rows::value_type* row : staged.rows) {
      std::erase_if(row->second, [&](const Value& value) {
        if (value.sequence != staged.sequence) return false;
        bytes_ -= row->first.size() + (value.value ? value.value->size() : 0);
        return true;
      });
      if (row->second.empty()) rows_.erase(rows_.find(row->first));
    }
    staged_.pop_front();
  }
}

const std::optional<std::string>* RowOverlay::committed_of(const std::vector<Value>& values) const {
  for (auto it = values.rbegin(); it != values.rend(); ++it) {
    if (it->sequence <= committed_) return &it->value;
  }
  return nullptr;
}

RowOverlay::Hit RowOverlay::committed(std::string_view row) const {
  auto found = rows_.find(row);
  if (found == rows_.end()) return {};
  const auto* value = committed_of(found->second);
  return {value != nullptr, value};
}

RowOverlay::Hit RowOverlay::latest(std::string_view row) const {
  auto found = rows_.find(row);
  if (found == rows_.end()) return {};
  return {true, &found->second.back().value};
}

}  // namespace coffer::actors
