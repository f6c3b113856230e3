// next_membership_step: the order of changes, where it decides what one more death costs.

#include "cluster/membership.hpp"

#include <algorithm>

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

using Kind = MembershipStep::Kind;

Voter server(std::uint64_t id, ServerRole role = ServerRole::voter) {
  return {model::NodeId(id), "n" + std::to_string(id), role};
}

/// Node 1 leads; `here` have been heard of a moment ago and have everything.
MembershipView view_of(std::vector<Voter> servers, const std::vector<std::uint64_t>& here) {
  MembershipView view;
  view.self = model::NodeId(1);
  view.servers = std::move(servers);
  view.last = model::Index(100);
  view.now = 10'000;
  for (const Voter& s : view.servers) {
    if (s.id == view.self) continue;
    const bool is_here = std::find(here.begin(), here.end(), s.id.value) != here.end();
    view.progress.push_back({s.id, s.role, model::Index(is_here ? 100 : 40), is_here ? 9'999U : 100U});
  }
  return view;
}

std::vector<std::uint64_t> voters_of(const MembershipStep& step) {
  std::vector<std::uint64_t> ids;
  for (const Voter& s : step.servers) {
    if (s.role == ServerRole::voter) ids.push_back(s.id.value);
  }
  return ids;
}

const std::vector<Voter> kWanted{server(1), server(3), server(5)};

TEST(MembershipTest, ADeadVoterGoesBeforeItsSuccessorVotes) {
  // Were 5 made a voter beside the dead 4, the death of 5 would leave two of four.
  const auto bury =
      next_membership_step(view_of({server(1), server(3), server(4), server(5, ServerRole::standby)}, {3, 5}), kWanted);
  ASSERT_EQ(bury.kind, Kind::change);
  EXPECT_EQ(voters_of(bury), (std::vector<std::uint64_t>{1, 3}));
  const auto promote = next_membership_step(view_of(bury.servers, {3, 5}), kWanted);
  ASSERT_EQ(promote.kind, Kind::change);
  EXPECT_EQ(voters_of(promote), (std::vector<std::uint64_t>{1, 3, 5}));
  EXPECT_EQ(next_membership_step(view_of(promote.servers, {3, 5}), kWanted).kind, Kind::done);
}

TEST(MembershipTest, ADeadVoterStaysUntilItsSuccessorHasCaughtUp) {
  const auto step =
      next_membership_step(view_of({server(1), server(3), server(4), server(5, ServerRole::standby)}, {3}), kWanted);
  EXPECT_EQ(step.kind, Kind::wait) << "two voters alone would keep each write on every one of them";
}

TEST(MembershipTest, ALivingVoterGoesAfterItsSuccessorVotes) {
  const auto step = next_membership_step(
      view_of({server(1), server(3), server(4), server(5, ServerRole::standby)}, {3, 4, 5}), kWanted);
  ASSERT_EQ(step.kind, Kind::change);
  EXPECT_EQ(voters_of(step), (std::vector<std::uint64_t>{1, 3, 4, 5}));
}

TEST(MembershipTest, NobodyIsTakenOutWhereTheRestCouldNotDecide) {
  // Of 1, 3 and 4 two are dead: without 4, one of two would be left.
  const auto step =
      next_membership_step(view_of({server(1), server(3), server(4), server(5, ServerRole::standby)}, {5}), kWanted);
  EXPECT_EQ(step.kind, Kind::wait);
}

}  // namespace
}  // namespace coffer::cluster::testing
