// See guard.hpp.

#include "net/guard.hpp"

#include <algorithm>
#include <cstring>
#include <random>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace coffer::net {
namespace {

model::TimeMs ms_of(Clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

bool is_v4(const model::IpAddress& address) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

/// splitmix64's finalizer (Steele, Lea and Flood 2014).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

}  // namespace

bool is_loopback(std::string_view peer) {
  const auto address = model::parse_peer(peer);
  if (!address) return false;
  static constexpr model::IpAddress kV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return is_v4(*address) ? (*address)[12] == 127 : *address == kV6;
}

std::optional<model::IpAddress> source_of(std::string_view peer) {
  auto address = model::parse_peer(peer);
  if (address && !is_v4(*address)) std::fill(address->begin() + 8, address->end(), std::uint8_t{0});
  return address;
}

SourceTable::SourceTable(std::uint64_t rate, std::uint64_t burst, std::uint64_t seed)
    : rate_(rate), burst_(burst), seed_(seed), slots_(kSets * kWays) {}

std::size_t SourceTable::first_slot(const model::IpAddress& source) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, source.data(), 8);
  std::memcpy(&low, source.data() + 8, 8);
  return mix(mix(high ^ seed_) ^ low) % kSets * kWays;
}

std::uint64_t SourceTable::wait(const model::IpAddress& source, model::TimeMs now) const {
  const std::size_t first = first_slot(source);
  for (std::size_t i = first; i < first + kWays; ++i) {
    if (slots_[i].used && slots_[i].source == source) return slots_[i].bucket.wait(rate_, burst_, 1, now);
  }
  return 0;
}

std::uint64_t SourceTable::failed(const model::IpAddress& source, model::TimeMs now) {
  const std::size_t first = first_slot(source);
  Slot* place = nullptr;
  std::uint64_t most = 0;
  for (std::size_t i = first; i < first + kWays; ++i) {
    Slot& slot = slots_[i];
    if (slot.used && slot.source == source) {
      place = &slot;
      break;
    }
    const std::uint64_t level = slot.used ? slot.bucket.level(rate_, burst_, now) : UINT64_MAX;
    if (place == nullptr || level > most) {
      place = &slot;
      most = level;
    }
  }
  if (!place->used || place->source != source) *place = {source, {}, true};
  place->bucket.drain(rate_, burst_, 1, now);
  return place->bucket.wait(rate_, burst_, 1, now);
}

SourceGuard::SourceGuard(GuardSettings settings)
    : spares_loopback_(settings.spares_loopback),
      rate_(settings.failures_per_second),
      burst_(settings.burst),
      table_(settings.failures_per_second, settings.burst, std::random_device{}()) {}

void SourceGuard::set(const GuardSettings& settings) {
  const std::lock_guard lock(mutex_);
  if (settings.failures_per_second == rate_ && settings.burst == burst_) return;
  rate_ = settings.failures_per_second;
  burst_ = settings.burst;
  table_ = SourceTable(rate_, burst_, std::random_device{}());
  busy_until_ = 0;
}

model::Status SourceGuard::admit(std::string_view peer, bool is_loopback, Clock::time_point now) {
  const model::TimeMs ms = ms_of(now);
  if (ms >= busy_until_.load(std::memory_order_relaxed) || is_free(is_loopback)) return {};
  const auto source = source_of(peer);
  if (!source) return {};
  std::uint64_t wait = 0;
  {
    const std::lock_guard lock(mutex_);
    wait = table_.wait(*source, ms);
  }
  if (wait == 0) return {};
  refused_.fetch_add(1, std::memory_order_relaxed);
  const std::uint32_t seconds = model::retry_after_seconds(wait);
  return model::Error(model::Code::quota_exceeded,
                      "too many requests from your address came without a valid credential; retry after " +
                          std::to_string(seconds) + (seconds == 1 ? " second" : " seconds"),
                      seconds);
}

void SourceGuard::failed(std::string_view peer, bool is_loopback, Clock::time_point now) {
  if (is_free(is_loopback)) return;
  const auto source = source_of(peer);
  if (!source) return;
  const model::TimeMs ms = ms_of(now);
  const std::lock_guard lock(mutex_);
  const std::uint64_t wait = table_.failed(*source, ms);
  if (wait == 0) return;
  const model::TimeMs until = ms + static_cast<model::TimeMs>(wait);
  if (until > busy_until_.load(std::memory_order_relaxed)) busy_until_.store(until, std::memory_order_relaxed);
}

std::string retry_details(const model::Error& error) {
  const bool is_sealed = error.code == model::Code::sealed;
  if (error.retry_after_s == 0 && !is_sealed) return {};
  google::rpc::Status details;
  details.set_code(static_cast<int>(error.category()));
  details.set_message(std::string(error.message()));
  if (is_sealed) {
    google::rpc::ErrorInfo info;
    info.set_reason(std::string(model::info(error.code).name));
    info.set_domain("coffer");
    details.add_details()->PackFrom(info);
  } else {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(error.retry_after_s);
    details.add_details()->PackFrom(retry);
  }
  return details.SerializeAsString();
}

}  // namespace coffer::net
