// See query.hpp.

#include "net/cloudforet/query.hpp"

#include <algorithm>

#include "net/cloudforet/conditions.hpp"
#include "net/cloudforet/stages.hpp"

namespace coffer::net::cloudforet {
namespace {

using model::Error;
using model::Result;
using model::Status;
namespace query = model::query;

/// Every word of the keyword in every field that it looks at.
void add_keyword(const Resource& resource, const std::string& keyword, query::Filter& filter) {
  std::vector<query::Literal> words;
  for (std::size_t at = 0; at < keyword.size();) {
    const auto begin = keyword.find_first_not_of(" \t\n\r", at);
    if (begin == std::string::npos) break;
    const auto end = std::min(keyword.find_first_of(" \t\n\r", begin), keyword.size());
    words.push_back(query::Literal::of(keyword.substr(begin, end - begin)));
    at = end;
  }
  if (words.empty()) return;
  for (const std::string_view field :
       {resource.id_field, std::string_view("name"), resource.schema_field(), std::string_view("provider")}) {
    const auto key = resource.stored_key(field);
    if (key) filter.any.push_back({*key, query::Operator::contain_in, query::Literal::of_list(words)});
  }
}

Status read_filters(const Resource& resource, const Message& message, query::Filter& filter) {
  for (const auto& [field, out] : {std::pair("filter", &filter.all), std::pair("filter_or", &filter.any)}) {
    auto conditions = read_conditions(resource, message, field, Keys::stored);
    if (!conditions) return conditions.error();
    std::move(conditions->begin(), conditions->end(), std::back_inserter(*out));
  }
  add_keyword(resource, text(message, "keyword"), filter);
  return {};
}

/// start is 1-based; without a limit there are no pages.
void read_page(const Message& message, model::Query& out) {
  const Message* page = child(message, "page");
  if (!page) return;
  out.limit = number(*page, "limit");
  const std::uint64_t start = number(*page, "start");
  out.skip = out.limit == 0 || start == 0 ? 0 : start - 1;
}

/// 1.12 has one Sort with further keys, 2.x a list of them.
void read_sort(const Resource& resource, const Message& message, std::vector<query::SortKey>& out) {
  const auto add = [&](const Message& one) {
    const auto key = resource.stored_key(text(one, "key"));
    if (key) out.push_back({*key, flag(one, "desc")});
  };
  for (int i = 0; i < count(message, "sort"); ++i) add(item(message, "sort", i));
  const auto* field = field_of(message, "sort");
  const Message* single = field && !field->is_repeated() ? child(message, "sort") : nullptr;
  if (!single) return;
  for (int i = 0; i < count(*single, "keys"); ++i) add(item(*single, "keys", i));
  if (count(*single, "keys") == 0) add(*single);
}

/// The request's own fields are conditions; `state` is not looked at, as upstream.
void read_parameters(const Resource& resource, const Message& in, query::Filter& filter) {
  const auto& type = *in.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const std::string& name = type.field(i)->name();
    if (name == "query" || name == "state" || name == "domain_id") continue;
    const std::string value = type.field(i)->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_ENUM
                                  ? enumerator(in, name)
                                  : text(in, name);
    const auto key = resource.stored_key(name);
    if (!value.empty() && key) filter.all.push_back({*key, query::Operator::eq, query::Literal::of(value)});
  }
}

model::Query begin(const Resource& resource, const char* verb) {
  model::Query out;
  out.action = std::string(resource.name) + "." + verb;
  out.space = resource.space;
  return out;
}

Error refused(const char* key) {
  return error("ERROR_INVALID_PARAMETER", "Parameter is invalid. (key = query." + std::string(key) +
                                              ", reason = It would reach beyond the resource and is not served.)");
}

}  // namespace

Result<std::vector<std::string>> read_only(const Resource& resource, const Message& message) {
  std::vector<std::string> only;
  for (int i = 0; i < count(message, "only"); ++i) {
    const std::string name = text_item(message, "only", i);
    if (const auto key = read_key(resource, name); !key) return key.error();
    only.push_back(name);
  }
  return only;
}

std::vector<std::string> minimal_fields(const Resource& resource) {
  if (resource.is("Secret") && resource.older()) return {std::string(resource.id_field), "name", "secret_type"};
  return {std::string(resource.id_field), "name", std::string(resource.schema_field()), "provider"};
}

Result<model::Query> read_list(const Resource& resource, const Message& in, Shown* shown) {
  model::Query out = begin(resource, "list");
  read_parameters(resource, in, out.filter);
  const Message* asked = child(in, "query");
  if (!asked) return out;
  if (has(*asked, "lookup")) return refused("lookup");
  if (has(*asked, "add_fields")) return refused("add_fields");
  if (const Status ok = read_filters(resource, *asked, out.filter); !ok) return ok.error();
  read_sort(resource, *asked, out.sort);
  read_page(*asked, out);
  out.count_only = flag(*asked, "count_only");
  shown->minimal = flag(*asked, "minimal");
  auto only = read_only(resource, *asked);
  if (!only) return only.error();
  if (const Message* unwind = child(*asked, "unwind")) {
    if (only->empty()) return db_query("unwind option requires only option.");
    auto path = read_key(resource, text(*unwind, "path"));
    if (!path) return path.error();
    auto filter = read_conditions(resource, *unwind, "filter", Keys::any);
    if (!filter) return filter.error();
    auto sort = out.sort;
    if (sort.empty()) sort.push_back({"name", false});
    out.stages.push_back(query::Unwind{std::move(*path), std::move(*filter)});
    out.stages.push_back(query::Sort{std::move(sort)});
    shown->rows = true;
  }
  shown->only = std::move(*only);
  if (!shown->only.empty()) {  // what it is ordered by is always there
    if (out.sort.empty()) shown->only.emplace_back("name");
    for (const query::SortKey& key : out.sort) shown->only.emplace_back(resource.shown_key(key.key));
  }
  return out;
}

Result<model::Query> read_stat(const Resource& resource, const Message& in) {
  model::Query out = begin(resource, "stat");
  const Message* asked = child(in, "query");
  if (!asked) return required("query");
  if (count(*asked, "aggregate") == 0 && text(*asked, "distinct").empty()) return required("aggregate");
  if (const Status ok = read_filters(resource, *asked, out.filter); !ok) return ok.error();
  read_page(*asked, out);
  auto stages = read_stages(resource, *asked);
  if (!stages) return stages.error();
  out.stages = std::move(*stages);
  if (out.stages.empty()) {
    const std::string key = text(*asked, "distinct");
    out.distinct = resource.stored_key(key).value_or("-");  // an unknown field has no values
  }
  return out;
}

}  // namespace coffer::net::cloudforet
