// The checker of histories: what it must accept, and hand-broken histories that it must refuse.

#include "tests/sim/history.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "tests/sim/search_oracle.hpp"
#include "tests/sim/sim.hpp"

namespace coffer::sim {
namespace {

/// Builds operations on keys 0, 1, ... in a few words.
struct Script {
  std::vector<Op> ops;

  Op& add(OpKind kind, std::uint64_t invoked, std::uint64_t returned) {
    Op op;
    op.id = ops.size() + 1;
    op.kind = kind;
    op.invoked = invoked;
    op.returned = returned;
    op.outcome = returned == 0 ? Outcome::unknown : Outcome::ok;
    return ops.emplace_back(std::move(op));
  }
  Op& put(std::uint64_t invoked, std::uint64_t returned, std::size_t key, std::uint64_t value, std::uint64_t revision,
          std::uint64_t version, std::optional<std::uint64_t> expected = {}) {
    Op& op = add(OpKind::put, invoked, returned);
    op.changes = {{key, false, value, expected}};
    op.revision = op.committed_at = revision;
    op.versions = {version};
    return op;
  }
  Op& del(std::uint64_t invoked, std::uint64_t returned, std::size_t key, std::uint64_t revision) {
    Op& op = add(OpKind::del, invoked, returned);
    op.changes = {{key, true, 0, std::nullopt}};
    op.revision = op.committed_at = revision;
    return op;
  }
  Op& get(std::uint64_t invoked, std::uint64_t returned, std::size_t key, std::uint64_t revision, Seen seen) {
    Op& op = add(OpKind::get, invoked, returned);
    op.keys = {key};
    op.seen = {seen};
    op.revision = revision;
    return op;
  }
  bool holds() const { return !find_contradiction(ops); }
};

/// Two writers and a reader whose operations overlap.
Script sound() {
  Script s;
  s.put(10, 30, 0, 100, 1, 1);
  s.put(20, 50, 1, 200, 2, 1);
  s.get(40, 60, 0, 1, {1, 100});  // the other write is still under way
  s.put(55, 80, 0, 101, 3, 2, 1);
  s.get(70, 90, 0, 3, {2, 101});
  s.del(85, 100, 0, 4);
  s.get(110, 120, 1, 4, {1, 200});
  return s;
}

TEST(HistoryTest, ASoundHistoryHolds) {
  EXPECT_TRUE(sound().holds());
  EXPECT_TRUE(has_linear_order(sound().ops));
}

TEST(HistoryTest, AReadOfAnOlderStateThanWasAnsweredBeforeItBeganIsRefused) {
  Script s = sound();
  s.get(95, 99, 0, 1, {1, 100});
  EXPECT_FALSE(s.holds());
  Script t = sound();
  t.get(75, 79, 0, 2, {1, 100});  // the newer write is not answered yet
  EXPECT_TRUE(t.holds());
}

TEST(HistoryTest, ALostWriteIsRefused) {
  Script s = sound();
  s.put(130, 140, 1, 201, 5, 2);
  s.get(150, 160, 1, 5, {1, 200});
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, AnAcknowledgedWriteThatIsNotInTheLogIsRefused) {
  Script s = sound();
  s.put(130, 140, 1, 201, 0, 2);
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, AValueThatNobodyWroteIsRefused) {
  Script s = sound();
  s.ops[4].seen = {{2, 999}};
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, AWrongVersionIsRefused) {
  Script s = sound();
  s.ops[3].versions = {3};
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, TwoWritesWithOneRevisionAreRefused) {
  Script s = sound();
  s.ops[1].revision = s.ops[1].committed_at = 1;
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, AWriteThatStandsBeforeWhatWasAnsweredBeforeItBeganIsRefused) {
  Script s;
  s.put(10, 20, 0, 100, 2, 1);
  s.put(30, 40, 1, 200, 1, 1);
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, AnAnswerFromTheFutureIsRefused) {
  Script s = sound();
  s.get(5, 9, 0, 1, {1, 100});
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, AConditionThatDidNotHoldWhenItWasAppliedIsRefused) {
  Script s = sound();
  s.ops[3].changes[0].expected = 7;
  EXPECT_FALSE(s.holds());
}

TEST(HistoryTest, AFailedConditionMustHaveFailedAtSomeMomentOfTheOperation) {
  Script s = sound();
  Op& op = s.put(130, 140, 1, 300, 0, 0, 1);
  op.outcome = Outcome::failed;
  op.versions.clear();
  EXPECT_FALSE(s.holds()) << "version 1 was there all the time";
  s.ops.back().changes[0].expected = 2;
  EXPECT_TRUE(s.holds());
}

TEST(HistoryTest, AMissingEntryMustHaveBeenMissing) {
  Script s = sound();
  Op& op = s.get(130, 140, 1, 0, {});
  op.outcome = Outcome::failed;
  EXPECT_FALSE(s.holds());
  s.ops.back().keys = {0};
  EXPECT_TRUE(s.holds());
}

TEST(HistoryTest, WhatWasAnsweredAsNotAppliedMustNotBeInTheLog) {
  for (const Outcome outcome : {Outcome::refused, Outcome::failed}) {
    Script s = sound();
    s.put(130, 140, 1, 300, 5, 2).outcome = outcome;
    EXPECT_FALSE(s.holds());
  }
  Script t = sound();
  Op& op = t.put(130, 140, 1, 300, 5, 2);
  op.outcome = Outcome::failed;
  op.is_certain = false;  // an earlier attempt was under way
  EXPECT_TRUE(t.holds());
}

TEST(HistoryTest, AWriteWithUnknownOutcomeCountsFromWhereTheLogHasIt) {
  Script s = sound();
  s.put(130, 0, 1, 300, 5, 2);
  s.get(140, 150, 1, 4, {1, 200});  // not yet
  s.get(160, 170, 1, 5, {2, 300});
  EXPECT_TRUE(s.holds());
  s.get(180, 190, 1, 4, {1, 200});
  EXPECT_FALSE(s.holds()) << "somebody has seen it";
}

TEST(HistoryTest, ATransactionIsSeenWholeOrNotAtAll) {
  Script s = sound();
  Op& both = s.add(OpKind::transact, 130, 150);
  both.changes = {{0, false, 400, {}}, {1, false, 401, {}}};
  both.revision = both.committed_at = 5;
  both.versions = {3, 2};
  Op& batch = s.add(OpKind::batch, 140, 160);
  batch.keys = {0, 1};
  batch.revision = 5;
  batch.seen = {{3, 400}, {2, 401}};
  EXPECT_TRUE(s.holds());
  s.ops.back().seen = {{3, 400}, {1, 200}};
  EXPECT_FALSE(s.holds());
}

// ---- the fast checker and the search, on histories that nobody chose

/// Clients over a model that is linearizable by construction: each operation takes effect at one moment between its
/// invocation and its end; some never get an answer, and of those some never take effect.
std::vector<Op> random_history(Rng& rng, std::size_t n) {
  struct Moment {
    std::uint64_t time;
    std::size_t op;
  };
  std::vector<Op> ops;
  std::vector<Moment> moments;
  for (std::size_t i = 0; i < n; ++i) {
    Op op;
    op.id = i + 1;
    op.invoked = rng.between(1, 200);
    const std::uint64_t effect = op.invoked + rng.between(1, 20);
    op.returned = rng.chance(150) ? 0 : effect + rng.between(1, 20);
    const std::size_t key = rng.below(2);
    switch (rng.below(4)) {
      case 0: op.kind = OpKind::del, op.changes = {{key, true, 0, {}}}; break;
      case 1: op.kind = OpKind::batch, op.keys = {0, 1}; break;
      case 2: op.kind = OpKind::put, op.changes = {{key, false, op.id, rng.below(3)}}; break;
      default: op.kind = OpKind::put, op.changes = {{key, false, op.id, {}}}; break;
    }
    if (op.returned != 0 || rng.chance(500)) {
      moments.push_back({effect, i});
    }
    ops.push_back(op);
  }
  std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) { return a.time < b.time; });
  std::map<std::size_t, std::pair<std::uint64_t, Seen>> store;  // newest version, what is there
  std::uint64_t revision = 0;
  for (const Moment& moment : moments) {
    Op& op = ops[moment.op];
    const bool told = op.returned != 0;
    op.outcome = told ? Outcome::ok : Outcome::unknown;
    if (op.is_read()) {
      op.seen = {store[0].second, store[1].second};
      op.revision = revision;
      continue;
    }
    const Change& change = op.changes[0];
    auto& [newest, seen] = store[change.key];
    if ((change.is_delete && seen.version == 0) || (change.expected && *change.expected != seen.version)) {
      op.outcome = told ? Outcome::failed : Outcome::unknown;
      continue;
    }
    op.revision = op.committed_at = ++revision;
    seen = change.is_delete ? Seen{} : Seen{++newest, change.value};
    if (!change.is_delete) {
      op.versions = {newest};
    }
  }
  return ops;
}

/// Breaks something, or perhaps nothing.
void disturb(Rng& rng, std::vector<Op>& ops) {
  Op& op = ops[rng.below(ops.size())];
  switch (rng.below(6)) {
    case 0:
      if (!op.seen.empty()) op.seen[0].version += rng.below(3);
      break;
    case 1:
      if (!op.seen.empty()) op.seen[0] = {};
      break;
    case 2: std::swap(op.invoked, ops[rng.below(ops.size())].invoked); break;
    case 3:
      if (op.outcome == Outcome::ok) op.outcome = Outcome::failed;
      break;
    case 4:
      if (!op.versions.empty()) ++op.versions[0];
      break;
    default:
      if (op.returned != 0) op.returned += rng.below(100);
      op.invoked += rng.below(60);
      break;
  }
  for (Op& each : ops) {
    if (each.returned != 0 && each.returned <= each.invoked) each.returned = each.invoked + 1;
  }
}

TEST(HistoryOracleTest, WhatIsLinearizableByConstructionHoldsForBoth) {
  Rng rng(1);
  for (int i = 0; i < 400; ++i) {
    const std::vector<Op> history = random_history(rng, 14);
    const auto wrong = find_contradiction(history);
    ASSERT_FALSE(wrong) << "history " << i << ": " << *wrong;
    ASSERT_TRUE(has_linear_order(history)) << "history " << i;
  }
}

TEST(HistoryOracleTest, WhatTheSearchRefusesTheCheckerRefuses) {
  Rng rng(2);
  int refused = 0, accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    std::vector<Op> history = random_history(rng, 12);
    for (std::uint64_t n = rng.between(1, 3); n > 0; --n) disturb(rng, history);
    const bool possible = has_linear_order(history);
    if (!possible) {
      ++refused;
      EXPECT_TRUE(find_contradiction(history)) << "history " << i << " has no order, and the checker accepts it";
    } else if (!find_contradiction(history)) {
      ++accepted;
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace coffer::sim
