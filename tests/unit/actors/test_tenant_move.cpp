// A tenant that moves: what leaves its old group, what arrives in the new one, and what becomes of a move that is
// interrupted between any two of its steps.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::GroupId;
using Kind = MoveOrder::Kind;

constexpr std::uint32_t kNumber = 1;

class TenantMoveTest : public ::testing::Test, public CoreFixture {
 protected:
  /// As a node asks.
  model::Result<model::Reply> ask(TenantCore& of, model::TenantOperation operation) {
    auto made = call(std::move(operation));
    made->request.credential.kind = model::CredentialKind::operator_;
    made->request.credential.of_node = true;
    send(of, *made);
    commit_all(of);
    EXPECT_EQ(made->completed, 1);
    return std::move(made->reply);
  }
  /// Whatever commits from now on, commits there.
  std::unique_ptr<TenantCore> open_in(GroupId where) {
    home = where;
    auto opened = TenantCore::open(deps, {tenant, where, model::Generation{1}, 1, {}});
    EXPECT_TRUE(opened.ok());
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  storage::TenantRows rows_in(GroupId where) const { return {*engine, where, model::Generation{1}, tenant}; }
  std::map<std::string, std::string> all_rows(GroupId group) const {
    std::map<std::string, std::string> all;
    const auto rows = rows_in(group);
    for (auto scan = rows.scan("", ""); scan->valid(); scan->next()) {
      all.emplace(rows.row_of(scan->key()), scan->value());
    }
    return all;
  }
  MoveFindings look(GroupId group) const {
    return {*rows_in(group).get(storage::kMoveRow), rows_in(group).get(storage::kHeaderRow)->has_value()};
  }
  /// Carries out one order; false: its condition does not hold any more.
  bool write(GroupId group, const MoveOrder& order) {
    if (*rows_in(group).get(storage::kMoveRow) != order.condition.value) return false;
    storage::StateWriter writer(*engine);
    writer.apply(group, model::Generation{1}, tenant, order.rows);
    EXPECT_TRUE(writer.write().ok());
    return true;
  }
  std::vector<std::string> list(GroupId group) const {
    std::vector<std::string> names;
    for (const auto& [row, value] : all_rows(group)) {
      if (row != storage::kMoveRow && names.size() < 3) names.push_back(row);
    }
    return names;
  }
  /// One order of the mover's, as the node that leads group 2 does it.
  void step(TenantMover& mover, TenantCore& from) {
    const MoveOrder order = mover.order();
    switch (order.kind) {
      case Kind::look: return mover.looked(look(kTo));
      case Kind::fence: {
        auto done = ask(from, model::FenceTenant{kNumber, kTo});
        return mover.fenced(done ? model::Status() : model::Status(done.error()));
      }
      case Kind::read: {
        auto rows = ask(from, model::ReadMoving{kNumber, order.after, 100});
        if (!rows) return mover.read(rows.error());
        return mover.read(std::get<model::MovingReply>(rows->body));
      }
      case Kind::list: return mover.listed(list(kTo));
      case Kind::write:
        return mover.wrote(write(kTo, order) ? model::Status() : model::Status(model::Error(Code::cas_mismatch)));
      case Kind::tell: ++told; return mover.told({});
      case Kind::done: break;
    }
  }
  void sweep_out() {
    TenantSweeper sweeper(kNumber, kTo);
    while (!sweeper.is_done()) {
      const MoveOrder order = sweeper.order();
      if (order.kind == Kind::look) sweeper.looked(look(kFrom));
      if (order.kind == Kind::list) sweeper.listed(list(kFrom));
      if (order.kind == Kind::write) {
        sweeper.wrote(write(kFrom, order) ? model::Status() : model::Status(model::Error(Code::cas_mismatch)));
      }
      if (order.kind == Kind::tell) sweeper.told({});
    }
    EXPECT_EQ(sweeper.failure(), nullptr);
  }
  bool owns(GroupId group) const { return !look(group).mark && look(group).has_header; }

  static constexpr GroupId kFrom{1}, kTo{2};
  int told = 0;
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(TenantMoveTest, EverythingArrivesAndTheRevisionsGoOn) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, put("b", "2"), "request-1").ok());
  TenantMover mover(kNumber, kFrom, "attempt");
  while (!mover.is_done()) step(mover, *core);
  ASSERT_EQ(mover.failure(), nullptr) << mover.failure()->message();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(owns(kTo));
  EXPECT_FALSE(owns(kFrom));

  auto there = open_in(kTo);
  EXPECT_EQ(entry_of(run(*there, get("a"))).payload->content.expose(), "1");
  const auto again = run(*there, put("b", "2"), "request-1");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(entry_of(again).version, 1U) << "the memory of request ids came along";
  EXPECT_EQ(run(*there, put("b", "3"), "request-1").error().code, Code::request_id_reused);
  const auto next = run(*there, put("a", "4"));
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->revision, (model::Revision{2, 4})) << "the fence was the third";
}

TEST_F(TenantMoveTest, AWatchFromBeforeTheMoveGoesOnBehindItWithoutAGap) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, put("b", "2")).ok());
  auto waiting = call([] {
    model::Watch watch;
    watch.from.counter = 3;
    watch.wait_ms = 10'000;
    return watch;
  }());
  send(*core, *waiting);
  TenantMover mover(kNumber, kFrom, "attempt");
  while (!mover.is_done()) step(mover, *core);
  EXPECT_EQ(waiting->completed, 1) << "whoever waits in the old group is sent to the new one";
  EXPECT_EQ(waiting->reply.error().code, Code::unavailable);
  auto there = open_in(kTo);
  ASSERT_TRUE(run(*there, put("c", "3")).ok());
  model::Watch watch;
  watch.from = {1, 2};
  const auto reply = run(*there, watch);
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  const auto& changes = std::get<model::WatchReply>(reply->body).changes;
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].name, "b");
  EXPECT_EQ(changes[1].name, "c");
  EXPECT_EQ(changes[1].revision, 4U);
}

TEST_F(TenantMoveTest, FromTheFenceOnTheOldGroupAnswersNothing) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, get("a")).ok());
  auto fence = call(model::FenceTenant{kNumber, kTo});
  fence->request.credential.kind = model::CredentialKind::operator_;
  fence->request.credential.of_node = true;
  send(*core, *fence);
  ASSERT_EQ(fence->completed, 0) << "not before it is committed";
  auto late = call(put("a", "2"));
  send(*core, *late);
  EXPECT_EQ(late->reply.error().code, Code::unavailable) << "what is decided behind the fence would be lost";
  auto read = call(get("a"));
  model::Result<model::Reply> reply{Code::internal};
  EXPECT_FALSE(core->get_from_memory(read->request, reply)) << "nor is it read from memory";
  commit_all(*core);
  EXPECT_EQ(fence->completed, 1);
  EXPECT_TRUE(core->has_left());
  EXPECT_EQ(run(*open_in(kFrom), get("a")).error().code, Code::unavailable);
}

TEST_F(TenantMoveTest, RowsAreShownOnlyWhenTheFenceIsAmongThem) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  EXPECT_EQ(ask(*core, model::ReadMoving{kNumber, {}, 100}).error().code, Code::not_active);
  auto fence = call(model::FenceTenant{kNumber, kTo});
  fence->request.credential.kind = model::CredentialKind::operator_;
  fence->request.credential.of_node = true;
  send(*core, *fence);
  commit(*core, false);  // committed, not applied
  EXPECT_EQ(ask(*core, model::ReadMoving{kNumber, {}, 100}).error().code, Code::unavailable);
}

TEST_F(TenantMoveTest, OnlyNodesFenceAndRead) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  EXPECT_EQ(run(*core, model::FenceTenant{kNumber, kTo}).error().code, Code::permission_denied);
  EXPECT_EQ(run(*core, model::ReadMoving{kNumber, {}, 100}).error().code, Code::permission_denied);
}

TEST_F(TenantMoveTest, AMoveThatIsOverDoesNotFenceTheTenantAgain) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover mover(kNumber, kFrom, "attempt");
  while (!mover.is_done()) step(mover, *core);
  EXPECT_EQ(ask(*open_in(kTo), model::FenceTenant{kNumber, kFrom}).error().code, Code::not_active);
}

/// A move whose mover is gone after so many steps; the next one begins anew. False: it was over before.
class InterruptedMove : public TenantMoveTest, public ::testing::WithParamInterface<int> {};

TEST_P(InterruptedMove, IsCarriedThroughByTheNextLeader) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "v")).ok());
  TenantMover first(kNumber, kFrom, "one");
  for (int steps = GetParam(); steps > 0 && !first.is_done(); --steps) {
    step(first, *core);
    EXPECT_FALSE(owns(kFrom) && owns(kTo)) << "there are two owners";
  }
  core = open_in(kFrom);  // the old group's leader is another, too
  const auto before = all_rows(kFrom);
  TenantMover second(kNumber, kFrom, "two");
  while (!second.is_done()) step(second, *core);
  ASSERT_EQ(second.failure(), nullptr) << second.failure()->message();
  EXPECT_TRUE(owns(kTo));
  auto there = open_in(kTo);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(run(*there, get("n" + std::to_string(i))).ok()) << i;
  EXPECT_EQ(all_rows(kTo).size(), 6U * 3U + 2U) << "entries, payloads, changes, header and keys, and nothing else";
}
INSTANTIATE_TEST_SUITE_P(AnyStep, InterruptedMove, ::testing::Range(0, 30));

TEST_F(TenantMoveTest, RowsOfAnInterruptedAttemptAreNotWrittenOverWhatWasInstalled) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover late(kNumber, kFrom, "one");
  while (late.order().kind != Kind::write || late.order().rows.front().row == storage::kMoveRow) step(late, *core);
  TenantMover mover(kNumber, kFrom, "two");
  while (!mover.is_done()) step(mover, *core);
  auto there = open_in(kTo);
  ASSERT_TRUE(run(*there, put("a", "2")).ok());
  EXPECT_FALSE(write(kTo, late.order()));
  EXPECT_EQ(entry_of(run(*open_in(kTo), get("a"))).payload->content.expose(), "2");
}

TEST_F(TenantMoveTest, WhatStaysBehindIsAMarkThatRefuses) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover mover(kNumber, kFrom, "attempt");
  while (!mover.is_done()) step(mover, *core);
  sweep_out();
  const auto left = all_rows(kFrom);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(decode_mark(left.at(storage::kMoveRow))->state, MoveMark::State::gone);
  auto stale = open_in(kFrom);
  EXPECT_EQ(run(*stale, put("a", "2")).error().code, Code::unavailable) << "no new tenant is born of an old route";
  EXPECT_EQ(ask(*stale, model::ReadMoving{kNumber, {}, 100}).error().code, Code::not_active);
}

}  // namespace
}  // namespace coffer::actors
