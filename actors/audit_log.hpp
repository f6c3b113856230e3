#pragma once
// The audit log of a node: one thread that takes records from the queue, chains and writes them, and one that reads for
// operators. Made by the node after its keys are open, ended after the last call was answered.
//
// Durability: the file is synced every `sync_interval` while something is written, and at once while a strict tenant's
// answer waits; whatever gathers meanwhile shares the sync. A full or failing disk costs records, which are counted and
// named in the trail when it can be written again; strict tenants' answers then say that they cannot be given.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/audit_inbox.hpp"
#include "actors/audit_sinks.hpp"
#include "actors/audit_trail.hpp"
#include "actors/gateway.hpp"

namespace coffer::actors {

struct AuditOptions {
  std::string directory;  // empty: the node has no audit trail
  AuditTrailOptions trail;
  std::size_t queue_bytes = 16 << 20;
  std::chrono::milliseconds sync_interval{1000};
  std::chrono::milliseconds gather{20};
  std::chrono::milliseconds refusals_interval{60'000};
  std::size_t sink_lines = 10'000;
  std::vector<std::unique_ptr<model::AuditSink>> sinks;
};

class AuditLog final : public model::AuditPort {
 public:
  struct Hooks {
    std::function<model::TimeMs()> wall_clock;
    std::function<void(std::string_view)> log;
    std::function<std::string(std::uint32_t version)> public_key;  // see AuditExpectation
    std::function<std::uint32_t()> key_version = {};               // that signs; null: the first one for ever
    std::function<std::optional<crypto::ChainSigner>(std::uint32_t version)> signer = {};
  };
  /// Writes what is in the inbox first; without one it makes its own. Takes the options only when it starts, so that it
  /// can be tried again with them. Errors: disk_error.
  static model::Result<std::unique_ptr<AuditLog>> start(AuditOptions&& options, crypto::ChainSigner signer, Hooks hooks,
                                                        std::shared_ptr<AuditInbox> inbox = nullptr);
  /// Writes and syncs what is queued, signs the end, ends the threads.
  ~AuditLog() override;

  void record(const model::AuditEvent& event) noexcept override { inbox_->record(event); }
  void record_strictly(const model::AuditEvent& event, void* context, void (*done)(void*, bool)) override;
  void refused(const model::AuditEvent& event) noexcept override { inbox_->refused(event); }
  void changed(const model::AuditedChange& change) noexcept override { inbox_->changed(change); }
  void query(model::AuditQuery query, std::function<void(model::Result<model::AuditPage>)> answer) override;
  void verify(std::function<void(model::Result<model::AuditVerdict>)> answer) override;

  void add_samples(std::vector<Sample>& samples) const;

 private:
  AuditLog(AuditOptions options, Hooks hooks, std::unique_ptr<AuditTrail> trail, std::shared_ptr<AuditInbox> inbox);
  void write_forever();
  void write_batch();
  void follow_key();
  bool flush(bool sync_now);
  void note(const model::Status& status);
  void add(const AuditQueue::Item& item);
  void read_forever();
  bool ask(std::function<void()> job);
  AuditTrail::Position written() const;

  AuditOptions options_;
  const Hooks hooks_;
  const std::shared_ptr<AuditInbox> inbox_;
  AuditSinks sinks_;
  std::unique_ptr<AuditTrail> trail_;  // the writing thread's
  std::string fields_;                 // its scratch memory
  std::uint64_t unsaid_ = 0;           // records that were dropped and are not noted yet
  std::uint64_t added_ = 0;            // of the batch
  bool unsynced_ = false, failing_ = false, key_waits_ = false;
  std::chrono::steady_clock::time_point synced_at_{}, refusals_at_{}, retained_at_{};

  mutable std::mutex position_mutex_;
  AuditTrail::Position position_;  // of what is in the file, for readers

  std::mutex jobs_mutex_;
  std::condition_variable jobs_changed_;
  std::deque<std::function<void()>> jobs_;
  std::atomic<bool> stopping_{false};

  std::atomic<std::uint64_t> records_{0}, given_up_{0}, syncs_{0}, failures_{0}, bytes_{0};
  std::thread writer_, reader_;
};

}  // namespace coffer::actors
