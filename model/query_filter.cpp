// See query_filter.hpp.

#include "model/query_filter.hpp"

#include <algorithm>

#include "model/query_time.hpp"

namespace coffer::model::query {
namespace {

using Kind = Value::Kind;

Error invalid_filter(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// The value, or of a list each of its elements.
template <class Look>
bool any_of_value(const Value& value, const Look& look) {
  if (look(value)) return true;
  return value.kind() == Kind::list && std::any_of(value.begin(), value.end(), look);
}

bool in_order(Operator op, int order) {
  switch (op) {
    case Operator::lt:
    case Operator::datetime_lt:
    case Operator::timediff_lt: return order < 0;
    case Operator::lte:
    case Operator::datetime_lte:
    case Operator::timediff_lte: return order <= 0;
    case Operator::gt:
    case Operator::datetime_gt:
    case Operator::timediff_gt: return order > 0;
    default: return order >= 0;
  }
}

/// Equality with a literal: null is equal to what is missing, a time to its text.
bool equals(const Value& value, const Value& literal, const Value& as_time) {
  if (literal.is_nothing()) return value.is_nothing();
  if (value.kind() == Kind::time) return as_time.kind() == Kind::time && value.time() == as_time.time();
  return value.kind() == literal.kind() && equal(value, literal);
}

bool matches_members(const Value& element, const Value& wanted) {
  if (element.kind() != Kind::object) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Value& literal = wanted.member(i).value;
    const Value found = element.find(wanted.member(i).name);
    if (!any_of_value(found, [&](const Value& v) { return equals(v, literal, {}); })) return false;
  }
  return true;
}

Value time_of(const Literal& literal) {
  if (literal.kind != Literal::Kind::text) return {};
  const auto time = parse_datetime(literal.text);
  return time ? Value::of_time(*time) : Value();
}

bool is_datetime(Operator op) { return op >= Operator::datetime_gt && op <= Operator::datetime_lte; }
bool is_timediff(Operator op) { return op >= Operator::timediff_gt; }

}  // namespace

Result<Path> resolve(std::string_view key, const Schema& schema) {
  Path path;
  path.steps = split_path(key);
  path.field = schema.find(path.steps.front());
  if (path.field < 0) return invalid_filter("Cannot resolve field \"" + path.steps.front() + "\"");
  const bool is_flat = schema.fields[static_cast<std::size_t>(path.field)].source == SchemaField::Source::tags;
  if (is_flat && path.steps.size() > 1) {
    path.steps = {std::string(key.substr(path.steps.front().size() + 1))};
  } else {
    path.steps.erase(path.steps.begin());
  }
  return path;
}

Result<Test> Test::make(const Condition& condition, Pool& pool, const Surroundings& around) {
  Test test;
  test.op_ = condition.op;
  test.value_ = to_value(condition.value, pool);
  test.time_ = time_of(condition.value);
  test.negative_ =
      condition.op == Operator::differs || condition.op == Operator::not_in || condition.op == Operator::not_contain;
  const bool is_list = condition.value.kind == Literal::Kind::list;
  const std::vector<Literal> alone = is_list ? std::vector<Literal>() : std::vector<Literal>{condition.value};
  const std::vector<Literal>& all = is_list ? condition.value.items : alone;
  switch (condition.op) {
    case Operator::in:
    case Operator::not_in: {
      const bool texts = std::all_of(all.begin(), all.end(), [](const Literal& l) {
        return l.kind == Literal::Kind::text && !parse_datetime(l.text);
      });
      for (const Literal& l : all) {
        if (texts) {
          test.texts_.insert(pool.text(l.text));
        } else {
          test.list_.push_back(to_value(l, pool));
          test.list_times_.push_back(time_of(l));
        }
      }
      break;
    }
    case Operator::contain:
    case Operator::not_contain:
    case Operator::contain_in:
    case Operator::not_contain_in:
    case Operator::regex:
    case Operator::regex_in: {
      const bool literal = condition.op != Operator::regex && condition.op != Operator::regex_in;
      for (const Literal& l : all) {
        // A needle without an expression is plain ASCII; letters beyond it need the expression's folding.
        std::shared_ptr<const Regex> compiled;
        if (l.kind == Literal::Kind::text && (!literal || !is_ascii(l.text))) {
          auto made = around.regex(l.text, literal);
          if (!made) return made.error();
          compiled = std::move(*made);
        } else if (l.kind != Literal::Kind::text) {
          return invalid_filter("'" + std::string(to_string(condition.op)) + "' needs text");
        }
        std::string needle(l.text);
        std::transform(needle.begin(), needle.end(), needle.begin(), lower);
        test.needles_.push_back(std::move(needle));
        test.regexes_.push_back(std::move(compiled));
      }
      break;
    }
    default: break;
  }
  if (is_datetime(condition.op)) {
    if (test.time_.kind() != Kind::time) {
      return invalid_filter("The value of " + std::string(to_string(condition.op)) +
                            " operator is required ISO 8601 format.");
    }
  } else if (is_timediff(condition.op)) {
    const auto time = parse_timediff(condition.value.text, around.now);
    if (condition.value.kind != Literal::Kind::text || !time) {
      return invalid_filter("The value of " + std::string(to_string(condition.op)) +
                            " operator is invalid. (value = " + condition.value.text + ")");
    }
    test.time_ = Value::of_time(*time);
  }
  return test;
}

bool Test::contains(std::string_view text, std::size_t needle) const {
  if (regexes_[needle]) return regexes_[needle]->found_in(text);
  const std::string& wanted = needles_[needle];
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end() ||
         wanted.empty();
}

bool Test::holds_for(const Value& value) const {
  switch (op_) {
    case Operator::lt:
    case Operator::gt:
      return (value.kind() == value_.kind() && !value.is_nothing() && in_order(op_, compare(value, value_))) ||
             (value.kind() == Kind::time && time_.kind() == Kind::time && in_order(op_, compare(value, time_)));
    case Operator::lte:
    case Operator::gte:
      if (value_.is_nothing()) return value.is_nothing();
      return (value.kind() == value_.kind() && in_order(op_, compare(value, value_))) ||
             (value.kind() == Kind::time && time_.kind() == Kind::time && in_order(op_, compare(value, time_)));
    case Operator::eq:
    case Operator::differs: return equals(value, value_, time_);
    case Operator::exists: return !value.is_missing();
    case Operator::in:
    case Operator::not_in:
      if (value.kind() == Kind::text && !texts_.empty()) return texts_.contains(value.text());
      for (std::size_t i = 0; i < list_.size(); ++i) {
        if (equals(value, list_[i], list_times_[i])) return true;
      }
      return false;
    case Operator::contain:
    case Operator::not_contain:
    case Operator::contain_in:
    case Operator::regex:
    case Operator::regex_in:
      if (value.kind() != Kind::text) return false;
      for (std::size_t i = 0; i < needles_.size(); ++i) {
        if (contains(value.text(), i)) return true;
      }
      return false;
    case Operator::match: return matches_members(value, value_);
    case Operator::not_contain_in: break;  // see holds()
    default: return value.kind() == Kind::time && in_order(op_, compare(value, time_));
  }
  return false;
}

bool Test::holds(const Value& root, const std::string* step, const std::string* end) const {
  const auto found = [&](const auto& one) {
    return any_at(root, step, end, [&](const Value& value) { return any_of_value(value, one); });
  };
  if (op_ == Operator::exists) {
    const bool there = any_at(root, step, end, [](const Value& value) { return !value.is_missing(); });
    return there == value_.boolean();
  }
  if (op_ == Operator::match) {
    return any_at(root, step, end, [&](const Value& value) {
      return value.kind() == Kind::list &&
             std::any_of(value.begin(), value.end(), [&](const Value& item) { return holds_for(item); });
    });
  }
  if (op_ == Operator::not_contain_in) {  // one of the needles is nowhere
    for (std::size_t i = 0; i < needles_.size(); ++i) {
      if (!found([&](const Value& v) { return v.kind() == Kind::text && contains(v.text(), i); })) return true;
    }
    return false;
  }
  return found([&](const Value& value) { return holds_for(value); }) != negative_;
}

bool Predicate::Part::holds(const Document& document) const {
  return test.holds(document.fields[static_cast<std::size_t>(path.field)], path.begin(), path.end());
}

bool Predicate::Part::holds(const Entry& entry) const {
  if (field->source == SchemaField::Source::tags && path.begin() != path.end()) {
    const auto at = entry.tags.find(path.steps.front());
    const Value tag = at == entry.tags.end() ? Value() : Value::of(std::string_view(at->second));
    return test.holds(tag, path.end(), path.end());
  }
  std::unique_ptr<Pool> nested;
  return test.holds(field_value(*field, entry, nested), path.begin(), path.end());
}

Result<Predicate> Predicate::make(const Filter& filter, const Schema& schema, Pool& pool, const Surroundings& around) {
  Predicate predicate;
  for (const auto& [conditions, parts] :
       {std::pair(&filter.all, &predicate.all_), std::pair(&filter.any, &predicate.any_)}) {
    for (const Condition& condition : *conditions) {
      auto path = resolve(condition.key, schema);
      if (!path) return path.error();
      auto test = Test::make(condition, pool, around);
      if (!test) return test.error();
      const SchemaField* field = &schema.fields[static_cast<std::size_t>(path->field)];
      parts->push_back({field, std::move(*path), std::move(*test)});
    }
  }
  return predicate;
}

template <class Of>
bool Predicate::holds_for(const Of& of) const {
  const auto one = [&](const Part& part) { return part.holds(of); };
  return std::all_of(all_.begin(), all_.end(), one) && (any_.empty() || std::any_of(any_.begin(), any_.end(), one));
}

bool Predicate::holds(const Document& document) const { return holds_for(document); }
bool Predicate::holds(const Entry& entry) const { return holds_for(entry); }

}  // namespace coffer::model::query
