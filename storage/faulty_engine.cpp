// The model of a disk that loses what was not synced, file by file. See storage/faulty_engine.hpp.

#include "storage/faulty_engine.hpp"

namespace coffer::storage {
namespace {

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and the same sequence everywhere.
std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// A number in [least, most]; both ends are as likely as everything between them, for they are where mistakes show.
std::size_t cut_between(std::size_t least, std::size_t most, std::uint64_t& random) {
  switch (split_mix(random) % 3) {
    case 0: return least;
    case 1: return most;
    default: return least + split_mix(random) % (most - least + 1);
  }
}

/// A scan of an engine without power.
class DeadScan final : public Scan {
 public:
  explicit DeadScan(model::Error error) : error_(std::move(error)) {}
  bool valid() const override { return false; }
  void next() override {}
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  model::Status status() const override { return error_; }

 private:
  model::Error error_;
};

}  // namespace

FaultyEngine::FaultyEngine(FaultyOptions options) : options_(options), files_(1), random_state_(options.seed) {}

std::uint64_t FaultyEngine::random() { return split_mix(random_state_); }
bool FaultyEngine::chance(std::uint32_t per_mille) { return per_mille != 0 && random() % 1000 < per_mille; }

model::Error FaultyEngine::powered_off() const {
  return {model::Code::disk_error, "The faulty engine has no power until it is reopened."};
}

model::Error FaultyEngine::fail(DiskFault fault) {
  failed_ = model::Error(model::Code::disk_error, fault == DiskFault::no_space
                                                      ? "No space is left on the disk of the faulty engine."
                                                      : "The disk failed under the faulty engine.");
  return *failed_;
}

model::Result<std::optional<std::string>> FaultyEngine::get(std::string_view key) const {
  if (off_.load(std::memory_order_relaxed)) return powered_off();
  return rows_.get(key);
}

std::unique_ptr<Scan> FaultyEngine::scan(std::string_view begin, std::string_view end) const {
  if (off_.load(std::memory_order_relaxed)) return std::make_unique<DeadScan>(powered_off());
  return rows_.scan(begin, end);
}

model::Status FaultyEngine::write(const Batch& batch, Durability durability) {
  if (off_.load(std::memory_order_relaxed)) return powered_off();
  if (failed_) return *failed_;
  File& file = files_.back();
  if (write_fault_.due()) {
    file.records.push_back({batch, {}, false});
    return fail(write_fault_.fault);
  }
  file.bytes += batch.bytes();
  const bool synced = durability == Durability::synced;
  if (synced && files_.size() == 1) {
    // Nothing older is at risk, so nothing up to here ever has to be taken back.
    rows_.apply(batch);
    file.records.clear();
  } else {
    Record& record = file.records.emplace_back(Record{batch, {}, true});
    rows_.apply(batch, &record.undo);
    if (synced) file.synced = file.records.size();
  }
  if (file.bytes >= options_.file_bytes || chance(options_.rotate_per_mille)) rotate();
  return {};
}

void FaultyEngine::rotate() {
  files_.emplace_back();
  if (chance(options_.compact_per_mille)) files_.pop_front();
  // What is synced and has nothing older at risk in front of it never has to be taken back.
  while (files_.size() > 1 && files_.front().synced == files_.front().records.size()) files_.pop_front();
}

model::Status FaultyEngine::flush() {
  if (off_.load(std::memory_order_relaxed)) return powered_off();
  if (failed_) return *failed_;
  if (flush_fault_.due()) return fail(flush_fault_.fault);
  files_.clear();
  files_.emplace_back();
  return {};
}

void FaultyEngine::fail_write(std::uint64_t nth, DiskFault fault) { write_fault_ = {nth, fault}; }
void FaultyEngine::fail_flush(std::uint64_t nth, DiskFault fault) { flush_fault_ = {nth, fault}; }

void FaultyEngine::crash(std::uint64_t seed) {
  off_ = true;
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    for (auto record = file->records.rbegin(); record != file->records.rend(); ++record) {
      rows_.undo(std::move(record->undo));
    }
  }
  for (const File& file : files_) {
    const std::size_t survivors = cut_between(file.synced, file.records.size(), seed);
    for (std::size_t i = 0; i < survivors; ++i) rows_.apply(file.records[i].batch);
  }
  // Nothing is left for reopen() to decide.
  files_.clear();
  files_.emplace_back();
}

void FaultyEngine::reopen() {
  for (const File& file : files_) {
    for (const Record& record : file.records) {
      if (!record.applied && random() % 2 == 0) rows_.apply(record.batch);
    }
  }
  files_.clear();
  files_.emplace_back();
  failed_.reset();
  write_fault_ = flush_fault_ = {};
  off_ = false;
}

std::size_t FaultyEngine::at_risk() const {
  std::size_t count = 0;
  for (const File& file : files_) count += file.records.size() - file.synced;
  return count;
}

}  // namespace coffer::storage
