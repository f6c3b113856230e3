#pragma once
// Records on their way from the threads that decide requests to the audit's own. Noting one costs a copy of some hundred
// bytes into the buffer of a stripe that few threads share; the audit's thread takes whole buffers. Bounded: what finds
// its stripe full is dropped and counted, except for strict tenants, whose calls wait and are bounded elsewhere.

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "model/audit.hpp"

namespace coffer::actors {

class AuditQueue {
 public:
  struct Waiter {
    void* context = nullptr;
    void (*done)(void* context, bool on_disk) = nullptr;
  };
  /// A record as it is taken out; views into the batch.
  struct Item {
    model::TimeMs time = 0;
    bool is_change = false;
    model::AuditEvent event;
    model::NameHash entry{};
    std::vector<model::AuditItem> items;
    model::AuditedChange change;
  };
  struct Batch {
    std::string bytes;
    std::vector<Waiter> waiters;
    std::uint64_t dropped = 0;
  };

  /// How full it is: what one looks at before records are dropped.
  struct Level {
    std::size_t bytes = 0, most_bytes = 0;
    double fullest =
        0;  // of the stripes, as a part of its bound: at 1 that one drops; strict tenants' records go above
  };

  explicit AuditQueue(std::size_t most_bytes) : most_bytes_(most_bytes / kStripes) {}

  void push(const model::AuditEvent& event, model::TimeMs now);
  /// `waiter.done` is to be called when the record is on disk.
  void push(const model::AuditEvent& event, model::TimeMs now, Waiter waiter);
  void push(const model::AuditedChange& change, model::TimeMs now);

  /// Sleeps until there is something, at most `most` and, unless somebody waits for his record, at least `least`.
  void wait(std::chrono::milliseconds least, std::chrono::milliseconds most);
  /// Ends wait() at once.
  void hurry();
  /// Everything, in the order of each stripe.
  Batch take();
  Level level() const;
  /// Records that found their stripe full, since the beginning.
  std::uint64_t dropped() const { return dropped_; }
  /// Calls `f` with each record of a batch.
  template <class F>
  static void each(const Batch& batch, const F& f) {
    std::string_view rest = batch.bytes;
    Item item;
    while (next(rest, item)) f(static_cast<const Item&>(item));
  }

 private:
  static constexpr std::size_t kStripes = 16;
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    Batch batch;
  };
  static bool next(std::string_view& rest, Item& item);
  Stripe& mine();
  void signal(bool urgent);
  void wake();

  const std::size_t most_bytes_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<bool> filled_{false}, urgent_{false};
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace coffer::actors
