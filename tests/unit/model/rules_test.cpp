// The rules of delete, undelete, destroy and check, and what Get and List answer, one behaviour a test.

#include "tests/unit/model/rules_fixture.hpp"

namespace coffer::model::test {
namespace {

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

TEST_F(Rules, DroppedPayloadsAreAscendingInWhateverOrderTheyAreNamed) {
  for (int i = 0; i < 3; ++i) put();
  ASSERT_EQ(destroy({3, 1, 2, 1}).code, Code::ok);
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1, 2, 3));
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

TEST_F(Rules, AListHoldsReadableSecretsOfItsSpacePrefixAndAttribute) {
  Put first = put_of();
  first.name = "app/db";
  first.attributes = {{"stype", "1"}};
  first.expires_at = kStart + 10;
  put(first);
  const auto in = [&](const List& list) { return listed(*entry, list, context.now); };
  EXPECT_TRUE(in({.space = "kv"}));
  EXPECT_FALSE(in({.space = "kv2"}));
  EXPECT_TRUE(in({.space = "kv", .prefix = "app/"}));
  EXPECT_FALSE(in({.space = "kv", .prefix = "app/db2"}));
  EXPECT_TRUE(in({.space = "kv", .attribute = {{"stype", "1"}}}));
  EXPECT_FALSE(in({.space = "kv", .attribute = {{"stype", "0"}}}));
  EXPECT_TRUE(in({.space = "kv", .attribute = {{"absent", ""}}})) << "an absent attribute counts as empty";
  context.now += 10;
  EXPECT_FALSE(in({.space = "kv"})) << "expired";
}

}  // namespace
}  // namespace coffer::model::test
