// Canonical requests differ as soon as one field differs.

#include "model/codec.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/unit/model/codec_samples.hpp"
#include "tests/unit/model/golden.hpp"

namespace coffer::model {
namespace {

std::string bytes_of(const TenantOperation& operation) { return std::string(canonical_request(operation).expose()); }

// A sample and everything that differs from it in one place.
class Variants {
 public:
  template <class Operation>
  void add(const Operation& sample, std::vector<std::function<void(Operation&)>> changes) {
    all.emplace_back(sample);
    for (const auto& change : changes) {
      Operation changed = sample;
      change(changed);
      all.emplace_back(std::move(changed));
    }
  }
  std::vector<TenantOperation> all;
};

void add_puts(Variants* variants) {
  variants->add<Put>(sample_put(), {
                                       [](Put& o) { o.space = "kw"; },
                                       [](Put& o) { o.name = "dc"; },
                                       [](Put& o) { o.space = "kvd", o.name = "b"; },
                                       [](Put& o) { o.payload.map[0].second = Secret("v3"); },
                                       [](Put& o) { o.payload.map[0].first = "k0"; },
                                       [](Put& o) { o.payload.map.pop_back(); },
                                       [](Put& o) {
                                         o.payload.map = {{"k1", Secret("v1k2")}, {"", Secret("v2")}};
                                       },
                                       [](Put& o) { o.payload = Payload::of_bytes(""); },
                                       [](Put& o) { o.payload = Payload::of_text(""); },
                                       [](Put& o) { o.payload = Payload::of_bytes("x"); },
                                       [](Put& o) { o.payload = Payload::of_text("x"); },
                                       [](Put& o) {
                                         o.payload = {PayloadKind::json, Secret("x"), {}};
                                       },
                                       [](Put& o) { o.cas = 4; },
                                       [](Put& o) { o.cas = 0; },
                                       [](Put& o) { o.cas.reset(); },
                                       [](Put& o) { o.create_only = false; },
                                       [](Put& o) { o.tags->at("env") = "test"; },
                                       [](Put& o) {
                                         o.tags = {{{"enx", "prod"}}};
                                       },
                                       [](Put& o) { o.tags->clear(); },
                                       [](Put& o) { o.tags.reset(); },
                                       [](Put& o) { std::swap(*o.tags, o.attributes); },
                                       [](Put& o) { o.description = "e"; },
                                       [](Put& o) { o.description = ""; },
                                       [](Put& o) { o.description.reset(); },
                                       [](Put& o) { o.expires_at = 1'700'000'000'001; },
                                       [](Put& o) { o.expires_at = -1; },
                                       [](Put& o) { o.expires_at = 0; },
                                       [](Put& o) { o.expires_at.reset(); },
                                       [](Put& o) { o.attributes["stype"] = "0"; },
                                       [](Put& o) { o.attributes.clear(); },
                                       [](Put& o) { o.caller_owns = true; },
                                       [](Put& o) { o.must_exist = true; },
                                       [](Put& o) { o.caller_owns = o.must_exist = true; },
                                       [](Put& o) { o.write_only = true; },
                                       [](Put& o) { o.read_only = true; },
                                   });
}

void add_key_operations(Variants* variants) {
  variants->add<Get>(sample_get(), {
                                       [](Get& o) { o.space = "kw"; },
                                       [](Get& o) { o.name = "dc"; },
                                       [](Get& o) { o.version = 0; },
                                       [](Get& o) { o.with_payload = false; },
                                       [](Get& o) { o.inject = true; },
                                   });
  variants->add<History>({"kv", "db"}, {[](History& o) { o.space = "kw"; }, [](History& o) { o.name = "dc"; }});
  variants->add<UpdateMetadata>(sample_update(), {
                                                     [](UpdateMetadata& o) { o.space = "kw"; },
                                                     [](UpdateMetadata& o) { o.name = "dc"; },
                                                     [](UpdateMetadata& o) { o.set_tags["env"] = "test"; },
                                                     [](UpdateMetadata& o) { o.set_tags.clear(); },
                                                     [](UpdateMetadata& o) { o.remove_tags = {"tean"}; },
                                                     [](UpdateMetadata& o) {
                                                       o.remove_tags = {"te", "am"};
                                                     },
                                                     [](UpdateMetadata& o) { o.remove_tags.clear(); },
                                                     [](UpdateMetadata& o) { o.description = "e"; },
                                                     [](UpdateMetadata& o) { o.description.reset(); },
                                                     [](UpdateMetadata& o) { o.expires_at = 0; },
                                                     [](UpdateMetadata& o) { o.expires_at.reset(); },
                                                     [](UpdateMetadata& o) { o.max_versions = 6; },
                                                     [](UpdateMetadata& o) { o.max_versions.reset(); },
                                                     [](UpdateMetadata& o) { o.cas = 5; },
                                                     [](UpdateMetadata& o) { o.cas.reset(); },
                                                 });
  variants->add<Delete>(sample_delete(), {
                                             [](Delete& o) { o.space = "kw"; },
                                             [](Delete& o) { o.name = "dc"; },
                                             [](Delete& o) {
                                               o.versions = {1, 3};
                                             },
                                             [](Delete& o) {
                                               o.versions = {2, 1};
                                             },
                                             [](Delete& o) { o.versions.clear(); },
                                             [](Delete& o) { o.cas = 4; },
                                             [](Delete& o) { o.cas.reset(); },
                                             [](Delete& o) { o.only_if_attribute->first = "other"; },
                                             [](Delete& o) { o.only_if_attribute->second = "0"; },
                                             [](Delete& o) { o.only_if_attribute.reset(); },
                                             [](Delete& o) { o.missing_is_ok = false; },
                                         });
}

template <class Operation>
void add_named(Variants* variants) {
  variants->add<Operation>(sample_named<Operation>(), {
                                                          [](Operation& o) { o.space = "kw"; },
                                                          [](Operation& o) { o.name = "dc"; },
                                                          [](Operation& o) { o.versions = {1}; },
                                                          [](Operation& o) { o.versions.clear(); },
                                                      });
  if constexpr (std::is_same_v<Operation, Destroy>) {
    Destroy strict = sample_named<Destroy>();
    strict.must_exist = true;
    variants->all.emplace_back(strict);
    strict.only_if_attribute = {{"pod_id", "p"}};
    variants->all.emplace_back(strict);
    strict.only_if_attribute->second = "q";
    variants->all.emplace_back(strict);
    strict.must_exist = false;
    variants->all.emplace_back(strict);
  }
}

void add_many(Variants* variants) {
  variants->add<List>(sample_list(), {
                                         [](List& o) { o.space = "kw"; },
                                         [](List& o) { o.prefix = ""; },
                                         [](List& o) { o.tags[0].first = "enx"; },
                                         [](List& o) { o.tags[0].second = "test"; },
                                         [](List& o) { o.tags.clear(); },
                                         [](List& o) { o.attribute->second = "0"; },
                                         [](List& o) { o.attribute.reset(); },
                                         [](List& o) { o.after = "b"; },
                                         [](List& o) { o.limit = 0; },
                                         [](List& o) { o.with_payload = false; },
                                         [](List& o) { o.byte_limit = 1001; },
                                     });
  variants->add<BatchGet>({{sample_get(), sample_get()}}, {
                                                              [](BatchGet& o) { o.items[1].name = "dc"; },
                                                              [](BatchGet& o) { o.items.pop_back(); },
                                                              [](BatchGet& o) { o.items.clear(); },
                                                          });
  variants->add<Transact>(sample_transact(), {
                                                 [](Transact& o) { std::swap(o.operations[0], o.operations[2]); },
                                                 [](Transact& o) { std::get<Put>(o.operations[0]).name = "dc"; },
                                                 [](Transact& o) { std::get<Delete>(o.operations[1]).name = "dc"; },
                                                 [](Transact& o) { std::get<Check>(o.operations[2]).space = "kw"; },
                                                 [](Transact& o) { std::get<Check>(o.operations[2]).name = "dc"; },
                                                 [](Transact& o) { std::get<Check>(o.operations[2]).version = 5; },
                                                 [](Transact& o) { o.operations.pop_back(); },
                                                 [](Transact& o) {
                                                   o.operations[2] = Destroy{"kv", "db", {}};
                                                 },
                                                 [](Transact& o) { o.operations.clear(); },
                                             });
}

void add_tokens(Variants* variants) {
  variants->add<CreateToken>(sample_token(), {
                                                 [](CreateToken& o) { o.description = "e"; },
                                                 [](CreateToken& o) { o.scopes[0].capabilities = 4; },
                                                 [](CreateToken& o) { o.scopes[0].spaces = {"kw"}; },
                                                 [](CreateToken& o) {
                                                   o.scopes[0].spaces = {"kv", "a*"}, o.scopes[0].names.clear();
                                                 },
                                                 [](CreateToken& o) { o.scopes[0].names = {"b*"}; },
                                                 [](CreateToken& o) { o.scopes.push_back(o.scopes[0]); },
                                                 [](CreateToken& o) { o.scopes.clear(); },
                                                 [](CreateToken& o) { o.expires_at = 0; },
                                                 [](CreateToken& o) { o.addresses = {"10.0.0.0/8"}; },
                                                 [](CreateToken& o) { o.renewable = true; },
                                                 [](CreateToken& o) { o.max_ttl = 1; },
                                             });
  variants->add<RevokeToken>({"3fa9"}, {[](RevokeToken& o) { o.id = "3fa8"; }});
}

Issuer sample_issuer() {
  Issuer issuer;
  issuer.name = "corp";
  issuer.iss = "https://id.example";
  issuer.public_keys = {"pem"};
  issuer.jwks = "{}";
  issuer.jwks_url = "https://id.example/jwks";
  issuer.jwks_ca = "ca";
  issuer.audiences = {"coffer"};
  issuer.algorithms = 3;
  issuer.clock_skew_s = 30;
  issuer.mapping = "tapis";
  issuer.claims = {"t", "p", "r", "k", true};
  issuer.version = 7;
  issuer.changed_at = 1'700'000'000'000;
  issuer.changed_by = "operator";
  return issuer;
}

CertificateRule sample_rule() {
  return {"web", "dns:web.example", "service:web", {"reader"}, 8, 1'700'000'000'001, "operator"};
}

void add_trust(Variants* variants) {
  using I = PutIssuer;
  variants->add<I>({sample_issuer()}, {
                                          [](I& o) { o.issuer.name = "corq"; },
                                          [](I& o) { o.issuer.iss = "x"; },
                                          [](I& o) {
                                            o.issuer.public_keys = {"p", "em"};
                                          },
                                          [](I& o) { o.issuer.jwks = "{ }"; },
                                          [](I& o) { o.issuer.jwks_url = ""; },
                                          [](I& o) { o.issuer.jwks_ca = ""; },
                                          [](I& o) { o.issuer.audiences.clear(); },
                                          [](I& o) { o.issuer.algorithms = 1; },
                                          [](I& o) { o.issuer.clock_skew_s = 0; },
                                          [](I& o) { o.issuer.mapping = ""; },
                                          [](I& o) { o.issuer.claims.tenant = "u"; },
                                          [](I& o) { o.issuer.claims.principal = "u"; },
                                          [](I& o) { o.issuer.claims.roles = "u"; },
                                          [](I& o) { o.issuer.claims.kind = "u"; },
                                          [](I& o) { o.issuer.claims.service = false; },
                                      });
  variants->add<DeleteIssuer>({"corp"}, {[](DeleteIssuer& o) { o.name = "corq"; }});
  using R = PutCertificateRule;
  variants->add<R>({sample_rule()}, {
                                        [](R& o) { o.rule.name = "wec"; },
                                        [](R& o) { o.rule.san = "uri:web.example"; },
                                        [](R& o) { o.rule.principal = ""; },
                                        [](R& o) { o.rule.roles.clear(); },
                                    });
  variants->add<DeleteCertificateRule>({"web"}, {[](DeleteCertificateRule& o) { o.name = "wec"; }});
}

void add_quotas(Variants* variants) {
  using Set = SetQuota;
  variants->add<Watch>({{1, 7}, "kv", "a", 1000, 5}, {
                                                         [](Watch& o) { o.from.counter = 8; },
                                                         [](Watch& o) { o.from.epoch = 2; },
                                                         [](Watch& o) { o.space = "other"; },
                                                         [](Watch& o) { o.prefix = "b"; },
                                                         [](Watch& o) { o.wait_ms = 0; },
                                                         [](Watch& o) { o.limit = 6; },
                                                     });
  variants->add<Set>({{{Limit::entries, 5}, {Limit::reads, std::nullopt}}},
                     {
                         [](Set& o) { o.changes[0].limit = Limit::bytes; },
                         [](Set& o) { o.changes[0].value = 6; },
                         [](Set& o) { o.changes[0].value.reset(); },
                         [](Set& o) { o.changes[1].value = 0; },
                         [](Set& o) { o.changes.pop_back(); },
                         [](Set& o) { o.changes.clear(); },
                     });
}

ChangeDocument sample_change() {
  ChangeDocument change;
  change.action = "Secret.create";
  change.space = "cloudforet.secret";
  change.name = "secret-1";
  change.payload = Payload::of_text("hunter2");
  change.attributes = {{"name", "n"}, {"project_id", std::nullopt}};
  change.where = {{"user_id", {"alice"}, false}};
  change.unique = "name";
  change.reference = "trusted_secret_id";
  change.reference_space = "cloudforet.trusted_secret";
  change.list = {"secrets", "secret-2", true};
  return change;
}

void add_documents(Variants* variants) {
  using C = ChangeDocument;
  variants->add<C>(sample_change(), {
                                        [](C& o) { o.kind = C::Kind::destroy; },
                                        [](C& o) { o.action = "Secret.update"; },
                                        [](C& o) { o.space = "cloudforet.user_secret"; },
                                        [](C& o) { o.name = "secret-2"; },
                                        [](C& o) { o.payload = Payload::of_text("hunter3"); },
                                        [](C& o) { o.payload.reset(); },
                                        [](C& o) { o.attributes["name"] = "m"; },
                                        [](C& o) { o.attributes["name"].reset(); },
                                        [](C& o) { o.attributes.erase("name"); },
                                        [](C& o) { o.where[0].attribute = "project_id"; },
                                        [](C& o) { o.where[0].values = {"bob"}; },
                                        [](C& o) { o.where[0].or_absent = true; },
                                        [](C& o) { o.unique = ""; },
                                        [](C& o) { o.reference = ""; },
                                        [](C& o) { o.reference_space = ""; },
                                        [](C& o) { o.list->attribute = "other"; },
                                        [](C& o) { o.list->item = "secret-3"; },
                                        [](C& o) { o.list->adds = false; },
                                        [](C& o) { o.list.reset(); },
                                    });
  ReadDocument read;
  read.action = "Secret.get";
  read.name = "secret-1";
  variants->add<ReadDocument>(read, {[](ReadDocument& o) { o.name = "secret-2"; }});
  variants->add<Query>({}, {[](Query& o) { o.space = "cloudforet.secret"; }});
}

void add_moves(Variants* variants) {
  variants->add<FenceTenant>({3, GroupId{2}, "t", 4, "a"}, {
                                                               [](FenceTenant& o) { o.number = 4; },
                                                               [](FenceTenant& o) { o.to = GroupId{1}; },
                                                               [](FenceTenant& o) { o.trace = "u"; },
                                                               [](FenceTenant& o) { o.since = 5; },
                                                               [](FenceTenant& o) { o.after = "b"; },
                                                           });
  variants->add<ReadMoving>({3, "a", 5, true, false, "t", 4}, {
                                                                  [](ReadMoving& o) { o.number = 4; },
                                                                  [](ReadMoving& o) { o.after = "b"; },
                                                                  [](ReadMoving& o) { o.bytes = 6; },
                                                                  [](ReadMoving& o) { o.live = false; },
                                                                  [](ReadMoving& o) { o.changed = true; },
                                                                  [](ReadMoving& o) { o.trace = "u"; },
                                                                  [](ReadMoving& o) { o.since = 5; },
                                                              });
}

void add_audit(Variants* variants) {
  variants->add<GetAudit>({"kv", "a"}, {[](GetAudit& o) { o.space = "kw"; }, [](GetAudit& o) { o.name = "b"; }});
  variants->add<SetAudit>({true, std::nullopt}, {
                                                    [](SetAudit& o) { o.strict = false; },
                                                    [](SetAudit& o) { o.strict.reset(); },
                                                    [](SetAudit& o) { o.clear_names = true; },
                                                    [](SetAudit& o) { o.clear_names = false; },
                                                });
}

void add_policies(Variants* variants) {
  using Apply = ApplyPolicy;
  variants->add<Apply>(sample_apply(), {
                                           [](Apply& o) { o.policy.roles[0].name = "writer"; },
                                           [](Apply& o) { o.policy.roles[0].description = "e"; },
                                           [](Apply& o) { o.policy.roles[0].grants.clear(); },
                                           [](Apply& o) { o.policy.roles[0].grants[0].effect = Effect::allow; },
                                           [](Apply& o) { o.policy.roles[0].grants[0].capabilities = 4; },
                                           [](Apply& o) { o.policy.roles[0].grants[0].spaces = {"kw"}; },
                                           [](Apply& o) { o.policy.roles[0].grants[0].names = {"b*"}; },
                                           [](Apply& o) { o.policy.roles[0].grants[0].period.not_before = 0; },
                                           [](Apply& o) { o.policy.roles[0].grants[0].period.expires_at = 0; },
                                           [](Apply& o) { o.policy.bindings[0].role = "writer"; },
                                           [](Apply& o) { o.policy.bindings[0].subjects = {"user:bob"}; },
                                           [](Apply& o) { o.policy.bindings[0].period.not_before = 0; },
                                           [](Apply& o) { o.policy.bindings[0].period.expires_at = 3; },
                                           [](Apply& o) { o.policy.bindings.clear(); },
                                           [](Apply& o) { o.expected = 4; },
                                           [](Apply& o) { o.expected.reset(); },
                                           [](Apply& o) { o.dry_run = true; },
                                       });
  variants->add<SetPermission>(sample_set_permission(), {
                                                            [](SetPermission& o) { o.space = "kw"; },
                                                            [](SetPermission& o) { o.name = "dc"; },
                                                            [](SetPermission& o) { o.subject = "user:bob"; },
                                                            [](SetPermission& o) { o.level = Level::admin; },
                                                            [](SetPermission& o) { o.level.reset(); },
                                                        });
  variants->add<TendTenant>({Tending::sweep, 5}, {
                                                     [](TendTenant& o) { o.what = Tending::reseal; },
                                                     [](TendTenant& o) { o.rows = 6; },
                                                 });
  variants->add<RenewSelf>({60'000}, {[](RenewSelf& o) { o.ttl = 0; }});
}

template <class... WithoutFields>
void add_plain(Variants* variants) {
  (variants->add<WithoutFields>({}, {}), ...);
}

TEST(CanonicalRequest, AnyChangeOfAnyFieldChangesTheBytes) {
  Variants variants;
  add_puts(&variants);
  add_plain<ListTokens, ListIssuers, ListCertificateRules, GetQuota, GetPolicy, LookupSelf, RevokeSelf>(&variants);
  add_key_operations(&variants);
  add_named<Undelete>(&variants);
  add_named<Destroy>(&variants);
  add_many(&variants);
  add_tokens(&variants);
  add_trust(&variants);
  add_policies(&variants);
  add_quotas(&variants);
  add_documents(&variants);
  add_audit(&variants);
  add_moves(&variants);
  std::set<std::size_t> kinds;
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < variants.all.size(); ++i) {
    kinds.insert(variants.all[i].index());
    const auto [before, is_new] = seen.emplace(bytes_of(variants.all[i]), i);
    EXPECT_TRUE(is_new) << "variants " << before->second << " and " << i << " have the same bytes";
    EXPECT_EQ(bytes_of(variants.all[i]), bytes_of(TenantOperation(variants.all[i]))) << "a copy has the same bytes";
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<TenantOperation>) << "an operation has no sample";
}

TEST(CanonicalRequest, HasTheBytesOfTheGoldenFiles) {
  test::expect_golden("request_put", bytes_of(sample_put()));
  test::expect_golden("request_update_metadata", bytes_of(sample_update()));
  test::expect_golden("request_delete", bytes_of(sample_delete()));
  test::expect_golden("request_undelete", bytes_of(sample_named<Undelete>()));
  test::expect_golden("request_destroy", bytes_of(sample_named<Destroy>()));
  test::expect_golden("request_transact", bytes_of(sample_transact()));
  test::expect_golden("request_create_token", bytes_of(sample_token()));
  test::expect_golden("request_revoke_token", bytes_of(RevokeToken{"3fa9"}));
  test::expect_golden("request_put_issuer", bytes_of(PutIssuer{sample_issuer()}));
  test::expect_golden("request_delete_issuer", bytes_of(DeleteIssuer{"corp"}));
  test::expect_golden("request_put_certificate_rule", bytes_of(PutCertificateRule{sample_rule()}));
  test::expect_golden("request_delete_certificate_rule", bytes_of(DeleteCertificateRule{"web"}));
  test::expect_golden("request_set_audit", bytes_of(SetAudit{true, false}));
  test::expect_golden("request_set_quota", bytes_of(SetQuota{{{Limit::entries, 5}, {Limit::reads, std::nullopt}}}));
  test::expect_golden("request_change_document", bytes_of(sample_change()));
  test::expect_golden("request_apply_policy", bytes_of(sample_apply()));
  test::expect_golden("request_set_permission", bytes_of(sample_set_permission()));
  CreateToken bound = sample_token();
  bound.addresses = {"10.0.0.0/8"};
  bound.renewable = true;
  bound.max_ttl = 3'600'000;
  test::expect_golden("request_create_token_more", bytes_of(bound));
  Put plain;
  plain.space = "kv";
  plain.name = "db";
  plain.payload = Payload::of_text("hunter2");
  test::expect_golden("request_put_plain", bytes_of(plain));
}

}  // namespace
}  // namespace coffer::model
