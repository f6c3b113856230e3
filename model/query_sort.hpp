#pragma once
// Sorting that never takes long at once: what is pushed is sorted in runs as it comes, and taken from them one by one in
// order. So a shard that sorts a hundred thousand documents still lets its other requests through between two slices.
// Used by lists, statistics and distinct values; on the shard's turn.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace coffer::model::query {

/// `before(a, b)`: a strict weak order of T. What is equal stays in the order in which it was pushed.
template <class T, class Before>
class RunSort {
 public:
  static constexpr std::size_t kRun = 4096;  // sorted at once: about a millisecond

  explicit RunSort(Before before) : before_(std::move(before)) {}

  std::size_t size() const { return size_; }

  /// REQUIRES: nothing was taken yet.
  void push(T item) {
    if (runs_.empty() || runs_.back().items.size() == kRun) {
      sort_last();
      runs_.emplace_back();
    }
    runs_.back().items.push_back(std::move(item));
    ++size_;
  }

  /// The first of what is left; none when nothing is.
  std::optional<T> next() {
    if (!taking_) begin();
    if (heads_.empty()) return std::nullopt;
    const auto later = [this](std::size_t a, std::size_t b) { return comes_later(a, b); };
    std::pop_heap(heads_.begin(), heads_.end(), later);
    Run& run = runs_[heads_.back()];
    std::optional<T> item(std::move(run.items[run.at]));
    if (++run.at == run.items.size()) {
      run.items = {};
      heads_.pop_back();
    } else {
      std::push_heap(heads_.begin(), heads_.end(), later);
    }
    --size_;
    return item;
  }

 private:
  struct Run {
    std::vector<T> items;
    std::size_t at = 0;  // what was taken
  };

  void sort_last() {
    if (!runs_.empty()) std::stable_sort(runs_.back().items.begin(), runs_.back().items.end(), before_);
  }
  bool comes_later(std::size_t a, std::size_t b) const {
    const T& x = runs_[a].items[runs_[a].at];
    const T& y = runs_[b].items[runs_[b].at];
    if (before_(y, x)) return true;
    return a > b && !before_(x, y);
  }
  void begin() {
    taking_ = true;
    sort_last();
    for (std::size_t i = 0; i < runs_.size(); ++i) heads_.push_back(i);
    std::make_heap(heads_.begin(), heads_.end(), [this](std::size_t a, std::size_t b) { return comes_later(a, b); });
  }

  Before before_;
  std::vector<Run> runs_;           // all but the last are full and sorted
  std::vector<std::size_t> heads_;  // runs that are not taken wholly, as a heap: the first of all in front
  std::size_t size_ = 0;
  bool taking_ = false;
};

}  // namespace coffer::model::query
