// See cloudforet.hpp.

#include "model/cloudforet.hpp"

#include <algorithm>

#include "model/document.hpp"

namespace coffer::model {
namespace {

constexpr std::string_view kAdmin = "DOMAIN_ADMIN", kOwner = "WORKSPACE_OWNER", kMember = "WORKSPACE_MEMBER";
constexpr char kEverywhere[] = "*";
constexpr std::ptrdiff_t kMostUserCharacters = 255;

std::ptrdiff_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

Error required(std::string_view key) {
  return {Code::invalid_argument, "Required parameter. (key = " + std::string(key) + ")"};
}

/// What stands for every project in a document's place; a request that says it would show a project's secret to all of them.
Error no_project() {
  return {Code::invalid_argument,
          "ERROR_INVALID_PARAMETER: Parameter is invalid. (key = project_id, reason = * is no project's id)"};
}

/// A shell pattern with '*' only, as fnmatch reads those that tokens of 1.12 carry.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// 2.x: the needed permission begins with an entry ("secret:Secret"); 1.12: an entry is a pattern of "secret.Secret.get".
bool permitted(const CloudforetClaims& claims, const CloudforetAction& action) {
  if (claims.permissions.empty()) return true;
  const std::string resource(action.resource);
  const std::string newer = "secret:" + resource + (action.reads() ? ".read" : ".write");
  const std::string older = "secret." + resource + "." + std::string(action.verb);
  return std::any_of(claims.permissions.begin(), claims.permissions.end(), [&](const std::string& one) {
    return one.find(':') == std::string::npos ? matches(one, older) : newer.starts_with(one);
  });
}

bool role_allows(std::string_view role, const CloudforetAction& action) {
  if (role == kAdmin || role == kOwner) return true;
  return role == kMember && (action.resource != "TrustedSecret" || action.reads());
}

const std::string* attribute_of(const ChangeDocument& change, const char* key) {
  const auto at = change.attributes.find(key);
  return at == change.attributes.end() || !at->second ? nullptr : &*at->second;
}

bool holds_project(const CloudforetClaims& claims, const std::string& project) {
  if (claims.role != kMember) return true;
  if (project == kEverywhere) return false;  // the store's word, and no project of his
  return std::find(claims.projects.begin(), claims.projects.end(), project) != claims.projects.end() ||
         std::find(claims.projects.begin(), claims.projects.end(), kEverywhere) != claims.projects.end();
}

}  // namespace

CloudforetAction parse_action(std::string_view action) {
  const auto dot = std::min(action.find('.'), action.size());
  return {action.substr(0, dot), dot == action.size() ? std::string_view() : action.substr(dot + 1)};
}

CloudforetRights cloudforet_rights(const CloudforetClaims& claims, std::string_view text) {
  using Owner = CloudforetClaims::Owner;
  const CloudforetAction action = parse_action(text);
  CloudforetRights rights;
  const bool of_user = action.resource == "UserSecret";
  rights.refused = !permitted(claims, action);
  if (claims.owner == Owner::system) {
    rights.allowed = true;
    return rights;
  }
  if (action.reads_value()) {  // a person's token never reads values; an app's needs a policy
    rights.refused |= claims.owner == Owner::user;
    return rights;
  }
  if (of_user) {
    rights.refused |= claims.owner != Owner::user;
    rights.allowed = true;
    rights.where.push_back({"user_id", {claims.user}});
    return rights;
  }
  rights.allowed = role_allows(claims.role, action);
  if (claims.role == kAdmin || !rights.allowed) return rights;
  // What belongs to the whole domain may be looked at, and not changed. What has no place is its administrators' only:
  // nobody said for which workspace or project it is.
  const bool reads = action.reads();
  const auto within = [&](const char* attribute, std::vector<std::string> values) {
    if (reads) values.emplace_back(kEverywhere);
    rights.where.push_back({attribute, std::move(values)});
  };
  const bool has_no_place = action.resource == "SecretGroup";
  if (has_no_place) return rights;
  within("workspace_id", {claims.workspace});
  const bool all_projects =
      std::find(claims.projects.begin(), claims.projects.end(), kEverywhere) != claims.projects.end();
  if (claims.role != kMember || action.resource != "Secret") return rights;
  if (!all_projects) {
    within("project_id", claims.projects);
  } else if (!reads) {  // all projects, and not what belongs to none of them; 1.12 knows no such secrets
    rights.where.push_back({"resource_group", {"PROJECT"}, true});
  }
  return rights;
}

Status complete_new_document(const CloudforetClaims* claims, ChangeDocument& change) {
  const CloudforetAction action = parse_action(change.action);
  const bool of_person = claims != nullptr && claims->owner != CloudforetClaims::Owner::system;
  if (action.resource == "UserSecret") {
    if (!of_person) return required("user_id");
    if (characters(claims->user) > kMostUserCharacters) return Error(Code::too_large, "user_id");
    change.attributes["user_id"] = claims->user;
    return {};
  }
  if (action.resource == "SecretGroup") return {};
  if (of_person && !claims->workspace.empty()) change.attributes["workspace_id"] = claims->workspace;
  const std::string* project = attribute_of(change, "project_id");
  const std::string* group = attribute_of(change, "resource_group");
  const bool of_member = of_person && claims->role == kMember, of_owner = of_person && claims->role == kOwner;
  if (of_person && project != nullptr && !holds_project(*claims, *project)) return Error(Code::permission_denied);
  const bool of_project = group == nullptr || *group == "PROJECT";
  if (of_project && project != nullptr && *project == kEverywhere) return no_project();
  if (group == nullptr) {  // the older generation has no groups: where a secret stands follows from its project
    return of_member && project == nullptr ? Status(Code::permission_denied) : Status();
  }
  // A token that is bound to a workspace and names none must not choose one by the request.
  if (of_person && claims->role != kAdmin && claims->workspace.empty()) return Error(Code::permission_denied);
  const std::string kind = *group;
  if ((of_member && kind != "PROJECT") || (of_owner && kind == "DOMAIN")) return Error(Code::permission_denied);
  if (kind == "PROJECT") {
    // A service account has a project; which one is not known here, so a member names it, for it must be his.
    const bool has_account = attribute_of(change, "service_account_id") != nullptr && !of_member;
    return project == nullptr && !has_account ? Status(required("project_id")) : Status();
  }
  if (action.resource == "Secret") change.attributes["project_id"] = kEverywhere;
  if (kind == "DOMAIN") {
    change.attributes["workspace_id"] = kEverywhere;
  } else if (attribute_of(change, "workspace_id") == nullptr) {
    return required("workspace_id");
  }
  return {};
}

Status check_document_update(const CloudforetClaims* claims, const ChangeDocument& change) {
  const std::string* project = attribute_of(change, "project_id");
  if (project == nullptr) return {};
  const bool of_person = claims != nullptr && claims->owner != CloudforetClaims::Owner::system;
  if (of_person && !holds_project(*claims, *project)) return Error(Code::permission_denied);
  return *project == kEverywhere ? Status(no_project()) : Status();
}

}  // namespace coffer::model
