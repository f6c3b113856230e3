#pragma once
// Calls on their way through the verifier, and the queue of its threads. Used by the identity gateway; any thread.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "actors/gateway.hpp"

namespace coffer::net {

/// Whoever drops it answers the call.
struct Job {
  actors::Call* call = nullptr;
  std::string key;         // of the credential's cache
  std::uint64_t came = 0;  // Inbox::next_number() when it came
  bool waited = false;     // for newer keys, which happens once
  bool again = false;      // the shard refused what was verified by an older reading

  Job(actors::Call* c, std::string k, std::uint64_t number) : call(c), key(std::move(k)), came(number) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() {
    if (call != nullptr) finish(model::Error(model::Code::unavailable));
  }
  void finish(model::Error error) {
    actors::Call* answered = release();
    answered->reply = std::move(error);
    answered->complete();
  }
  actors::Call* release() { return std::exchange(call, nullptr); }
};
using JobPtr = std::shared_ptr<Job>;

/// What was read of a tenant's trust, for the lookup of this name.
struct TrustAnswer {
  std::string lookup;
  model::Result<actors::TenantTrust> trust;
};

/// The queue. Those who still have something to say after the gateway's end hold it and find it closed.
class Inbox {
 public:
  using Item = std::variant<JobPtr, TrustAnswer>;
  explicit Inbox(std::size_t most_jobs) : most_jobs_(most_jobs) {}

  /// False: it is full or closed, and the job is the caller's.
  bool push(const JobPtr& job) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || jobs_ >= most_jobs_) return false;
      ++jobs_;
      items_.emplace_back(job);
    }
    changed_.notify_one();
    return true;
  }
  /// There are not more answers than lookups.
  void push(TrustAnswer answer) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      items_.emplace_back(std::move(answer));
    }
    changed_.notify_one();
  }
  /// Waits; none when it is closed.
  std::optional<Item> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !items_.empty(); });
    if (closed_) return std::nullopt;
    std::optional<Item> item(std::move(items_.front()));
    items_.pop_front();
    if (std::holds_alternative<JobPtr>(*item)) --jobs_;
    return item;
  }
  /// False when it was closed before. What is in it is answered `unavailable`.
  bool close() {
    std::deque<Item> dropped;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      closed_ = true;
      dropped.swap(items_);
    }
    changed_.notify_all();
    return true;
  }
  /// Tells what was before what.
  std::uint64_t next_number() { return ++numbers_; }

 private:
  const std::size_t most_jobs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::size_t jobs_ = 0;
  bool closed_ = false;
  std::atomic<std::uint64_t> numbers_{0};
};

/// A call that was verified by a reading which may have been old: the tenant's group is led elsewhere. When the shard says
/// that the tenant trusts somebody else now, the credential is verified once more, by a reading begun after that.
class SecondLook final : public actors::Call {
 public:
  /// Takes the job's call, with what was presented still in its request.
  SecondLook(std::shared_ptr<Inbox> inbox, Job& job, model::Credential verified)
      : inbox_(std::move(inbox)), key_(job.key), client_(job.release()) {
    request = std::move(client_->request);
    presented_ = std::exchange(request.credential, std::move(verified));
  }

  void complete() noexcept override {
    const model::Code code = reply ? model::Code::ok : reply.error().code;
    const bool distrusted = code == model::Code::unauthenticated || (code == model::Code::unavailable && decided);
    actors::Call* client = client_;
    client->request = std::move(request);
    client->reply = std::move(reply);
    // It noted itself, or another node did.
    client->audit.elsewhere = audit.elsewhere || audit.port != nullptr;
    if (!distrusted || !look_again(*client)) client->complete();
    delete this;
  }

 private:
  /// False: the first answer stands.
  bool look_again(actors::Call& client) noexcept {
    JobPtr job;
    std::swap(client.request.credential, presented_);
    try {
      job = std::make_shared<Job>(&client, key_, inbox_->next_number());
      job->again = true;
      if (inbox_->push(job)) return true;
    } catch (const std::bad_alloc&) {
      // As when there is no room in the queue.
    }
    if (job) (void)job->release();
    std::swap(client.request.credential, presented_);
    return false;
  }

  std::shared_ptr<Inbox> inbox_;
  std::string key_;
  actors::Call* client_;
  model::Credential presented_;
};

}  // namespace coffer::net
