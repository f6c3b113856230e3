// See audit_inbox.hpp.

#include "actors/audit_inbox.hpp"

#include <new>

namespace coffer::actors {

void AuditInbox::record(const model::AuditEvent& event) noexcept {
  try {
    queue_.push(event, wall_clock_());
  } catch (const std::bad_alloc&) {
    ++lost_;
  }
}

void AuditInbox::refused(const model::AuditEvent& event) noexcept {
  ++refusals_counted_;
  try {
    const std::lock_guard lock(mutex_);
    refusals_.add(event, wall_clock_());
  } catch (const std::bad_alloc&) {
    ++lost_;
  }
}

void AuditInbox::changed(const model::AuditedChange& change) noexcept {
  try {
    queue_.push(change, wall_clock_());
  } catch (const std::bad_alloc&) {
    ++lost_;
  }
}

void AuditInbox::drain_refusals(
    const std::function<void(const RefusalCounts::Source&, const RefusalCounts::Count&)>& f) {
  const std::lock_guard lock(mutex_);
  refusals_.drain(f);
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
