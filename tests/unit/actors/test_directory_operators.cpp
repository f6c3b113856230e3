// What the directory promises about operators: a token counts from its commit on and no longer than it was given for, a
// revoked one is gone at the commit, and somebody who may do everything is always left.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class DirectoryOperatorsTest : public ::testing::Test, public CoreFixture {
 protected:
  void SetUp() override {
    core = reopen();
    std::vector<Submission> out;
    core->add_operator({"first-operator", std::string(32, 'f'), now}, out);
    keep(out);
    commit_all();
  }
  std::unique_ptr<DirectoryCore> reopen() { return std::move(*DirectoryCore::open(directory_deps)); }
  void keep(std::vector<Submission>& out) {
    for (Submission& submission : out) log.push_back(std::move(submission));
  }
  std::shared_ptr<TestCall> send_to_directory(model::DirectoryOperation operation) {
    auto made = std::make_shared<TestCall>();
    calls.push_back(made);
    made->request.credential.kind = model::CredentialKind::operator_;
    made->request.credential.principal = "operator:ann";
    made->request.operation = std::move(operation);
    std::vector<Submission> out;
    core->handle(CallHandle(made.get()), out);
    keep(out);
    return made;
  }
  void commit_all() {
    while (!log.empty()) {
      Submission next = std::move(log.front());
      log.pop_front();
      apply_write_set(model::kMetaGroup, *next.write_set);
      std::vector<Submission> out;
      core->committed(next.sequence, out);
      keep(out);
    }
  }
  model::Result<model::Reply> run(model::DirectoryOperation operation) {
    auto made = send_to_directory(std::move(operation));
    commit_all();
    EXPECT_EQ(made->completed, 1);
    return std::move(made->reply);
  }
  model::OperatorInfo create(std::string name, std::vector<std::string> capabilities, model::TimeMs expires_at = 0) {
    auto reply = run(model::CreateOperator{std::move(name), std::move(capabilities), expires_at});
    EXPECT_TRUE(reply.ok()) << reply.error().message();
    return reply ? std::get<model::OperatorReply>(reply->body).info : model::OperatorInfo{};
  }
  std::vector<model::OperatorInfo> list() {
    return std::get<model::OperatorsReply>(run(model::ListOperators{})->body).operators;
  }

  std::unique_ptr<DirectoryCore> core;
};

TEST_F(DirectoryOperatorsTest, ATokenCountsFromItsCommitOnWithWhatItWasGiven) {
  auto made = send_to_directory(model::CreateOperator{"ci", {"tenants.create"}, now + 5'000});
  EXPECT_EQ(operators.all().size(), 1u);
  EXPECT_EQ(made->completed, 0);
  commit_all();
  ASSERT_TRUE(made->reply.ok()) << made->reply.error().message();
  const auto& reply = std::get<model::OperatorReply>(made->reply->body);
  const auto claims = crypto::verify_token(ring, reply.token.expose());
  ASSERT_TRUE(claims.ok());
  EXPECT_TRUE(claims->tenant.is_zero());
  const auto kept = operators.find(claims->id_hash);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->capabilities, std::vector<std::string>{"tenants.create"});
  EXPECT_EQ(kept->expires_at, now + 5'000);
  EXPECT_EQ(reply.info.created_by, "operator:ann");
}

TEST_F(DirectoryOperatorsTest, WhatWasGivenIsTheSameAfterARestart) {
  create("ci", {"tenants.create", "audit"}, now + 5'000);
  const auto before = list();
  operators.clear();
  core = reopen();
  EXPECT_EQ(list(), before);
  EXPECT_EQ(before[0].capabilities, (std::vector<std::string>{"tenants.create", "audit"}));
  EXPECT_EQ(before[1].capabilities, std::vector<std::string>{"*"}) << "one from before there were capabilities";
}

TEST_F(DirectoryOperatorsTest, ANameIsTakenOnceAlsoWhileTheFirstIsPending) {
  auto first = send_to_directory(model::CreateOperator{"ci", {"audit"}, 0});
  auto second = send_to_directory(model::CreateOperator{"ci", {"audit"}, 0});
  commit_all();
  EXPECT_TRUE(first->reply.ok());
  EXPECT_EQ(second->reply.error().code, Code::entry_exists);
  EXPECT_EQ(run(model::CreateOperator{"ci", {"audit"}, 0}).error().code, Code::entry_exists);
}

TEST_F(DirectoryOperatorsTest, RefusesWhatIsOverOrNoCapability) {
  EXPECT_EQ(run(model::CreateOperator{"ci", {"audit"}, now}).error().code, Code::invalid_argument);
  EXPECT_EQ(run(model::CreateOperator{"ci", {}, 0}).error().code, Code::invalid_argument);
  EXPECT_EQ(list().size(), 1u);
}

TEST_F(DirectoryOperatorsTest, ARevokedTokenIsGoneAtTheCommit) {
  const auto made = create("ci", {"audit"});
  auto revoked = send_to_directory(model::RevokeOperator{made.id});
  EXPECT_EQ(operators.all().size(), 2u);
  commit_all();
  EXPECT_TRUE(revoked->reply.ok());
  EXPECT_EQ(operators.all().size(), 1u);
  EXPECT_EQ(run(model::RevokeOperator{made.id}).error().code, Code::token_not_found);
  core = reopen();
  EXPECT_EQ(list().size(), 1u);
}

TEST_F(DirectoryOperatorsTest, SomebodyWhoMayDoEverythingIsAlwaysLeft) {
  create("ci", {"audit", "tenants"});
  const std::string short_lived = create("short", {"*"}, now + 1'000).id;
  const auto all = list();
  ASSERT_EQ(all[1].name, "first-operator");
  const std::string first = all[1].id;
  EXPECT_EQ(run(model::RevokeOperator{first}).error().code, Code::permission_denied) << "the other one expires soon";
  const std::string second = create("second", {"*"}).id;
  auto one = send_to_directory(model::RevokeOperator{first});
  auto other = send_to_directory(model::RevokeOperator{second});
  commit_all();
  EXPECT_TRUE(one->reply.ok());
  EXPECT_EQ(other->reply.error().code, Code::permission_denied) << "the first one's end was pending";
  now += 2'000;
  EXPECT_TRUE(run(model::RevokeOperator{short_lived}).ok()) << "it may nothing any more";
}

TEST_F(DirectoryOperatorsTest, WhomAnEarlierLeaderRevokedLastIsNoneWhenTheNextOneOpens) {
  operators.put({"revoked", std::string(32, 'r'), now});  // nobody told this node
  core = reopen();
  EXPECT_EQ(operators.find(std::string(32, 'r')), nullptr);
  EXPECT_NE(operators.find(std::string(32, 'f')), nullptr);
}

}  // namespace
}  // namespace coffer::actors
