// See show.hpp.

#include "net/cloudforet/show.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "model/text.hpp"

namespace coffer::net::cloudforet {
namespace {

namespace json = boost::json;

bool shows(const std::vector<std::string>& only, std::string_view field) {
  // "tags.team" shows tags.
  return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& one) {
           return std::string_view(one).substr(0, one.find('.')) == field;
         });
}

/// What of a value is asked for by paths within it; all of it when one of them is empty.
json::value projected(const json::value& value, const std::vector<std::string_view>& paths) {
  const bool whole = std::any_of(paths.begin(), paths.end(), [](std::string_view path) { return path.empty(); });
  const json::object* object = value.if_object();
  if (whole || !object) return value;
  json::object out;
  for (const auto& member : *object) {
    const std::string_view key(member.key().data(), member.key().size());
    std::vector<std::string_view> inner;
    for (const std::string_view path : paths) {
      const auto dot = std::min(path.find('.'), path.size());
      if (path.substr(0, dot) == key) inner.push_back(dot == path.size() ? std::string_view() : path.substr(dot + 1));
    }
    if (!inner.empty()) out.emplace(member.key(), projected(member.value(), inner));
  }
  return out;
}

/// The tags, or those that `only` names ("tags.team").
void show_tags(std::string_view text, const std::vector<std::string>& only, Message& out) {
  constexpr std::string_view kTagPath = "tags.";
  std::vector<std::string_view> paths;
  for (const std::string& one : only) {
    if (one == "tags") return fill_struct(text, out);
    if (one.starts_with(kTagPath)) paths.push_back(std::string_view(one).substr(kTagPath.size()));
  }
  if (paths.empty()) return fill_struct(text, out);
  boost::system::error_code ec;
  const json::value tags = json::parse(json::string_view(text.data(), text.size()), ec);
  if (!ec) fill_struct(json::serialize(projected(tags, paths)), out);
}

/// "*" is how the store says "everywhere"; 1.12 has no word for it.
bool is_hidden(const Resource& resource, std::string_view field, std::string_view value) {
  return resource.older() && value == "*" && (field == "project_id" || field == "workspace_id");
}

void show_text(const Resource& resource, std::string_view field, std::string_view value, Message& out) {
  if (is_hidden(resource, field, value)) return;
  set_text(out, field, value);
  set_enumerator(out, field, value);
}

/// One row of an unwound list: an object of stored fields.
void show_row(const Resource& resource, const json::object& row, const std::vector<std::string>& only, Message& out) {
  mutable_child(out, "tags");
  for (const auto& member : row) {
    const std::string field(resource.shown_key({member.key().data(), member.key().size()}));
    if (!shows(only, field)) continue;
    if (const auto* text = member.value().if_string()) show_text(resource, field, {text->data(), text->size()}, out);
    if (member.value().is_object() && field_of(out, field)) {
      fill_struct(json::serialize(member.value()), *mutable_child(out, field));
    }
  }
}

/// A row of whole documents under this generation's names, without what it does not have.
json::object renamed(const Resource& resource, const json::object& row) {
  json::object out;
  for (const auto& member : row) {
    const std::string_view field = resource.shown_key({member.key().data(), member.key().size()});
    if (!resource.keys.contains(field)) continue;
    const auto* text = member.value().if_string();
    const bool hides = text && is_hidden(resource, field, {text->data(), text->size()});
    out.emplace(json::string_view(field.data(), field.size()), hides ? json::value() : member.value());
  }
  return out;
}

std::string renamed_rows(const Resource& resource, const std::string& rows) {
  boost::system::error_code ec;
  json::value list = json::parse(rows, ec);
  if (ec || !list.is_array()) return rows;
  for (json::value& row : list.as_array()) {
    if (row.is_object()) row = renamed(resource, row.as_object());
  }
  return json::serialize(list);
}

}  // namespace

void show_info(const Resource& resource, const model::Entry& entry, const std::vector<std::string>& only,
               Message& out) {
  if (shows(only, resource.id_field)) set_text(out, resource.id_field, entry.name);
  if (shows(only, "created_at")) set_text(out, "created_at", model::rfc3339(entry.created_at));
  Message* tags = mutable_child(out, "tags");  // there even when nobody asked for them, and empty
  for (const auto& [key, value] : entry.attributes) {
    const std::string_view field = resource.shown_key(key);
    if (!shows(only, field)) continue;
    if (field == "tags") {
      show_tags(value, only, *tags);
    } else {
      show_text(resource, field, value, out);
    }
  }
}

void show_list(const Resource& resource, const model::QueryReply& reply, const Shown& shown, Message& out) {
  std::vector<std::string> only = shown.only;
  if (shown.minimal && only.empty()) only = minimal_fields(resource);
  for (const model::EntryReply& one : reply.entries) {
    show_info(resource, one.entry, only, *add_child(out, "results"));
  }
  if (shown.rows) {
    boost::system::error_code ec;
    const json::value rows = json::parse(reply.rows, ec);
    if (const auto* list = ec ? nullptr : rows.if_array()) {
      for (const json::value& row : *list) show_row(resource, row.as_object(), only, *add_child(out, "results"));
    }
  }
  set_number(out, "total_count", static_cast<std::int64_t>(reply.total));
}

void show_stat(const Resource& resource, const model::QueryReply& reply, bool of_documents, bool with_total,
               Message& out) {
  const std::string rows = of_documents ? renamed_rows(resource, reply.rows) : reply.rows;
  std::string text = R"({"results":)" + (rows.empty() ? std::string("[]") : rows);
  if (with_total) text += R"(,"total_count":)" + std::to_string(reply.total);
  fill_struct(text + "}", out);
}

}  // namespace coffer::net::cloudforet
