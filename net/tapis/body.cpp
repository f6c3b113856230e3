// See body.hpp.

#include "net/tapis/body.hpp"

#include <algorithm>
#include <new>

#include <boost/json/error.hpp>
#include <boost/json/memory_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>

namespace coffer::net::tapis {
namespace {

namespace json = boost::json;
using Names = std::vector<std::string_view>;

constexpr std::size_t kMostId = 110;
constexpr std::size_t kMostDescription = 500;
constexpr std::size_t kMostDepth = 16;
constexpr model::Limits kMost;

/// The bodies hold secrets.
class WipingMemory final : public json::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t) override { return ::operator new(bytes); }
  void do_deallocate(void* data, std::size_t bytes, std::size_t) override {
    model::wipe(data, bytes);
    ::operator delete(data);
  }
  bool do_is_equal(const json::memory_resource& other) const noexcept override { return this == &other; }
};

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

std::string_view text_of(const json::value& value) { return {value.get_string().data(), value.get_string().size()}; }

/// Looks fields up by name and type, and collects what is wrong.
class Fields {
 public:
  Fields(const json::object& body, const Names& known, Problems& problems) : body_(body), problems_(problems) {
    for (const auto& member : body) {
      const std::string_view name(member.key().data(), member.key().size());
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        add("body, " + std::string(name.substr(0, 64)) + ": Extra inputs are not permitted");
      }
    }
  }
  void add(std::string problem) { problems_.push_back(std::move(problem)); }

  /// Null when absent, or null and that is allowed; then, or when it is no text, `text` stays.
  const json::value* find(const char* name, bool required, bool nullable) {
    const json::value* value = body_.if_contains(name);
    if (!value && required) add(std::string("body, ") + name + ": Field required");
    return value && value->is_null() && nullable ? nullptr : value;
  }
  std::optional<std::string_view> text(const char* name, bool required, bool nullable) {
    const json::value* value = find(name, required, nullable);
    if (!value) return std::nullopt;
    if (value->is_string()) return text_of(*value);
    add(std::string("body, ") + name + ": Input should be a valid string");
    return std::nullopt;
  }
  bool flag(const char* name, bool otherwise) {
    const json::value* value = find(name, false, false);
    if (!value) return otherwise;
    if (const auto read = lax_bool(*value)) return *read;
    add(std::string("body, ") + name + ": Input should be a valid boolean");
    return otherwise;
  }

 private:
  /// What upstream's validator takes for a boolean.
  static std::optional<bool> lax_bool(const json::value& value) {
    if (value.is_bool()) return value.get_bool();
    if (value.is_number()) {
      const auto number = value.to_number<double>();
      return number == 0 || number == 1 ? std::optional(number == 1) : std::nullopt;
    }
    if (!value.is_string()) return std::nullopt;
    std::string text(text_of(value));
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    for (const char* yes : {"1", "t", "true", "y", "yes", "on"}) {
      if (text == yes) return true;
    }
    for (const char* no : {"0", "f", "false", "n", "no", "off"}) {
      if (text == no) return false;
    }
    return std::nullopt;
  }

  const json::object& body_;
  Problems& problems_;
};

void check_description(std::string_view text, Fields& fields) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x7f; })) {
    fields.add("description: Value error, description must be ASCII text");
  } else if (text.size() > kMostDescription) {
    fields.add("description: Value error, description must have at most 500 characters");
  }
}

/// What the shard would refuse as well, in words of its own.
void check_length(const char* field, std::string_view text, std::size_t most, Fields& fields) {
  if (text.size() <= most) return;
  fields.add(std::string(field) + ": Value error, " + field + " must have at most " + std::to_string(most) + " bytes");
}

void check_id(std::string_view id, Fields& fields) {
  if (id.size() > kMostId) {
    fields.add("secret_id: Value error, secret_id must have at most 110 characters");
  } else if (!is_secret_id(id)) {
    fields.add(
        "secret_id: Value error, secret_id must be alphanumeric, with '_' and '-' allowed: no spaces and nothing else");
  }
}

void check_scope(std::string_view scope, std::string_view pod_id, Fields& fields) {
  if (scope != "user" && scope != "pod") {
    fields.add("scope: Value error, scope must be 'user' or 'pod'");
  } else if (scope == "pod" && pod_id.empty()) {
    fields.add("pod_id: Value error, pod_id is required when scope is 'pod'");
  } else if (scope == "user" && !pod_id.empty()) {
    fields.add("pod_id: Value error, pod_id must be absent when scope is 'user'");
  }
}

}  // namespace

bool is_pod_id(std::string_view text) {
  return !text.empty() && model::check_text("pod_id", text, kMost.attribute_value_bytes).ok();
}

bool is_secret_id(std::string_view text) {
  return text.size() <= kMostId && std::any_of(text.begin(), text.end(), is_alnum) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
}

std::optional<json::object> read_object(std::string_view body, std::string_view content_type, Problems& problems) {
  if (!content_type.empty()) {
    std::string type(content_type.substr(0, content_type.find(';')));
    for (char& c : type) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    while (type.ends_with(' ')) type.pop_back();
    if (type != "application/json" && !(type.starts_with("application/") && type.ends_with("+json"))) {
      problems.push_back("body: Send the header Content-Type: application/json with a JSON object");
      return std::nullopt;
    }
  }
  const json::storage_ptr memory = json::make_shared_resource<WipingMemory>();
  json::parse_options options;
  options.max_depth = kMostDepth;
  json::parser parser(memory, options);
  parser.reset(memory);
  boost::system::error_code ec;
  parser.write(body.data(), body.size(), ec);
  if (ec) {
    problems.push_back(ec == json::error::too_deep
                           ? "body: Expected a JSON object of at most " + std::to_string(kMostDepth) + " levels"
                           : "body: Expected a JSON object; this is not JSON");
    return std::nullopt;
  }
  json::value value = parser.release();
  if (!value.is_object()) {
    problems.push_back("body: Input should be a valid JSON object");
    return std::nullopt;
  }
  return std::move(value.get_object());
}

std::optional<model::Put> read_new_secret(const json::object& body, Problems& problems) {
  Fields fields(body, {"secret_id", "secret_value", "scope", "pod_id", "description", "readable", "writable"},
                problems);
  const auto id = fields.text("secret_id", true, false);
  const auto value = fields.text("secret_value", true, false);
  const auto scope = fields.text("scope", false, false);
  const auto pod_id = fields.text("pod_id", false, true);
  const auto description = fields.text("description", false, false);
  const bool readable = fields.flag("readable", true);
  const bool writable = fields.flag("writable", true);
  // Rules come after the shape, as upstream has it.
  if (!problems.empty()) return std::nullopt;
  check_id(*id, fields);
  check_scope(scope.value_or("user"), pod_id.value_or(""), fields);
  check_length("pod_id", pod_id.value_or(""), kMost.attribute_value_bytes, fields);
  check_length("secret_value", *value, kMost.payload_bytes, fields);
  check_description(description.value_or(""), fields);
  if (!problems.empty()) return std::nullopt;

  model::Put put;
  put.space = model::kTapisSpace;
  put.name = *id;
  put.payload = model::Payload::of_text(*value);
  put.create_only = true;
  put.caller_owns = true;
  put.description = std::string(description.value_or(""));
  put.attributes["pod_id"] = std::string(pod_id.value_or(""));
  put.write_only = !readable;
  put.read_only = !writable;
  return put;
}

std::optional<SecretUpdate> read_update(const json::object& body, Problems& problems) {
  Fields fields(body, {"description", "secret_value"}, problems);
  const auto description = fields.text("description", false, true);
  const auto value = fields.text("secret_value", false, true);
  if (description) check_description(*description, fields);
  if (value) check_length("secret_value", *value, kMost.payload_bytes, fields);
  if (!problems.empty()) return std::nullopt;
  SecretUpdate update;
  if (description) update.description = std::string(*description);
  if (value) update.value = model::Secret(*value);
  return update;
}

std::optional<PermissionUpdate> read_permission(const json::object& body, Problems& problems) {
  Fields fields(body, {"user", "level"}, problems);
  const auto user = fields.text("user", true, false);
  const auto level = fields.text("level", true, false);
  if (!problems.empty()) return std::nullopt;
  PermissionUpdate update;
  if (const auto subject = subject_of(*user)) {
    update.subject = *subject;
  } else {
    fields.add(std::string(kNoUser));
  }
  const auto levels = {model::Level::read, model::Level::user, model::Level::admin};
  const auto known = std::find_if(levels.begin(), levels.end(), [&](auto l) { return to_string(l) == *level; });
  if (known != levels.end()) {
    update.level = *known;
  } else {
    fields.add("level: Value error, level must be READ, USER or ADMIN");
  }
  return problems.empty() ? std::optional(std::move(update)) : std::nullopt;
}

std::optional<std::string> subject_of(std::string_view user) {
  constexpr std::string_view kService = "service:";
  const bool is_service = user.starts_with(kService);
  const std::string_view name = is_service ? user.substr(kService.size()) : user;
  // A subject that ends in '*' is a pattern: it would open the secret to many.
  if (name.find_first_of("*:") != std::string_view::npos) return std::nullopt;
  // Upstream's word for everybody of the tenant: here nobody would get anything by it, and its owner would believe so.
  if (user == "TENANT") return std::nullopt;
  if (!model::check_label("user", name, 256).ok()) return std::nullopt;
  return std::string(is_service ? kService : "user:").append(name);
}

std::string user_of(std::string_view subject) {
  return std::string(subject.starts_with("user:") ? subject.substr(5) : subject);
}

}  // namespace coffer::net::tapis
