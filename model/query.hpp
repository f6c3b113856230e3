#pragma once
// The neutral query tree: what a door's list, search or statistics asks of a tenant's metadata, whatever language it
// was written in. Doors make it, the shard compiles and evaluates it (model/query_filter.hpp, query_stages.hpp) over
// entries in its memory, never over payloads. Values, any thread.
//
// Keys are dotted paths: a field of the space's schema (model/document.hpp), then members of nested objects. What an
// operator means for null, missing, lists and mixed types is said at Operator; it is MongoDB's, which the Cloudforet
// contract builds on.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/result.hpp"

namespace coffer::model::query {

/// A value as a request carries it: JSON's kinds.
struct Literal {
  enum class Kind : std::uint8_t { null, boolean, number, text, list, object };
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Literal> items;      // list; of an object: the values
  std::vector<std::string> names;  // object: one for each of `items`

  static Literal of(bool b);
  static Literal of(double n);
  static Literal of(std::string t);
  static Literal of(const char* t) { return of(std::string(t)); }
  static Literal of_list(std::vector<Literal> l);
  friend bool operator==(const Literal&, const Literal&) = default;
};

/// A test of one field. Unless said otherwise a test holds for a field when it holds for its value or, if that is a list,
/// for one of its elements; a path that leads through a list leads through each of its elements.
enum class Operator : std::uint8_t {
  lt,  // lt to gte: values of one kind only (numbers, texts by their bytes, booleans, times)
  lte,
  gt,
  gte,
  eq,              // null: null or missing; of a time also its ISO 8601 text
  differs,         // "not": the opposite of eq
  exists,          // true: something is stored there, be it null; false: nothing is
  contain,         // a text within a text, whatever the case of ASCII letters (of all when the value has others)
  not_contain,     // the opposite of contain
  in,              // a list: eq with one of it; an empty list holds nothing
  not_in,          // the opposite of in
  contain_in,      // a list: contain with one of it
  not_contain_in,  // a list: not_contain with one of it, so false only for what contains them all
  match,           // an object: an element of a list is an object with all these members
  regex,           // an expression within a text, whatever the case
  regex_in,        // a list: regex with one of it
  datetime_gt,     // datetime_*: ISO 8601 text, against times
  datetime_lt,
  datetime_gte,
  datetime_lte,
  timediff_gt,  // timediff_*: "now", "now/d - 7d" (query_time.hpp), against times
  timediff_lt,
  timediff_gte,
  timediff_lte,
};
inline constexpr std::size_t kOperators = 24;
/// "lt", "not", "timediff_gte": the names of Cloudforet's table.
std::string_view to_string(Operator op);
std::optional<Operator> parse_operator(std::string_view name);
/// What an operator takes: a list, an object, a boolean, or anything that is neither list nor object.
enum class Takes : std::uint8_t { scalar, list, object, boolean };
Takes takes(Operator op);

struct Condition {
  std::string key;
  Operator op = Operator::eq;
  Literal value;
  friend bool operator==(const Condition&, const Condition&) = default;
};
struct Filter {
  std::vector<Condition> all;  // each must hold
  std::vector<Condition> any;  // and, when there are any, one of these
  bool empty() const { return all.empty() && any.empty(); }
  friend bool operator==(const Filter&, const Filter&) = default;
};
struct SortKey {
  std::string key;
  bool descending = false;
  friend bool operator==(const SortKey&, const SortKey&) = default;
};

// ---- stages of statistics, in the order in which rows pass them

struct Unwind {  // a row for each element of a list; what is no list is its own element, and rows with nothing there go
  std::string path;
  std::vector<Condition> filter;  // of the elements: keys are paths within them, "" or the path's own is the element
  friend bool operator==(const Unwind&, const Unwind&) = default;
};
struct GroupKey {
  std::string key, name;
  std::string date_format;  // "year", "month", "day": a number; else as strftime; empty: the value itself
  friend bool operator==(const GroupKey&, const GroupKey&) = default;
};
enum class Aggregate : std::uint8_t { count, sum, average, max, min, first, last, push, add_to_set, merge_objects };
std::string_view to_string(Aggregate aggregate);
std::optional<Aggregate> parse_aggregate(std::string_view name);
struct GroupField {
  std::string key, name;
  Aggregate aggregate = Aggregate::count;
  std::vector<std::pair<std::string, std::string>> fields;  // push of objects: key and name of each member
  std::vector<Condition> conditions;                        // count, sum, average: of rows for which all hold
  friend bool operator==(const GroupField&, const GroupField&) = default;
};
struct Group {  // afterwards rows have the names of keys and fields
  std::vector<GroupKey> keys;
  std::vector<GroupField> fields;
  friend bool operator==(const Group&, const Group&) = default;
};
struct Count {  // one row {name: N}; none when there are no rows
  std::string name;
  friend bool operator==(const Count&, const Count&) = default;
};
struct Sort {
  std::vector<SortKey> keys;
  friend bool operator==(const Sort&, const Sort&) = default;
};
enum class Projector : std::uint8_t { none, size, sum, array_to_object, object_to_array };
std::optional<Projector> parse_projector(std::string_view name);
struct ProjectField {
  std::string key, name;
  Projector projector = Projector::none;
  friend bool operator==(const ProjectField&, const ProjectField&) = default;
};
struct Project {
  std::vector<ProjectField> fields;
  bool exclude_keys = false;  // else the keys of the group before stay
  friend bool operator==(const Project&, const Project&) = default;
};
struct Limit {
  std::uint64_t rows = 0;
  friend bool operator==(const Limit&, const Limit&) = default;
};
struct Skip {
  std::uint64_t rows = 0;
  friend bool operator==(const Skip&, const Skip&) = default;
};
using Stage = std::variant<Unwind, Group, Count, Sort, Project, Limit, Skip>;

/// Bounds of one query, so that nobody makes a shard work for long with few bytes.
struct Bounds {
  std::size_t conditions = 256;   // of a query in all
  std::size_t list_items = 4096;  // of all lists in all
  std::size_t key_bytes = 512;
  std::size_t text_bytes = 64 << 10;  // of all values
  std::size_t regex_bytes = 1024;     // of one pattern
  std::size_t regexes = 64;
  std::size_t sort_keys = 16;
  std::size_t stages = 32;
  std::size_t group_parts = 64;  // keys and fields of one group
};

/// Everything that can be said of a tree without a schema: the kinds of values, bounds, lists that are needed.
/// Errors: invalid_argument, too_large; the detail names the condition ("filter[2]: ...").
Status check_filter(const Filter& filter, const Bounds& bounds);
Status check_sort(const std::vector<SortKey>& keys, const Bounds& bounds);
Status check_stages(const std::vector<Stage>& stages, const Bounds& bounds);

}  // namespace coffer::model::query
