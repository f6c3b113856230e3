// The rules of put and of updates of metadata, one behaviour a test.

#include "tests/unit/model/rules_fixture.hpp"

namespace coffer::model::test {
namespace {

TEST_F(Rules, TheFirstPutMakesVersionOne) {
  Put first = put_of("hunter2");
  first.tags = {{{"env", "prod"}}};
  first.description = "d";
  first.attributes = {{"stype", "1"}};
  ASSERT_EQ(put(first).code, Code::ok);
  EXPECT_EQ(last.version, 1u);
  EXPECT_TRUE(last.adds_payload);
  EXPECT_TRUE(last.writes);
  EXPECT_EQ(last.change, ChangeType::put);
  Entry expected;
  expected.space = "kv";
  expected.name = "db";
  expected.description = "d";
  expected.tags = {{"env", "prod"}};
  expected.attributes = {{"stype", "1"}};
  expected.created_at = expected.updated_at = kStart;
  expected.created_by = "token:3fa9";
  expected.max_versions = 10;
  expected.last_version = 1;
  Version version;
  version.number = 1;
  version.created_at = kStart;
  version.created_by = "token:3fa9";
  version.payload_bytes = 7;
  expected.versions = {version};
  EXPECT_EQ(*entry, expected);
}

TEST_F(Rules, ALaterPutKeepsWhatItDoesNotGive) {
  Put first = put_of();
  first.tags = {{{"env", "prod"}, {"team", "a"}}};
  first.description = "d";
  first.attributes = {{"stype", "1"}, {"x", "1"}};
  first.expires_at = kStart + 1000;
  put(first);
  context.now += 10;
  context.principal = "token:other";
  Put second = put_of();
  second.attributes = {{"x", "2"}, {"y", "3"}};
  ASSERT_EQ(put(second).code, Code::ok);
  EXPECT_EQ(entry->tags, (std::map<std::string, std::string>{{"env", "prod"}, {"team", "a"}}));
  EXPECT_EQ(entry->description, "d");
  EXPECT_EQ(entry->attributes, (std::map<std::string, std::string>{{"stype", "1"}, {"x", "2"}, {"y", "3"}}));
  EXPECT_EQ(entry->expires_at, kStart + 1000) << "a readable entry keeps its expiry";
  EXPECT_EQ(entry->created_at, kStart);
  EXPECT_EQ(entry->created_by, "token:3fa9");
  EXPECT_EQ(entry->updated_at, kStart + 10);
  EXPECT_EQ(entry->versions[1].created_by, "token:other");
}

TEST_F(Rules, GivenTagsReplaceAllAndGivenTextReplaces) {
  Put first = put_of();
  first.tags = {{{"env", "prod"}}};
  first.description = "d";
  first.expires_at = kStart + 1000;
  put(first);
  Put second = put_of();
  second.tags.emplace();
  second.description = "";
  second.expires_at = 0;
  put(second);
  EXPECT_THAT(entry->tags, IsEmpty());
  EXPECT_EQ(entry->description, "");
  EXPECT_EQ(entry->expires_at, 0);
}

TEST_F(Rules, CasMustBeTheVersionOfAReadableSecret) {
  Put with_cas = put_of();
  with_cas.cas = 3;
  EXPECT_EQ(put(with_cas),
            Error(Code::cas_mismatch, "expected version 3, current version is 0: the secret does not exist"));
  with_cas.cas = 0;
  EXPECT_EQ(put(with_cas).code, Code::ok);
  EXPECT_EQ(put(with_cas), Error(Code::cas_mismatch, "expected version 0, current version is 1"));
  with_cas.cas = 1;
  EXPECT_EQ(put(with_cas).code, Code::ok);
  EXPECT_EQ(put(with_cas), Error(Code::cas_mismatch, "expected version 1, current version is 2"));
}

TEST_F(Rules, CasZeroPassesOnDeletedDestroyedAndExpiredSecretsAndNumbersContinue) {
  Put fresh = put_of();
  fresh.cas = 0;
  put(fresh);
  del();
  fresh.cas = 1;
  EXPECT_EQ(put(fresh), Error(Code::cas_mismatch, "expected version 1, current version is 0: the secret is deleted"));
  fresh.cas = 0;
  ASSERT_EQ(put(fresh).code, Code::ok);
  EXPECT_EQ(last.version, 2u);
  destroy();
  Put expiring = put_of();
  expiring.cas = 0;
  expiring.expires_at = kStart + 100;
  ASSERT_EQ(put(expiring).code, Code::ok);
  EXPECT_EQ(last.version, 3u);
  context.now += 100;
  ASSERT_EQ(put(fresh).code, Code::ok);
  EXPECT_EQ(last.version, 4u);
  EXPECT_EQ(get().value(), 4u);
}

TEST_F(Rules, APutOnWhatIsNotReadableClearsTheExpiryUnlessGivenAnew) {
  Put expiring = put_of();
  expiring.expires_at = kStart + 100;
  put(expiring);
  del();
  put();
  EXPECT_EQ(entry->expires_at, 0);
  put(expiring);
  context.now += 100;
  Put anew = put_of();
  anew.expires_at = context.now + 5;
  put(anew);
  EXPECT_EQ(entry->expires_at, context.now + 5);
}

TEST_F(Rules, WhatExpiredStaysUnreadableAfterANewPutUntilItIsUndeleted) {
  put("old");
  Put expiring = put_of("old, too");
  expiring.expires_at = kStart + 100;
  put(expiring);
  del({2});
  context.now += 200;
  put("new");
  EXPECT_THAT(states(), ElementsAre(State::deleted, State::deleted, State::active));
  EXPECT_EQ(entry->versions[0].deleted_at, kStart + 100) << "since it expired, not since the put";
  EXPECT_EQ(get_code(1), Code::not_active);
  EXPECT_EQ(undelete({1}).code, Code::ok);
  EXPECT_EQ(get(1).value(), 1u);
}

TEST_F(Rules, ExpiryMustLieInTheFuture) {
  Put put_now = put_of();
  put_now.expires_at = kStart;
  EXPECT_EQ(put(put_now),
            Error(Code::invalid_argument,
                  "expires_at: 2023-11-14T22:13:20.000Z is not in the future; it is 2023-11-14T22:13:20.000Z"));
  put_now.expires_at = kStart + 1;
  EXPECT_EQ(put(put_now).code, Code::ok);
}

TEST_F(Rules, CreateOnlyRefusesAReadableSecretOnly) {
  Put create = put_of();
  create.create_only = true;
  ASSERT_EQ(put(create).code, Code::ok);
  EXPECT_EQ(put(create), Error(Code::entry_exists, "secret \"db\" in space \"kv\" exists"));
  del();
  ASSERT_EQ(put(create).code, Code::ok);
  EXPECT_EQ(last.version, 2u);
}

TEST_F(Rules, OldestVersionsAreDroppedWithTheirPayloads) {
  for (int i = 0; i < 10; ++i) {
    put();
    EXPECT_THAT(last.dropped_payloads, IsEmpty());
  }
  put();
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1));
  EXPECT_EQ(entry->versions.size(), 10u);
  EXPECT_EQ(entry->versions.front().number, 2u);
  destroy({2});
  put();
  EXPECT_THAT(last.dropped_payloads, IsEmpty()) << "the payload of a destroyed version is already gone";
  EXPECT_EQ(entry->versions.front().number, 3u);
}

TEST_F(Rules, AttributesThatAddUpBeyondTheLimitAreRefused) {
  Put first = put_of();
  for (int i = 0; i < 64; ++i) first.attributes["a" + std::to_string(i)] = "v";
  put(first);
  Put second = put_of();
  second.attributes = {{"one more", "v"}};
  EXPECT_EQ(put(second).code, Code::too_large);
}

TEST_F(Rules, TimesNeverGoBack) {
  put();
  context.now -= 1000;
  put();
  EXPECT_EQ(entry->updated_at, kStart);
  EXPECT_EQ(entry->versions[1].created_at, kStart);
}

TEST_F(Rules, AReadOnlySecretKeepsItsValueAndNothingElse) {
  Put first = put_of();
  first.read_only = true;
  first.write_only = true;
  put(first);
  EXPECT_TRUE(entry->read_only && entry->write_only);
  EXPECT_EQ(put(), Error(Code::read_only, "the value of secret \"db\" in space \"kv\" may not be changed"));
  first.create_only = true;
  EXPECT_EQ(put(first).code, Code::entry_exists);
  auto rename = on_secret<UpdateMetadata>();
  rename.description = "d";
  EXPECT_EQ(update(rename).code, Code::ok);
  EXPECT_EQ(del().code, Code::ok);
  EXPECT_EQ(undelete().code, Code::ok);
  EXPECT_EQ(destroy().code, Code::ok);
  EXPECT_EQ(put().code, Code::ok) << "a new life";
  EXPECT_FALSE(entry->read_only || entry->write_only);
}

TEST_F(Rules, AnUpdateOfNothingWritesNothing) {
  put();
  const auto nothing = decide_update(current(), on_secret<UpdateMetadata>(), context);
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->writes);
}

TEST_F(Rules, APutThatNeedsAnEntryMakesNone) {
  Put update = put_of();
  update.must_exist = true;
  EXPECT_EQ(put(update).code, Code::entry_not_found);
  put();
  update.write_only = update.read_only = true;
  EXPECT_EQ(put(update).code, Code::ok);
  EXPECT_FALSE(entry->read_only || entry->write_only) << "flags are for new entries";
  del();
  EXPECT_EQ(put(update).code, Code::entry_not_found);
}

TEST_F(Rules, ADestroyThatIsForAnAttributeLeavesOthersAsTheyAre) {
  Put first = put_of();
  first.attributes = {{"pod_id", "p"}};
  put(first);
  auto other = on_secret<Destroy>();
  other.only_if_attribute = {{"pod_id", "q"}};
  const auto nothing = decide_destroy(current(), other, context);
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->writes);
  other.only_if_attribute->second = "p";
  EXPECT_EQ(apply(decide_destroy(current(), other, context)).code, Code::ok);
  EXPECT_FALSE(entry->readable_at(context.now));
}

TEST_F(Rules, AnOwnedSecretThatWasDestroyedLeavesNothingToTheNext) {
  Put first = put_of();
  first.caller_owns = true;
  first.description = "old";
  first.attributes = {{"pod_id", "p"}};
  put(first);
  entry->permissions = {{"user:bob", Level::admin}};
  auto all = on_secret<Destroy>();
  all.must_exist = true;
  EXPECT_EQ(apply(decide_destroy(current(), all, context)).code, Code::ok);
  EXPECT_EQ(apply(decide_destroy(current(), all, context)).code, Code::entry_not_found);
  context.now += 1000;
  Put second = put_of();
  second.caller_owns = true;
  EXPECT_EQ(put(second).code, Code::ok);
  EXPECT_EQ(entry->description, "");
  EXPECT_TRUE(entry->attributes.empty() && entry->permissions.empty());
  EXPECT_EQ(entry->created_at, context.now);
  EXPECT_EQ(entry->last_version, 2u) << "numbers are never used twice";
}

// ---- update

TEST_F(Rules, AnUpdateMergesTagsAndMakesNoVersion) {
  Put first = put_of();
  first.tags = {{{"a", "1"}, {"b", "2"}}};
  put(first);
  context.now += 5;
  auto change = on_secret<UpdateMetadata>();
  change.set_tags = {{"b", "3"}, {"c", "4"}};
  change.remove_tags = {"a", "not there"};
  change.description = "d";
  change.expires_at = kStart + 1000;
  change.cas = 1;
  ASSERT_EQ(update(change).code, Code::ok);
  EXPECT_EQ(last.change, ChangeType::metadata);
  EXPECT_EQ(last.version, 1u);
  EXPECT_FALSE(last.adds_payload);
  EXPECT_EQ(entry->tags, (std::map<std::string, std::string>{{"b", "3"}, {"c", "4"}}));
  EXPECT_EQ(entry->description, "d");
  EXPECT_EQ(entry->expires_at, kStart + 1000);
  EXPECT_EQ(entry->updated_at, kStart + 5);
  EXPECT_EQ(entry->versions.size(), 1u);
}

TEST_F(Rules, AnUpdateNeedsAReadableSecret) {
  auto change = on_secret<UpdateMetadata>();
  change.expires_at = kStart + 1000;
  EXPECT_EQ(update(change), Error(Code::entry_not_found, "there is no secret \"db\" in space \"kv\""));
  put();
  update(change);
  context.now += 1000;
  change.expires_at = kStart + 5000;
  EXPECT_EQ(update(change),
            Error(Code::entry_not_found, "secret \"db\" in space \"kv\" expired at 2023-11-14T22:13:21.000Z"))
      << "nothing un-expires";
  destroy();
  put();
  del();
  EXPECT_EQ(update(change), Error(Code::entry_not_found, "secret \"db\" in space \"kv\" is deleted"));
}

TEST_F(Rules, AnUpdateChecksCasExpiryAndTheSumOfTags) {
  Put first = put_of();
  first.tags.emplace();
  for (int i = 0; i < 64; ++i) (*first.tags)["t" + std::to_string(i)] = "v";
  put(first);
  auto change = on_secret<UpdateMetadata>();
  change.set_tags = {{"one more", "v"}};
  EXPECT_EQ(update(change).code, Code::too_large);
  change.remove_tags = {"t0"};
  change.cas = 2;
  EXPECT_EQ(update(change).code, Code::cas_mismatch);
  change.cas = 1;
  change.expires_at = kStart;
  EXPECT_EQ(update(change).code, Code::invalid_argument);
  change.expires_at = 0;
  EXPECT_EQ(update(change).code, Code::ok);
}

TEST_F(Rules, LoweringTheNumberOfVersionsDropsTheOldest) {
  for (int i = 0; i < 5; ++i) put();
  auto change = on_secret<UpdateMetadata>();
  change.max_versions = 2;
  ASSERT_EQ(update(change).code, Code::ok);
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(), ElementsAre(4, 5));
  change.max_versions = 100;
  update(change);
  EXPECT_THAT(numbers(), ElementsAre(4, 5)) << "raising it brings nothing back";
}

}  // namespace
}  // namespace coffer::model::test
