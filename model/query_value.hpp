#pragma once
// Values while a query is evaluated: small, and views of memory that an entry or a Pool holds. Their order and equality
// are MongoDB's, and so is how a path leads through lists. Used by the query's evaluation; any thread.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/query.hpp"

namespace coffer::model::query {

class Value {
 public:
  /// In the order in which sorting puts them; missing and null are equal there.
  enum class Kind : std::uint8_t { missing, null, number, text, object, list, boolean, time };
  struct Member;
  static constexpr std::uint32_t kMostWeight = (1U << 24) - 1;

  Value() = default;
  static Value null() { return Value(Kind::null); }
  static Value of(bool b) {
    Value v(Kind::boolean);
    v.boolean_ = b;
    return v;
  }
  static Value of(double n) {
    Value v(Kind::number);
    v.number_ = n;
    return v;
  }
  static Value of(std::string_view t) {
    Value v(Kind::text, t.size());
    v.text_ = t.data();
    return v;
  }
  template <std::same_as<std::string> Temporary>
  static Value of(Temporary&& t) = delete;  // the view would be of what is gone
  static Value of_time(TimeMs t) {
    Value v(Kind::time);
    v.time_ = t;
    return v;
  }
  /// The items and members must outlive the value.
  static Value of_list(const Value* items, std::size_t n);
  static Value of_object(const Member* members, std::size_t n);

  Kind kind() const { return kind_; }
  bool is_missing() const { return kind_ == Kind::missing; }
  bool is_nothing() const { return kind_ == Kind::missing || kind_ == Kind::null; }
  // REQUIRES: the kind.
  bool boolean() const { return boolean_; }
  double number() const { return number_; }
  std::string_view text() const { return {text_, size_}; }
  TimeMs time() const { return time_; }
  std::size_t size() const { return size_; }  // list, object
  /// No fewer bytes than append_identity() writes, or kMostWeight when it would be that much or more: values share their
  /// parts, so what takes little room may be written as gigabytes.
  std::size_t weight() const;
  const Value& item(std::size_t i) const { return items_[i]; }
  const Member& member(std::size_t i) const;
  const Value* begin() const { return items_; }
  const Value* end() const { return items_ + size_; }
  /// The member of an object; missing of anything else.
  Value find(std::string_view name) const;

 private:
  static constexpr std::size_t kScalarWeight = 9;
  explicit Value(Kind kind, std::size_t size = 0)
      : size_(static_cast<std::uint32_t>(size)), weight_(kScalarWeight), kind_(kind) {}
  void weigh(std::size_t weight) { weight_ = static_cast<std::uint32_t>(weight) & kMostWeight; }
  union {
    bool boolean_;
    double number_ = 0;
    TimeMs time_;
    const char* text_;
    const Value* items_;
    const Member* members_;
  };
  std::uint32_t size_ = 0;
  std::uint32_t weight_ : 24 = kScalarWeight;  // but of a text
  Kind kind_ : 8 = Kind::missing;
};
static_assert(sizeof(Value) == 16);

struct Value::Member {
  std::string_view name;
  Value value;
};

inline const Value::Member& Value::member(std::size_t i) const { return members_[i]; }
inline std::size_t Value::weight() const {
  return kind_ == Kind::text ? std::min<std::size_t>(kScalarWeight + size_, kMostWeight) : weight_;
}

/// Holds what values point into. Not thread-safe.
class Pool {
 public:
  explicit Pool(std::size_t first_bytes = 256) : memory_(first_bytes) {}
  std::string_view text(std::string_view text);
  Value list(const std::vector<Value>& items);
  Value object(const std::vector<Value::Member>& members);

 private:
  std::pmr::monotonic_buffer_resource memory_;
};

/// <0, 0, >0. Numbers by value (NaN first), texts by their bytes, lists and objects member by member.
int compare(const Value& a, const Value& b);
inline bool equal(const Value& a, const Value& b) { return compare(a, b) == 0; }
struct Less {
  bool operator()(const Value& a, const Value& b) const { return compare(a, b) < 0; }
};
/// Appends bytes that are the same exactly for values that are equal; missing is null.
void append_identity(const Value& value, std::string& out);

/// A copy: nothing of it points into the literal.
Value to_value(const Literal& literal, Pool& pool);
/// JSON text (RFC 8259). Texts without escapes are views of `json`. Missing when it is no JSON or nests too deep.
Value parse_json(std::string_view json, Pool& pool);
template <std::same_as<std::string> Temporary>
Value parse_json(Temporary&& json, Pool& pool) = delete;  // the views would be of what is gone

/// A dotted path taken apart.
std::vector<std::string> split_path(std::string_view path);

/// Calls `look(value)` for what the steps lead to from `root`, through each element of lists and, with a number, to one
/// of them, until it returns true. True when one did. What is not there is looked at as missing.
template <class Look>
bool any_at(const Value& root, const std::string* step, const std::string* end, const Look& look) {
  if (step == end) return look(root);
  if (root.kind() != Value::Kind::list) return any_at(root.find(*step), step + 1, end, look);
  bool looked = false;
  std::size_t index = 0;
  const bool numbered =
      !step->empty() && step->size() <= 9 && step->find_first_not_of("0123456789") == std::string::npos;
  if (numbered) index = static_cast<std::size_t>(std::stoul(*step));
  if (numbered && index < root.size()) {
    looked = true;
    if (any_at(root.item(index), step + 1, end, look)) return true;
  }
  for (const Value& item : root) {
    if (item.kind() != Value::Kind::object) continue;
    looked = true;
    if (any_at(item, step, end, look)) return true;
  }
  return !looked && look(Value());
}

/// The value at the end of the steps without entering lists (but by a number): what a group or a sort takes. Adds to
/// `looked` how many members it may have looked at.
Value value_at(const Value& root, const std::string* step, const std::string* end, std::size_t* looked = nullptr);

}  // namespace coffer::model::query
