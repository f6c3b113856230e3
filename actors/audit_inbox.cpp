// See audit_inbox.hpp.

#include "actors/audit_inbox.hpp"

#include <new>

namespace coffer::actors {

void AuditInbox::lose() {
  ++lost_;
  ++lost_ever_;
}

void AuditInbox::record(const model::AuditEvent& event) noexcept {
  try {
    queue_.push(event, wall_clock_());
  } catch (const std::bad_alloc&) {
    lose();
  }
}

void AuditInbox::refused(const model::AuditEvent& event) noexcept {
  ++refusals_counted_;
  try {
    const std::lock_guard lock(mutex_);
    refusals_.add(event, wall_clock_());
  } catch (const std::bad_alloc&) {
    lose();
  }
}

void AuditInbox::changed(const model::AuditedChange& change) noexcept {
  try {
    queue_.push(change, wall_clock_());
  } catch (const std::bad_alloc&) {
    lose();
  }
}

void AuditInbox::drain_refusals(
    const std::function<void(const RefusalCounts::Source&, const RefusalCounts::Count&)>& f) {
  const std::lock_guard lock(mutex_);
  refusals_.drain(f);
}

void AuditInbox::add_samples(std::vector<Sample>& samples, std::uint64_t given_up) const {
  const AuditQueue::Level level = queue_.level();
  const auto add = [&](const char* name, const char* help, bool is_counter, double value) {
    samples.push_back({name, help, is_counter, {}, value});
  };
  add("coffer_audit_dropped_total", "Audit records that were lost: the queue was full or the disk failed.", true,
      static_cast<double>(queue_.dropped() + lost_ever_ + given_up));
  add("coffer_audit_refusals_total", "Requests without a credential that holds, counted by source.", true,
      static_cast<double>(refusals_counted_));
  add("coffer_audit_queue_bytes", "Audit records that wait to be written.", false, static_cast<double>(level.bytes));
  add("coffer_audit_queue_limit_bytes", "Room for audit records that wait to be written.", false,
      static_cast<double>(level.most_bytes));
  add("coffer_audit_queue_fullest_ratio",
      "How full the fullest part of the audit queue is: one that is full drops its threads' records.", false,
      level.fullest);
}

void SealedAudit::record_strictly(const model::AuditEvent& event, void* context, void (*done)(void*, bool)) {
  inbox_->record(event);
  done(context, false);  // nothing is on disk before the node is open
}

void SealedAudit::query(model::AuditQuery, std::function<void(model::Result<model::AuditPage>)> answer) {
  answer(model::Error(model::Code::sealed));
}

void SealedAudit::verify(std::function<void(model::Result<model::AuditVerdict>)> answer) {
  answer(model::Error(model::Code::sealed));
}

}  // namespace coffer::actors
