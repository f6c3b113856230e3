#pragma once
// What a tenant may hold and how fast it may ask: limits, what a request costs, and the buckets that requests are taken
// from. Used by the shard (actors/), the configuration and the admin door; net/guard uses the bucket. Pure, any thread;
// the time is passed in.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/entry.hpp"
#include "model/result.hpp"

namespace coffer::model {

/// The limits that there are. Their numbers are stored and never reused.
enum class Limit : std::uint8_t {
  entries = 0,  // secrets with a version that is neither deleted nor destroyed
  bytes,        // of the payloads of all versions that are not destroyed
  reads,        // requests per second of a class, and how many of them may come at once
  read_burst,
  writes,
  write_burst,
  lists,
  list_burst,
  others,
  other_burst,
};
inline constexpr std::size_t kLimits = 10;
inline constexpr std::array kAllLimits{Limit::entries, Limit::bytes,       Limit::reads, Limit::read_burst,
                                       Limit::writes,  Limit::write_burst, Limit::lists, Limit::list_burst,
                                       Limit::others,  Limit::other_burst};
static_assert(kAllLimits.size() == kLimits);

/// As the admin API, the configuration and error texts call it: "entries", "reads_per_second", "read_burst".
std::string_view limit_name(Limit limit);
/// Errors: invalid_argument.
Result<Limit> parse_limit(std::string_view name);
/// True for the second of a rate's two.
constexpr bool is_burst(Limit limit) { return limit > Limit::bytes && static_cast<std::size_t>(limit) % 2 != 0; }
/// The highest value that it may be set to.
std::uint64_t limit_maximum(Limit limit);

/// Limits in force. 0: none; a burst of 0: as many as in one second.
struct QuotaLimits {
  std::array<std::uint64_t, kLimits> values{};
  std::uint64_t operator[](Limit limit) const { return values[static_cast<std::size_t>(limit)]; }
  std::uint64_t& operator[](Limit limit) { return values[static_cast<std::size_t>(limit)]; }
  friend bool operator==(const QuotaLimits&, const QuotaLimits&) = default;
};

/// A tenant's own limits; what is absent is the node's default.
struct Quota {
  std::array<std::optional<std::uint64_t>, kLimits> values;
  std::uint64_t version = 0;  // counts the changes; 0: there never was one
  TimeMs changed_at = 0;
  std::string changed_by;
  const std::optional<std::uint64_t>& operator[](Limit limit) const { return values[static_cast<std::size_t>(limit)]; }
  std::optional<std::uint64_t>& operator[](Limit limit) { return values[static_cast<std::size_t>(limit)]; }
  friend bool operator==(const Quota&, const Quota&) = default;
};

QuotaLimits limits_in_force(const Quota& own, const QuotaLimits& defaults);

/// Classes of requests; each has its own rate.
enum class RequestClass : std::uint8_t { read = 0, write, list, other };
inline constexpr std::size_t kRequestClasses = 4;
std::string_view to_string(RequestClass what);
/// Requests per second of the class.
Limit rate_limit(RequestClass what);

/// Requests that refill at a steady rate and may be saved up to a burst (a token bucket). In thousandths of a request,
/// because so many come in a millisecond as the rate is per second: no rounding, no drift.
class TokenBucket {
 public:
  /// Takes `cost` requests, or as many as the burst when that is less (else it could never be had). `now` in
  /// milliseconds; a clock that steps back refills nothing. Answers 0, or, with nothing taken, the milliseconds after
  /// which it will be possible. REQUIRES: rate > 0.
  std::uint64_t take(std::uint64_t rate, std::uint64_t burst, std::uint64_t cost, TimeMs now);
  /// What take() would answer.
  std::uint64_t wait(std::uint64_t rate, std::uint64_t burst, std::uint64_t cost, TimeMs now) const;
  /// Takes though there is not enough, down to nothing.
  void drain(std::uint64_t rate, std::uint64_t burst, std::uint64_t cost, TimeMs now);
  /// Thousandths of a request that there are; a new bucket is full.
  std::uint64_t level(std::uint64_t rate, std::uint64_t burst, TimeMs now) const;

 private:
  static constexpr std::uint64_t kFull = UINT64_MAX;
  std::uint64_t level_ = kFull;
  TimeMs at_ = 0;
};

/// The buckets of a tenant's classes.
class RequestRates {
 public:
  /// Counts a request of the class. Errors: quota_exceeded, with the limit, its value and retry_after_s.
  Status take(const QuotaLimits& limits, RequestClass what, std::uint64_t cost, TimeMs now);

 private:
  std::array<TokenBucket, kRequestClasses> buckets_;
};

/// Whether a change from what is held to what would be held is allowed: it is when it does not exceed the limit, and
/// when it does not hold more than before. Errors: quota_exceeded, with the limit and its value.
Status check_held(const QuotaLimits& limits, Limit limit, std::uint64_t before, std::uint64_t after);

/// `ms` in seconds, rounded up: what Retry-After takes.
std::uint32_t retry_after_seconds(std::uint64_t ms);

}  // namespace coffer::model
