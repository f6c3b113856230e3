#pragma once
// What is noted for the audit trail until it is written: records in a bounded queue, refusals counted by source. It is there
// before the trail is: a sealed node has no key to sign with, so it keeps what happens meanwhile here, in memory and within
// the same bounds, and the audit log that begins with the unsealing writes it first. Any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "actors/audit_queue.hpp"
#include "actors/audit_refusals.hpp"
#include "actors/gateway.hpp"
#include "model/audit.hpp"

namespace coffer::actors {

class AuditInbox {
 public:
  AuditInbox(std::size_t queue_bytes, std::function<model::TimeMs()> wall_clock)
      : queue_(queue_bytes), wall_clock_(std::move(wall_clock)) {}

  void record(const model::AuditEvent& event) noexcept;
  void record(const model::AuditEvent& event, AuditQueue::Waiter waiter) { queue_.push(event, wall_clock_(), waiter); }
  void refused(const model::AuditEvent& event) noexcept;
  void changed(const model::AuditedChange& change) noexcept;

  AuditQueue& queue() { return queue_; }
  /// Empties the counts of refusals.
  void drain_refusals(const std::function<void(const RefusalCounts::Source&, const RefusalCounts::Count&)>& f);
  std::uint64_t refusals() const { return refusals_counted_; }
  /// Records that no memory was found for; empties the count.
  std::uint64_t take_lost() { return lost_.exchange(0); }
  /// How full the queue is, what it has dropped and whom it has counted, on a sealed node, too. `given_up`: records that came
  /// out of it and could not be written.
  void add_samples(std::vector<Sample>& samples, std::uint64_t given_up = 0) const;

 private:
  AuditQueue queue_;
  const std::function<model::TimeMs()> wall_clock_;
  std::mutex mutex_;
  RefusalCounts refusals_;  // under the mutex
  void lose();

  std::atomic<std::uint64_t> refusals_counted_{0}, lost_{0}, lost_ever_{0};
};

/// The port of a node that is sealed: notes, and can show nothing.
class SealedAudit final : public model::AuditPort {
 public:
  explicit SealedAudit(std::shared_ptr<AuditInbox> inbox) : inbox_(std::move(inbox)) {}
  void record(const model::AuditEvent& event) noexcept override { inbox_->record(event); }
  void record_strictly(const model::AuditEvent& event, void* context, void (*done)(void*, bool)) override;
  void refused(const model::AuditEvent& event) noexcept override { inbox_->refused(event); }
  void changed(const model::AuditedChange& change) noexcept override { inbox_->changed(change); }
  void query(model::AuditQuery query, std::function<void(model::Result<model::AuditPage>)> answer) override;
  void verify(std::function<void(model::Result<model::AuditVerdict>)> answer) override;

 private:
  std::shared_ptr<AuditInbox> inbox_;
};

}  // namespace coffer::actors
