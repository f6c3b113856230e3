// A group without a majority, brought back on one node.

#include "cluster/recovery.hpp"

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

using RecoveryTest = RaftMemoryTest;

TEST_F(RecoveryTest, ASurvivorLeadsAloneWithWhatItHolds) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  leader->propose({"a", "b"}, 1, net.now);
  net.advance(200);
  Host& survivor = net[leader->config.self.value % 3 + 1];
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].stop();
  }
  auto write = make_sole_voter(kGroup, survivor.on_disk(), survivor.config.self);
  ASSERT_TRUE(write.ok());
  survivor.store_now(std::move(*write));
  survivor.start(net.now);
  net.advance(1000);
  EXPECT_TRUE(survivor.leads());
  EXPECT_TRUE(survivor.leadership.ready);
  EXPECT_EQ(survivor.commands(), (std::vector<std::string>{"a", "b"}));
  survivor.propose({"c"}, 3, net.now);
  net.advance(50);
  EXPECT_EQ(survivor.commands().back(), "c");
  survivor.stop();
  survivor.start(net.now);
  net.advance(1000);
  EXPECT_TRUE(survivor.leads());
  EXPECT_EQ(survivor.commands(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(RecoveryTest, ASurvivorTakesNewServersAfterwards) {
  Net net(4, voters(3));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].start(net.now);
  }
  net.settle();
  ASSERT_NE(net.await_leader(), nullptr);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].stop();
  }
  Host& survivor = net[1];
  auto write = make_sole_voter(kGroup, survivor.on_disk(), survivor.config.self);
  ASSERT_TRUE(write.ok());
  survivor.store_now(std::move(*write));
  survivor.start(net.now);
  net[4].core.emplace(net[4].config, storage::Recovered{});
  net[4].core->start(net.now);
  net[4].collect();
  net.advance(500);
  ASSERT_TRUE(survivor.leadership.ready);
  std::vector<Voter> servers = survivor.core->servers();
  servers.push_back({model::NodeId(4), "n4:1", ServerRole::standby});
  ASSERT_TRUE(survivor.core->change_voters(servers, net.now).ok());
  survivor.collect();
  net.advance(500);
  servers.back().role = ServerRole::voter;
  ASSERT_TRUE(survivor.core->change_voters(servers, net.now).ok());
  survivor.collect();
  survivor.propose({"x"}, 9, net.now);
  net.advance(500);
  EXPECT_EQ(net[4].commands(), std::vector<std::string>{"x"});
}

TEST_F(RecoveryTest, ANodeThatHoldsNothingOrIsAloneAlreadyIsRefused) {
  EXPECT_EQ(make_sole_voter(kGroup, {}, model::NodeId(1)).error().code, model::Code::invalid_argument);
  Host host(1);
  host.bootstrap(voters(1));
  EXPECT_EQ(make_sole_voter(kGroup, host.on_disk(), model::NodeId(1)).error().code, model::Code::invalid_argument);
}

}  // namespace
}  // namespace coffer::cluster::testing
