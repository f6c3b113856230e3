#pragma once
// One stage at work, and how it reads a row. Shared by the two sources of query_stages.hpp only.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/query_stages.hpp"

namespace coffer::model::query {

/// Holds everything that must be kept while rows point to it.
inline constexpr std::size_t kMostHeld = 4'000'000;
/// Bytes that stages look at to compare long values. Values that share their parts take little room and may still be
/// endless to whoever goes through them.
inline constexpr std::size_t kMostCompared = 128 << 20;
/// A value that is no longer than this costs no more than the row that it stands in.
inline constexpr std::size_t kShortValue = 256;
/// How often a value is compared, about, while it is sorted.
inline constexpr std::size_t kSortLooks = 16;

/// What the stages of one pipeline share.
struct Frame {
  const Schema& schema;
  Pool& pool;
  mutable std::size_t held = 0;      // values that stages keep, for the bound
  mutable std::size_t compared = 0;  // see spend()

  bool is_full() const { return held > kMostHeld || compared > kMostCompared; }
  /// Before somebody looks at so many bytes or members, so many times. False: it is too much, leave it.
  bool spend(std::size_t looks, std::size_t times = 1) const {
    if (is_full()) return false;
    if (looks > kShortValue) compared += std::min(looks, kMostCompared + 1) * times;
    return !is_full();
  }
  /// The same for all of a value. What weighs the most that a value can is endless.
  bool spend_on(const Value& value, std::size_t times = 1) const {
    return spend(value.weight() < Value::kMostWeight ? value.weight() : kMostCompared + 1, times);
  }
  /// For a value that is sorted. Texts are compared as fast as memory is read.
  bool spend_on_sorting(const Value& value) const {
    return spend_on(value, value.kind() == Value::Kind::text ? 1 : kSortLooks);
  }
};

/// A key of a stage: of a document's field, or of an object's member.
class RowPath {
 public:
  RowPath() = default;  // the value itself
  RowPath(const Frame& frame, std::string_view key);
  Value of(const Row& row) const;
  const std::string* begin() const { return steps_.data(); }
  const std::string* end() const { return steps_.data() + steps_.size(); }

 private:
  std::string name_;
  std::vector<std::string> steps_;
  const Frame* frame_ = nullptr;
  int field_ = -1;
};

class StageRunner {
 public:
  explicit StageRunner(const Frame& frame) : frame_(frame) {}
  virtual ~StageRunner() = default;
  virtual void push(const Row& row) = 0;
  /// Nothing is pushed any more: what it holds goes on to the next stage, `budget` rows or sorted values at most, which are
  /// taken off it. True when nothing is left.
  virtual bool drain(std::size_t& /*budget*/) { return true; }
  void set_next(StageRunner& next) { next_ = &next; }

 protected:
  const Frame& frame() const { return frame_; }
  /// A row for the next stage; none once the pipeline is full, because one push may make millions of them.
  void give(const Row& row) {
    if (!frame_.is_full()) next_->push(row);
  }

 private:
  const Frame& frame_;
  StageRunner* next_ = nullptr;
};

/// What a list sorts by: its least element, or its greatest when the order descends.
Value sort_value(const Value& value, bool descending);

Result<std::unique_ptr<StageRunner>> make_group(const Frame& frame, const Group& group, const Surroundings& around);

}  // namespace coffer::model::query
