// See audit_sinks.hpp.

#include "actors/audit_sinks.hpp"

#include <chrono>

namespace coffer::actors {

AuditSinks::AuditSinks(std::vector<std::unique_ptr<model::AuditSink>> sinks, std::size_t most_lines)
    : most_lines_(most_lines) {
  for (auto& sink : sinks) {
    auto& queue = *queues_.emplace_back(std::make_unique<Queue>());
    queue.sink = std::move(sink);
    queue.thread = std::thread([&queue] { run(queue); });
  }
}

AuditSinks::~AuditSinks() {
  constexpr std::chrono::milliseconds kLastLines{500};
  for (auto& queue : queues_) {
    {
      std::unique_lock lock(queue->mutex);
      queue->stopping = true;
      queue->changed.notify_all();
      if (!queue->changed.wait_for(lock, kLastLines, [&] { return queue->ended; })) queue->lines.clear();
    }
    queue->sink->cancel();
    queue->thread.join();
  }
}

void AuditSinks::offer(std::string_view line) {
  for (auto& queue : queues_) {
    {
      const std::lock_guard lock(queue->mutex);
      if (queue->lines.size() >= most_lines_) {
        ++queue->dropped;
        continue;
      }
      queue->lines.emplace_back(line);
    }
    queue->changed.notify_all();
  }
}

void AuditSinks::run(Queue& queue) {
  std::unique_lock lock(queue.mutex);
  for (;;) {
    queue.changed.wait(lock, [&] { return queue.stopping || !queue.lines.empty(); });
    if (queue.lines.empty()) break;
    const std::string line = std::move(queue.lines.front());
    queue.lines.pop_front();
    lock.unlock();
    const bool good = queue.sink->write(line);
    lock.lock();
    ++(good ? queue.written : queue.failed);
  }
  queue.ended = true;
  queue.changed.notify_all();
}

void AuditSinks::add_samples(std::vector<Sample>& samples) const {
  for (const auto& queue : queues_) {
    const std::lock_guard lock(queue->mutex);
    const std::vector<std::pair<std::string, std::string>> labels{{"sink", std::string(queue->sink->name())}};
    const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
      samples.push_back({name, help, true, labels, static_cast<double>(value)});
    };
    counter("coffer_audit_sink_records_total", "Audit records that a sink took.", queue->written);
    counter("coffer_audit_sink_failures_total", "Audit records that a sink could not deliver.", queue->failed);
    counter("coffer_audit_sink_dropped_total", "Audit records that found a sink's queue full.", queue->dropped);
    samples.push_back({"coffer_audit_sink_queue", "Audit records that wait for a sink.", false, labels,
                       static_cast<double>(queue->lines.size())});
    samples.push_back({"coffer_audit_sink_queue_limit", "Audit records that a sink's queue has room for.", false,
                       labels, static_cast<double>(most_lines_)});
  }
}

}  // namespace coffer::actors
