// See document_rules.hpp.

#include "model/document_rules.hpp"

#include <algorithm>
#include <charconv>

#include "model/checks.hpp"
#include "model/document.hpp"
#include "model/query_json.hpp"
#include "model/text.hpp"
#include "model/utf8.hpp"

namespace coffer::model {
namespace {

// JSON of tags may be long; the whole entry is held in memory while the tenant is used.
constexpr std::size_t kMostAttributeBytes = 64 << 10;
constexpr std::size_t kMostRestrictedValues = 1000;

/// How many documents name this one, and the ids of the first of them: "2 secret-1 secret-2".
struct References {
  std::uint64_t count = 0;
  std::vector<std::string> ids;
};
constexpr std::size_t kKeptReferences = 64;

References references_of(const Entry& entry) {
  References found;
  const auto at = entry.attributes.find(kReferencesAttribute);
  if (at == entry.attributes.end()) return found;
  std::string_view rest = at->second;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), found.count);
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const auto blank = std::min(rest.find(' '), rest.size());
    found.ids.emplace_back(rest.substr(0, blank));
    rest.remove_prefix(blank);
  }
  return found;
}

void apply_attributes(const ChangeDocument& change, Entry& entry) {
  for (const auto& [key, value] : change.attributes) {
    if (value) {
      entry.attributes[key] = *value;
    } else {
      entry.attributes.erase(key);
    }
  }
}

/// Errors: entry_exists when what comes is there, version_not_found when what goes is not; too_large.
Status change_list(const ChangeDocument::ListChange& change, Entry& entry) {
  query::Pool pool;
  std::string& text = entry.attributes[change.attribute];
  // A view, for the items' texts are views of it.
  const query::Value list = query::parse_json(text.empty() ? std::string_view("[]") : std::string_view(text), pool);
  std::vector<query::Value> items(list.begin(), list.end());
  const auto item = query::Value::of(std::string_view(change.item));
  const auto at = std::find_if(items.begin(), items.end(), [&](const auto& one) { return query::equal(one, item); });
  if (change.adds) {
    if (at != items.end()) return Error(Code::entry_exists, "item");
    items.push_back(item);
  } else {
    if (at == items.end()) return Error(Code::version_not_found, "item");
    items.erase(at);
  }
  std::string changed;
  query::append_json(pool.list(items), changed);
  if (changed.size() > kMostAttributeBytes) return Error(Code::too_large, change.attribute + ": the list is full");
  text = std::move(changed);
  return {};
}

Put put_of(const ChangeDocument& change) {
  Put put;
  put.space = change.space;
  put.name = change.name;
  put.payload.content = Secret::of_size(change.payload->size());  // only its size counts here
  return put;
}

}  // namespace

bool fits(const Entry* entry, const std::vector<Restriction>& where, TimeMs now) {
  if (entry == nullptr || !entry->readable_at(now)) return false;
  return std::all_of(where.begin(), where.end(), [&](const Restriction& one) {
    const auto at = entry->attributes.find(one.attribute);
    if (at == entry->attributes.end()) return one.or_absent;
    return std::find(one.values.begin(), one.values.end(), at->second) != one.values.end();
  });
}

Result<Decision> decide_document(const Entry* current, const ChangeDocument& change, const RuleContext& context) {
  if (change.kind == ChangeDocument::Kind::create) {
    if (current != nullptr) return Error(Code::entry_exists, "there is a document of this id");
    auto decision = decide_put(nullptr, put_of(change), context);
    if (!decision) return decision;
    apply_attributes(change, decision->entry);
    decision->entry.max_versions = 1;  // nothing shows older ones
    return decision;
  }
  if (!fits(current, change.where, context.now)) return Error(Code::entry_not_found);
  if (change.kind == ChangeDocument::Kind::destroy) {
    auto decision = decide_destroy(current, {change.space, change.name, {}, true}, context);
    if (!decision) return decision;
    decision->entry.attributes.clear();
    return decision;
  }
  if (change.payload) {
    auto decision = decide_put(current, put_of(change), context);
    if (decision) apply_attributes(change, decision->entry);
    return decision;
  }
  Decision decision;
  decision.entry = *current;
  decision.change = ChangeType::metadata;
  decision.version = current->last_version;
  decision.entry.updated_at = std::max(context.now, current->updated_at);
  apply_attributes(change, decision.entry);
  if (change.list) {
    if (Status status = change_list(*change.list, decision.entry); !status) return status.error();
  }
  return decision;
}

Decision decide_reference(const Entry& current, const std::string& by, bool refers, const RuleContext& context) {
  Decision decision;
  decision.entry = current;
  decision.change = ChangeType::metadata;
  decision.version = current.last_version;
  decision.entry.updated_at = std::max(context.now, current.updated_at);
  References references = references_of(current);
  if (refers) {
    ++references.count;
    if (references.ids.size() < kKeptReferences) references.ids.push_back(by);
  } else {
    if (references.count > 0) --references.count;
    std::erase(references.ids, by);
  }
  std::string text = std::to_string(references.count);
  for (const std::string& id : references.ids) text.append(" ").append(id);
  decision.entry.attributes[kReferencesAttribute] = std::move(text);
  return decision;
}

Result<std::string> referenced_by(const Entry& entry, const FindEntry& find) {
  const References references = references_of(entry);
  for (const std::string& id : references.ids) {
    const auto one = find(id);
    if (!one) return one.error();
    if (*one && (*one)->state() != State::destroyed) return id;
  }
  return std::string(references.count > references.ids.size() ? "?" : "");
}

Status check_document_change(const ChangeDocument& change, const Limits& limits) {
  if (document_schema(change.space) == nullptr) {
    return Error(Code::invalid_argument, "space: " + in_quotes(change.space) + " keeps no documents");
  }
  if (change.kind == ChangeDocument::Kind::create && !change.payload) {
    return Error(Code::invalid_argument, "payload: a new document needs one");
  }
  if (change.attributes.size() > limits.attributes) {
    return too_many("attributes", change.attributes.size(), limits.attributes);
  }
  for (const auto& [key, value] : change.attributes) {
    if (Status status = check_label("attributes", key, limits.attribute_key_bytes); !status) return status;
    if (value) {
      if (Status status = check_text("attributes: " + key, *value, kMostAttributeBytes); !status) return status;
    }
  }
  return {};
}

Status check_query(const Query& query) {
  if (document_schema(query.space) == nullptr) {
    return Error(Code::invalid_argument, "space: " + in_quotes(query.space) + " keeps no documents");
  }
  const query::Bounds bounds;
  for (const Restriction& one : query.where) {
    if (one.values.size() > kMostRestrictedValues) return too_many("where", one.values.size(), kMostRestrictedValues);
  }
  if (Status status = query::check_filter(query.filter, bounds); !status) return status;
  if (Status status = query::check_sort(query.sort, bounds); !status) return status;
  return query::check_stages(query.stages, bounds);
}

}  // namespace coffer::model
