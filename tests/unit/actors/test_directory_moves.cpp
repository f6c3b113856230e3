// What the directory promises of moves: each goes forward, step by step, whoever says the steps and however often.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::GroupId;
using model::MoveStage;

class DirectoryMoves : public ::testing::Test, public CoreFixture {
 protected:
  DirectoryMoves() {
    directory_deps.tenant_moves = [this](const model::TenantInfo& mover) { told.push_back(mover); };
    core = std::move(*DirectoryCore::open(directory_deps));
  }
  model::Result<model::Reply> run(model::DirectoryOperation operation, bool of_node = false) {
    auto made = std::make_shared<TestCall>();
    calls.push_back(made);
    made->request.credential.kind = model::CredentialKind::operator_;
    made->request.credential.of_node = of_node;
    made->request.operation = std::move(operation);
    std::vector<Submission> out;
    core->handle(CallHandle(made.get()), out);
    while (!out.empty()) {
      const Submission next = std::move(out.front());
      out.erase(out.begin());
      apply_write_set(model::kMetaGroup, *next.write_set);
      core->committed(next.sequence, out);
    }
    EXPECT_EQ(made->completed, 1);
    return std::move(made->reply);
  }
  model::TenantInfo create(const std::string& name) {
    model::CreateTenant create;
    create.name = name;
    return std::get<model::TenantReply>(run(create)->body).tenant;
  }
  model::TenantInfo show(const std::string& name) {
    return std::get<model::TenantReply>(run(model::GetTenant{name})->body).tenant;
  }
  Code move(const std::string& name, std::uint64_t to) {
    const auto reply = run(model::MoveTenant{name, GroupId{to}});
    return reply.ok() ? Code::ok : reply.error().code;
  }
  Code advance(const model::TenantInfo& mover, std::uint32_t number, MoveStage stage, bool of_node = true) {
    const auto reply = run(model::AdvanceMove{mover.id, number, stage}, of_node);
    return reply.ok() ? Code::ok : reply.error().code;
  }
  std::uint64_t routed(const std::string& name) const {
    model::TenantRef ref;
    ref.name = name;
    return routing.find(ref)->group.value;
  }

  std::vector<model::TenantInfo> told;
  std::unique_ptr<DirectoryCore> core;
};

TEST_F(DirectoryMoves, ATenantBelongsToItsOldGroupUntilItIsInstalledInTheNewOne) {
  const auto mover = create("acme");
  ASSERT_EQ(mover.group, GroupId{1});
  EXPECT_EQ(move("acme", 3), Code::ok);
  EXPECT_EQ(routed("acme"), 1U);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.back().moving_to, GroupId{3});
  EXPECT_EQ(told.back().moves, 1U);
  EXPECT_EQ(advance(mover, 1, MoveStage::installed), Code::ok);
  EXPECT_EQ(routed("acme"), 3U);
  EXPECT_EQ(told.back().moved_from, GroupId{1});
  EXPECT_EQ(advance(mover, 1, MoveStage::cleaned), Code::ok);
  EXPECT_EQ(told.back().moved_from, GroupId{});
  EXPECT_EQ(show("acme").former_groups, std::vector<GroupId>{GroupId{1}}) << "a purge looks there, too";
}

TEST_F(DirectoryMoves, WhatIsSaidAgainOrTooLateChangesNothing) {
  const auto mover = create("acme");
  ASSERT_EQ(move("acme", 3), Code::ok);
  EXPECT_EQ(move("acme", 3), Code::ok) << "the same is asked again";
  EXPECT_EQ(show("acme").moves, 1U);
  EXPECT_EQ(advance(mover, 1, MoveStage::cleaned), Code::ok);
  EXPECT_EQ(routed("acme"), 1U) << "it is not installed yet";
  ASSERT_EQ(advance(mover, 1, MoveStage::installed), Code::ok);
  ASSERT_EQ(advance(mover, 1, MoveStage::cleaned), Code::ok);
  ASSERT_EQ(move("acme", 2), Code::ok);
  EXPECT_EQ(advance(mover, 1, MoveStage::installed), Code::ok);
  EXPECT_EQ(routed("acme"), 3U) << "that was the first move";
  EXPECT_EQ(show("acme").moving_to, GroupId{2});
}

TEST_F(DirectoryMoves, OneAtATimeAndNoDeletionMeanwhile) {
  const auto mover = create("acme");
  ASSERT_EQ(move("acme", 3), Code::ok);
  EXPECT_EQ(move("acme", 2), Code::not_active);
  EXPECT_EQ(run(model::DeleteTenant{"acme", {}, false, 0}).error().code, Code::unavailable);
  ASSERT_EQ(advance(mover, 1, MoveStage::installed), Code::ok);
  EXPECT_EQ(move("acme", 2), Code::not_active) << "its old rows are still there";
  ASSERT_EQ(advance(mover, 1, MoveStage::cleaned), Code::ok);
  EXPECT_EQ(move("acme", 2), Code::ok);
}

TEST_F(DirectoryMoves, OnlyNodesSayTheSteps) {
  const auto mover = create("acme");
  ASSERT_EQ(move("acme", 3), Code::ok);
  EXPECT_EQ(advance(mover, 1, MoveStage::installed, false), Code::permission_denied);
  EXPECT_EQ(run(model::PauseMoves{1000}).error().code, Code::permission_denied);
}

TEST_F(DirectoryMoves, AGroupThatIsNoneIsRefused) {
  create("acme");
  EXPECT_EQ(move("acme", 0), Code::invalid_argument);
  EXPECT_EQ(move("acme", 5), Code::invalid_argument);
  EXPECT_EQ(move("nobody", 2), Code::tenant_not_found);
  EXPECT_EQ(move("acme", 1), Code::ok) << "there it is already";
  EXPECT_EQ(show("acme").moves, 0U);
}

TEST_F(DirectoryMoves, AreTakenUpByTheNextLeaderOfTheDirectory) {
  const auto mover = create("acme");
  ASSERT_EQ(move("acme", 3), Code::ok);
  told.clear();
  core = std::move(*DirectoryCore::open(directory_deps));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().moving_to, GroupId{3});
  EXPECT_EQ(advance(mover, 1, MoveStage::installed), Code::ok);
  EXPECT_EQ(routed("acme"), 3U);
}

TEST_F(DirectoryMoves, NoneBeginsWhileABackupIsOpenedAndThoseUnderWayAreNamed) {
  create("acme");
  create("globex");
  ASSERT_EQ(move("acme", 3), Code::ok);
  const auto paused = run(model::PauseMoves{10'000}, true);
  ASSERT_TRUE(paused.ok());
  const auto& moving = std::get<model::TenantsReply>(paused->body).tenants;
  ASSERT_EQ(moving.size(), 1U);
  EXPECT_EQ(moving.front().name, "acme");
  EXPECT_EQ(move("globex", 3), Code::not_active);
  core = std::move(*DirectoryCore::open(directory_deps));
  EXPECT_EQ(move("globex", 3), Code::not_active) << "also by the next leader";
  now += 10'001;
  EXPECT_EQ(move("globex", 3), Code::ok);
}

TEST_F(DirectoryMoves, BalanceMovesTenantsUntilTheGroupsHaveAsMany) {
  std::map<std::string, model::TenantInfo> tenants;
  for (int n = 0; n < 12; ++n) tenants["t" + std::to_string(n)] = create("t" + std::to_string(n));
  const auto carry_through = [&] {
    for (auto& [name, mover] : tenants) {
      mover = show(name);
      if (mover.moving_to.value != 0) advance(mover, mover.moves, MoveStage::installed);
      if (show(name).moved_from.value != 0) advance(mover, mover.moves, MoveStage::cleaned);
    }
  };
  for (auto& [name, mover] : tenants) {
    ASSERT_EQ(move(name, 1), Code::ok);
    carry_through();
  }
  ASSERT_TRUE(run(model::BalanceCluster{}).ok());
  for (int round = 0; round < 4; ++round) carry_through();
  std::map<std::uint64_t, int> count;
  for (const auto& [name, mover] : tenants) ++count[show(name).group.value];
  EXPECT_EQ(count, (std::map<std::uint64_t, int>{{1, 3}, {2, 3}, {3, 3}, {4, 3}}));
}

TEST_F(DirectoryMoves, ANodeLowOnDiskPausesAndEndsMovesForABackupAndBeginsNone) {
  std::atomic<bool> low{false};
  directory_deps.room.read_only = &low;
  core = std::move(*DirectoryCore::open(directory_deps));
  const auto mover = create("acme");
  create("other");
  ASSERT_EQ(move("acme", 3), Code::ok);
  low = true;
  EXPECT_EQ(move("other", 3), Code::unavailable);
  const auto paused = run(model::PauseMoves{1000}, true);
  ASSERT_TRUE(paused.ok()) << paused.error().message();
  EXPECT_EQ(std::get<model::TenantsReply>(paused->body).tenants.size(), 1U) << "acme is on its way";
  EXPECT_EQ(advance(mover, 1, MoveStage::installed), Code::ok);
  EXPECT_EQ(advance(mover, 1, MoveStage::cleaned), Code::ok);
  const auto again = run(model::PauseMoves{1000}, true);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(std::get<model::TenantsReply>(again->body).tenants.empty());
}

TEST_F(DirectoryMoves, BalanceBeginsNoMoveWhileTheDiskIsLowAndGoesOnAfterwards) {
  std::atomic<bool> low{false};
  directory_deps.room.read_only = &low;
  core = std::move(*DirectoryCore::open(directory_deps));
  std::vector<model::TenantInfo> all;
  for (int n = 0; n < 16; ++n) all.push_back(create("t" + std::to_string(n)));
  // Everybody into one group, and back by balance, in two rounds.
  for (const model::TenantInfo& one : all) {
    if (one.group == GroupId{1}) continue;
    ASSERT_EQ(move(one.name, 1), Code::ok);
    ASSERT_EQ(advance(one, 1, MoveStage::installed), Code::ok);
    ASSERT_EQ(advance(one, 1, MoveStage::cleaned), Code::ok);
  }
  const auto moving = [this] {
    std::vector<model::TenantInfo> found;
    for (int n = 0; n < 16; ++n) {
      const auto info = show("t" + std::to_string(n));
      if (info.moving_to.value != 0 || info.moved_from.value != 0) found.push_back(info);
    }
    return found;
  };
  ASSERT_TRUE(run(model::BalanceCluster{}).ok());
  const auto begun = moving();
  ASSERT_FALSE(begun.empty());
  low = true;
  for (const model::TenantInfo& one : begun) {
    ASSERT_EQ(advance(one, one.moves, MoveStage::installed), Code::ok);
    ASSERT_EQ(advance(one, one.moves, MoveStage::cleaned), Code::ok);
  }
  EXPECT_TRUE(moving().empty()) << "none begins by itself";
  low = false;
  create("more");
  EXPECT_FALSE(moving().empty()) << "with the directory's next change";
}

}  // namespace
}  // namespace coffer::actors
