// See quota.hpp.

#include "model/quota.hpp"
#include "model/quota_use.hpp"

#include <algorithm>

namespace coffer::model {
namespace {

constexpr std::array<std::string_view, kLimits> kNames{
    "entries",          "bytes",      "reads_per_second",  "read_burst", "writes_per_second", "write_burst",
    "lists_per_second", "list_burst", "others_per_second", "other_burst"};

// A rate's thousandths times milliseconds of a century stay within 64 bits.
constexpr std::uint64_t kMostRequests = 1'000'000;
constexpr std::uint64_t kMostEntries = 1'000'000'000'000;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 60;

std::uint64_t burst_of(std::uint64_t rate, std::uint64_t burst) { return burst != 0 ? burst : rate; }

std::uint64_t needed(std::uint64_t rate, std::uint64_t burst, std::uint64_t cost) {
  return std::min(cost, burst_of(rate, burst)) * 1000;
}

}  // namespace

std::string_view limit_name(Limit limit) { return kNames[static_cast<std::size_t>(limit)]; }

Result<Limit> parse_limit(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) return kAllLimits[static_cast<std::size_t>(found - kNames.begin())];
  std::string known;
  for (const std::string_view one : kNames) known.append(known.empty() ? "" : ", ").append(one);
  return Error(Code::invalid_argument, "there is no such limit; there are " + known);
}

std::uint64_t limit_maximum(Limit limit) {
  switch (limit) {
    case Limit::entries: return kMostEntries;
    case Limit::bytes: return kMostBytes;
    default: return kMostRequests;
  }
}

QuotaLimits limits_in_force(const Quota& own, const QuotaLimits& defaults) {
  QuotaLimits limits;
  for (std::size_t i = 0; i < kLimits; ++i) limits.values[i] = own.values[i].value_or(defaults.values[i]);
  return limits;
}

std::string_view to_string(RequestClass what) {
  switch (what) {
    case RequestClass::read: return "read";
    case RequestClass::write: return "write";
    case RequestClass::list: return "list";
    case RequestClass::other: break;
  }
  return "other";
}

Limit rate_limit(RequestClass what) {
  return static_cast<Limit>(static_cast<std::size_t>(Limit::reads) + 2 * static_cast<std::size_t>(what));
}

std::uint64_t TokenBucket::level(std::uint64_t rate, std::uint64_t burst, TimeMs now) const {
  const std::uint64_t full = burst_of(rate, burst) * 1000;
  if (level_ >= full) return full;
  if (now <= at_) return level_;
  const auto passed = static_cast<std::uint64_t>(now - at_);
  if (passed >= (full - level_ + rate - 1) / rate) return full;
  return level_ + passed * rate;
}

std::uint64_t TokenBucket::wait(std::uint64_t rate, std::uint64_t burst, std::uint64_t cost, TimeMs now) const {
  const std::uint64_t there = level(rate, burst, now);
  const std::uint64_t wanted = needed(rate, burst, cost);
  return there >= wanted ? 0 : (wanted - there + rate - 1) / rate;
}

std::uint64_t TokenBucket::take(std::uint64_t rate, std::uint64_t burst, std::uint64_t cost, TimeMs now) {
  const std::uint64_t there = level(rate, burst, now);
  const std::uint64_t wanted = needed(rate, burst, cost);
  // After a step back the time goes on from the new clock, or a tenant would wait until that has caught up.
  level_ = there;
  at_ = now;
  if (there < wanted) return (wanted - there + rate - 1) / rate;
  level_ = there - wanted;
  return 0;
}

void TokenBucket::drain(std::uint64_t rate, std::uint64_t burst, std::uint64_t cost, TimeMs now) {
  const std::uint64_t there = level(rate, burst, now);
  level_ = there - std::min(there, needed(rate, burst, cost));
  at_ = now;
}

std::uint32_t retry_after_seconds(std::uint64_t ms) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>((ms + 999) / 1000, UINT32_MAX));
}

Status RequestRates::take(const QuotaLimits& limits, RequestClass what, std::uint64_t cost, TimeMs now) {
  const Limit limit = rate_limit(what);
  const std::uint64_t rate = limits[limit];
  if (rate == 0) return {};
  const std::uint64_t burst = limits[static_cast<Limit>(static_cast<std::size_t>(limit) + 1)];
  const std::uint64_t wait = buckets_[static_cast<std::size_t>(what)].take(rate, burst, cost, now);
  if (wait == 0) return {};
  const std::uint32_t seconds = retry_after_seconds(wait);
  return Error(Code::quota_exceeded,
               "the tenant's limit " + std::string(limit_name(limit)) + " = " + std::to_string(rate) +
                   " is reached; retry after " + std::to_string(seconds) + (seconds == 1 ? " second" : " seconds"),
               seconds);
}

std::optional<Limit> limit_reached(const Error& error) {
  constexpr std::string_view kBegin = "the tenant's limit ";
  std::string_view text = error.message();
  if (error.code != Code::quota_exceeded || !text.starts_with(kBegin)) return std::nullopt;
  text.remove_prefix(kBegin.size());
  const auto limit = parse_limit(text.substr(0, text.find(' ')));
  return limit ? std::optional(*limit) : std::nullopt;
}

Status check_held(const QuotaLimits& limits, Limit limit, std::uint64_t before, std::uint64_t after) {
  const std::uint64_t most = limits[limit];
  if (most == 0 || after <= most || after <= before) return {};
  return Error(Code::quota_exceeded, "the tenant's limit " + std::string(limit_name(limit)) + " = " +
                                         std::to_string(most) + " is reached: it holds " + std::to_string(before) +
                                         " and would hold " + std::to_string(after));
}

}  // namespace coffer::model
