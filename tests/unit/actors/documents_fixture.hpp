#pragma once
// Documents in one tenant, for the tests of actors/tenant_documents.cpp: requests as the Cloudforet door makes them, bearers of
// verified tokens, and a core that answers at once.

#include <gtest/gtest.h>

#include "model/cloudforet.hpp"
#include "model/document.hpp"
#include "tests/unit/actors/core_fixture.hpp"

namespace coffer::actors::documents_test {

using model::ChangeDocument;
using model::Code;

using Attributes = std::map<std::string, std::optional<std::string>>;

inline ChangeDocument change(ChangeDocument::Kind kind, std::string id, Attributes attributes = {}) {
  ChangeDocument one;
  one.kind = kind;
  one.action = kind == ChangeDocument::Kind::create   ? "Secret.create"
               : kind == ChangeDocument::Kind::update ? "Secret.update"
                                                      : "Secret.delete";
  one.space = model::kSecretSpace;
  one.name = std::move(id);
  one.attributes = std::move(attributes);
  one.unique = "name";
  one.reference = "trusted_secret_id";
  one.reference_space = model::kTrustedSecretSpace;
  if (kind == ChangeDocument::Kind::create) one.payload = text("{\"k\":\"v\"}");
  return one;
}
inline ChangeDocument create(std::string id, std::string name, Attributes more = {}) {
  more["name"] = std::move(name);
  return change(ChangeDocument::Kind::create, std::move(id), std::move(more));
}
inline ChangeDocument update(std::string id, Attributes attributes) {
  return change(ChangeDocument::Kind::update, std::move(id), std::move(attributes));
}
inline ChangeDocument destroy(std::string id) { return change(ChangeDocument::Kind::destroy, std::move(id)); }

inline ChangeDocument in_space(std::string_view space, std::string_view resource, ChangeDocument one) {
  one.space = space;
  one.action.replace(0, one.action.find('.'), resource);
  return one;
}
inline ChangeDocument trusted(ChangeDocument one) {
  one.reference.clear();
  return in_space(model::kTrustedSecretSpace, "TrustedSecret", std::move(one));
}

inline model::ReadDocument read(std::string id, bool value = false) {
  model::ReadDocument one;
  one.action = value ? "Secret.get_data" : "Secret.get";
  one.space = model::kSecretSpace;
  one.name = std::move(id);
  one.with_payload = value;
  one.linked = "trusted_secret_id";
  one.linked_space = model::kTrustedSecretSpace;
  return one;
}

inline model::Query list(model::query::Filter filter = {}) {
  model::Query query;
  query.action = "Secret.list";
  query.space = model::kSecretSpace;
  query.filter = std::move(filter);
  return query;
}
inline model::query::Filter is(std::string key, std::string value) {
  return {{{std::move(key), model::query::Operator::eq, model::query::Literal::of(std::move(value))}}, {}};
}

inline std::vector<std::string> names(const model::Result<model::Reply>& reply) {
  std::vector<std::string> out;
  if (!reply) return {std::string(reply.error().message())};
  for (const auto& one : std::get<model::QueryReply>(reply->body).entries) out.push_back(one.entry.name);
  return out;
}

class Documents : public testing::Test, public CoreFixture {
 protected:
  void SetUp() override { core = open(); }
  model::Result<model::Reply> ask(model::TenantOperation operation) { return run(*core, std::move(operation)); }
  Code code(const model::Result<model::Reply>& reply) { return reply ? Code::ok : reply.error().code; }

  /// A verified token of the --dev issuer, which needs no row.
  model::Credential bearer(model::CloudforetClaims claims) {
    model::Credential credential;
    credential.kind = model::CredentialKind::jwt;
    credential.door = model::Door::cloudforet;
    credential.principal = "user:" + claims.user;
    credential.of_node = true;
    credential.cloudforet = std::make_shared<const model::CloudforetClaims>(std::move(claims));
    return credential;
  }
  model::CloudforetClaims person(std::string user, std::string role, std::string workspace = {},
                                 std::vector<std::string> projects = {}) {
    model::CloudforetClaims claims;
    claims.user = std::move(user);
    claims.role = std::move(role);
    claims.workspace = std::move(workspace);
    claims.projects = std::move(projects);
    return claims;
  }
  model::CloudforetClaims system() {
    model::CloudforetClaims claims;
    claims.owner = model::CloudforetClaims::Owner::system;
    return claims;
  }

  std::unique_ptr<TenantCore> core;
};

}  // namespace coffer::actors::documents_test
