// The copy-on-write map of the engines in memory. See storage/snapshot_map.hpp.

#include "storage/snapshot_map.hpp"

#include <mutex>

namespace coffer::storage {

class SnapshotMap::MapScan final : public Scan {
 public:
  MapScan(const SnapshotMap& owner, std::shared_ptr<const Map> map, std::string_view begin, std::string_view end)
      : owner_(owner),
        map_(std::move(map)),
        at_(map_->lower_bound(begin)),
        end_(end.empty() ? map_->end() : map_->lower_bound(end)) {
    if (!end.empty() && begin >= end) at_ = end_;
  }
  ~MapScan() override {
    // Under the lock, so that a writer which finds itself the only owner also sees that all reading is over.
    std::shared_lock lock(owner_.mutex_);
    map_.reset();
  }
  bool valid() const override { return at_ != end_; }
  void next() override { ++at_; }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  model::Status status() const override { return {}; }

 private:
  const SnapshotMap& owner_;
  std::shared_ptr<const Map> map_;
  Map::const_iterator at_, end_;
};

std::optional<std::string> SnapshotMap::get(std::string_view key) const {
  std::shared_lock lock(mutex_);
  auto found = map_->find(key);
  if (found == map_->end()) return std::nullopt;
  return found->second;
}

std::unique_ptr<Scan> SnapshotMap::scan(std::string_view begin, std::string_view end) const {
  std::shared_ptr<const Map> map;
  {
    std::shared_lock lock(mutex_);
    map = map_;
  }
  return std::make_unique<MapScan>(*this, std::move(map), begin, end);
}

SnapshotMap::Map& SnapshotMap::writable() {
  if (map_.use_count() > 1) map_ = std::make_shared<Map>(*map_);
  return *map_;
}

void SnapshotMap::apply(const Batch& batch, std::vector<Before>* undo) {
  std::unique_lock lock(mutex_);
  Map& map = writable();
  for (const Batch::Op& op : batch.ops()) {
    auto at = map.lower_bound(op.key);
    const bool found = at != map.end() && at->first == op.key;
    if (undo) undo->push_back({std::string(op.key), found ? std::optional(std::move(at->second)) : std::nullopt});
    if (op.is_delete) {
      if (found) map.erase(at);
    } else if (found) {
      at->second = op.value;
    } else {
      map.emplace_hint(at, op.key, op.value);
    }
  }
}

void SnapshotMap::undo(std::vector<Before> undo) {
  std::unique_lock lock(mutex_);
  Map& map = writable();
  for (auto step = undo.rbegin(); step != undo.rend(); ++step) {
    if (step->value) {
      map.insert_or_assign(std::move(step->key), std::move(*step->value));
    } else if (auto at = map.find(step->key); at != map.end()) {
      map.erase(at);
    }
  }
}

}  // namespace coffer::storage
