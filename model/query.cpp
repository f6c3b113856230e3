// Names of operators and the checks of a query tree that need no schema; see query.hpp.

#include "model/query.hpp"

#include <algorithm>
#include <array>

#include "model/text.hpp"

namespace coffer::model::query {
namespace {

/// By the number of the operator, which is its place in the contract's table.
constexpr std::array<std::string_view, kOperators> kOperatorNames{"lt",
                                                                  "lte",
                                                                  "gt",
                                                                  "gte",
                                                                  "eq",
                                                                  "not",
                                                                  "exists",
                                                                  "contain",
                                                                  "not_contain",
                                                                  "in",
                                                                  "not_in",
                                                                  "contain_in",
                                                                  "not_contain_in",
                                                                  "match",
                                                                  "regex",
                                                                  "regex_in",
                                                                  "datetime_gt",
                                                                  "datetime_lt",
                                                                  "datetime_gte",
                                                                  "datetime_lte",
                                                                  "timediff_gt",
                                                                  "timediff_lt",
                                                                  "timediff_gte",
                                                                  "timediff_lte"};

constexpr std::array<std::string_view, 10> kAggregates{"count", "sum",  "average", "max",        "min",
                                                       "first", "last", "push",    "add_to_set", "merge_objects"};
constexpr std::array<std::string_view, 5> kProjectors{"", "size", "sum", "array_to_object", "object_to_array"};

Error invalid(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }
Error large(std::string detail) { return {Code::too_large, std::move(detail)}; }

/// Counts what all conditions of a query hold together.
class Counter {
 public:
  explicit Counter(const Bounds& bounds) : bounds_(bounds) {}

  Status add(const std::vector<Condition>& conditions, std::string_view where) {
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      const std::string place = std::string(where) + "[" + std::to_string(i) + "]";
      if (const Status status = add(conditions[i]); !status) {
        return Error(status.error().code, place + ": " + std::string(status.error().message()));
      }
    }
    return {};
  }

 private:
  Status add(const Condition& condition) {
    if (++conditions_ > bounds_.conditions) {
      return large("more than " + std::to_string(bounds_.conditions) + " conditions in one query");
    }
    if (condition.key.size() > bounds_.key_bytes) return large("the key is too long");
    if (condition.key.starts_with('$')) return invalid("the key begins with '$'");
    if (const Status status = check_kind(condition); !status) return status;
    if (condition.op == Operator::regex || condition.op == Operator::regex_in) {
      if (const Status status = check_patterns(condition.value); !status) return status;
    }
    return count(condition.value);
  }

  static Status check_kind(const Condition& condition) {
    const std::string name(to_string(condition.op));
    const auto kind = condition.value.kind;
    switch (takes(condition.op)) {
      case Takes::list: return kind == Literal::Kind::list ? Status() : Status(invalid("'" + name + "' needs a list"));
      case Takes::object:
        return kind == Literal::Kind::object ? Status() : Status(invalid("'" + name + "' needs an object"));
      case Takes::boolean:
        return kind == Literal::Kind::boolean ? Status() : Status(invalid("'" + name + "' needs true or false"));
      case Takes::scalar: break;
    }
    const bool scalar = kind != Literal::Kind::list && kind != Literal::Kind::object;
    return scalar ? Status() : Status(invalid("'" + name + "' takes no list and no object"));
  }

  Status check_patterns(const Literal& value) {
    const auto one = [&](const Literal& pattern) -> Status {
      if (pattern.text.size() > bounds_.regex_bytes) {
        return large("a regular expression of more than " + std::to_string(bounds_.regex_bytes) + " bytes");
      }
      if (++regexes_ > bounds_.regexes) return large("too many regular expressions in one query");
      return {};
    };
    if (value.kind != Literal::Kind::list) return one(value);
    for (const Literal& pattern : value.items) {
      if (const Status status = one(pattern); !status) return status;
    }
    return {};
  }

  Status count(const Literal& value) {
    bytes_ += value.text.size();
    for (const std::string& name : value.names) bytes_ += name.size();
    items_ += value.items.size();
    if (items_ > bounds_.list_items) {
      return large("lists of more than " + std::to_string(bounds_.list_items) + " items in one query");
    }
    if (bytes_ > bounds_.text_bytes) {
      return large("values of more than " + std::to_string(bounds_.text_bytes) + " bytes in one query");
    }
    for (const Literal& item : value.items) {
      if (const Status status = count(item); !status) return status;
    }
    return {};
  }

  const Bounds& bounds_;
  std::size_t conditions_ = 0, items_ = 0, bytes_ = 0, regexes_ = 0;
};

Status check_key(std::string_view key, const Bounds& bounds) {
  if (key.size() > bounds.key_bytes) return large("a key is too long");
  return key.starts_with('$') ? Status(invalid("a key begins with '$'")) : Status();
}

struct StageChecker {
  const Bounds& bounds;
  Counter& counter;

  Status operator()(const Unwind& unwind) const {
    if (unwind.path.empty()) return invalid("unwind needs a path");
    if (const Status status = check_key(unwind.path, bounds); !status) return status;
    return counter.add(unwind.filter, "unwind.filter");
  }
  Status operator()(const Group& group) const {
    if (group.keys.empty() && group.fields.empty()) return invalid("a group needs keys or fields");
    if (group.keys.size() + group.fields.size() > bounds.group_parts) return large("a group has too many parts");
    for (const GroupKey& key : group.keys) {
      if (key.key.empty() || key.name.empty()) return invalid("a group's key needs key and name");
      if (const Status status = check_key(key.key, bounds); !status) return status;
    }
    for (const GroupField& field : group.fields) {
      if (field.name.empty()) return invalid("a group's field needs a name");
      const bool needs_key = field.aggregate != Aggregate::count && field.fields.empty();
      if (needs_key && field.key.empty()) return invalid("a group's field needs a key");
      if (const Status status = check_key(field.key, bounds); !status) return status;
      if (field.fields.size() > bounds.group_parts) return large("a group has too many parts");
      if (const Status status = counter.add(field.conditions, "conditions"); !status) return status;
    }
    return {};
  }
  Status operator()(const Count& count) const {
    return count.name.empty() ? Status(invalid("count needs a name")) : Status();
  }
  Status operator()(const Sort& sort) const { return check_sort(sort.keys, bounds); }
  Status operator()(const Project& project) const {
    if (project.fields.size() > bounds.group_parts) return large("a projection has too many fields");
    for (const ProjectField& field : project.fields) {
      if (field.key.empty() || field.name.empty()) return invalid("a projection's field needs key and name");
    }
    return {};
  }
  Status operator()(const Limit&) const { return {}; }
  Status operator()(const Skip&) const { return {}; }
};

}  // namespace

std::string_view to_string(Operator op) { return kOperatorNames.at(static_cast<std::size_t>(op)); }

std::optional<Operator> parse_operator(std::string_view name) {
  const auto at = std::find(kOperatorNames.begin(), kOperatorNames.end(), name);
  if (at == kOperatorNames.end()) return std::nullopt;
  return static_cast<Operator>(at - kOperatorNames.begin());
}

Takes takes(Operator op) {
  switch (op) {
    case Operator::in:
    case Operator::not_in:
    case Operator::contain_in:
    case Operator::not_contain_in:
    case Operator::regex_in: return Takes::list;
    case Operator::match: return Takes::object;
    case Operator::exists: return Takes::boolean;
    default: return Takes::scalar;
  }
}

std::string_view to_string(Aggregate aggregate) { return kAggregates.at(static_cast<std::size_t>(aggregate)); }

std::optional<Aggregate> parse_aggregate(std::string_view name) {
  const auto at = std::find(kAggregates.begin(), kAggregates.end(), name);
  if (at == kAggregates.end()) return std::nullopt;
  return static_cast<Aggregate>(at - kAggregates.begin());
}

std::optional<Projector> parse_projector(std::string_view name) {
  const auto at = std::find(kProjectors.begin(), kProjectors.end(), name);
  if (at == kProjectors.end()) return std::nullopt;
  return static_cast<Projector>(at - kProjectors.begin());
}

Status check_filter(const Filter& filter, const Bounds& bounds) {
  Counter counter(bounds);
  if (const Status status = counter.add(filter.all, "filter"); !status) return status;
  return counter.add(filter.any, "filter_or");
}

Status check_sort(const std::vector<SortKey>& keys, const Bounds& bounds) {
  if (keys.size() > bounds.sort_keys) return large("more than " + std::to_string(bounds.sort_keys) + " sort keys");
  for (const SortKey& key : keys) {
    if (const Status status = check_key(key.key, bounds); !status) return status;
  }
  return {};
}

Status check_stages(const std::vector<Stage>& stages, const Bounds& bounds) {
  if (stages.size() > bounds.stages) return large("more than " + std::to_string(bounds.stages) + " stages");
  Counter counter(bounds);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Status status = std::visit(StageChecker{bounds, counter}, stages[i]);
    if (!status) {
      return Error(status.error().code,
                   "aggregate[" + std::to_string(i) + "]: " + std::string(status.error().message()));
    }
  }
  return {};
}

}  // namespace coffer::model::query
