// See log_writer_core.hpp.

#include "cluster/log_writer_core.hpp"

#include <algorithm>
#include <utility>

namespace coffer::cluster {

namespace {

// What a write adds to a batch, roughly: enough for a bound.
std::size_t size_of(const DurableWrite& write) {
  constexpr std::size_t kRecordOverhead = 64;
  std::size_t bytes = kRecordOverhead;
  for (const storage::LogEntry& entry : write.entries) {
    bytes += kRecordOverhead + (entry.data ? entry.data->size() : 0);
  }
  return bytes + (write.snapshot ? write.snapshot->snapshot.configuration.size() : 0);
}

void add(storage::LogBatch& batch, const DurableWrite& write) {
  if (write.hard_state) {
    batch.hard_state(write.group, *write.hard_state);
  }
  if (!write.entries.empty()) {
    batch.append(write.group, write.entries, write.last_stored);
  }
  if (write.snapshot) {
    batch.snapshot(write.group, write.snapshot->snapshot, write.snapshot->first, write.snapshot->last);
  }
  if (write.leave) {
    batch.leave(write.group, write.leave->floor, write.leave->first, write.leave->last);
  }
}

}  // namespace

void LogWriterCore::enqueue(DurableWrite write) { queue_.push_back(std::move(write)); }

std::optional<storage::LogBatch> LogWriterCore::next() {
  if (busy_ || queue_.empty()) {
    return std::nullopt;
  }
  storage::LogBatch batch;
  std::size_t bytes = 0;
  while (!queue_.empty()) {
    const DurableWrite& write = queue_.front();
    const std::size_t size = size_of(write);
    if (bytes > 0 && bytes + size > batch_bytes_) {
      break;
    }
    bytes += size;
    add(batch, write);
    auto known = std::find_if(in_flight_.begin(), in_flight_.end(),
                              [&](const Durable& durable) { return durable.group == write.group; });
    if (known == in_flight_.end()) {
      in_flight_.push_back({write.group, write.ticket});
    } else {
      known->ticket = write.ticket;
    }
    queue_.pop_front();
  }
  busy_ = true;
  return batch;
}

std::vector<Durable> LogWriterCore::done() {
  busy_ = false;
  return std::exchange(in_flight_, {});
}

std::size_t LogWriterCore::queued() const { return queue_.size(); }

}  // namespace coffer::cluster
