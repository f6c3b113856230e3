// What the directory promises of groups that are added: it says so when they are committed, and places tenants where
// somebody leads. And of formats: a move waits for the oldest node.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::GroupId;

class DirectoryGroups : public ::testing::Test, public CoreFixture {
 protected:
  DirectoryGroups() {
    directory_deps.self = model::NodeId{1};
    directory_deps.groups_added = [this](const std::vector<GroupFounding>& groups) {
      for (const GroupFounding& group : groups) begun.push_back(group.id.value);
    };
    directory_deps.is_led = [this](GroupId group) { return !unled.contains(group.value); };
    reopen();
  }
  void reopen() {
    auto opened = DirectoryCore::open(directory_deps);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    core = std::move(*opened);
  }
  std::shared_ptr<TestCall> deliver(model::DirectoryOperation operation, std::vector<Submission>& out) {
    auto made = std::make_shared<TestCall>();
    calls.push_back(made);
    made->request.credential.kind = model::CredentialKind::operator_;
    made->request.operation = std::move(operation);
    core->handle(CallHandle(made.get()), out);
    return made;
  }
  model::Result<model::Reply> run(model::DirectoryOperation operation, bool commit = true) {
    std::vector<Submission> out;
    const auto made = deliver(std::move(operation), out);
    while (commit && !out.empty()) {
      const Submission next = std::move(out.front());
      out.erase(out.begin());
      apply_write_set(model::kMetaGroup, *next.write_set);
      core->committed(next.sequence, out);
    }
    return std::move(made->reply);
  }
  std::uint64_t place_of_new_tenant(const std::string& name) {
    model::CreateTenant create;
    create.name = name;
    return std::get<model::TenantReply>(run(create)->body).tenant.group.value;
  }
  Code announce(std::uint64_t node, std::uint32_t format) {
    auto made = std::make_shared<TestCall>();
    calls.push_back(made);
    made->request.credential.kind = model::CredentialKind::node;
    made->request.credential.principal = "node:" + std::to_string(node);
    made->request.operation = model::DirectoryOperation(model::AnnounceNode{model::NodeId{node}, "n:1", format});
    std::vector<Submission> out;
    core->handle(CallHandle(made.get()), out);
    for (const Submission& next : std::vector<Submission>(out)) {
      apply_write_set(model::kMetaGroup, *next.write_set);
      core->committed(next.sequence, out);
    }
    return made->reply.ok() ? Code::ok : made->reply.error().code;
  }

  std::vector<std::uint64_t> begun;
  std::set<std::uint64_t> unled;
  std::unique_ptr<DirectoryCore> core;
};

TEST_F(DirectoryGroups, AreBegunWhenTheyAreCommittedAndAtEachOpening) {
  EXPECT_TRUE(run(model::AddGroups{2, 4}, false).error().code == Code::unavailable) << "not answered yet";
  EXPECT_TRUE(begun.empty()) << "what is not committed is begun by nobody";
  reopen();
  const auto reply = run(model::AddGroups{2, 4});
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  EXPECT_EQ(std::get<model::ClusterStatusReply>(reply->body).data_groups, 6U);
  EXPECT_EQ(begun, (std::vector<std::uint64_t>{5, 6}));
  begun.clear();
  reopen();
  EXPECT_EQ(begun, (std::vector<std::uint64_t>{5, 6})) << "the next leader says it to its own node";
}

TEST_F(DirectoryGroups, AreToldOfToNobodyBeforeTheyAreCommitted) {
  std::vector<Submission> out;
  const auto ask = [&](model::DirectoryOperation operation) { return deliver(std::move(operation), out); };
  const auto first = ask(model::AddGroups{2, 4});
  const auto again = ask(model::AddGroups{2, 4});
  const auto look = ask(model::GetClusterStatus{});
  ASSERT_EQ(out.size(), 1U) << "asked again, it is added once";
  EXPECT_FALSE(first->completed || again->completed || look->completed) << "the leader may still lose it";
  apply_write_set(model::kMetaGroup, *out.front().write_set);
  core->committed(std::exchange(out, {}).front().sequence, out);
  for (const auto& call : {first, again, look}) {
    ASSERT_TRUE(call->completed && call->reply.ok());
    EXPECT_EQ(std::get<model::ClusterStatusReply>(call->reply->body).data_groups, 6U);
  }
  const auto lost = ask(model::AddGroups{1, 6});
  const auto repeated = ask(model::AddGroups{1, 6});
  core->refused(0, model::Error(Code::outcome_unknown));
  EXPECT_EQ(lost->reply.error().code, Code::outcome_unknown);
  EXPECT_EQ(repeated->reply.error().code, Code::unavailable) << "it has changed nothing itself";
}

TEST_F(DirectoryGroups, AreAwaitedByABoundedNumberOfCalls) {
  directory_deps.max_waiting = 2;
  std::vector<Submission> out;
  const auto ask = [&](model::DirectoryOperation operation) { return deliver(std::move(operation), out); };
  const auto first = ask(model::AddGroups{2, 4});
  const auto second = ask(model::GetClusterStatus{}), third = ask(model::GetClusterStatus{});
  const auto fourth = ask(model::GetClusterStatus{});
  EXPECT_FALSE(first->completed || second->completed || third->completed);
  ASSERT_TRUE(fourth->completed);
  EXPECT_EQ(fourth->reply.error().code, Code::overloaded);
  core->refused(0, model::Error(Code::outcome_unknown));
}

TEST_F(DirectoryGroups, TakeNewTenantsAsSoonAsSomebodyLeadsThem) {
  for (int i = 0; i < 8; ++i) place_of_new_tenant("t" + std::to_string(i));
  unled = {5};
  ASSERT_TRUE(run(model::AddGroups{1, 4}).ok());
  EXPECT_NE(place_of_new_tenant("early"), 5U) << "it would wait for a leader";
  unled = {};
  EXPECT_EQ(place_of_new_tenant("later"), 5U) << "the emptiest";
  EXPECT_EQ(run(model::MoveTenant{"later", GroupId{6}}).error().code, Code::invalid_argument)
      << "there is no such group";
  EXPECT_TRUE(run(model::MoveTenant{"early", GroupId{5}}).ok());
}

TEST_F(DirectoryGroups, ATenantIsPlacedSomewhereThoughNobodyLeadsAnything) {
  unled = {1, 2, 3, 4};
  EXPECT_EQ(place_of_new_tenant("a"), 1U);
  EXPECT_EQ(place_of_new_tenant("b"), 2U);
}

TEST_F(DirectoryGroups, AndMovesWaitUntilEveryNodeKnowsTheirFormat) {
  place_of_new_tenant("acme");
  ASSERT_EQ(announce(1, cluster::kFirstFormat), Code::ok);
  const auto move = run(model::MoveTenant{"acme", GroupId{3}});
  ASSERT_FALSE(move.ok());
  EXPECT_EQ(move.error().code, Code::not_active);
  EXPECT_THAT(std::string(move.error().message()), ::testing::HasSubstr("node 1"));
  EXPECT_EQ(run(model::AddGroups{1, 4}).error().code, Code::not_active);
  EXPECT_TRUE(begun.empty());
  ASSERT_EQ(announce(1, cluster::kMovesFormat), Code::ok);
  EXPECT_TRUE(run(model::MoveTenant{"acme", GroupId{3}}).ok());
  EXPECT_TRUE(run(model::AddGroups{1, 4}).ok());
}

}  // namespace
}  // namespace coffer::actors
