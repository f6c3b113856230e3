#pragma once
// Who may do what with Cloudforet's documents, by what his token says (contract section 3.5). The token is verified by
// net/identity; the shard asks here, because only there the verified claims and the document meet. A tenant's policy
// goes before all of this. Pure functions, any thread.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/document_requests.hpp"

namespace coffer::model {

/// What a verified Cloudforet token says beyond its bearer's name.
struct CloudforetClaims {
  enum class Owner : std::uint8_t { user, app, system };
  Owner owner = Owner::user;
  std::string user;       // `aud`
  std::string role;       // DOMAIN_ADMIN, WORKSPACE_OWNER, WORKSPACE_MEMBER, USER; DOMAIN_OWNER of 1.12 is DOMAIN_ADMIN
  std::string workspace;  // `wid`
  std::vector<std::string> projects;
  std::vector<std::string> permissions;  // none: no limit
};

/// "Secret.get_data" taken apart.
struct CloudforetAction {
  std::string_view resource, verb;
  bool reads() const { return verb == "get" || verb == "list" || verb == "stat"; }
  bool reads_value() const { return verb == "get_data"; }
};
CloudforetAction parse_action(std::string_view action);

/// What the door's own rules say of a bearer.
struct CloudforetRights {
  bool refused = false;  // whatever a policy says
  bool allowed = false;  // without a policy
  std::vector<Restriction> where;
};
CloudforetRights cloudforet_rights(const CloudforetClaims& claims, std::string_view action);

/// Fills in what the token decides about a new document: user_id, workspace_id, project_id and the resource group.
/// `claims` is null for other credentials. Errors: invalid_argument, "Required parameter. (key = ...)";
/// permission_denied.
Status complete_new_document(const CloudforetClaims* claims, ChangeDocument& change);
/// The same for an update: a project that the token does not hold cannot be given.
Status check_document_update(const CloudforetClaims* claims, const ChangeDocument& change);

}  // namespace coffer::model
