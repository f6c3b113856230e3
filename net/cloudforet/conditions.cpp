// See conditions.hpp.

#include "net/cloudforet/conditions.hpp"

#include <charconv>
#include <cmath>

namespace coffer::net::cloudforet {
namespace {

using model::Error;
using model::Result;
using model::query::Condition;
using model::query::Literal;
using model::query::Operator;
using model::query::Takes;

std::string operator_names() {
  std::string names;
  for (std::size_t i = 0; i < model::query::kOperators; ++i) {
    names += (i == 0 ? "'" : ", '") + std::string(to_string(static_cast<Operator>(i))) + "'";
  }
  return names;
}

std::string python_number(double n) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, n).ptr;
  std::string out(text, end);
  const bool plain = out.find_first_not_of("-0123456789") == std::string::npos;
  return plain ? out + ".0" : out;
}

/// The condition as upstream's log and error show it: what was sent, in the order of the fields.
std::string python_dict(const Message& filter, const Literal& value) {
  std::string out = "{";
  const auto add = [&](const char* name, const std::string& text) {
    out += (out.size() == 1 ? "" : ", ") + python_repr(std::string_view(name)) + ": " + text;
  };
  for (const char* name : {"key", "k"}) {
    if (has(filter, name)) add(name, python_repr(std::string_view(text(filter, name))));
  }
  for (const char* name : {"value", "v"}) {
    if (has(filter, name)) add(name, python_repr(value));
  }
  for (const char* name : {"operator", "o"}) {
    if (has(filter, name)) add(name, python_repr(std::string_view(text(filter, name))));
  }
  return out + "}";
}

Result<Operator> read_operator(const Message& filter) {
  const auto op = model::query::parse_operator(text(filter, "operator", "o"));
  if (op) return *op;
  return db_query("Filter operator is not supported. (operator = dict_keys([" + operator_names() + "]))");
}

model::Status check_value(const Message& filter, const Condition& condition) {
  const std::string op(to_string(condition.op));
  const std::string dict = " (" + python_dict(filter, condition.value) + ")";
  const auto kind = condition.value.kind;
  const auto refuse = [&](const char* name, const std::string& says) {
    return error(name, "The value of '" + op + " operator' " + says + dict);
  };
  switch (takes(condition.op)) {
    case Takes::list:
      if (kind != Literal::Kind::list) return refuse("ERROR_OPERATOR_LIST_VALUE_TYPE", "must be a list type.");
      break;
    case Takes::object:
      if (kind != Literal::Kind::object) return refuse("ERROR_OPERATOR_DICT_VALUE_TYPE", "must be a dictionary type.");
      break;
    case Takes::boolean:
      if (kind != Literal::Kind::boolean) return refuse("ERROR_OPERATOR_BOOLEAN_TYPE", "must be a boolean type.");
      break;
    case Takes::scalar:
      if (kind == Literal::Kind::list) return refuse("ERROR_OPERATOR_VALUE_TYPE", "does not support list type.");
      if (kind == Literal::Kind::object) return refuse("ERROR_OPERATOR_VALUE_TYPE", "does not support dict type.");
      break;
  }
  // What is no text is shown as upstream's language writes it; texts, which may be times, are read where the query runs.
  if (condition.op >= Operator::timediff_gt && kind != Literal::Kind::text) {
    return db_query("The value of " + op + " operator is invalid. (value = " + python_repr(condition.value) + ")");
  }
  const bool empty = kind == Literal::Kind::list && condition.value.items.empty();
  const bool folds = condition.op == Operator::contain_in || condition.op == Operator::not_contain_in ||
                     condition.op == Operator::regex_in;
  if (empty && folds) return error("ERROR_UNKNOWN", "reduce() of empty iterable with no initial value");
  return {};
}

/// Numbers and booleans are looked for as their text.
void make_text(Literal& literal) {
  if (literal.kind == Literal::Kind::number) literal = Literal::of(python_number(literal.number));
  if (literal.kind == Literal::Kind::boolean) literal = Literal::of(literal.boolean ? "True" : "False");
}

bool wants_text(Operator op) {
  return op == Operator::contain || op == Operator::not_contain || op == Operator::contain_in ||
         op == Operator::not_contain_in || op == Operator::regex || op == Operator::regex_in;
}

}  // namespace

Literal to_literal(const Message& value) {
  const auto& type = *value.GetDescriptor();
  const auto& reflection = *value.GetReflection();
  Literal out;
  if (type.name() == "ListValue") {
    out.kind = Literal::Kind::list;
    for (int i = 0; i < count(value, "values"); ++i) out.items.push_back(to_literal(item(value, "values", i)));
    return out;
  }
  if (type.name() == "Struct") {
    out.kind = Literal::Kind::object;
    for (int i = 0; i < count(value, "fields"); ++i) {
      const Message& entry = item(value, "fields", i);
      out.names.push_back(text(entry, "key"));
      const Message* member = child(entry, "value");
      out.items.push_back(member ? to_literal(*member) : Literal());
    }
    return out;
  }
  const auto* which = reflection.GetOneofFieldDescriptor(value, type.oneof_decl(0));
  if (!which || which->name() == "null_value") return out;
  if (which->name() == "number_value") return Literal::of(reflection.GetDouble(value, which));
  if (which->name() == "string_value") return Literal::of(reflection.GetString(value, which));
  if (which->name() == "bool_value") return Literal::of(reflection.GetBool(value, which));
  return to_literal(reflection.GetMessage(value, which));
}

std::string python_repr(const Literal& literal) {
  switch (literal.kind) {
    case Literal::Kind::null: return "None";
    case Literal::Kind::boolean: return literal.boolean ? "True" : "False";
    case Literal::Kind::number: return python_number(literal.number);
    case Literal::Kind::text: return python_repr(std::string_view(literal.text));
    case Literal::Kind::list:
    case Literal::Kind::object: break;
  }
  const bool is_list = literal.kind == Literal::Kind::list;
  std::string out = is_list ? "[" : "{";
  for (std::size_t i = 0; i < literal.items.size(); ++i) {
    if (i != 0) out += ", ";
    if (!is_list) out += python_repr(std::string_view(literal.names[i])) + ": ";
    out += python_repr(literal.items[i]);
  }
  return out + (is_list ? "]" : "}");
}

Result<std::string> read_key(const Resource& resource, std::string_view key) {
  if (key.starts_with('$')) return db_query("Cannot resolve field \"" + std::string(key) + "\"");
  auto stored = resource.stored_key(key);
  if (stored) return *std::move(stored);
  return db_query("Cannot resolve field \"" + std::string(key.substr(0, key.find('.'))) + "\"");
}

Result<Condition> read_condition(const Resource& resource, const Message& filter, Keys keys) {
  Condition condition;
  auto op = read_operator(filter);
  if (!op) return op.error();
  condition.op = *op;
  const std::string key = text(filter, "key", "k");
  if (key.empty()) return db_query("Filter condition should have key, value and operator.");
  const Message* value = has(filter, "value") ? child(filter, "value") : child(filter, "v");
  if (value) condition.value = to_literal(*value);
  if (const auto ok = check_value(filter, condition); !ok) return ok.error();
  if (wants_text(condition.op)) {
    make_text(condition.value);
    for (Literal& one : condition.value.items) make_text(one);
  }
  if (keys == Keys::any) {
    condition.key = key;
    return condition;
  }
  auto stored = read_key(resource, key);
  if (!stored) return stored.error();
  condition.key = std::move(*stored);
  return condition;
}

Result<std::vector<Condition>> read_conditions(const Resource& resource, const Message& message, std::string_view field,
                                               Keys keys) {
  std::vector<Condition> conditions;
  for (int i = 0; i < count(message, field); ++i) {
    auto condition = read_condition(resource, item(message, field, i), keys);
    if (!condition) return condition.error();
    conditions.push_back(std::move(*condition));
  }
  return conditions;
}

}  // namespace coffer::net::cloudforet
