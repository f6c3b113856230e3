// What the nodes have reported to the meta group's leader: what was said before it led counts no more, and it can tell
// when it has been told everything.

#include "actors/cluster_view.hpp"

#include <gtest/gtest.h>

namespace coffer::actors {
namespace {

using model::GroupId;
using model::NodeId;
using std::chrono::milliseconds;
using std::chrono::seconds;

const ClusterView::Clock::time_point kStart{std::chrono::hours(1)};

model::GroupInfo report_of(std::uint64_t id, std::uint64_t leader, std::uint64_t term) {
  model::GroupInfo info;
  info.id = GroupId{id};
  info.leader = NodeId{leader};
  info.term = model::Term{term};
  info.replicas = {{NodeId{1}, model::ReplicaRole::voter, {}}, {NodeId{2}, model::ReplicaRole::voter, {}}};
  return info;
}

model::ClusterStatusReply status_of(const ClusterView& view, ClusterView::Clock::time_point now) {
  model::ClusterStatusReply reply;
  for (std::uint64_t id = 1; id <= 2; ++id) {
    reply.nodes.emplace_back();
    reply.nodes.back().info.id = NodeId{id};
  }
  view.complete(NodeId{1}, reply, now);
  return reply;
}

TEST(ClusterViewTest, ANewLeaderForgetsWhatWasReportedBeforeItLed) {
  ClusterView view;
  view.heard(NodeId{2}, {report_of(0, 2, 1), report_of(1, 2, 1)}, kStart, false);
  view.begin(kStart + milliseconds(400));
  const auto status = status_of(view, kStart + milliseconds(700));
  EXPECT_TRUE(status.groups.empty());
  EXPECT_FALSE(status.nodes[1].connected) << "it may be dead: it led until the failover";
  EXPECT_EQ(status.nodes[1].leads, 0U);
  EXPECT_EQ(status.nodes[1].silent_ms, 300) << "since this leader listens";
  EXPECT_FALSE(view.hears(NodeId{2}, kStart + milliseconds(700)));
}

TEST(ClusterViewTest, IsInformedWhenEveryNodeAndEveryGroupHasReported) {
  ClusterView view;
  const auto is_informed = [&](milliseconds after) {
    return view.is_informed({NodeId{2}, NodeId{3}}, 2, kStart + after, seconds(2));
  };
  view.heard(NodeId{2}, {}, kStart, false);
  view.begin(kStart);
  view.heard(NodeId{1}, {report_of(0, 1, 2)}, kStart, false);
  EXPECT_FALSE(is_informed(milliseconds(1)));
  view.heard(NodeId{2}, {report_of(1, 2, 2)}, kStart + milliseconds(5), false);
  EXPECT_FALSE(is_informed(milliseconds(5))) << "node 3 has not reported";
  view.heard(NodeId{3}, {}, kStart + milliseconds(9), false);
  EXPECT_TRUE(is_informed(milliseconds(9)));
  EXPECT_EQ(status_of(view, kStart + milliseconds(9)).groups.size(), 2U);
}

TEST(ClusterViewTest, WhoeverDoesNotReportIsNotWaitedForLong) {
  ClusterView view;
  view.begin(kStart);
  EXPECT_FALSE(view.is_informed({NodeId{2}}, 1, kStart + milliseconds(1999), seconds(2)));
  EXPECT_TRUE(view.is_informed({NodeId{2}}, 1, kStart + seconds(2), seconds(2)));
  const auto status = status_of(view, kStart + seconds(2));
  EXPECT_FALSE(status.nodes[1].connected);
  EXPECT_EQ(status.nodes[1].silent_ms, 2000);
}

TEST(ClusterViewTest, ALoadStaysKnownUntilTheGroupsNextLeaderHasMeasuredIt) {
  ClusterView view;
  view.begin(kStart);
  auto report = report_of(1, 2, 4);
  report.load = model::GroupLoad{900, 9};
  view.heard(NodeId{2}, {report}, kStart, false);
  view.heard(NodeId{3}, {report_of(1, 3, 5)}, kStart + seconds(1), false);
  ASSERT_EQ(view.groups().size(), 1U);
  EXPECT_EQ(view.groups()[0].leader, NodeId{3});
  EXPECT_EQ(view.groups()[0].load, (model::GroupLoad{900, 9}));
  report = report_of(1, 3, 5);
  report.load = model::GroupLoad{50, 5};
  view.heard(NodeId{3}, {report}, kStart + seconds(20), false);
  EXPECT_EQ(view.groups()[0].load, (model::GroupLoad{50, 5}));
  auto late = report_of(1, 2, 4);
  late.load = model::GroupLoad{900, 9};
  view.heard(NodeId{2}, {late}, kStart + seconds(21), false);
  view.heard(NodeId{3}, {report_of(1, 3, 6)}, kStart + seconds(22), false);
  EXPECT_EQ(view.groups()[0].load, (model::GroupLoad{50, 5})) << "a leader of before says nothing new";
  view.begin(kStart + seconds(30));
  view.heard(NodeId{3}, {report_of(1, 3, 6)}, kStart + seconds(30), false);
  EXPECT_FALSE(view.groups()[0].load);
}

}  // namespace
}  // namespace coffer::actors
