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
  ASSERT_EQ(put_owned().code, Code::ok);
  EXPECT_EQ(entry->owner, context.principal);
  EXPECT_THAT(entry->permissions, ElementsAre(Permission{"user:b", Level::user}));
  EXPECT_EQ(entry->find(1)->state, State::deleted);
}

}  // namespace
}  // namespace coffer::model::test
