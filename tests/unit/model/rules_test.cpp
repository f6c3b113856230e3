// The rules of one entry, one behaviour a test. A "World" below is one entry that lives through a story.

#include "model/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coffer::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr TimeMs kStart = 1'700'000'000'000;
constexpr TimeMs kWindow = Limits{}.recovery_window_ms;

class Rules : public testing::Test {
 protected:
  template <class Operation>
  static Operation on_secret() {
    Operation operation;
    operation.space = "kv";
    operation.name = "db";
    return operation;
  }
  static Put put_of(std::string_view value = "v") {
    Put put = on_secret<Put>();
    put.payload = Payload::of_text(value);
    return put;
  }
  template <class Operation>
  static Operation of_versions(std::vector<std::uint64_t> versions) {
    auto operation = on_secret<Operation>();
    operation.versions = std::move(versions);
    return operation;
  }

  const Entry* current() const { return entry ? &*entry : nullptr; }

  // Decides and, if it succeeded, lives on with the outcome. The last decision stays in `last`.
  Error apply(Result<Decision> decided) {
    if (!decided) return decided.error();
    last = std::move(*decided);
    if (last.writes) entry = last.entry;
    return Error(Code::ok);
  }
  Error put(const Put& put) { return apply(decide_put(current(), put, context)); }
  Error put(std::string_view value = "v") { return put(put_of(value)); }
  Error update(const UpdateMetadata& update) { return apply(decide_update(current(), update, context)); }
  Error del(std::vector<std::uint64_t> versions = {}) { return del(of_versions<Delete>(std::move(versions))); }
  Error del(const Delete& del) { return apply(decide_delete(current(), del, context)); }
  Error undelete(std::vector<std::uint64_t> versions = {}) {
    return apply(decide_undelete(current(), of_versions<Undelete>(std::move(versions)), context));
  }
  Error destroy(std::vector<std::uint64_t> versions = {}) {
    return apply(decide_destroy(current(), of_versions<Destroy>(std::move(versions)), context));
  }
  Result<std::uint64_t> get(std::uint64_t version = 0, bool with_payload = true) const {
    Get get = on_secret<Get>();
    get.version = version;
    get.with_payload = with_payload;
    return readable_version(current(), get, context.now);
  }
  Code get_code(std::uint64_t version = 0, bool with_payload = true) const {
    const auto result = get(version, with_payload);
    return result ? Code::ok : result.error().code;
  }
  std::vector<State> states() const {
    std::vector<State> all;
    for (const Version& version : entry->versions) all.push_back(version.state);
    return all;
  }
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> all;
    for (const Version& version : entry->versions) all.push_back(version.number);
    return all;
  }

  RuleContext context{kStart, "token:3fa9", {}};
  std::optional<Entry> entry;
  Decision last;
};

// ---- put

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

TEST_F(Rules, AReadOnlySecretRefusesEveryChange) {
  put();
  entry->read_only = true;
  auto rename = on_secret<UpdateMetadata>();
  rename.description = "d";
  const Error refused(Code::read_only, "secret \"db\" in space \"kv\" is read-only");
  EXPECT_EQ(put(), refused);
  EXPECT_EQ(update(rename), refused);
  EXPECT_EQ(del(), refused);
  EXPECT_EQ(undelete(), refused);
  EXPECT_EQ(destroy(), refused);
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

// ---- delete

TEST_F(Rules, ADeleteIsSoftAndKeepsPayloads) {
  put();
  put();
  context.now += 7;
  ASSERT_EQ(del().code, Code::ok);
  EXPECT_EQ(last.change, ChangeType::del);
  EXPECT_EQ(last.count, 1u);
  EXPECT_EQ(last.version, 2u);
  EXPECT_THAT(last.dropped_payloads, IsEmpty());
  EXPECT_THAT(states(), ElementsAre(State::deleted, State::deleted));
  EXPECT_EQ(entry->versions[0].deleted_at, kStart + 7);
  EXPECT_EQ(entry->updated_at, kStart + 7);
}

TEST_F(Rules, ADeleteOfNamedVersionsLeavesTheOthers) {
  for (int i = 0; i < 3; ++i) put();
  ASSERT_EQ(del({1, 2}).code, Code::ok);
  EXPECT_EQ(last.version, 2u);
  EXPECT_THAT(states(), ElementsAre(State::deleted, State::deleted, State::active));
  EXPECT_EQ(get().value(), 3u);
  context.now += 1;
  ASSERT_EQ(del({1, 3}).code, Code::ok);
  EXPECT_EQ(entry->versions[0].deleted_at, kStart) << "what is deleted stays as it is";
  EXPECT_EQ(entry->versions[2].deleted_at, kStart + 1);
}

TEST_F(Rules, ADeleteOfWhatIsAlreadyDeletedWritesNothing) {
  put();
  put();
  del({1});
  ASSERT_EQ(del({1}).code, Code::ok);
  EXPECT_FALSE(last.writes);
  EXPECT_EQ(last.count, 0u);
}

TEST_F(Rules, ADeleteNamesTheVersionThatDoesNotExist) {
  put();
  put();
  EXPECT_EQ(del({1, 7}),
            Error(Code::version_not_found, "secret \"db\" in space \"kv\" has no version 7; kept are 1 to 2"));
  EXPECT_THAT(states(), ElementsAre(State::active, State::active)) << "what is refused changes nothing";
}

TEST_F(Rules, ADeleteOfWhatIsMissingIsAnErrorUnlessThatIsOk) {
  auto request = on_secret<Delete>();
  EXPECT_EQ(del(request).code, Code::entry_not_found);
  request.missing_is_ok = true;
  ASSERT_EQ(del(request).code, Code::ok);
  EXPECT_FALSE(last.writes);
  EXPECT_EQ(last.count, 0u);
  put();
  ASSERT_EQ(del(request).code, Code::ok);
  EXPECT_EQ(last.count, 1u);
  ASSERT_EQ(del(request).code, Code::ok);
  EXPECT_FALSE(last.writes) << "an entry without active versions counts as missing";
  request.missing_is_ok = false;
  EXPECT_EQ(del(request).code, Code::entry_not_found);
}

TEST_F(Rules, ADeleteMayDependOnAnAttribute) {
  Put first = put_of();
  first.attributes = {{"stype", "1"}};
  put(first);
  auto request = on_secret<Delete>();
  request.only_if_attribute.emplace("stype", "0");
  EXPECT_EQ(del(request), Error(Code::entry_not_found, "there is no secret \"db\" in space \"kv\""));
  request.missing_is_ok = true;
  ASSERT_EQ(del(request).code, Code::ok);
  EXPECT_EQ(last.count, 0u);
  EXPECT_THAT(last.entry.versions, IsEmpty()) << "nothing of the other entry is answered";
  request.only_if_attribute.emplace("absent", "");
  ASSERT_EQ(del(request).code, Code::ok);
  EXPECT_EQ(last.count, 1u);
}

TEST_F(Rules, ADeleteChecksCas) {
  put();
  auto request = on_secret<Delete>();
  request.cas = 2;
  EXPECT_EQ(del(request), Error(Code::cas_mismatch, "expected version 2, current version is 1"));
  request.cas = 1;
  EXPECT_EQ(del(request).code, Code::ok);
}

TEST_F(Rules, EveryChangeDestroysWhatCanNoLongerBeRestored) {
  for (int i = 0; i < 3; ++i) put();
  del({1});
  context.now += kWindow - 1;
  del({2});
  EXPECT_THAT(last.dropped_payloads, IsEmpty());
  context.now += 1;
  del({3});
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1));
  EXPECT_THAT(states(), ElementsAre(State::destroyed, State::deleted, State::deleted));
  context.now += kWindow - 1;
  put();
  EXPECT_THAT(last.dropped_payloads, ElementsAre(2));
  context.now += 1;
  auto change = on_secret<UpdateMetadata>();
  change.description = "d";
  update(change);
  EXPECT_THAT(last.dropped_payloads, ElementsAre(3));
}

// ---- undelete

TEST_F(Rules, AnUndeleteRestoresWithinTheWindow) {
  put();
  put();
  del();
  context.now += kWindow - 1;
  ASSERT_EQ(undelete().code, Code::ok);
  EXPECT_EQ(last.change, ChangeType::undelete);
  EXPECT_EQ(last.version, 2u);
  EXPECT_THAT(states(), ElementsAre(State::active, State::active));
  EXPECT_EQ(entry->versions[0].deleted_at, 0);
  EXPECT_EQ(get().value(), 2u);
}

TEST_F(Rules, AnUndeleteAfterTheWindowSaysSinceWhenAndIsRefused) {
  put();
  del();
  context.now += kWindow;
  const Error refused(
      Code::not_active,
      "version 1 of secret \"db\" in space \"kv\" was deleted at 2023-11-14T22:13:20.000Z; its recovery "
      "window ended at 2023-11-21T22:13:20.000Z");
  EXPECT_EQ(undelete(), refused);
  EXPECT_EQ(undelete({1}), refused);
}

TEST_F(Rules, AnUndeleteOfAllRestoresWhatItCanOfNamedOnesEachOrNothing) {
  for (int i = 0; i < 3; ++i) put();
  destroy({1});
  del({2});
  EXPECT_EQ(undelete({1, 2}), Error(Code::not_active, "version 1 of secret \"db\" in space \"kv\" is destroyed"));
  EXPECT_THAT(states(), ElementsAre(State::destroyed, State::deleted, State::active));
  ASSERT_EQ(undelete({2, 3}).code, Code::ok) << "an active one may be named, too";
  EXPECT_EQ(last.version, 2u);
  del({2});
  ASSERT_EQ(undelete().code, Code::ok);
  EXPECT_THAT(states(), ElementsAre(State::destroyed, State::active, State::active));
}

TEST_F(Rules, AnUndeleteOfWhatIsNotDeletedIsRefused) {
  EXPECT_EQ(undelete().code, Code::entry_not_found);
  put();
  const Error nothing(Code::not_active, "nothing of secret \"db\" in space \"kv\" is deleted");
  EXPECT_EQ(undelete(), nothing);
  EXPECT_EQ(undelete({1}), nothing);
  EXPECT_EQ(undelete({2}).code, Code::version_not_found);
  destroy();
  EXPECT_EQ(undelete(), Error(Code::not_active, "version 1 of secret \"db\" in space \"kv\" is destroyed"));
}

// ---- destroy

TEST_F(Rules, ADestroyRemovesPayloadsAndLeavesATombstone) {
  put();
  put();
  del({1});
  context.now += 5;
  ASSERT_EQ(destroy().code, Code::ok);
  EXPECT_EQ(last.change, ChangeType::destroy);
  EXPECT_EQ(last.version, 2u);
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1, 2));
  EXPECT_THAT(states(), ElementsAre(State::destroyed, State::destroyed));
  EXPECT_EQ(entry->versions[0].deleted_at, kStart);
  EXPECT_EQ(entry->versions[1].deleted_at, kStart + 5);
  EXPECT_EQ(entry->versions[1].payload_bytes, 0u);
  EXPECT_EQ(entry->last_version, 2u);
  put();
  EXPECT_EQ(last.version, 3u);
}

TEST_F(Rules, ADestroyTwiceSucceedsAndWritesNothing) {
  put();
  put();
  destroy({1});
  ASSERT_EQ(destroy({1}).code, Code::ok);
  EXPECT_FALSE(last.writes);
  EXPECT_THAT(last.dropped_payloads, IsEmpty());
  destroy();
  ASSERT_EQ(destroy().code, Code::ok);
  EXPECT_FALSE(last.writes);
}

TEST_F(Rules, ADestroyNamesWhatDoesNotExist) {
  EXPECT_EQ(destroy().code, Code::entry_not_found);
  put();
  EXPECT_EQ(destroy({1, 2}).code, Code::version_not_found);
  EXPECT_THAT(states(), ElementsAre(State::active));
}

// ---- check and get

TEST_F(Rules, ACheckComparesLikeCas) {
  auto check = on_secret<Check>();
  EXPECT_TRUE(decide_check(current(), check, context).ok());
  check.version = 1;
  EXPECT_EQ(decide_check(current(), check, context).error().code, Code::cas_mismatch);
  put();
  EXPECT_TRUE(decide_check(current(), check, context).ok());
  check.version = 0;
  EXPECT_EQ(decide_check(current(), check, context).error(),
            Error(Code::cas_mismatch, "expected version 0, current version is 1"));
  del();
  EXPECT_TRUE(decide_check(current(), check, context).ok());
}

TEST_F(Rules, AGetAnswersTheNewestOrTheNamedActiveVersion) {
  EXPECT_EQ(get().error(), Error(Code::entry_not_found, "there is no secret \"db\" in space \"kv\""));
  put();
  put();
  EXPECT_EQ(get().value(), 2u);
  EXPECT_EQ(get(1).value(), 1u);
  EXPECT_EQ(get(3).error().code, Code::version_not_found);
  del({1});
  EXPECT_EQ(get(1).error(), Error(Code::not_active, "version 1 of secret \"db\" in space \"kv\" is deleted"));
  destroy({1});
  EXPECT_EQ(get(1).error(), Error(Code::not_active, "version 1 of secret \"db\" in space \"kv\" is destroyed"));
  EXPECT_EQ(get().value(), 2u);
}

TEST_F(Rules, AGetNeverFallsBackToAnOlderVersionThanTheNewest) {
  put();
  put();
  del({2});
  EXPECT_EQ(get_code(), Code::entry_not_found);
  EXPECT_EQ(get(1).value(), 1u) << "but the older one may be named";
}

TEST_F(Rules, AGetOfADeletedDestroyedOrExpiredSecretFindsNothing) {
  Put expiring = put_of();
  expiring.expires_at = kStart + 10;
  put(expiring);
  context.now += 9;
  EXPECT_EQ(get_code(), Code::ok);
  context.now += 1;
  EXPECT_EQ(get_code(), Code::entry_not_found);
  EXPECT_EQ(get_code(1), Code::entry_not_found);
  put();
  del();
  EXPECT_EQ(get_code(), Code::entry_not_found);
  EXPECT_EQ(get_code(1), Code::entry_not_found);
  destroy();
  EXPECT_EQ(get_code(), Code::entry_not_found);
}

TEST_F(Rules, ADescribeAnswersWhateverIsKept) {
  EXPECT_EQ(get_code(0, false), Code::entry_not_found);
  put();
  del();
  EXPECT_EQ(get(0, false).value(), 1u);
  destroy();
  EXPECT_EQ(get(0, false).value(), 1u);
  EXPECT_EQ(get(1, false).value(), 1u);
  EXPECT_EQ(get_code(2, false), Code::version_not_found);
}

TEST_F(Rules, AWriteOnlySecretIsDescribedButNotRead) {
  put();
  entry->write_only = true;
  EXPECT_EQ(get_code(), Code::write_only);
  EXPECT_EQ(get_code(0, false), Code::ok);
  EXPECT_EQ(put().code, Code::ok);
  del();
  EXPECT_EQ(get_code(), Code::entry_not_found);
}

// ---- list

TEST_F(Rules, AListHoldsReadableSecretsOfItsSpacePrefixTagsAndAttribute) {
  Put first = put_of();
  first.name = "app/db";
  first.tags = {{{"env", "prod"}, {"team", "a"}}};
  first.attributes = {{"stype", "1"}};
  first.expires_at = kStart + 10;
  put(first);
  const auto in = [&](const List& list) { return listed(*entry, list, context.now); };
  EXPECT_TRUE(in({.space = "kv"}));
  EXPECT_FALSE(in({.space = "kv2"}));
  EXPECT_TRUE(in({.space = "kv", .prefix = "app/"}));
  EXPECT_FALSE(in({.space = "kv", .prefix = "app/db2"}));
  EXPECT_TRUE(in({.space = "kv", .tags = {{"env", "prod"}, {"team", "a"}}}));
  EXPECT_FALSE(in({.space = "kv", .tags = {{"env", "prod"}, {"team", "b"}}}));
  EXPECT_FALSE(in({.space = "kv", .tags = {{"absent", ""}}})) << "an absent tag is not an empty one";
  EXPECT_TRUE(in({.space = "kv", .attribute = {{"stype", "1"}}}));
  EXPECT_FALSE(in({.space = "kv", .attribute = {{"stype", "0"}}}));
  EXPECT_TRUE(in({.space = "kv", .attribute = {{"absent", ""}}})) << "an absent attribute counts as empty";
  context.now += 10;
  EXPECT_FALSE(in({.space = "kv"})) << "expired";
}

}  // namespace
}  // namespace coffer::model
