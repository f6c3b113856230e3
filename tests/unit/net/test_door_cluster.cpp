// The admin door's service Cluster: what a message asks of the directory and how the answer is shown.

#include <gtest/gtest.h>

#include "coffer/admin/v1/cluster.pb.h"
#include "net/admin/door.hpp"
#include "net/peer/join_handler.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {
namespace {

namespace api = ::coffer::admin::v1;
using model::Category;
using model::GroupId;
using model::NodeId;

constexpr model::TimeMs kClusterTime = 1'700'000'000'000;

class ClusterDoorTest : public ::testing::Test {
 protected:
  ClusterDoorTest() { caller.headers["authorization"] = "Bearer operator-token"; }
  template <class Out, class In>
  Outcome<Out> run(const std::string& method, const In& in) {
    const auto door = make_admin_door({}, gateway, [] { return kClusterTime; });
    return call<Out>(*door, gateway, caller, "coffer.admin.v1.Cluster." + method, in);
  }
  FakeGateway gateway;
  FakeCaller caller;
};

model::NodeInfo node(std::uint64_t id, model::NodeState state) {
  return {NodeId{id}, "n" + std::to_string(id) + ":7783", state, 2, "ab12", kClusterTime + 1000, kClusterTime};
}

TEST_F(ClusterDoorTest, shows_nodes_and_groups) {
  model::ClusterStatusReply reply;
  reply.cluster_id = "c1";
  reply.self = NodeId{2};
  reply.meta_leader = NodeId{1};
  reply.active_format = 2;
  reply.data_groups = 16;
  reply.nodes.push_back({node(1, model::NodeState::up), true, 0, 5, 17});
  reply.nodes.push_back({node(2, model::NodeState::draining), false, 900, 0, 3});
  reply.groups.push_back({GroupId{4},
                          NodeId{1},
                          model::Term{3},
                          model::Index{77},
                          {{NodeId{1}, model::ReplicaRole::voter, model::Index{77}},
                           {NodeId{2}, model::ReplicaRole::standby, model::Index{5}}},
                          model::GroupLoad{1200, 80}});
  reply.groups.push_back({GroupId{5}, NodeId{1}, model::Term{3}, model::Index{1}, {}});
  reply.plan = {"group 4: make node 2 a voter"};
  gateway.answer(reply);
  const auto outcome = run<api::ClusterStatus>("Status", api::ClusterStatusRequest());
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  gateway.directory_operation<model::GetClusterStatus>();
  EXPECT_EQ(outcome.out.meta_leader(), 1U);
  ASSERT_EQ(outcome.out.nodes_size(), 2);
  EXPECT_EQ(outcome.out.nodes(0).state(), "up");
  EXPECT_EQ(outcome.out.nodes(0).leads(), 5U);
  EXPECT_EQ(outcome.out.nodes(1).state(), "draining");
  EXPECT_EQ(outcome.out.nodes(1).silent_ms(), 900U);
  EXPECT_FALSE(outcome.out.nodes(1).connected());
  EXPECT_EQ(outcome.out.nodes(1).certificate_expires_at().seconds(), kClusterTime / 1000 + 1);
  ASSERT_EQ(outcome.out.groups_size(), 2);
  EXPECT_EQ(outcome.out.groups(0).requests_per_second(), 1200U);
  EXPECT_EQ(outcome.out.groups(0).writes_per_second(), 80U);
  EXPECT_FALSE(outcome.out.groups(1).has_requests_per_second()) << "not measured yet is not idle";
  EXPECT_EQ(outcome.out.groups(0).replicas(1).role(), "standby");
  EXPECT_EQ(outcome.out.groups(0).replicas(1).match_index(), 5U);
  EXPECT_EQ(outcome.out.plan(0), "group 4: make node 2 a voter");
}

TEST_F(ClusterDoorTest, makes_a_join_token_for_a_bounded_time) {
  gateway.answer(model::JoinTokenReply{model::Secret("cfj_x"), kClusterTime + 60'000});
  api::CreateJoinTokenRequest in;
  in.set_ttl_seconds(60);
  in.set_request_id("r1");
  const auto outcome = run<api::JoinToken>("CreateJoinToken", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(gateway.directory_operation<model::CreateJoinToken>().ttl, 60'000);
  EXPECT_EQ(gateway.request().info.request_id, "r1");
  EXPECT_EQ(outcome.out.token(), "cfj_x");
  in.set_ttl_seconds(8 * 24 * 3600);
  EXPECT_EQ(run<api::JoinToken>("CreateJoinToken", in).code(), Category::invalid_argument);
}

TEST_F(ClusterDoorTest, drains_and_removes_nodes_that_are_named) {
  gateway.answer(model::NodeReply{node(3, model::NodeState::draining)});
  api::DrainNodeRequest drain;
  EXPECT_EQ(run<api::ClusterNode>("Drain", drain).code(), Category::invalid_argument);
  EXPECT_TRUE(gateway.requests.empty());
  drain.set_node(3);
  drain.set_undo(true);
  const auto outcome = run<api::ClusterNode>("Drain", drain);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(outcome.out.state(), "draining");
  const auto asked = gateway.directory_operation<model::DrainNode>();
  EXPECT_EQ(asked.node, NodeId{3});
  EXPECT_TRUE(asked.undo);
  gateway.requests.clear();
  api::RemoveNodeRequest remove;
  remove.set_node(4);
  remove.set_force(true);
  EXPECT_TRUE(run<api::ClusterNode>("Remove", remove).ok());
  EXPECT_TRUE(gateway.directory_operation<model::RemoveNode>().force);
}

TEST_F(ClusterDoorTest, balances_and_transfers) {
  gateway.answer(model::DoneReply{});
  EXPECT_TRUE(run<api::BalanceClusterResponse>("Balance", api::BalanceClusterRequest()).ok());
  gateway.requests.clear();
  api::TransferLeadershipRequest in;
  in.set_group(7);
  in.set_to(2);
  EXPECT_TRUE(run<api::TransferLeadershipResponse>("Transfer", in).ok());
  const auto asked = gateway.directory_operation<model::TransferLeadership>();
  EXPECT_EQ(asked.group, GroupId{7});
  EXPECT_EQ(asked.to, NodeId{2});
}

TEST_F(ClusterDoorTest, moves_tenants_and_says_how_far_they_are) {
  model::TenantReply moving;
  moving.tenant.name = "acme";
  moving.tenant.group = GroupId{2};
  moving.tenant.moving_to = GroupId{3};
  moving.tenant.moves = 4;
  gateway.answer(moving);
  api::MoveTenantRequest in;
  in.set_tenant("acme");
  in.set_group(3);
  const auto outcome = run<api::MovingTenant>("MoveTenant", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  const auto asked = gateway.directory_operation<model::MoveTenant>();
  EXPECT_EQ(asked.name, "acme");
  EXPECT_EQ(asked.to, GroupId{3});
  EXPECT_EQ(outcome.out.group(), 2U);
  EXPECT_EQ(outcome.out.moving_to(), 3U);
  EXPECT_EQ(outcome.out.moved_from(), 0U);
  EXPECT_EQ(outcome.out.moves(), 4U);
  in.clear_tenant();
  EXPECT_EQ(run<api::MovingTenant>("MoveTenant", in).code(), Category::invalid_argument);
}

TEST_F(ClusterDoorTest, adds_groups_to_those_that_the_caller_has_seen) {
  model::ClusterStatusReply reply;
  reply.data_groups = 20;
  gateway.answer(reply);
  api::AddGroupsRequest in;
  in.set_count(4);
  in.set_expected(16);
  const auto outcome = run<api::AddGroupsResponse>("AddGroups", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  const auto asked = gateway.directory_operation<model::AddGroups>();
  EXPECT_EQ(asked.count, 4U);
  EXPECT_EQ(asked.expected, 16U);
  EXPECT_EQ(outcome.out.data_groups(), 20U);
  in.clear_expected();
  EXPECT_EQ(run<api::AddGroupsResponse>("AddGroups", in).code(), Category::invalid_argument);
}

TEST_F(ClusterDoorTest, is_for_operators_only) {
  caller.headers["authorization"] = "Bearer tenant-token";
  EXPECT_EQ(run<api::ClusterStatus>("Status", api::ClusterStatusRequest()).code(), Category::permission_denied);
  caller.headers.clear();
  EXPECT_EQ(run<api::ClusterStatus>("Status", api::ClusterStatusRequest()).code(), Category::unauthenticated);
  EXPECT_TRUE(gateway.requests.empty());
}

TEST(JoinHandler, asks_the_directory_as_a_node_and_names_whom_the_new_one_may_dial) {
  FakeGateway gateway;
  model::JoinReply reply{NodeId{4}, "0123456789abcdef", 16, "cert", "ca", {}};
  reply.nodes = {node(1, model::NodeState::up), node(2, model::NodeState::removed), node(4, model::NodeState::joining)};
  gateway.answer(reply);
  std::optional<model::Result<peer::Joined>> answer;
  make_join_handler(gateway)({"tokenid8", model::Secret("s"), 3, "csr", "n4:1"},
                             [&](model::Result<peer::Joined> joined) { answer = std::move(joined); });
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_EQ((*answer)->node, NodeId{4});
  ASSERT_EQ((*answer)->peers.size(), 1U);
  EXPECT_EQ((*answer)->peers[0].address, "n1:7783");
  EXPECT_EQ(gateway.request().credential.kind, model::CredentialKind::node);
  const auto asked = gateway.directory_operation<model::JoinNode>();
  EXPECT_EQ(asked.token_id, "tokenid8");
  EXPECT_EQ(asked.certificate_request, "csr");
  EXPECT_EQ(asked.newest_format, 3U);
}

TEST(JoinHandler, passes_refusals_on) {
  FakeGateway gateway;
  gateway.reply = model::Error(model::Code::permission_denied, "used already");
  const auto renewed = renew_certificate(gateway, NodeId{1}, "csr", std::chrono::seconds(1));
  ASSERT_FALSE(renewed.ok());
  EXPECT_EQ(renewed.error().message(), "used already");
  EXPECT_EQ(gateway.directory_operation<model::RenewNodeCertificate>().node, NodeId{1});
  EXPECT_EQ(gateway.request().credential.principal, "node:1");
}

}  // namespace
}  // namespace coffer::net
