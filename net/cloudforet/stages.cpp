// See stages.hpp.

#include "net/cloudforet/stages.hpp"

#include "net/cloudforet/conditions.hpp"

namespace coffer::net::cloudforet {
namespace {

using model::Error;
using model::Result;
using model::Status;
namespace query = model::query;

constexpr char kAggregates[] =
    "['count', 'sum', 'average', 'max', 'min', 'first', 'last', 'push', 'add_to_set', 'merge_objects']";
constexpr char kProjectors[] =
    "['size', 'sum', 'array_to_object', 'object_to_array', 'add', 'subtract', 'multiply', 'divide']";

std::string message_of(const Error& failure) {
  const std::string_view text = failure.message();
  const auto colon = text.find(": ");
  return std::string(text.starts_with("ERROR_") && colon != std::string_view::npos ? text.substr(colon + 2) : text);
}

Error required_in_stage(const std::string& key) { return db_query("Required parameter. (key = " + key + ")"); }
Error unsupported(const std::string& place, const std::string& op, const char* supported) {
  return db_query("Database query failed. (reason = '" + place + "' condition's " + op +
                  " operator is not supported. (supported_operator = " + supported + "))");
}
/// Operators of a projection that calculate with `fields`, which no message carries.
bool needs_fields(std::string_view op) { return op == "add" || op == "subtract" || op == "multiply" || op == "divide"; }

class StageReader {
 public:
  explicit StageReader(const Resource& resource) : resource_(resource) {}

  Status read(const Message& stage, std::vector<query::Stage>& out) {
    if (const Message* unwind = child(stage, "unwind")) return read_unwind(*unwind, out);
    if (const Message* group = child(stage, "group")) return read_group(*group, out);
    if (const Message* count = child(stage, "count")) {
      const std::string name = text(*count, "name");
      if (name.empty()) return required_in_stage("aggregate.count.name");
      out.push_back(query::Count{name});
      of_documents_ = false;
      return {};
    }
    if (const Message* sort = child(stage, "sort")) return read_sort(*sort, out);
    if (const Message* project = child(stage, "project")) return read_project(*project, out);
    if (has(stage, "limit")) {
      if (number(stage, "limit") == 0) return db_query("the limit must be positive");  // negative ones read as 0
      out.push_back(query::Limit{number(stage, "limit")});
      return {};
    }
    if (has(stage, "skip")) {
      if (is_negative(stage, "skip")) return db_query("the number of rows to skip must not be negative");
      out.push_back(query::Skip{number(stage, "skip")});
      return {};
    }
    return db_query("Aggregate stage is not supported.");
  }

 private:
  /// Of a document's field, or of what an earlier stage named.
  Result<std::string> key_of(const std::string& key) const {
    if (!of_documents_) return key;
    return read_key(resource_, key);
  }

  Status read_unwind(const Message& message, std::vector<query::Stage>& out) {
    query::Unwind unwind;
    const std::string path = text(message, "path");
    if (path.empty()) return required_in_stage("aggregate.unwind.path");
    auto key = key_of(path);
    if (!key) return key.error();
    unwind.path = std::move(*key);
    auto filter = read_conditions(resource_, message, "filter", Keys::any);
    if (!filter) return db_query(message_of(filter.error()));
    unwind.filter = std::move(*filter);
    out.push_back(std::move(unwind));
    return {};
  }

  Status read_group(const Message& message, std::vector<query::Stage>& out) {
    query::Group group;
    if (count(message, "keys") == 0 && count(message, "fields") == 0) {
      return required_in_stage("aggregate.group.keys || aggregate.group.fields");
    }
    for (int i = 0; i < count(message, "keys"); ++i) {
      const Message& one = item(message, "keys", i);
      const std::string key = text(one, "key", "k"), name = text(one, "name", "n");
      if (key.empty()) return required_in_stage("aggregate.group.keys.key");
      if (name.empty()) return required_in_stage("aggregate.group.keys.name");
      auto stored = key_of(key);
      if (!stored) return stored.error();
      group.keys.push_back({std::move(*stored), name, text(one, "date_format")});
    }
    for (int i = 0; i < count(message, "fields"); ++i) {
      if (const Status ok = read_field(item(message, "fields", i), group); !ok) return ok;
    }
    out.push_back(std::move(group));
    of_documents_ = false;
    return {};
  }

  Status read_field(const Message& message, query::Group& group) {
    query::GroupField field;
    const std::string key = text(message, "key", "k"), op = text(message, "operator", "o");
    field.name = text(message, "name", "n");
    if (field.name.empty()) return required_in_stage("aggregate.group.fields.name");
    if (op.empty()) return required_in_stage("aggregate.group.fields.operator");
    const auto aggregate = query::parse_aggregate(op);
    if (!aggregate) return unsupported("aggregate.group.fields", op, kAggregates);
    field.aggregate = *aggregate;
    for (int i = 0; i < count(message, "fields"); ++i) {
      const Message& part = item(message, "fields", i);
      auto stored = key_of(text(part, "key", "k"));
      if (!stored) return stored.error();
      field.fields.emplace_back(std::move(*stored), text(part, "name", "n"));
    }
    if (key.empty() && field.aggregate != query::Aggregate::count && field.fields.empty()) {
      return required_in_stage("aggregate.group.fields.key");
    }
    if (!key.empty()) {
      auto stored = key_of(key);
      if (!stored) return stored.error();
      field.key = std::move(*stored);
    }
    for (int i = 0; i < count(message, "conditions"); ++i) {
      auto condition =
          read_condition(resource_, item(message, "conditions", i), of_documents_ ? Keys::stored : Keys::any);
      if (!condition) return db_query(message_of(condition.error()));
      field.conditions.push_back(std::move(*condition));
    }
    group.fields.push_back(std::move(field));
    return {};
  }

  Status read_sort(const Message& message, std::vector<query::Stage>& out) {
    query::Sort sort;
    const auto add = [&](const std::string& key, bool descending) -> Status {
      if (key.empty()) return required_in_stage("aggregate.sort.key");
      const auto stored = of_documents_ ? resource_.stored_key(key) : std::optional(key);
      if (stored) sort.keys.push_back({*stored, descending});
      return {};
    };
    if (message.GetDescriptor()->name() == "ListValue") {  // core.v2: a list of {key, desc}
      for (const query::Literal& one : to_literal(message).items) {
        std::string key;
        bool descending = false;
        for (std::size_t i = 0; i < one.names.size(); ++i) {
          if (one.names[i] == "key") key = one.items[i].text;
          if (one.names[i] == "desc") descending = one.items[i].boolean;
        }
        if (const Status ok = add(key, descending); !ok) return ok;
      }
    } else if (count(message, "keys") > 0) {
      for (int i = 0; i < count(message, "keys"); ++i) {
        const Message& one = item(message, "keys", i);
        if (const Status ok = add(text(one, "key"), flag(one, "desc")); !ok) return ok;
      }
    } else if (const Status ok = add(text(message, "key"), flag(message, "desc")); !ok) {
      return ok;
    }
    out.push_back(std::move(sort));
    return {};
  }

  Status read_project(const Message& message, std::vector<query::Stage>& out) {
    query::Project project;
    project.exclude_keys = flag(message, "exclude_keys");
    for (int i = 0; i < count(message, "fields"); ++i) {
      const Message& one = item(message, "fields", i);
      const std::string key = text(one, "key", "k"), name = text(one, "name", "n");
      if (key.empty()) return required_in_stage("aggregate.project.fields.key");
      const std::string op = text(one, "operator", "o");
      if (needs_fields(op)) return required_in_stage("aggregate.project.fields.fields");
      const auto projector = query::parse_projector(op);
      if (!projector) return unsupported("aggregate.project.fields", op, kProjectors);
      auto stored = key_of(key);
      if (!stored) return stored.error();
      project.fields.push_back({std::move(*stored), name.empty() ? key : name, *projector});
    }
    out.push_back(std::move(project));
    of_documents_ = false;
    return {};
  }

  const Resource& resource_;
  bool of_documents_ = true;
};

}  // namespace

Result<std::vector<query::Stage>> read_stages(const Resource& resource, const Message& message) {
  std::vector<query::Stage> stages;
  StageReader reader(resource);
  for (int i = 0; i < count(message, "aggregate"); ++i) {
    if (const Status ok = reader.read(item(message, "aggregate", i), stages); !ok) return ok.error();
  }
  return stages;
}

bool keeps_documents(const Message& message) {
  const int stages = count(message, "aggregate");
  for (int i = 0; i < stages; ++i) {
    const Message& stage = item(message, "aggregate", i);
    if (has(stage, "group") || has(stage, "count") || has(stage, "project")) return false;
  }
  return stages > 0;
}

}  // namespace coffer::net::cloudforet
