#pragma once
// One stage at work, and how it reads a row. Shared by the two sources of query_stages.hpp only.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/query_stages.hpp"

namespace coffer::model::query {

/// Holds everything that must be kept while rows point to it.
inline constexpr std::size_t kMostHeld = 4'000'000;

/// What the stages of one pipeline share.
struct Frame {
  const Schema& schema;
  Pool& pool;
  mutable std::size_t held = 0;  // values that stages keep, for the bound

  bool is_full() const { return held > kMostHeld; }
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
  StageRunner& next() { return *next_; }

 private:
  const Frame& frame_;
  StageRunner* next_ = nullptr;
};

/// What a list sorts by: its least element, or its greatest when the order descends.
Value sort_value(const Value& value, bool descending);

Result<std::unique_ptr<StageRunner>> make_group(const Frame& frame, const Group& group, const Surroundings& around);

}  // namespace coffer::model::query
