// Reads without a log write and hand-overs, in groups of several voters.

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

class LeaderTest : public RaftMemoryTest {
 protected:
  /// A ready leader of three that has heard its followers since.
  Host& lead(Net& net, bool lease = true) {
    for (std::uint64_t id = 1; id <= net.size(); ++id) {
      net[id].config.lease = lease;
    }
    net.start();
    Host* leader = net.await_leader();
    EXPECT_NE(leader, nullptr);
    net.advance(200);
    return *leader;
  }
  static Host& follower_of(Net& net, const Host& leader) { return net[leader.config.self.value % net.size() + 1]; }
};

TEST_F(LeaderTest, UnderTheLeaseAReadIsAnsweredAtOnceAtTheCommitIndex) {
  Net net(3);
  Host& leader = lead(net);
  EXPECT_GT(leader.lease_until, net.now);
  leader.read({5}, net.now);
  ASSERT_EQ(leader.reads_ready.size(), 1U);
  EXPECT_EQ(leader.reads_ready[0].cookie, 5U);
  EXPECT_EQ(leader.reads_ready[0].index, leader.core->commit_index());
}

TEST_F(LeaderTest, TheLeaseNeverReachesBeyondAnElectionTimeoutAfterTheLastContact) {
  Net net(3);
  Host& leader = lead(net);
  net.isolate(leader.config.self.value);
  const MonotonicMs cut = net.now;
  for (int i = 0; i < 100; ++i) {
    net.advance(5);
    EXPECT_LE(leader.lease_until, cut + leader.config.election_timeout);
  }
  leader.read({1}, net.now);
  EXPECT_TRUE(leader.reads_ready.empty());
}

TEST_F(LeaderTest, TheAnswerToAHeartbeatTakesTheEchoAlong) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  net.advance(200);
  int answers = 0, echoes = 0;
  net.drop = [&](const Message& m) {
    answers += std::holds_alternative<AppendEntriesResult>(m.body);
    echoes += std::holds_alternative<StampEcho>(m.body);
    return false;
  };
  net.advance(2000);
  EXPECT_GT(answers, 50);
  EXPECT_EQ(echoes, 0);
  EXPECT_GT(leader->lease_until, net.now) << "the leader looks there";
  // Who has to write first answers late, and the echo does not wait for that.
  net.slow_disk = {1, 2, 3};
  leader->propose({"a"}, 1, net.now);
  net.advance(10);
  EXPECT_EQ(echoes, 2);
}

TEST_F(LeaderTest, WithoutALeaseAReadWaitsForAMajorityOfThisMoment) {
  Net net(3);
  Host& leader = lead(net, false);
  EXPECT_EQ(leader.lease_until, 0U);
  leader.read({1, 2}, net.now);
  EXPECT_TRUE(leader.reads_ready.empty());
  const auto pings = sent<StampPing>(leader);
  EXPECT_EQ(pings.size(), 2U) << "one to each follower, for both reads";
  net.settle();
  EXPECT_EQ(leader.reads_ready.size(), 2U);
}

TEST_F(LeaderTest, AReadThatLostItsPingIsConfirmedByTheNextHeartbeat) {
  Net net(3);
  Host& leader = lead(net, false);
  net.drop = [](const Message& m) { return std::holds_alternative<StampPing>(m.body); };
  leader.read({1}, net.now);
  net.advance(100);
  EXPECT_EQ(leader.reads_ready.size(), 1U);
}

TEST_F(LeaderTest, ADeposedLeaderAnswersNoReadThoughItDoesNotKnowYet) {
  Net net(3);
  Host& old = lead(net);
  const std::uint64_t id = old.config.self.value;
  // It hears nothing and nobody hears it; the others elect another.
  net.drop = [id](const Message& m) { return m.from.value == id || m.to.value == id; };
  Host* next = nullptr;
  while (next == nullptr) {
    net.advance(1);
    for (std::uint64_t other = 1; other <= 3; ++other) {
      if (other != id && net[other].leads()) {
        next = &net[other];
      }
    }
    if (next != nullptr) {
      EXPECT_LE(old.lease_until, net.now) << "two leaders, and the old one has a lease";
    }
    ASSERT_LT(net.now, 5000U);
  }
  old.read({1}, net.now);
  net.advance(2000);
  EXPECT_TRUE(old.reads_ready.empty());
  ASSERT_EQ(old.reads_refused.size(), 1U);
  EXPECT_EQ(old.reads_refused[0].error.code, model::Code::unavailable);
}

TEST_F(LeaderTest, AFollowerRefusesReadsAndKnowsTheLeader) {
  Net net(3);
  Host& leader = lead(net);
  Host& follower = follower_of(net, leader);
  follower.read({1}, net.now);
  EXPECT_EQ(follower.reads_refused.size(), 1U);
  EXPECT_EQ(follower.leadership.leader, leader.config.self);
  EXPECT_EQ(leader.leadership.leader, leader.config.self);
}

TEST_F(LeaderTest, ARestartedVoterDropsVoteRequestsForAnElectionTimeout) {
  Net net(3);
  Host& leader = lead(net);
  Host& voter = follower_of(net, leader);
  const std::uint64_t other = 6 - leader.config.self.value - voter.config.self.value;
  voter.stop();
  voter.start(net.now);
  const RequestVote vote{model::Term(50), model::NodeId(other), model::Index(1000), model::Term(49)};
  voter.receive(make_message(other, voter.config.self.value, vote), net.now + 299);
  voter.flush_all(net.now + 299);
  EXPECT_TRUE(sent<RequestVoteResult>(voter).empty());
  EXPECT_LT(voter.on_disk().hard_state.term.value, 50U);
  voter.receive(make_message(other, voter.config.self.value, vote), net.now + 340);
  voter.flush_all(net.now + 340);
  EXPECT_EQ(sent<RequestVoteResult>(voter).size(), 1U);
}

TEST_F(LeaderTest, ATransferMakesTheNamedVoterLeadWithEverythingThatWasCommitted) {
  Net net(3);
  Host& old = lead(net);
  Host& next = follower_of(net, old);
  old.propose({"a", "b"}, 1, net.now);
  ASSERT_TRUE(old.core->transfer(next.config.self, net.now).ok());
  old.collect();
  EXPECT_EQ(old.lease_until, 0U);
  net.advance(300);
  EXPECT_TRUE(next.leads());
  EXPECT_FALSE(old.leads());
  EXPECT_EQ(next.commands(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(old.cookies().size(), 2U) << "acknowledged here";
}

TEST_F(LeaderTest, ProposalsDuringATransferThatFailsGoOnHere) {
  Net net(3);
  Host& leader = lead(net);
  Host& next = follower_of(net, leader);
  const std::uint64_t dead = next.config.self.value;
  next.stop();
  leader.propose({"a"}, 1, net.now);
  ASSERT_TRUE(leader.core->transfer(model::NodeId(dead), net.now).ok());
  leader.collect();
  EXPECT_EQ(leader.core->transfer(model::NodeId(dead), net.now).error().code, model::Code::unavailable);
  leader.propose({"b"}, 2, net.now);
  net.advance(100);
  EXPECT_EQ(leader.commands(), std::vector<std::string>{"a"});
  net.advance(400);
  EXPECT_EQ(leader.commands(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(leader.refused.empty());
  EXPECT_GT(leader.lease_until, net.now) << "nobody was told to begin, so the lease is back";
}

TEST_F(LeaderTest, NobodyWaitsForATransferToWhomIsNotHeardOf) {
  Net net(3);
  Host& leader = lead(net);
  Host& next = follower_of(net, leader);
  next.stop();
  net.advance(400);
  EXPECT_EQ(leader.core->transfer(next.config.self, net.now).error().code, model::Code::unavailable);
  EXPECT_FALSE(leader.core->is_transferring());
  leader.propose({"a"}, 1, net.now);
  net.settle();
  EXPECT_EQ(leader.commands(), std::vector<std::string>{"a"});
}

TEST_F(LeaderTest, NobodyWaitsForATransferToWhomLacksMuchOfTheLog) {
  Net net(3);
  Host& leader = lead(net);
  const model::NodeId behind = follower_of(net, leader).config.self;
  net.drop = [behind](const Message& m) {
    const auto* append = std::get_if<AppendEntries>(&m.body);
    return append != nullptr && m.to == behind && !append->entries.empty();
  };
  for (std::uint64_t i = 1; i <= 1100; ++i) leader.propose({"x"}, i, net.now);
  net.advance(500);
  ASSERT_TRUE(leader.leads());
  ASSERT_EQ(leader.commands().size(), 1100U);
  EXPECT_EQ(leader.core->transfer(behind, net.now).error().code, model::Code::unavailable);
  leader.propose({"at once"}, 2000, net.now);
  net.settle();
  EXPECT_EQ(leader.commands().size(), 1101U);
  net.drop = nullptr;
  net.advance(1000);
  ASSERT_TRUE(leader.core->transfer(behind, net.now).ok()) << "it has caught up";
}

TEST_F(LeaderTest, OnceTheOtherWasToldToBeginThereIsNoLeaseInThisTerm) {
  Net net(3);
  Host& leader = lead(net);
  net.drop = [](const Message& m) { return std::holds_alternative<TimeoutNow>(m.body); };
  ASSERT_TRUE(leader.core->transfer(model::NodeId(), net.now).ok());
  leader.collect();
  net.advance(1500);
  EXPECT_TRUE(leader.leads());
  EXPECT_FALSE(leader.core->is_transferring());
  EXPECT_EQ(leader.lease_until, 0U);
  leader.read({1}, net.now);
  net.settle();
  EXPECT_EQ(leader.reads_ready.size(), 1U) << "by asking";
}

TEST_F(LeaderTest, ProposalsDuringATransferThatWorksAreRefusedAsNotInTheLog) {
  Net net(3);
  Host& old = lead(net);
  ASSERT_TRUE(old.core->transfer(model::NodeId(), net.now).ok());
  old.collect();
  old.propose({"late"}, 9, net.now);
  net.advance(400);
  EXPECT_FALSE(old.leads());
  ASSERT_EQ(old.refused.size(), 1U);
  EXPECT_EQ(old.refused[0].error.code, model::Code::unavailable);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_TRUE(net[id].commands().empty());
  }
}

TEST_F(LeaderTest, ALeaderThatIsSealedHandsOverAndASoleVoterKeepsLeading) {
  Net net(3);
  Host& old = lead(net);
  old.core->forbid_campaign(net.now);
  old.collect();
  net.advance(500);
  EXPECT_FALSE(old.leads());
  EXPECT_NE(net.await_leader(), &old);

  Net one(1);
  Host& sole = lead(one);
  sole.core->forbid_campaign(one.now);
  sole.collect();
  one.advance(2000);
  EXPECT_TRUE(sole.leads());
}

TEST_F(LeaderTest, OnlyTheElectionThatATransferAskedForMayDisruptALeader) {
  Host host(2);
  host.bootstrap(voters(3));
  host.start(10);
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {})), 10);
  host.flush_all(10);
  host.receive(make_message(1, 2, TimeoutNow{model::Term(2), model::Index(1), model::Term(1)}), 10);
  host.flush_all(10);
  auto votes = sent<RequestVote>(host);
  ASSERT_EQ(votes.size(), 2U);
  EXPECT_TRUE(votes[0].disrupt_leader);
  EXPECT_EQ(votes[0].term.value, 3U);
  // Nobody answers: the later elections are ordinary ones.
  host.outbox.clear();
  for (MonotonicMs now = 10; now < 3000; ++now) {
    if (host.wake && *host.wake <= now) {
      host.wake.reset();
      host.tick(now);
      host.flush_all(now);
    }
  }
  votes = sent<RequestVote>(host);
  ASSERT_FALSE(votes.empty());
  for (const RequestVote& vote : votes) {
    EXPECT_FALSE(vote.disrupt_leader) << "term " << vote.term.value;
  }
}

TEST_F(LeaderTest, AMessageIsBoundedInBytesAndNothingIsLeftOut) {
  Net net(3);
  Host& leader = lead(net);
  Host& follower = follower_of(net, leader);
  const std::uint64_t behind = follower.config.self.value;
  net.isolate(behind);
  std::vector<std::string> values(7, std::string(400 << 10, 'x'));
  leader.propose(values, 1, net.now);
  net.advance(20);
  std::size_t largest = 0;
  net.drop = [&](const Message& m) {
    if (const auto* append = std::get_if<AppendEntries>(&m.body)) {
      std::size_t bytes = 0;
      for (const storage::LogEntry& entry : append->entries) {
        bytes += entry.data->size();
      }
      largest = std::max(largest, bytes);
    }
    return false;
  };
  net.advance(1000);
  EXPECT_EQ(follower.commands(), values);
  EXPECT_GT(largest, 0U);
  EXPECT_LE(largest, kMaxAppendBytes);
}

TEST_F(LeaderTest, ALeaderKnowsHowFarTheOthersAre) {
  Net net(3);
  Host& leader = lead(net);
  leader.propose({"a"}, 1, net.now);
  net.advance(100);
  const auto progress = leader.core->progress();
  ASSERT_EQ(progress.size(), 2U);
  for (const PeerProgress& peer : progress) {
    EXPECT_EQ(peer.match, leader.core->last_index());
    EXPECT_GT(peer.heard_at + 200, net.now);
  }
  EXPECT_TRUE(follower_of(net, leader).core->progress().empty());
}

}  // namespace
}  // namespace coffer::cluster::testing
