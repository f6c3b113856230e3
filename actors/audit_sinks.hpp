#pragma once
// Further places for audit records (stdout, syslog): each has a bounded queue and a thread of its own, so that one that
// hangs loses its own records, which are counted, and holds nobody up: not the audit file, not a request, not the stop.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "actors/gateway.hpp"
#include "model/audit.hpp"

namespace coffer::actors {

class AuditSinks {
 public:
  AuditSinks(std::vector<std::unique_ptr<model::AuditSink>> sinks, std::size_t most_lines);
  /// Gives what is queued a moment to leave, then cancels.
  ~AuditSinks();
  bool any() const { return !queues_.empty(); }
  /// The audit's thread. Never waits.
  void offer(std::string_view line);
  void add_samples(std::vector<Sample>& samples) const;

 private:
  struct Queue {
    std::unique_ptr<model::AuditSink> sink;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::string> lines;
    bool stopping = false, ended = false;
    std::uint64_t written = 0, dropped = 0, failed = 0;
    std::thread thread;
  };
  static void run(Queue& queue);

  const std::size_t most_lines_;
  std::vector<std::unique_ptr<Queue>> queues_;
};

}  // namespace coffer::actors
