// See cloudforet_claims.hpp.

#include "net/jwt/cloudforet_claims.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace coffer::net::jwt {
namespace {

namespace json = boost::json;
using model::CloudforetClaims;
using model::Code;
using model::Error;
using model::Status;

constexpr std::size_t kMostItems = 1000;

std::string claim_text(const json::object& claims, const char* name) {
  const json::value* value = claims.if_contains(name);
  const json::string* text = value ? value->if_string() : nullptr;
  return text ? std::string(text->data(), text->size()) : std::string();
}

/// Absent and null: none. A list that is no list of texts must not be taken for "no limit".
Status read_list(const json::object& claims, const char* name, std::vector<std::string>& out) {
  const json::value* value = claims.if_contains(name);
  if (!value || value->is_null()) return {};
  const Error bad(Code::unauthenticated, "the JWT is refused: " + std::string(name) + " is no list of texts");
  const json::array* list = value->if_array();
  if (!list || list->size() > kMostItems) return bad;
  for (const json::value& one : *list) {
    const json::string* text = one.if_string();
    if (!text) return bad;
    out.emplace_back(text->data(), text->size());
  }
  return {};
}

}  // namespace

model::Result<std::shared_ptr<const CloudforetClaims>> read_cloudforet_claims(const json::object& claims) {
  auto read = std::make_shared<CloudforetClaims>();
  const std::string owner = claim_text(claims, "own"), type = claim_text(claims, "typ");
  const std::string older = claim_text(claims, "user_type");  // 1.12
  read->user = claim_text(claims, "aud");
  read->role = claim_text(claims, "rol");
  read->workspace = claim_text(claims, "wid");
  if (read->workspace == "*") read->workspace.clear();  // the store's word for all of them is nobody's workspace
  // A type does not make a system of whom the token calls a user or an app.
  if (owner == "SYSTEM" || (owner.empty() && (type == "SYSTEM_TOKEN" || older == "SYSTEM"))) {
    read->owner = CloudforetClaims::Owner::system;
  } else if (owner == "APP") {
    read->owner = CloudforetClaims::Owner::app;
  }
  if (older == "DOMAIN_OWNER" && read->role.empty()) read->role = "DOMAIN_ADMIN";
  if (const Status ok = read_list(claims, "projects", read->projects); !ok) return ok.error();
  if (const Status ok = read_list(claims, "permissions", read->permissions); !ok) return ok.error();
  return std::shared_ptr<const CloudforetClaims>(std::move(read));
}

}  // namespace coffer::net::jwt
