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
  const auto covered = [applied](const Staged& staged) { return staged.index.value != 0 && staged.index <= applied; };
  const auto stays = std::find_if_not(staged_.begin(), staged_.end(), covered);
  if (stays == staged_.begin()) return;
  const std::uint64_t last = std::prev(stays)->sequence;
  for (auto staged = staged_.begin(); staged != stays; ++staged) {
    for (Rows::value_type* row : staged->rows) {
      // The last one to name a row takes all its values at once: a row that everybody writes has one for each write set.
      std::vector<Value>& values = row->second;
      const auto end =
          std::upper_bound(values.begin(), values.end(), last,
                           [](std::uint64_t sequence, const Value& value) { return sequence < value.sequence; });
      if (std::prev(end)->sequence != staged->sequence) continue;
      for (auto value = values.begin(); value != end; ++value) {
        bytes_ -= row->first.size() + (value->value ? value->value->size() : 0);
      }
      values.erase(values.begin(), end);
      if (values.empty()) rows_.erase(rows_.find(row->first));
    }
  }
  staged_.erase(staged_.begin(), stays);
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
