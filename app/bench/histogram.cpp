// Log-linear buckets; see histogram.hpp.

#include "app/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace coffer::app::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  if (width <= kSubBits + 1) return static_cast<std::size_t>(value);  // exact below 128
  const unsigned shift = width - kSubBits - 1;
  return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(value >> shift);
}

std::uint64_t Histogram::upper_bound(std::size_t bucket) {
  if (bucket < (std::size_t{2} << kSubBits)) return bucket;
  const auto shift = (bucket >> kSubBits) - 1;
  const auto top = bucket - (shift << kSubBits);
  return ((static_cast<std::uint64_t>(top) + 1) << shift) - 1;
}

void Histogram::record(std::uint64_t nanoseconds) {
  ++buckets_[bucket_of(nanoseconds)];
  ++count_;
  max_ = std::max(max_, nanoseconds);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::quantile(double q) const {
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets && count_ != 0; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(upper_bound(i), max_);
  }
  return 0;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Histogram::buckets() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> held;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (buckets_[i] != 0) held.emplace_back(std::min(upper_bound(i), max_), buckets_[i]);
  }
  return held;
}

}  // namespace coffer::app::bench
