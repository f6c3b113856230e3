// When a leader may answer reads, as a value: majorities of echoes, rounds, leases.

#include "cluster/read_gate.hpp"

#include <limits>

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

constexpr MonotonicMs kLease = 270;

ReadGate leader_of(std::uint64_t n, MonotonicMs lease = kLease) {
  ReadGate gate(model::NodeId(1), lease);
  gate.configure(voters(n));
  gate.begin();
  return gate;
}
std::vector<std::uint64_t> cookies(const std::vector<ReadGate::Answer>& answers) {
  std::vector<std::uint64_t> out;
  for (const ReadGate::Answer& answer : answers) {
    out.push_back(answer.cookie);
  }
  return out;
}

TEST(ReadGateTest, ASoleVotersLeaseNeverEndsAndItsReadsAskNobody) {
  ReadGate gate = leader_of(1);
  EXPECT_EQ(gate.lease_until(), std::numeric_limits<MonotonicMs>::max());
  gate.ask(7, model::Index(3));
  EXPECT_EQ(cookies(gate.confirmed()), std::vector<std::uint64_t>{7});
}

TEST(ReadGateTest, TheLeaseCountsFromTheSendTimeThatAMajorityReturned) {
  ReadGate gate = leader_of(5);
  EXPECT_EQ(gate.lease_until(), 0U);
  gate.heard(model::NodeId(2), {1000, 0});
  EXPECT_EQ(gate.lease_until(), 0U) << "two of five";
  gate.heard(model::NodeId(3), {1060, 0});
  EXPECT_EQ(gate.lease_until(), 1000 + kLease);
  gate.heard(model::NodeId(4), {1120, 0});
  EXPECT_EQ(gate.lease_until(), 1060 + kLease);
  gate.heard(model::NodeId(4), {900, 0});
  EXPECT_EQ(gate.lease_until(), 1060 + kLease) << "a late echo takes nothing back";
}

TEST(ReadGateTest, StandbysAndStrangersDoNotCount) {
  ReadGate gate(model::NodeId(1), kLease);
  auto servers = voters(4);
  servers[3].role = ServerRole::standby;
  gate.configure(servers);
  gate.begin();
  gate.ask(1, model::Index(1));
  gate.heard(model::NodeId(4), {1000, 9});
  gate.heard(model::NodeId(9), {1000, 9});
  EXPECT_EQ(gate.lease_until(), 0U);
  EXPECT_TRUE(gate.confirmed().empty());
}

TEST(ReadGateTest, AReadNeedsAMajorityThatHeardOfItsOwnRound) {
  ReadGate gate = leader_of(3);
  const Stamp before = gate.stamp(500);
  gate.ask(1, model::Index(10));
  gate.heard(model::NodeId(2), before);
  EXPECT_TRUE(gate.confirmed().empty()) << "what was sent before the read began says nothing about it";
  EXPECT_TRUE(gate.take_ping_due());
  const Stamp first = gate.stamp(501);
  gate.ask(2, model::Index(11));
  EXPECT_TRUE(gate.take_ping_due()) << "the first ping was out before this read";
  gate.heard(model::NodeId(3), first);
  EXPECT_EQ(cookies(gate.confirmed()), std::vector<std::uint64_t>{1});
  gate.heard(model::NodeId(3), gate.stamp(502));
  EXPECT_EQ(cookies(gate.confirmed()), std::vector<std::uint64_t>{2});
}

TEST(ReadGateTest, ReadsThatComeTogetherShareARound) {
  ReadGate gate = leader_of(3);
  gate.ask(1, model::Index(10));
  gate.ask(2, model::Index(10));
  EXPECT_TRUE(gate.take_ping_due());
  EXPECT_FALSE(gate.take_ping_due());
  gate.heard(model::NodeId(2), gate.stamp(1));
  EXPECT_EQ(cookies(gate.confirmed()), (std::vector<std::uint64_t>{1, 2}));
}

TEST(ReadGateTest, ATransferSuspendsTheLeaseAndOnceItIsOutForbidsItForTheTerm) {
  ReadGate gate = leader_of(3);
  gate.heard(model::NodeId(2), {1000, 0});
  gate.suspend_lease();
  EXPECT_EQ(gate.lease_until(), 0U);
  gate.resume_lease();
  EXPECT_EQ(gate.lease_until(), 1000 + kLease);
  gate.forbid_lease();
  gate.resume_lease();
  gate.heard(model::NodeId(3), {2000, 0});
  EXPECT_EQ(gate.lease_until(), 0U);
  gate.begin();
  gate.heard(model::NodeId(3), {3000, 0});
  EXPECT_EQ(gate.lease_until(), 3000 + kLease) << "the next term";
}

TEST(ReadGateTest, ANewTermBeginsWithoutALeaseAndTheEndReturnsWhatWaits) {
  ReadGate gate = leader_of(3);
  gate.heard(model::NodeId(2), {1000, 0});
  gate.ask(4, model::Index(1));
  EXPECT_EQ(gate.end(), std::vector<std::uint64_t>{4});
  EXPECT_EQ(gate.lease_until(), 0U);
  gate.begin();
  EXPECT_EQ(gate.lease_until(), 0U);
  EXPECT_TRUE(gate.confirmed().empty());
}

TEST(ReadGateTest, WithoutLeasesOnlyASoleVoterHasOne) {
  ReadGate gate = leader_of(3, 0);
  gate.heard(model::NodeId(2), {1000, 0});
  EXPECT_EQ(gate.lease_until(), 0U);
  EXPECT_NE(leader_of(1, 0).lease_until(), 0U);
}

TEST(ReadGateTest, AVoterThatJoinsRaisesTheMajorityAtOnce) {
  ReadGate gate = leader_of(3);
  gate.heard(model::NodeId(2), {1000, 0});
  EXPECT_NE(gate.lease_until(), 0U);
  gate.configure(voters(4));
  EXPECT_EQ(gate.lease_until(), 0U);
  gate.heard(model::NodeId(4), {900, 0});
  EXPECT_EQ(gate.lease_until(), 900 + kLease);
}

}  // namespace
}  // namespace coffer::cluster::testing
