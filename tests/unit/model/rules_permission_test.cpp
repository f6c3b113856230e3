// Owners and permissions of an entry: who gets them, and that they end with the entry's life.

#include "tests/unit/model/rules_fixture.hpp"

namespace coffer::model::test {
namespace {

class Permissions : public Rules {
 protected:
  Error set(std::string subject, std::optional<Level> level) {
    auto operation = on_secret<SetPermission>();
    operation.subject = std::move(subject);
    operation.level = level;
    return apply(decide_permission(current(), operation, context));
  }
  Error put_owned(std::string_view value = "v") {
    Put put = put_of(value);
    put.caller_owns = true;
    return this->put(put);
  }
};

TEST_F(Permissions, AreKeptBySubjectEachOnce) {
  ASSERT_EQ(put().code, Code::ok);
  ASSERT_EQ(set("user:b", Level::read).code, Code::ok);
  ASSERT_EQ(set("user:a", Level::user).code, Code::ok);
  ASSERT_EQ(set("user:b", Level::admin).code, Code::ok);
  EXPECT_THAT(entry->permissions, ElementsAre(Permission{"user:a", Level::user}, Permission{"user:b", Level::admin}));
  EXPECT_EQ(last.change, ChangeType::metadata);
  EXPECT_EQ(last.version, 1u);
  ASSERT_EQ(set("user:a", std::nullopt).code, Code::ok);
  EXPECT_THAT(entry->permissions, ElementsAre(Permission{"user:b", Level::admin}));
}

TEST_F(Permissions, WhatIsSoAlreadyWritesNothing) {
  ASSERT_EQ(put().code, Code::ok);
  ASSERT_EQ(set("user:a", std::nullopt).code, Code::ok);
  EXPECT_FALSE(last.writes);
  ASSERT_EQ(set("user:a", Level::read).code, Code::ok);
  ASSERT_EQ(set("user:a", Level::read).code, Code::ok);
  EXPECT_FALSE(last.writes);
}

TEST_F(Permissions, NeedAReadableEntryAndAreBounded) {
  EXPECT_EQ(set("user:a", Level::read).code, Code::entry_not_found);
  context.limits.permissions = 1;
  ASSERT_EQ(put().code, Code::ok);
  ASSERT_EQ(set("user:a", Level::read).code, Code::ok);
  EXPECT_EQ(set("user:b", Level::read), Error(Code::too_large, "permissions: 2 are too many; at most 1 are allowed"));
  EXPECT_EQ(set("user:a", Level::user).code, Code::ok);
  ASSERT_EQ(del().code, Code::ok);
  EXPECT_EQ(set("user:a", Level::read).code, Code::entry_not_found);
}

TEST_F(Permissions, OnlyAnOwnedPutMakesAnOwner) {
  ASSERT_EQ(put().code, Code::ok);
  EXPECT_EQ(entry->owner, "");
  ASSERT_EQ(put_owned().code, Code::ok);
  EXPECT_EQ(entry->owner, "") << "a later put does not take the entry over";
  entry.reset();
  ASSERT_EQ(put_owned().code, Code::ok);
  EXPECT_EQ(entry->owner, context.principal);
}

TEST_F(Permissions, ANewLifeBeginsWithoutTheOldOnesRightsAndValues) {
  ASSERT_EQ(put_owned("the first owner's").code, Code::ok);
  ASSERT_EQ(set("user:b", Level::user).code, Code::ok);
  ASSERT_EQ(del().code, Code::ok);
  context.principal = "user:next";
  ASSERT_EQ(put_owned("mine").code, Code::ok);
  EXPECT_EQ(entry->owner, "user:next");
  EXPECT_THAT(entry->permissions, IsEmpty());
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1u)) << "the next owner may undelete, but not this";
  EXPECT_EQ(entry->find(1)->state, State::destroyed);
}

TEST_F(Permissions, TheOwnersOwnNextPutKeepsThem) {
  ASSERT_EQ(put_owned().code, Code::ok);
  ASSERT_EQ(set("user:b", Level::user).code, Code::ok);
  ASSERT_EQ(del().code, Code::ok);
  ASSERT_EQ(put().code, Code::ok);
  EXPECT_EQ(entry->owner, context.principal);
  EXPECT_THAT(entry->permissions, ElementsAre(Permission{"user:b", Level::user}));
  EXPECT_EQ(entry->find(1)->state, State::deleted);
}

TEST_F(Permissions, ASecretThatItsOwnerMakesAnewHasNothingOfTheOldOneButHisVersions) {
  Put first = put_of();
  first.caller_owns = true;
  first.description = "old";
  first.tags = {{{"env", "prod"}}};
  first.attributes = {{"pod_id", "p"}};
  ASSERT_EQ(put(first).code, Code::ok);
  ASSERT_EQ(set("user:b", Level::user).code, Code::ok);
  ASSERT_EQ(del().code, Code::ok);
  context.now += 1000;
  ASSERT_EQ(put_owned().code, Code::ok);
  EXPECT_EQ(entry->owner, context.principal);
  EXPECT_EQ(entry->created_at, context.now);
  EXPECT_EQ(entry->description, "");
  EXPECT_TRUE(entry->permissions.empty() && entry->tags.empty() && entry->attributes.empty());
  EXPECT_THAT(states(), ElementsAre(State::deleted, State::active));
  EXPECT_THAT(numbers(), ElementsAre(1u, 2u));
}

TEST_F(Permissions, WhoMakesANobodysSecretHisOwnComesToNoneOfItsValues) {
  ASSERT_EQ(put("of whom the policy let in").code, Code::ok);
  ASSERT_EQ(del().code, Code::ok);
  ASSERT_EQ(put_owned().code, Code::ok);
  EXPECT_EQ(entry->owner, context.principal);
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1u));
  EXPECT_EQ(undelete({1}).code, Code::not_active);
}

// ---- values that may not be read

class WriteOnly : public Permissions {
 protected:
  Error put_flagged(bool write_only, bool caller_owns = true) {
    Put put = put_of();
    put.caller_owns = caller_owns;
    put.write_only = write_only;
    return this->put(put);
  }
};

TEST_F(WriteOnly, ValuesEndWhenTheSecretIsMadeAnewAsOneThatMayBeRead) {
  for (const bool caller_owns : {true, false}) {
    entry.reset();
    ASSERT_EQ(put_flagged(true).code, Code::ok);
    ASSERT_EQ(put("of another").code, Code::ok);
    ASSERT_EQ(del().code, Code::ok);
    ASSERT_EQ(put_flagged(false, caller_owns).code, Code::ok);
    EXPECT_EQ(last.change, ChangeType::put);
    EXPECT_THAT(last.dropped_payloads, ElementsAre(1u, 2u));
    EXPECT_THAT(states(), ElementsAre(State::destroyed, State::destroyed, State::active));
    EXPECT_EQ(undelete({2}).code, Code::not_active);
    EXPECT_EQ(get_code(2), Code::not_active);
    EXPECT_EQ(get(3).value(), 3u);
  }
}

TEST_F(WriteOnly, OlderVersionsThatAreStillActiveEndAsWell) {
  ASSERT_EQ(put_flagged(true).code, Code::ok);
  ASSERT_EQ(put().code, Code::ok);
  ASSERT_EQ(del({2}).code, Code::ok) << "the newest only, so the secret cannot be read and its first version is active";
  ASSERT_EQ(put_flagged(false).code, Code::ok);
  EXPECT_THAT(states(), ElementsAre(State::destroyed, State::destroyed, State::active));
  EXPECT_EQ(get_code(1), Code::not_active);
}

TEST_F(WriteOnly, ValuesThatExpiredEndAsWell) {
  Put expiring = put_of();
  expiring.caller_owns = expiring.write_only = true;
  expiring.expires_at = kStart + 100;
  ASSERT_EQ(put(expiring).code, Code::ok);
  context.now += 100;
  ASSERT_EQ(put_flagged(false).code, Code::ok);
  EXPECT_EQ(undelete({1}).code, Code::not_active);
}

TEST_F(WriteOnly, ValuesStayRestorableInASecretThatStillMayNotBeRead) {
  ASSERT_EQ(put_flagged(true).code, Code::ok);
  ASSERT_EQ(del().code, Code::ok);
  ASSERT_EQ(put_flagged(true).code, Code::ok);
  ASSERT_EQ(undelete({1}).code, Code::ok);
  EXPECT_EQ(get_code(1), Code::write_only);
  ASSERT_EQ(del().code, Code::ok);
  ASSERT_EQ(put_flagged(false).code, Code::ok);
  EXPECT_THAT(last.dropped_payloads, ElementsAre(1u, 2u)) << "of every life in which they might not";
}

TEST_F(WriteOnly, NothingElseMakesThemReadable) {
  ASSERT_EQ(put_flagged(true).code, Code::ok);
  ASSERT_EQ(put_flagged(false).code, Code::ok);
  ASSERT_EQ(put_flagged(false, false).code, Code::ok);
  auto change = on_secret<UpdateMetadata>();
  change.description = "d";
  ASSERT_EQ(update(change).code, Code::ok);
  ASSERT_EQ(del().code, Code::ok);
  ASSERT_EQ(undelete().code, Code::ok);
  ASSERT_EQ(set("user:b", Level::admin).code, Code::ok);
  for (const std::uint64_t version : {0, 1, 2, 3}) EXPECT_EQ(get_code(version), Code::write_only) << version;
}

}  // namespace
}  // namespace coffer::model::test
