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
      fill_struct(value, *tags);
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

void show_stat(const model::QueryReply& reply, bool with_total, Message& out) {
  std::string text = R"({"results":)" + (reply.rows.empty() ? std::string("[]") : reply.rows);
  if (with_total) text += R"(,"total_count":)" + std::to_string(reply.total);
  fill_struct(text + "}", out);
}

}  // namespace coffer::net::cloudforet
