#pragma once
// Bounds what comes from one address without a credential that holds: each such answer takes from the address's bucket,
// and while that is empty the listeners refuse its requests before they look at them, so that no MAC, no signature and
// no shard is spent on guessing. Used by the listeners of one process, which share it. SourceTable is a plain value with
// the time passed in; SourceGuard is it behind a mutex, any thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "model/address.hpp"
#include "model/quota.hpp"
#include "model/result.hpp"
#include "net/flight.hpp"

namespace coffer::net {

struct GuardSettings {
  std::uint64_t failures_per_second = 20;  // 0: nobody is refused
  std::uint64_t burst = 100;               // 0: as many as in one second
  bool spares_loopback = false;            // --dev
};

/// Of this machine, whichever form the address has. `peer` as Caller::address() has it.
bool is_loopback(std::string_view peer);
/// What counts as one source: an IPv4 address, an IPv6 network of 64 bits. `peer` as Caller::address() has it.
std::optional<model::IpAddress> source_of(std::string_view peer);

/// Buckets by address in a table of fixed size. IPv6 counts by /64, which is what one customer has. When a set is full
/// the source that has failed least goes: what is forgotten is forgiven, and memory stays what it is.
class SourceTable {
 public:
  SourceTable(std::uint64_t rate, std::uint64_t burst, std::uint64_t seed);
  /// Milliseconds until the source may try again; 0: it may now. Changes nothing.
  std::uint64_t wait(const model::IpAddress& source, model::TimeMs now) const;
  /// The source failed. Answers what wait() answers from now on.
  std::uint64_t failed(const model::IpAddress& source, model::TimeMs now);
  /// Bytes that the table takes, now and ever.
  std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    model::IpAddress source{};
    model::TokenBucket bucket;
    bool used = false;
  };
  static constexpr std::size_t kSets = 1024, kWays = 4;
  std::size_t first_slot(const model::IpAddress& source) const;

  std::uint64_t rate_, burst_, seed_;
  std::vector<Slot> slots_;
};

class SourceGuard {
 public:
  explicit SourceGuard(GuardSettings settings);
  /// Other limits from now on, under which every source begins anew. `spares_loopback` stays.
  void set(const GuardSettings& settings);
  /// False: admit() need not be asked.
  bool may_refuse() const { return busy_until_.load(std::memory_order_relaxed) != 0; }
  /// `peer` as Caller::address() has it. Errors: quota_exceeded with retry_after_s.
  model::Status admit(std::string_view peer, bool is_loopback, Clock::time_point now);
  /// The peer was answered that its credential does not hold, or that it needs one.
  void failed(std::string_view peer, bool is_loopback, Clock::time_point now);
  /// Requests that were refused.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  bool is_free(bool is_loopback) const {
    return rate_.load(std::memory_order_relaxed) == 0 || (is_loopback && spares_loopback_);
  }

  const bool spares_loopback_;
  std::atomic<std::uint64_t> rate_;  // 0: nobody is refused
  std::mutex mutex_;                 // guards burst_ and table_
  std::uint64_t burst_;
  SourceTable table_;
  /// Until when some source is refused. Nobody takes the mutex while it lies in the past, which is nearly always.
  std::atomic<model::TimeMs> busy_until_{0};
  std::atomic<std::uint64_t> refused_{0};
};

/// Serialized google.rpc.Status for gRPC clients that would try again: a RetryInfo for those that wait as they are told, or,
/// of a sealed node, an ErrorInfo (SEALED), for waiting does not unseal it. Empty: there is nothing to say.
std::string retry_details(const model::Error& error);

}  // namespace coffer::net
