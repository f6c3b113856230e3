#pragma once
// Latencies in log-linear buckets (like HdrHistogram): 64 to each power of two, so a quantile is right to 1.6 %. One per
// worker thread, merged at the end; not thread-safe.

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace coffer::app::bench {

class Histogram {
 public:
  void record(std::uint64_t nanoseconds);
  void merge(const Histogram& other);
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  /// The value that the share `q` (0..1) of what was recorded does not exceed; 0 when nothing was recorded.
  std::uint64_t quantile(double q) const;
  /// The buckets that hold something: what they hold is at most so long, and how often it was recorded. Ascending.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> buckets() const;

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_bound(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0, max_ = 0;
};

}  // namespace coffer::app::bench
