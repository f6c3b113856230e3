#pragma once
// What a shard has decided but cannot find in the state database yet: rows of write sets that are submitted, or
// committed and not applied. Writers decide on the newest rows, readers see committed ones only, so a write can follow
// a write without waiting and no reader ever sees a value that may be lost. One per shard; that shard's actor only.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/ids.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

class RowOverlay {
 public:
  /// Adds a write set's rows, which it takes; sequences only grow.
  void stage(std::uint64_t sequence, std::vector<storage::RowChange> changes);
  /// Everything up to `sequence` is committed; it stands at `index` of the group's log.
  void commit(std::uint64_t sequence, model::Index index);
  /// The state database holds everything up to `applied`: forgets what it covers.
  void trim(model::Index applied);

  /// Found: the row's value (or its deletion). Not found: look into the state database.
  struct Hit {
    bool found = false;
    const std::optional<std::string>* value = nullptr;
  };
  Hit committed(std::string_view row) const;
  Hit latest(std::string_view row) const;

  /// Calls f(row, value) for each committed row that begins with `prefix`, in no order.
  template <class F>
  void each_committed(std::string_view prefix, F&& f) const {
    for (const auto& [row, values] : rows_) {
      if (!std::string_view(row).starts_with(prefix)) continue;
      if (const auto* value = committed_of(values)) f(std::string_view(row), *value);
    }
  }
  /// Calls f(sequence, row) for each row of each write set that the state may not hold yet, the oldest first.
  template <class F>
  void each_staged(F&& f) const {
    for (const Staged& staged : staged_) {
      for (const Rows::value_type* row : staged.rows) f(staged.sequence, row->first);
    }
  }
  /// The oldest write set that the state may not hold yet; none: UINT64_MAX.
  std::uint64_t oldest_staged() const { return staged_.empty() ? UINT64_MAX : staged_.front().sequence; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Value {
    std::uint64_t sequence;
    std::optional<std::string> value;
  };
  struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Rows = std::unordered_map<std::string, std::vector<Value>, TransparentHash, std::equal_to<>>;
  struct Staged {
    std::uint64_t sequence;
    model::Index index;                   // 0 until committed
    std::vector<Rows::value_type*> rows;  // each once; it stays while a staged write set has a value in it
  };
  const std::optional<std::string>* committed_of(const std::vector<Value>& values) const;

  Rows rows_;
  std::deque<Staged> staged_;
  std::uint64_t committed_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace coffer::actors
