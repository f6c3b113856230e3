#pragma once
// Conditions ready to be tested: keys resolved, values converted, expressions compiled. Made once for a query by the
// shard, then asked for each document. Not thread-safe while it is made.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "model/document.hpp"
#include "model/query.hpp"
#include "model/query_value.hpp"
#include "model/result.hpp"

namespace coffer::model::query {

/// A compiled expression that takes time linear in the text.
class Regex {
 public:
  virtual ~Regex() = default;
  /// Is it found somewhere in the text?
  virtual bool found_in(std::string_view text) const = 0;
};
/// Compiles an expression that does not look at case; `literal`: the text itself is looked for.
/// Errors: invalid_argument with the reason.
using RegexCompiler = std::function<Result<std::unique_ptr<Regex>>(std::string_view pattern, bool literal)>;

/// What compiling and evaluating needs from outside.
struct Surroundings {
  const RegexCompiler& regex;
  TimeMs now = 0;
};

/// A key as steps from a document or a value. Of a document the first step is its field's number.
struct Path {
  int field = -1;
  std::vector<std::string> steps;  // behind the field; without one: from the value itself
  const std::string* begin() const { return steps.data(); }
  const std::string* end() const { return steps.data() + steps.size(); }
};
/// Of an entry's own tags, which are texts, what follows is one name, dots and all. Errors: invalid_argument, 'Cannot resolve field "x"'.
Result<Path> resolve(std::string_view key, const Schema& schema);

/// One condition, without its key.
class Test {
 public:
  /// Errors: invalid_argument.
  static Result<Test> make(const Condition& condition, Pool& pool, const Surroundings& around);
  /// Does it hold for what the steps lead to from `root`?
  bool holds(const Value& root, const std::string* step, const std::string* end) const;
  /// How often it may look at each part of a value.
  std::size_t looks() const { return std::max({value_.size(), list_.size(), needles_.size(), std::size_t{1}}); }

 private:
  bool holds_for(const Value& value) const;  // the condition's positive form, for one value
  bool contains(std::string_view text, std::size_t needle) const;

  Operator op_ = Operator::eq;
  bool negative_ = false;  // not, not_in, not_contain: the opposite of holds_for
  Value value_, time_;     // the literal; and as a time when it is one
  std::vector<Value> list_, list_times_;
  std::unordered_set<std::string_view> texts_;  // of `in`, when all are texts
  std::vector<std::string> needles_;            // lower case
  std::vector<std::shared_ptr<const Regex>> regexes_;
};

/// A whole filter over documents of one schema.
class Predicate {
 public:
  static Result<Predicate> make(const Filter& filter, const Schema& schema, Pool& pool, const Surroundings& around);
  bool holds(const Document& document) const;
  /// The same for an entry of which nobody made a document.
  bool holds(const Entry& entry) const;

 private:
  struct Part {
    const SchemaField* field;
    Path path;
    Test test;
    bool holds(const Document& document) const;
    bool holds(const Entry& entry) const;
  };
  template <class Of>
  bool holds_for(const Of& of) const;

  std::vector<Part> all_, any_;
};

}  // namespace coffer::model::query
