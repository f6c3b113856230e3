// See audit_log.hpp.

#include "actors/audit_log.hpp"

#include <algorithm>

#include "actors/audit_format.hpp"
#include "actors/audit_line.hpp"
#include "actors/audit_verify.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::Error;
using std::chrono::steady_clock;

constexpr std::size_t kMostJobs = 16;
constexpr std::chrono::milliseconds kLongSleep{60'000};
constexpr std::chrono::minutes kRetentionInterval{10};

}  // namespace

model::Result<std::unique_ptr<AuditLog>> AuditLog::start(AuditOptions&& options, crypto::ChainSigner signer,
                                                         Hooks hooks, std::shared_ptr<AuditInbox> inbox) {
  auto directory = storage::AuditDirectory::open(options.directory);
  if (!directory) return directory.error();
  auto trail =
      AuditTrail::open(std::move(*directory), options.trail, std::move(signer), hooks.wall_clock(), hooks.signer);
  if (!trail) return trail.error();
  if (!inbox) inbox = std::make_shared<AuditInbox>(options.queue_bytes, hooks.wall_clock);
  return std::unique_ptr<AuditLog>(
      new AuditLog(std::move(options), std::move(hooks), std::move(*trail), std::move(inbox)));
}

AuditLog::AuditLog(AuditOptions options, Hooks hooks, std::unique_ptr<AuditTrail> trail,
                   std::shared_ptr<AuditInbox> inbox)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      inbox_(std::move(inbox)),
      sinks_(std::move(options_.sinks), options_.sink_lines),
      trail_(std::move(trail)) {
  synced_at_ = refusals_at_ = retained_at_ = steady_clock::now();
  note(trail_->prepare(hooks_.wall_clock()));  // a full disk costs records, not the start
  position_ = trail_->written();
  writer_ = std::thread([this] { write_forever(); });
  reader_ = std::thread([this] { read_forever(); });
}

AuditLog::~AuditLog() {
  stopping_ = true;
  inbox_->queue().hurry();
  writer_.join();
  {
    const std::lock_guard lock(jobs_mutex_);
    jobs_changed_.notify_all();
  }
  reader_.join();
}

void AuditLog::record_strictly(const model::AuditEvent& event, void* context, void (*done)(void*, bool)) {
  inbox_->record(event, {context, done});
}

// ---- the writing thread ----------------------------------------------------------------------------------------

void AuditLog::write_forever() {
  while (!stopping_) {
    auto patience = inbox_->refusals() == 0 ? kLongSleep : options_.refusals_interval;
    if (unsynced_) {
      const auto due = synced_at_ + options_.sync_interval - steady_clock::now();
      patience = std::max(std::chrono::milliseconds(1), std::chrono::ceil<std::chrono::milliseconds>(due));
    }
    inbox_->queue().wait(options_.gather, patience);
    write_batch();
  }
  write_batch();
  if (auto status = trail_->checkpoint(hooks_.wall_clock(), [this](std::string_view line) { sinks_.offer(line); });
      !status) {
    hooks_.log("audit: " + std::string(status.error().message()));
  }
}

/// After a rotation the trail goes on under the new key.
void AuditLog::follow_key() {
  if (!hooks_.key_version) return;
  const std::uint32_t version = hooks_.key_version();
  if (version == trail_->options().key_version) return;
  auto signer = hooks_.signer(version);
  if (!signer) return;
  const auto status = trail_->use_key(version, std::move(*signer), hooks_.wall_clock());
  // It is tried with every batch, and said once.
  if (!status && !failing_ && !key_waits_) hooks_.log("audit: " + std::string(status.error().message()));
  key_waits_ = !status.ok();
  unsynced_ = true;
}

void AuditLog::write_batch() {
  if (trail_->prepare(hooks_.wall_clock())) follow_key();
  const AuditQueue::Batch batch = inbox_->queue().take();
  const std::uint64_t lost = batch.dropped + inbox_->take_lost();
  unsaid_ += lost;
  added_ = 0;
  AuditQueue::each(batch, [this](const AuditQueue::Item& item) { add(item); });
  const auto now = steady_clock::now();
  if (now - refusals_at_ >= options_.refusals_interval || stopping_) {
    refusals_at_ = now;
    inbox_->drain_refusals([this](const auto& source, const auto& count) {
      format_refusals(source, count, fields_);
      trail_->add(hooks_.wall_clock(), fields_);
      ++added_;
    });
  }
  if (unsaid_ != 0) {
    fields_ = "\"kind\":\"dropped\"";
    AuditLine(fields_).number("count", unsaid_);
    trail_->add(hooks_.wall_clock(), fields_);
  }
  const bool good = flush(!batch.waiters.empty());
  for (const AuditQueue::Waiter& waiter : batch.waiters) waiter.done(waiter.context, good);
}

void AuditLog::add(const AuditQueue::Item& item) {
  if (!item.is_change) {
    format_request(item, fields_);
  } else if (!trail_->is_new_change(item.change.group.value, item.change.index.value) ||
             !format_change(item.change, fields_)) {
    return;
  }
  trail_->add(item.time, fields_);
  ++added_;
}

/// True when everything that was added is on disk, or, without `sync_now`, in the file.
bool AuditLog::flush(bool sync_now) {
  const auto offer = [this](std::string_view line) {
    ++records_;
    bytes_ += line.size() + 1;
    if (sinks_.any()) sinks_.offer(line);
  };
  const model::TimeMs wall = hooks_.wall_clock();
  const std::uint64_t before = trail_->written().sequence;
  const auto publish = [this] {
    const std::lock_guard lock(position_mutex_);
    position_ = trail_->written();
  };
  auto status = trail_->write(wall, offer);
  publish();  // whoever asks now finds what is in the file, whatever the disk takes to sync it
  if (trail_->written().sequence != before) {
    unsynced_ = true;
    unsaid_ = 0;
  } else {
    unsaid_ += added_;  // the batch was given up
    given_up_ += added_;
  }
  const auto now = steady_clock::now();
  const bool due = now - synced_at_ >= options_.sync_interval || stopping_;
  if (due) synced_at_ = now;  // whatever becomes of it: what fails is not tried again and again without a pause
  if (status && unsynced_ && due) {
    status = trail_->checkpoint(wall, offer);
    ++syncs_;
    if (status) unsynced_ = false;
  } else if (status && sync_now) {
    status = trail_->sync();
    ++syncs_;
  }
  if (status && now - retained_at_ >= kRetentionInterval) {
    retained_at_ = now;
    status = trail_->retain(wall);
  }
  publish();
  note(status);
  return status.ok();
}

void AuditLog::note(const model::Status& status) {
  if (!status) ++failures_;
  if (!status && !failing_) hooks_.log("audit records are being lost: " + std::string(status.error().message()));
  if (status && failing_) hooks_.log("audit records are written again");
  failing_ = !status.ok();
}

// ---- the reading thread ----------------------------------------------------------------------------------------

bool AuditLog::ask(std::function<void()> job) {
  {
    const std::lock_guard lock(jobs_mutex_);
    if (stopping_ || jobs_.size() >= kMostJobs) return false;
    jobs_.push_back(std::move(job));
  }
  jobs_changed_.notify_one();
  return true;
}

void AuditLog::read_forever() {
  std::unique_lock lock(jobs_mutex_);
  for (;;) {
    jobs_changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

AuditTrail::Position AuditLog::written() const {
  const std::lock_guard lock(position_mutex_);
  return position_;
}

void AuditLog::query(model::AuditQuery query, std::function<void(model::Result<model::AuditPage>)> answer) {
  const auto job = [this, query = std::move(query), answer] {
    auto directory = storage::AuditDirectory::open(options_.directory);
    if (!directory) return answer(directory.error());
    answer(search_audit(*directory, query, written().sequence));
  };
  if (!ask(job)) answer(Error(Code::overloaded, "too many ask for the audit trail at once"));
}

void AuditLog::verify(std::function<void(model::Result<model::AuditVerdict>)> answer) {
  const auto job = [this, answer] {
    auto directory = storage::AuditDirectory::open(options_.directory);
    if (!directory) return answer(directory.error());
    answer(verify_audit(*directory, {hooks_.public_key, written()}));
  };
  if (!ask(job)) answer(Error(Code::overloaded, "too many ask for the audit trail at once"));
}

void AuditLog::add_samples(std::vector<Sample>& samples) const {
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    samples.push_back({name, help, true, {}, static_cast<double>(value)});
  };
  counter("coffer_audit_records_total", "Records written to the audit trail.", records_);
  counter("coffer_audit_bytes_total", "Bytes written to the audit trail.", bytes_);
  counter("coffer_audit_syncs_total", "Syncs of the audit trail.", syncs_);
  counter("coffer_audit_failures_total", "Writes and syncs of the audit trail that failed.", failures_);
  samples.push_back({"coffer_audit_last_record",
                     "Number of the newest record in the audit trail.",
                     false,
                     {},
                     static_cast<double>(written().sequence)});
  inbox_->add_samples(samples, given_up_);
  sinks_.add_samples(samples);
}

}  // namespace coffer::actors
