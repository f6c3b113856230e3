// What is refused before any state is looked at: every limit at N and N+1, and every malformed part of an operation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "model/rules.hpp"

namespace coffer::model {
namespace {

using testing::HasSubstr;

Put put_of(Payload payload = Payload::of_text("v")) {
  Put put;
  put.space = "kv";
  put.name = "n";
  put.payload = std::move(payload);
  return put;
}

template <class Operation>
Operation on(std::string name = "n") {
  Operation operation;
  operation.space = "kv";
  operation.name = std::move(name);
  return operation;
}

Payload map_payload(std::size_t keys, std::size_t key_bytes = 8, std::size_t value_bytes = 1) {
  Payload payload{PayloadKind::map, {}, {}};
  for (std::size_t i = 0; i < keys; ++i) {
    std::string key = std::to_string(10'000'000 + i);
    key.resize(key_bytes, 'k');
    payload.map.emplace_back(std::move(key), Secret(std::string(value_bytes, 'v')));
  }
  return payload;
}

std::map<std::string, std::string> pairs(std::size_t count, std::size_t key_bytes = 6, std::size_t value_bytes = 1) {
  std::map<std::string, std::string> made;
  for (std::size_t i = 0; i < count; ++i) {
    std::string key = std::to_string(100'000 + i);
    key.resize(key_bytes, 'k');
    made[key] = std::string(value_bytes, 'v');
  }
  return made;
}

CreateToken token_of(std::size_t scopes, std::size_t spaces = 1, std::size_t names = 1) {
  CreateToken create;
  const Scope scope{1, std::vector<std::string>(spaces, "kv"), std::vector<std::string>(names, "*")};
  create.scopes.assign(scopes, scope);
  return create;
}

Transact transact_of(std::size_t operations, std::size_t payload_bytes = 1) {
  Transact transact;
  for (std::size_t i = 0; i < operations; ++i) {
    Put put = put_of(Payload::of_bytes(std::string(payload_bytes, 'v')));
    put.name = std::to_string(i);
    transact.operations.emplace_back(std::move(put));
  }
  return transact;
}

Status check(const TenantOperation& operation) { return check_operation(operation, Limits{}); }

// ---- limits, at N and N+1

struct LimitCase {
  const char* what;
  std::size_t limit;
  std::function<TenantOperation(std::size_t)> make;  // the operation with n of what is limited
};

template <class Change>
std::function<TenantOperation(std::size_t)> put_with(Change change) {
  return [change](std::size_t n) -> TenantOperation {
    Put put = put_of();
    change(put, n);
    return put;
  };
}

template <class Change>
std::function<TenantOperation(std::size_t)> update_with(Change change) {
  return [change](std::size_t n) -> TenantOperation {
    auto update = on<UpdateMetadata>();
    change(update, n);
    return update;
  };
}

template <class Operation>
TenantOperation with_versions(std::size_t n) {
  auto operation = on<Operation>();
  operation.versions.assign(n, 1);
  return operation;
}

const std::vector<LimitCase>& limit_cases() {
  static const std::vector<LimitCase> cases{
      {"name", 512, put_with([](Put& put, std::size_t n) { put.name = std::string(n, 'n'); })},
      {"name of a get", 512, [](std::size_t n) { return on<Get>(std::string(n, 'n')); }},
      {"space", 63, put_with([](Put& put, std::size_t n) { put.space = std::string(n, 's'); })},
      {"payload", 1 << 20,
       put_with([](Put& put, std::size_t n) { put.payload = Payload::of_bytes(std::string(n, 'v')); })},
      {"payload as text", 1 << 20,
       put_with([](Put& put, std::size_t n) { put.payload = Payload::of_text(std::string(n, 'v')); })},
      {"payload as a map", 1 << 20, put_with([](Put& put, std::size_t n) { put.payload = map_payload(1, 8, n - 8); })},
      {"map keys", 1000, put_with([](Put& put, std::size_t n) { put.payload = map_payload(n); })},
      {"bytes of a map key", 256, put_with([](Put& put, std::size_t n) { put.payload = map_payload(1, n); })},
      {"tags", 64, put_with([](Put& put, std::size_t n) { put.tags = pairs(n); })},
      {"tag key", 128, put_with([](Put& put, std::size_t n) { put.tags = pairs(1, n); })},
      {"tag value", 512, put_with([](Put& put, std::size_t n) { put.tags = pairs(1, 6, n); })},
      {"description", 4096, put_with([](Put& put, std::size_t n) { put.description = std::string(n, 'd'); })},
      {"attributes", 64, put_with([](Put& put, std::size_t n) { put.attributes = pairs(n); })},
      {"attribute key", 128, put_with([](Put& put, std::size_t n) { put.attributes = pairs(1, n); })},
      {"attribute value", 4096, put_with([](Put& put, std::size_t n) { put.attributes = pairs(1, 6, n); })},
      {"tags to set", 64, update_with([](UpdateMetadata& update, std::size_t n) { update.set_tags = pairs(n); })},
      {"tags to remove", 64,
       update_with([](UpdateMetadata& update, std::size_t n) { update.remove_tags.assign(n, "t"); })},
      {"key of a tag to remove", 128,
       update_with([](UpdateMetadata& update, std::size_t n) { update.remove_tags = {std::string(n, 't')}; })},
      {"new description", 4096,
       update_with([](UpdateMetadata& update, std::size_t n) { update.description = std::string(n, 'd'); })},
      {"versions to delete", 100, with_versions<Delete>},
      {"versions to undelete", 100, with_versions<Undelete>},
      {"versions to destroy", 100, with_versions<Destroy>},
      {"prefix", 512, [](std::size_t n) { return List{.space = "kv", .prefix = std::string(n, 'p')}; }},
      {"after", 512, [](std::size_t n) { return List{.space = "kv", .after = std::string(n, 'p')}; }},
      {"tags of a list", 64,
       [](std::size_t n) {
         return List{.space = "kv", .tags = {n, std::pair<std::string, std::string>("k", "v")}};
       }},
      {"items", 1000,
       [](std::size_t n) {
         return BatchGet{{n, on<Get>()}};
       }},
      {"operations", 100, [](std::size_t n) { return transact_of(n); }},
      {"payloads of a transact", 4 << 20,
       [](std::size_t n) {
         Transact transact = transact_of(4, 1 << 20);
         if (n > 4 << 20) transact.operations.emplace_back(put_of(Payload::of_bytes(std::string(n - (4 << 20), 'v'))));
         return transact;
       }},
      {"scopes", 32, [](std::size_t n) { return token_of(n); }},
      {"patterns of spaces", 64, [](std::size_t n) { return token_of(1, n); }},
      {"patterns of names", 64, [](std::size_t n) { return token_of(1, 1, n); }},
      {"pattern of a name", 512,
       [](std::size_t n) {
         CreateToken create = token_of(1);
         create.scopes[0].names = {std::string(n, 'n')};
         return create;
       }},
      {"prefix in a pattern of a name", 512,
       [](std::size_t n) {
         CreateToken create = token_of(1);
         create.scopes[0].names = {std::string(n, 'n') + "*"};
         return create;
       }},
      {"prefix in a pattern of a space", 63,
       [](std::size_t n) {
         CreateToken create = token_of(1);
         create.scopes[0].spaces = {std::string(n, 's') + "*"};
         return create;
       }},
      {"description of a token", 512,
       [](std::size_t n) {
         CreateToken create = token_of(1);
         create.description = std::string(n, 'd');
         return create;
       }},
  };
  return cases;
}

TEST(Limits, HoldExactly) {
  for (const LimitCase& c : limit_cases()) {
    const Status at = check(c.make(c.limit));
    EXPECT_TRUE(at.ok()) << c.what << ": " << at.error().message();
    const Status beyond = check(c.make(c.limit + 1));
    ASSERT_FALSE(beyond.ok()) << c.what;
    EXPECT_EQ(beyond.error().code, Code::too_large) << c.what << ": " << beyond.error().message();
    EXPECT_THAT(beyond.error().detail, HasSubstr("at most " + std::to_string(c.limit))) << c.what;
  }
}

TEST(Limits, OfKeptVersionsAre1To100) {
  const auto keep = [](std::uint32_t n) {
    auto update = on<UpdateMetadata>();
    update.max_versions = n;
    return check(update);
  };
  EXPECT_TRUE(keep(1).ok());
  EXPECT_TRUE(keep(100).ok());
  EXPECT_EQ(keep(0).error(), Error(Code::invalid_argument, "max_versions: 0 is not between 1 and 100"));
  EXPECT_EQ(keep(101).error(), Error(Code::invalid_argument, "max_versions: 101 is not between 1 and 100"));
}

TEST(Limits, OfRequestIdsAre128PrintableAsciiBytes) {
  EXPECT_TRUE(check_request_id("").ok());
  EXPECT_TRUE(check_request_id(std::string(128, 'r')).ok());
  EXPECT_TRUE(check_request_id(" ~").ok());
  EXPECT_EQ(check_request_id(std::string(129, 'r')).error(),
            Error(Code::too_large, "request_id: 129 bytes; at most 128 are allowed"));
  for (const char* id : {"a\n", "\x7f", "\x1f", "\xc3\xa9"}) {
    EXPECT_EQ(check_request_id(id).error().code, Code::invalid_argument);
  }
}

// ---- what is malformed

struct BadCase {
  TenantOperation operation;
  const char* detail;
};

void expect_refused(const std::vector<BadCase>& cases) {
  for (const BadCase& c : cases) {
    const Status status = check(c.operation);
    ASSERT_FALSE(status.ok()) << c.detail;
    EXPECT_EQ(status.error(), Error(Code::invalid_argument, c.detail));
  }
}

Put put_changed(const std::function<void(Put&)>& change) {
  Put put = put_of();
  change(put);
  return put;
}

TEST(CheckPut, RefusesMalformedParts) {
  expect_refused({
      {put_changed([](Put& p) { p.space = ""; }), "space: it is empty; 1 to 63 bytes are needed"},
      {put_changed([](Put& p) { p.name = ""; }), "name: it is empty; 1 to 512 bytes are needed"},
      {put_changed([](Put& p) {
         p.tags = {{{"", "v"}}};
       }),
       "tags: key: it is empty; 1 to 128 bytes are needed"},
      {put_changed([](Put& p) {
         p.attributes = {{"a", "\xff"}};
       }),
       "attributes: value of \"a\": it is not UTF-8 at byte 0"},
      {put_changed([](Put& p) { p.description = "d\xff"; }), "description: it is not UTF-8 at byte 1"},
      {put_changed([](Put& p) { p.expires_at = -1; }), "expires_at: it lies before 1970; leave it away for never"},
      {put_changed([](Put& p) { p.expires_at = 253'402'300'800'000; }),
       "expires_at: it lies after the year 9999; leave it away for never"},
  });
  EXPECT_TRUE(check(put_changed([](Put& p) { p.expires_at = 0; })).ok());
  EXPECT_TRUE(check(put_changed([](Put& p) { p.payload = Payload::of_bytes(""); })).ok())
      << "an empty value is a value";
}

TEST(CheckPut, RefusesMalformedPayloads) {
  const auto with = [](Payload payload) { return put_of(std::move(payload)); };
  const auto map_of = [](std::vector<std::pair<std::string, Secret>> map) {
    return Payload{PayloadKind::map, {}, std::move(map)};
  };
  expect_refused({
      {with(Payload::of_text("hunter2\xff")), "payload: the text is not UTF-8; send it as bytes"},
      {with({PayloadKind::json, Secret("{\"hunter2\"}"), {}}), "payload: it is not JSON: byte 10: a ':' is missing"},
      {with({static_cast<PayloadKind>(9), Secret("x"), {}}), "payload: its kind does not exist"},
      {with({PayloadKind::text, Secret("x"), {{"k", Secret("v")}}}), "payload: only a map has keys"},
      {with({PayloadKind::map, Secret("x"), {{"k", Secret("v")}}}), "payload: a map has no content beside its keys"},
      {with(map_of({})), "payload: a map needs at least one key"},
      {with(map_of({{"", Secret("v")}})), "payload: a key is empty; 1 to 256 bytes are needed"},
      {with(map_of({{"k\xff", Secret("v")}})), "payload key \"k\\xff\": it is not UTF-8 at byte 1"},
      {with(map_of({{"k", Secret("hunter2\xff")}})), "payload: the text of key \"k\" is not UTF-8"},
      {with(map_of({{"k", Secret("v")}, {"k", Secret("v")}})), "payload: key \"k\" is repeated or out of order"},
      {with(map_of({{"l", Secret("v")}, {"k", Secret("v")}})), "payload: key \"k\" is repeated or out of order"},
  });
  EXPECT_TRUE(check(with(Payload::of_bytes("\xff"))).ok());
  EXPECT_TRUE(check(with({PayloadKind::json, Secret("[1]"), {}})).ok());
}

TEST(CheckUpdate, ADoorsMayChangeNothing) {
  auto question = on<UpdateMetadata>();
  question.space = "tapis";
  EXPECT_TRUE(check(question).ok());
}

TEST(CheckUpdate, RefusesWhatChangesNothingOrContradictsItself) {
  auto nothing = on<UpdateMetadata>();
  nothing.cas = 3;
  auto both = on<UpdateMetadata>();
  both.set_tags = {{"env", "x"}};
  both.remove_tags = {"env"};
  auto empty_key = on<UpdateMetadata>();
  empty_key.remove_tags = {""};
  expect_refused({
      {nothing, "nothing is to be changed; give tags, a description, an expiry or a number of versions"},
      {both, "tags: \"env\" is both set and removed"},
      {empty_key, "remove_tags: it is empty; 1 to 128 bytes are needed"},
  });
}

TEST(CheckVersions, BeginAtOne) {
  auto del = on<Delete>();
  del.versions = {2, 0};
  auto undelete = on<Undelete>();
  undelete.versions = {0};
  auto destroy = on<Destroy>();
  destroy.versions = {0};
  expect_refused({
      {del, "versions[1]: 0 is not a version; they begin at 1"},
      {undelete, "versions[0]: 0 is not a version; they begin at 1"},
      {destroy, "versions[0]: 0 is not a version; they begin at 1"},
  });
}

TEST(CheckList, NeedsASpaceAndTextThatIsUtf8) {
  expect_refused({
      {List{}, "space: it is empty; 1 to 63 bytes are needed"},
      {List{.space = "kv", .prefix = "\xff"}, "prefix: it is not UTF-8 at byte 0"},
      {List{.space = "kv", .after = "a\xff"}, "after: it is not UTF-8 at byte 1"},
      {List{.space = "kv", .tags = {{"", "v"}}}, "tags: key: it is empty; 1 to 128 bytes are needed"},
  });
  EXPECT_TRUE(check(List{.space = "kv"}).ok());
}

TEST(CheckBatchGet, BoundsTheItemsAndLeavesEachOnesNameToItsOwnStatus) {
  BatchGet many;
  many.items.resize(Limits{}.batch_items + 1, on<Get>());
  expect_refused({{BatchGet{}, "items: at least one is needed"}});
  EXPECT_EQ(check(many).error().code, Code::too_large);
  EXPECT_TRUE(check(BatchGet{{on<Get>(), on<Get>("")}}).ok());
}

TEST(CheckBatchGet, MayBeOnlyForTheAuditTrail) {
  BatchGet batch;
  batch.acting_for = "alice";
  batch.notes = {{.invalid = true, .details = "env_var=A"}};
  EXPECT_TRUE(check_operation(batch, {}).ok());
  EXPECT_EQ(operation_name(batch), "render");
  EXPECT_EQ(request_cost(batch), 1U) << "it is a request all the same";
}

TEST(CheckTransact, NamesTheOperation) {
  const auto two = [](auto first, auto second) { return Transact{{std::move(first), std::move(second)}}; };
  Put in_door = put_of();
  in_door.space = "direktiv";
  auto other_space = on<Check>();
  other_space.space = "kv2";
  expect_refused({
      {Transact{}, "operations: at least one is needed"},
      {two(put_of(), on<Delete>("")), "operations[1]: name: it is empty; 1 to 512 bytes are needed"},
      {two(on<Check>("m"), in_door),
       "operations[1]: space: \"direktiv\" belongs to a door; only native spaces take part"},
      {two(put_of(), on<Delete>()),
       "operations[1]: an earlier operation names \"n\" in space \"kv\", too; name each secret once"},
      {two(on<Check>(), put_of()),
       "operations[1]: an earlier operation names \"n\" in space \"kv\", too; name each secret once"},
  });
  EXPECT_TRUE(check(two(put_of(), other_space)).ok()) << "the same name in another space is another secret";
  Destroy of_door{"tapis", "n", {}};
  EXPECT_TRUE(check(two(of_door, Destroy{"tapis", "m", {}})).ok()) << "a door clears its own space";
  expect_refused(
      {{two(put_of(), of_door), "operations[1]: space: \"tapis\" belongs to a door; only native spaces take part"}});
}

TEST(CheckToken, RefusesScopesThatCannotMatch) {
  const auto with = [](Scope scope) { return CreateToken{"", {std::move(scope)}, 0}; };
  CreateToken second = token_of(2);
  second.scopes[1].names = {"a", "b\n"};
  CreateToken early = token_of(1);
  early.expires_at = -5;
  expect_refused({
      {with({0, {"kv"}, {"*"}}), "scopes[0]: capabilities: at least one is needed"},
      {with({256, {"kv"}, {"*"}}), "scopes[0]: capabilities: there are none beyond bit 7"},
      {with({1, {}, {"*"}}), "scopes[0]: spaces: at least one pattern is needed; \"*\" matches every space"},
      {with({1, {"*"}, {}}), "scopes[0]: names: at least one pattern is needed; \"*\" matches every name"},
      {with({1, {"k*v"}, {"*"}}),
       "scopes[0]: spaces[0]: space: \"k*v\" may hold only lower-case letters, digits, '.', '_' and '-'"},
      {with({1, {"**"}, {"*"}}), "scopes[0]: spaces[0]: space: \"*\" must begin with a lower-case letter or a digit"},
      {second, "scopes[1]: names[1]: it holds the control character U+000A at byte 1"},
      {early, "expires_at: it lies before 1970; leave it away for never"},
      {RevokeToken{""}, "id: \"\" is not the id of a token"},
      {RevokeToken{"a\n"}, "id: \"a\\x0a\" is not the id of a token"},
  });
  EXPECT_TRUE(check(with({kAllCapabilities, {"*"}, {"a*b", "*"}})).ok());
  EXPECT_TRUE(check(CreateToken{}).ok()) << "its rights come from the tenant's policy";
  EXPECT_TRUE(check(ListTokens{}).ok());
  EXPECT_TRUE(check(RevokeToken{"3fa9"}).ok());
}

TEST(CheckToken, RefusesAddressesAndRenewalsThatCannotWork) {
  CreateToken renewable = token_of(1);
  renewable.renewable = true;
  renewable.expires_at = 1'800'000'000'000;
  CreateToken endless = renewable;
  renewable.max_ttl = 60'000;
  CreateToken no_end = renewable, only_end = renewable, negative = renewable, places = renewable, many = renewable;
  no_end.expires_at = 0;
  only_end.renewable = false;
  negative.max_ttl = -1;
  places.addresses = {"10.0.0.0/8", "10.0.0.1/8"};
  many.addresses.assign(33, "::1");
  const char* const needs = "renewable: a renewable token needs expires_at and max_ttl, the end of all its renewals";
  expect_refused({
      {endless, needs},
      {no_end, needs},
      {only_end, "max_ttl: it is for renewable tokens only"},
      {negative, "max_ttl: it must be between 0 and 100 years"},
      {places,
       "addresses[1]: \"10.0.0.1/8\" has bits behind its prefix; write the range's first address, or one address "
       "without a prefix"},
      {RenewSelf{-1}, "ttl: it must be between 0 and 100 years"},
  });
  EXPECT_EQ(check(many).error().code, Code::too_large);
  EXPECT_TRUE(check(renewable).ok());
}

TEST(CheckPermission, NamesASubjectAndALevel) {
  expect_refused({
      {SetPermission{"kv", "n", "ann", Level::read},
       "subject: \"ann\" is no subject; write one of user:, service:, token:, cert:, door:, role: and a name or a "
       "prefix "
       "that ends in '*', or \"*\" for everyone"},
      {SetPermission{"kv", "n", "user:ann", static_cast<Level>(4)}, "level: it is none of READ, USER and ADMIN"},
  });
  EXPECT_TRUE(check(SetPermission{"kv", "n", "role:ops", std::nullopt}).ok());
}

TEST(Details, NeverHoldAValueAndStayShort) {
  Put put = put_of(Payload::of_text("hunter2\xff"));
  EXPECT_EQ(check(put).error().detail.find("hunter2"), std::string::npos);
  auto get = on<Get>(std::string(100, 'x') + std::string(400, '\x01'));
  EXPECT_LT(check(get).error().detail.size(), 200u);
}

TEST(Operations, KnowTheirNameAndWhetherTheyChangeAnything) {
  struct Row {
    TenantOperation operation;
    const char* name;
    bool mutation;
  };
  auto describe = on<Get>();
  describe.with_payload = false;
  const Row rows[] = {
      {Put{}, "put", true},
      {Get{}, "get", false},
      {describe, "describe", false},
      {UpdateMetadata{}, "update_metadata", true},
      {Delete{}, "delete", true},
      {Undelete{}, "undelete", true},
      {Destroy{}, "destroy", true},
      {History{}, "history", false},
      {List{}, "list", false},
      {BatchGet{}, "batch_get", false},
      {Transact{}, "transact", true},
      {CreateToken{}, "create_token", true},
      {ListTokens{}, "list_tokens", false},
      {RevokeToken{}, "revoke_token", true},
      {PutIssuer{}, "put_issuer", true},
      {DeleteIssuer{}, "delete_issuer", true},
      {ListIssuers{}, "list_issuers", false},
      {PutCertificateRule{}, "put_certificate_rule", true},
      {DeleteCertificateRule{}, "delete_certificate_rule", true},
      {ListCertificateRules{}, "list_certificate_rules", false},
      {GetQuota{}, "get_quota", false},
      {SetQuota{}, "set_quota", true},
      {Watch{}, "watch", false},
      {ChangeDocument{}, "change_document", true},
      {ReadDocument{}, "read_document", false},
      {Query{}, "query", false},
      {GetAudit{}, "get_audit", false},
      {SetAudit{}, "set_audit", true},
      {FenceTenant{}, "fence_tenant", true},
      {ReadMoving{}, "read_moving", false},
      {Get{{}, {}, 0, true, true}, "inject", false},
      {SetPermission{}, "set_permission", true},
      {LookupSelf{}, "lookup_self", false},
      {RenewSelf{}, "renew_self", true},
      {RevokeSelf{}, "revoke_self", true},
      {GetPolicy{}, "get_policy", false},
      {ApplyPolicy{}, "apply_policy", true},
      {ApplyPolicy{{}, std::nullopt, true}, "apply_policy", false},
      {TendTenant{}, "get_data_keys", false},
      {TendTenant{Tending::rotate}, "rotate_data_key", true},
      {TendTenant{Tending::reseal}, "reseal", true},
      {TendTenant{Tending::sweep}, "sweep", true},
  };
  static_assert(std::size(rows) == std::variant_size_v<TenantOperation> + 6,
                "describe and inject are forms of get, a dry run one of apply_policy, and tending has four");
  for (const Row& row : rows) {
    EXPECT_EQ(operation_name(row.operation), row.name);
    EXPECT_EQ(is_mutation(row.operation), row.mutation) << row.name;
  }
}

}  // namespace
}  // namespace coffer::model
