// A tenant that moves: what leaves its old group, what arrives in the new one, what becomes of a move that is interrupted
// between any two of its steps, and what the tenant does meanwhile.

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
    MoveOrder order = mover.order();
    if (is_old) {  // what an older program does not know, it does not read
      order.read.live = order.read.changed = false;
      order.read.trace = order.fence.trace = {};
    }
    switch (order.kind) {
      case Kind::look: return mover.looked(look(kTo));
      case Kind::fence: {
        auto done = ask(from, order.fence);
        return done ? mover.fenced(std::move(done->body)) : mover.fenced(done.error());
      }
      case Kind::read: {
        order.read.bytes = piece_bytes;
        auto rows = ask(from, order.read);
        if (!rows) return mover.read(rows.error());
        auto& reply = std::get<model::MovingReply>(rows->body);
        if (from.has_left()) carried_behind_the_fence += reply.rows.size();
        return mover.read(std::move(reply));
      }
      case Kind::show: return mover.shown(*rows_of_piece(rows_in(kTo), order, 3, 1 << 20));
      case Kind::list: ADD_FAILURE() << "only the sweeper asks for names"; break;
      case Kind::write:
        written += order.rows.size();
        return mover.wrote(write(kTo, order) ? model::Status() : model::Status(model::Error(Code::cas_mismatch)));
      case Kind::tell: ++told; return mover.told({});
      case Kind::done: break;
    }
  }
  void carry(TenantMover& mover) {
    while (!mover.is_done()) step(mover, *core);
    ASSERT_EQ(mover.failure(), nullptr) << mover.failure()->message();
  }
  /// Steps until that is the next order, or the move is over.
  template <class IsNext>
  void step_until(TenantMover& mover, const IsNext& is_next) {
    while (!mover.is_done() && !is_next(mover.order())) step(mover, *core);
  }
  /// The tenant has moved, and all of its rows have arrived as they are, and no others.
  void expect_all_arrived() {
    EXPECT_TRUE(owns(kTo));
    EXPECT_FALSE(owns(kFrom));
    auto there = all_rows(kTo), here = all_rows(kFrom);
    for (const char* own : {storage::kHeaderRow, storage::kMoveRow}) {
      there.erase(own);
      here.erase(own);
    }
    EXPECT_EQ(there, here);
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
  bool is_old = false;  // the program that leads the old group
  std::uint32_t piece_bytes = 100;
  std::size_t written = 0, carried_behind_the_fence = 0;
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(TenantMoveTest, EverythingArrivesAndTheRevisionsGoOn) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, put("b", "2"), "request-1").ok());
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  carry(mover);
  EXPECT_EQ(told, 1);
  expect_all_arrived();

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
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
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
  for (const bool live : {false, true}) {
    EXPECT_EQ(run(*core, model::ReadMoving{kNumber, {}, 100, live}).error().code, Code::permission_denied);
  }
}

TEST_F(TenantMoveTest, AMoveThatIsOverDoesNotFenceTheTenantAgain) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  while (!mover.is_done()) step(mover, *core);
  EXPECT_EQ(ask(*open_in(kTo), model::FenceTenant{kNumber, kFrom}).error().code, Code::not_active);
  EXPECT_EQ(ask(*open_in(kTo), model::ReadMoving{kNumber, {}, 100, true}).error().code, Code::not_active)
      << "nor does it show the tenant";
}

/// A move whose mover is gone after so many steps; the next one begins anew.
class InterruptedMove : public TenantMoveTest, public ::testing::WithParamInterface<int> {};

TEST_P(InterruptedMove, IsCarriedThroughByTheNextLeader) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "v")).ok());
  TenantMover first(kNumber, kFrom, kTo, "one");
  for (int steps = GetParam(); steps > 0 && !first.is_done(); --steps) {
    step(first, *core);
    EXPECT_FALSE(owns(kFrom) && owns(kTo)) << "there are two owners";
  }
  core = open_in(kFrom);  // the old group's leader is another, too
  TenantMover second(kNumber, kFrom, kTo, "two");
  carry(second);
  expect_all_arrived();
  auto there = open_in(kTo);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(run(*there, get("n" + std::to_string(i))).ok()) << i;
  EXPECT_EQ(all_rows(kTo).size(), 6U * 3U + 2U) << "entries, payloads, changes, header and keys, and nothing else";
}
INSTANTIATE_TEST_SUITE_P(AnyStep, InterruptedMove, ::testing::Range(0, 80));

/// Something happens to the tenant before so many steps, of four kinds: another node leads its group, it is written to and
/// rows of it go, a write is under way, it is written to and then led by another node.
class DisturbedMove : public TenantMoveTest, public ::testing::WithParamInterface<int> {
 protected:
  void disturb(int what) {
    if (core->has_left()) return;
    if (what == 1 || what == 3) {  // the oldest change and the oldest request go, too
      ASSERT_TRUE(run(*core, put("n2", std::to_string(now)), "r" + std::to_string(now)).ok());
      ASSERT_TRUE(run(*core, put("new" + std::to_string(now), "v")).ok());
    }
    if (what == 2) {
      auto pending = call(put("n3", std::to_string(now)));
      send(*core, *pending);  // is committed behind the mover's next question
    }
    if (what == 0 || what == 3) core = open_in(kFrom);
    now += 700'000;
  }
};

TEST_P(DisturbedMove, BringsAllThatChangedMeanwhileAndNothingThatHasGone) {
  deps.kept_changes = 4;
  deps.kept_requests = 1;
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "v"), "q" + std::to_string(i)).ok());
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  for (int steps = 0; !mover.is_done(); ++steps) {
    if (steps == GetParam() / 4 || steps == GetParam() / 4 + 9) disturb(GetParam() % 4);
    step(mover, *core);
    EXPECT_FALSE(owns(kFrom) && owns(kTo)) << "there are two owners";
  }
  ASSERT_EQ(mover.failure(), nullptr) << mover.failure()->message();
  commit_all(*core);
  expect_all_arrived();
}
INSTANTIATE_TEST_SUITE_P(AnyStep, DisturbedMove, ::testing::Range(0, 4 * 80));

TEST_F(TenantMoveTest, ATenantThatIsWrittenToBeforeEachStepArrivesWhole) {
  deps.kept_changes = 5;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "v")).ok());
  piece_bytes = 2000;
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  for (int steps = 0; !mover.is_done() && steps < 10'000; ++steps) {
    if (!core->has_left()) {
      ASSERT_TRUE(run(*core, put("n" + std::to_string(steps % 30), std::to_string(steps))).ok());
    }
    step(mover, *core);
  }
  ASSERT_TRUE(mover.is_done()) << "it never came to the fence";
  expect_all_arrived();
  EXPECT_EQ(carried_behind_the_fence, 0U);
}

TEST_F(TenantMoveTest, ATenantThatAlwaysChangesMuchIsFencedInTheEnd) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  piece_bytes = 1 << 20;
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  int number = 0;
  for (int steps = 0; !mover.is_done() && steps < 10'000; ++steps) {
    for (int i = 0; i < 30 && !core->has_left(); ++i) ASSERT_TRUE(run(*core, put(std::to_string(++number), "v")).ok());
    step(mover, *core);
  }
  ASSERT_TRUE(mover.is_done()) << "it never came to the fence";
  expect_all_arrived();
}

TEST_F(TenantMoveTest, BehindTheFenceComesOnlyWhatChangedHoweverMuchThereIs) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "v")).ok());
  piece_bytes = 4000;
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  step_until(mover, [](const MoveOrder& order) { return order.kind == Kind::fence; });
  EXPECT_GT(written, 900U);
  EXPECT_FALSE(core->has_left());
  ASSERT_TRUE(run(*core, put("n7", "w")).ok());
  written = 0;
  carry(mover);
  expect_all_arrived();
  EXPECT_EQ(carried_behind_the_fence, 0U) << "nothing was asked for again";
  EXPECT_EQ(written, 3U + 3U) << "entry, payload and change; keys, header and mark";
}

TEST_F(TenantMoveTest, WhatAnEarlierAttemptCopiedIsNotWrittenAgain) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "v")).ok());
  piece_bytes = 1000;
  TenantMover first(kNumber, kFrom, kTo, "one");
  step_until(first, [](const MoveOrder& order) { return order.kind == Kind::fence; });
  storage::StateWriter writer(*engine);
  writer.apply(
      kTo, model::Generation{1}, tenant,
      std::vector<storage::RowChange>{{"e" + std::string(32, 'x'), "gone at the old place"}, {"zz", "likewise"}});
  ASSERT_TRUE(writer.write().ok());
  ASSERT_TRUE(run(*core, put("n7", "w")).ok());
  written = 0;
  TenantMover second(kNumber, kFrom, kTo, "two");
  carry(second);
  expect_all_arrived();
  EXPECT_EQ(written, 1U + 3U + 2U + 3U) << "the mark; what changed; what is gone; keys, header and mark";
}

TEST_F(TenantMoveTest, AnOlderProgramsTenantIsFencedFirst) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "v")).ok());
  is_old = true;
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  carry(mover);
  expect_all_arrived();
  EXPECT_GT(carried_behind_the_fence, 18U);
}

TEST_F(TenantMoveTest, MoreThanAMebibyteOfChangesGoesOverBeforeTheFence) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  step_until(mover, [](const MoveOrder& order) { return order.kind == Kind::fence; });
  for (const char* name : {"b", "c", "d"}) ASSERT_TRUE(run(*core, put(name, std::string(700'000, 'x'))).ok());
  step(mover, *core);
  EXPECT_FALSE(core->has_left());
  carry(mover);
  expect_all_arrived();
  EXPECT_EQ(carried_behind_the_fence, 0U);
}

TEST_F(TenantMoveTest, AShardThatDoesNotKnowWhatChangedDoesNotFence) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
  step_until(mover, [](const MoveOrder& order) { return order.kind == Kind::fence; });
  core = open_in(kFrom);
  ASSERT_TRUE(run(*core, put("a", "2")).ok());
  step(mover, *core);
  EXPECT_FALSE(core->has_left());
  carry(mover);
  expect_all_arrived();
  EXPECT_EQ(entry_of(run(*open_in(kTo), get("a"))).payload->content.expose(), "2");
  EXPECT_EQ(carried_behind_the_fence, 0U);
}

TEST(MoveTraceTest, TellsRowsInTheOrderInWhichTheyChangedLast) {
  MoveTrace trace("id");
  trace.note(1, "a");
  trace.note(1, "b");
  trace.note(2, "a");
  const std::vector<MoveTrace::Place> all(trace.behind({}), trace.end());
  EXPECT_EQ(all, (std::vector<MoveTrace::Place>{{1, "b"}, {2, "a"}}));
  trace.forget({1, "b"});
  EXPECT_TRUE(trace.knows({1, "b"}));
  EXPECT_FALSE(trace.knows({}));
  EXPECT_EQ(trace.behind({1, "b"})->second, "a");
}

TEST(MoveTraceTest, SaysThatItHasLostSomething) {
  MoveTrace trace("id", 2);
  for (const char* row : {"a", "b", "a"}) trace.note(1, row);
  EXPECT_TRUE(trace.knows({}));
  trace.note(2, "c");
  EXPECT_FALSE(trace.knows({}));
  EXPECT_FALSE(trace.knows({9, "z"}));
  EXPECT_TRUE(trace.is_lost());
}

TEST_F(TenantMoveTest, RowsOfAnInterruptedAttemptAreNotWrittenOverWhatWasInstalled) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover late(kNumber, kFrom, kTo, "one");
  while (late.order().kind != Kind::write || late.order().rows.front().row == storage::kMoveRow) step(late, *core);
  TenantMover mover(kNumber, kFrom, kTo, "two");
  while (!mover.is_done()) step(mover, *core);
  auto there = open_in(kTo);
  ASSERT_TRUE(run(*there, put("a", "2")).ok());
  EXPECT_FALSE(write(kTo, late.order()));
  EXPECT_EQ(entry_of(run(*open_in(kTo), get("a"))).payload->content.expose(), "2");
}

TEST_F(TenantMoveTest, WhatStaysBehindIsAMarkThatRefuses) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  TenantMover mover(kNumber, kFrom, kTo, "attempt");
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
