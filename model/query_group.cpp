// Groups: rows are gathered by the values of keys, and fields of each group accumulate. See query_stages.hpp.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "model/query_sort.hpp"
#include "model/query_stage.hpp"
#include "model/query_time.hpp"

namespace coffer::model::query {
namespace {

/// What one field of one group has seen.
struct Gathered {
  double sum = 0;
  std::uint64_t count = 0;
  Value value;
  bool seen = false;
  std::vector<Value> items;
  std::vector<Value::Member> members;
  std::unique_ptr<std::unordered_map<std::string_view, std::size_t>> merged;  // where in `members` a name stands
  struct Set {
    std::unordered_set<std::string> known;
    RunSort<Value, Less> sorted{Less()};
  };
  std::unique_ptr<Set> set;
};

class GroupRunner final : public StageRunner {
 public:
  struct Key {
    RowPath path;
    std::string_view name, date_format;
  };
  struct Field {
    RowPath path;
    std::string_view name;
    Aggregate aggregate;
    std::vector<std::pair<RowPath, std::string_view>> parts;
    std::vector<std::pair<RowPath, Test>> conditions;
  };

  GroupRunner(const Frame& frame, std::vector<Key> keys, std::vector<Field> fields)
      : StageRunner(frame), keys_(std::move(keys)), fields_(std::move(fields)) {}

  void push(const Row& row) override {
    identity_.clear();
    values_.clear();
    for (const Key& key : keys_) {
      values_.push_back(key_value(key, row));
      if (!frame().spend_on(values_.back())) return;
      append_identity(values_.back(), identity_);
    }
    auto found = groups_.find(identity_);
    if (found == groups_.end()) {
      found = groups_.emplace(identity_, order_.size()).first;
      order_.push_back({values_, std::vector<Gathered>(fields_.size())});
      frame().held += keys_.size() + fields_.size();
    }
    auto& gathered = order_[found->second].fields;
    for (std::size_t i = 0; i < fields_.size(); ++i) add(fields_[i], row, gathered[i]);
  }

  bool drain(std::size_t& budget) override {
    for (; emitted_ < order_.size(); ++emitted_) {
      One& one = order_[emitted_];
      for (Gathered& gathered : one.fields) {
        if (!take_sorted(gathered, budget)) return false;
      }
      if (budget == 0) return false;
      --budget;
      emit(one);
    }
    return true;
  }

 private:
  struct One {
    std::vector<Value> keys;
    std::vector<Gathered> fields;
  };

  /// The values of a set in their order.
  static bool take_sorted(Gathered& g, std::size_t& budget) {
    if (!g.set) return true;
    for (; budget > 0; --budget) {
      const auto value = g.set->sorted.next();
      if (!value) return true;
      g.items.push_back(*value);
    }
    return false;
  }

  void emit(const One& one) {
    std::vector<Value::Member> members;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      members.push_back({keys_[i].name, one.keys[i].is_missing() ? Value::null() : one.keys[i]});
    }
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      members.push_back({fields_[i].name, result(fields_[i], one.fields[i])});
    }
    give({nullptr, frame().pool.object(members)});
  }

  Value key_value(const Key& key, const Row& row) const {
    const Value value = key.path.of(row);
    if (key.date_format.empty()) return value;
    if (value.kind() != Value::Kind::time) return Value::null();
    const CivilTime c = civil(value.time());
    if (key.date_format == "year") return Value::of(static_cast<double>(c.year));
    if (key.date_format == "month") return Value::of(static_cast<double>(c.month));
    if (key.date_format == "day") return Value::of(static_cast<double>(c.day));
    const std::string text = format_time(value.time(), key.date_format);
    // Few different texts for many rows: each is kept once.
    auto& kept = date_texts_[text];
    if (kept.is_missing()) kept = Value::of(frame().pool.text(text));
    return kept;
  }

  bool conditions_hold(const Field& field, const Row& row) const {
    return std::all_of(field.conditions.begin(), field.conditions.end(), [&](const auto& condition) {
      const Value value = condition.first.of(row);
      return frame().spend_on(value, condition.second.looks()) && condition.second.holds(value, nullptr, nullptr);
    });
  }

  void add(const Field& field, const Row& row, Gathered& g) const {
    if (!conditions_hold(field, row)) return;
    if (field.aggregate == Aggregate::count) {
      ++g.count;
      return;
    }
    const Value value = field.parts.empty() ? field.path.of(row) : parts_of(field, row);
    const bool numeric = value.kind() == Value::Kind::number;
    switch (field.aggregate) {
      case Aggregate::count: break;
      case Aggregate::sum:
      case Aggregate::average:
        if (numeric) g.sum += value.number(), ++g.count;
        break;
      case Aggregate::max:
      case Aggregate::min:
        if (!value.is_nothing() && (!g.seen || wins(field, value, g.value))) g.value = value, g.seen = true;
        break;
      case Aggregate::first:
        if (!g.seen) g.value = value, g.seen = true;
        break;
      case Aggregate::last: g.value = value; break;
      case Aggregate::push:
        if (!value.is_missing()) g.items.push_back(value), ++frame().held;
        break;
      case Aggregate::add_to_set: add_once(value, g); break;
      case Aggregate::merge_objects: merge(value, g); break;
    }
  }

  bool wins(const Field& field, const Value& value, const Value& so_far) const {
    if (!frame().spend_on(value)) return false;
    const int order = compare(value, so_far);
    return field.aggregate == Aggregate::max ? order > 0 : order < 0;
  }

  Value parts_of(const Field& field, const Row& row) const {
    std::vector<Value::Member> members;
    for (const auto& [path, name] : field.parts) {
      const Value value = path.of(row);
      if (!value.is_missing()) members.push_back({name, value});
    }
    return frame().pool.object(members);
  }

  void add_once(const Value& value, Gathered& g) const {
    if (value.is_missing() || !frame().spend_on(value)) return;
    if (!g.set) g.set = std::make_unique<Gathered::Set>();
    std::string identity;
    append_identity(value, identity);
    if (!g.set->known.insert(std::move(identity)).second || !frame().spend_on_sorting(value)) return;
    g.set->sorted.push(value);
    ++frame().held;
  }

  void merge(const Value& value, Gathered& g) const {
    if (value.kind() != Value::Kind::object || !frame().spend(value.size())) return;
    if (!g.merged) g.merged = std::make_unique<std::unordered_map<std::string_view, std::size_t>>();
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Value::Member& member = value.member(i);
      const auto [same, is_new] = g.merged->emplace(member.name, g.members.size());
      if (is_new) {
        g.members.push_back(member);
        ++frame().held;
      } else {
        g.members[same->second].value = member.value;
      }
    }
  }

  Value result(const Field& field, const Gathered& g) const {
    switch (field.aggregate) {
      case Aggregate::count: return Value::of(static_cast<double>(g.count));
      case Aggregate::sum: return Value::of(g.sum);
      case Aggregate::average: return g.count == 0 ? Value::null() : Value::of(g.sum / static_cast<double>(g.count));
      case Aggregate::max:
      case Aggregate::min:
      case Aggregate::first:
      case Aggregate::last: return g.value.is_missing() ? Value::null() : g.value;
      case Aggregate::push:
      case Aggregate::add_to_set: return Value::of_list(g.items.data(), g.items.size());  // the group outlives its row
      case Aggregate::merge_objects: break;
    }
    return frame().pool.object(g.members);
  }

  std::vector<Key> keys_;
  std::vector<Field> fields_;
  std::unordered_map<std::string, std::size_t> groups_;
  std::vector<One> order_;
  std::size_t emitted_ = 0;  // of `order_`
  mutable std::unordered_map<std::string, Value> date_texts_;
  std::string identity_;       // of the row at hand
  std::vector<Value> values_;  // and its keys
};

}  // namespace

Result<std::unique_ptr<StageRunner>> make_group(const Frame& frame, const Group& group, const Surroundings& around) {
  std::vector<GroupRunner::Key> keys;
  for (const GroupKey& key : group.keys) keys.push_back({RowPath(frame, key.key), key.name, key.date_format});
  std::vector<GroupRunner::Field> fields;
  for (const GroupField& field : group.fields) {
    GroupRunner::Field made;
    if (!field.key.empty()) made.path = RowPath(frame, field.key);
    made.name = field.name;
    made.aggregate = field.aggregate;
    for (const auto& [key, name] : field.fields) made.parts.emplace_back(RowPath(frame, key), name);
    for (const Condition& condition : field.conditions) {
      auto test = Test::make(condition, frame.pool, around);
      if (!test) return test.error();
      made.conditions.emplace_back(RowPath(frame, condition.key), std::move(*test));
    }
    fields.push_back(std::move(made));
  }
  return std::unique_ptr<StageRunner>(std::make_unique<GroupRunner>(frame, std::move(keys), std::move(fields)));
}

}  // namespace coffer::model::query
