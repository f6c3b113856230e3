// An engine that keeps everything in memory and nothing on a disk: for tests and for tools that need no durability.

#include "storage/open.hpp"
#include "storage/snapshot_map.hpp"

namespace coffer::storage {
namespace {

class MemoryEngine final : public Engine {
 public:
  model::Result<std::optional<std::string>> get(std::string_view key) const override { return rows_.get(key); }
  std::unique_ptr<Scan> scan(std::string_view begin, std::string_view end) const override {
    return rows_.scan(begin, end);
  }
  model::Status write(const Batch& batch, Durability) override {
    rows_.apply(batch);
    return {};
  }
  model::Status flush() override { return {}; }

 private:
  SnapshotMap rows_;
};

}  // namespace

std::unique_ptr<Engine> open_memory() { return std::make_unique<MemoryEngine>(); }

}  // namespace coffer::storage
