// See show.hpp.

#include "net/tapis/show.hpp"

#include "model/text.hpp"
#include "net/rendering.hpp"
#include "net/tapis/body.hpp"

namespace coffer::net::tapis {

namespace json = boost::json;

json::object show_secret(const model::Entry& entry, std::string_view tenant) {
  const auto found = entry.attributes.find("pod_id");
  const std::string pod_id = found == entry.attributes.end() ? "" : found->second;
  const std::string username = username_of(entry.owner);
  const std::string kind = pod_id.empty() ? "_user+" + username : "_pod+" + pod_id;
  json::object shown;
  shown["secret_id"] = entry.name;
  shown["scope"] = pod_id.empty() ? "user" : "pod";
  shown["pod_id"] = pod_id.empty() ? json::value(nullptr) : json::value(pod_id);
  shown["description"] = entry.description;
  shown["readable"] = !entry.write_only;
  shown["writable"] = !entry.read_only;
  shown["sk_secret_name"] = "pods_" + std::string(tenant) + kind + "+" + entry.name;
  shown["creation_ts"] = model::rfc3339(entry.created_at);
  shown["added_by"] = username;
  return shown;
}

json::array show_permissions(const model::Entry& entry) {
  json::array shown;
  if (!entry.owner.empty()) shown.emplace_back(user_of(entry.owner) + ":ADMIN");
  for (const model::Permission& permission : entry.permissions) {
    if (permission.subject == entry.owner) continue;
    shown.emplace_back(user_of(permission.subject) + ":" + std::string(to_string(permission.level)));
  }
  return shown;
}

bool is_accessible(const model::Entry& entry, std::string_view principal) {
  if (entry.owner == principal) return true;
  for (const model::Permission& permission : entry.permissions) {
    if (model::pattern_matches(permission.subject, principal)) return true;
  }
  return false;
}

}  // namespace coffer::net::tapis
