// Groups of several voters: election, replication, what waits for the disk, lost leadership, catching up, membership.

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

using ReplicationTest = RaftMemoryTest;

/// A follower of three whose peers are the script: node 2.
class FollowerTest : public RaftMemoryTest {
 protected:
  void SetUp() override {
    RaftMemoryTest::SetUp();
    host.config.trailing_entries = 0;
    host.bootstrap(voters(3));
    host.start(now);
    host.flush_all(now);
  }
  Host host{2};
  MonotonicMs now = 10;
};

TEST_F(ReplicationTest, ThreeVotersElectOneLeaderAndReplicateInOrder) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  leader->propose({"a", "b"}, 1, net.now);
  net.advance(5);
  leader->propose({"c"}, 3, net.now);
  net.advance(200);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(net[id].commands(), (std::vector<std::string>{"a", "b", "c"})) << id;
    EXPECT_EQ(net[id].leads(), &net[id] == leader);
  }
  EXPECT_EQ(leader->cookies().size(), 3U);
}

TEST_F(ReplicationTest, AGroupWithoutItsLeaderElectsAnotherAndTheOldOneFollows) {
  Net net(3);
  net.start();
  Host* old = net.await_leader();
  ASSERT_NE(old, nullptr);
  old->propose({"a"}, 1, net.now);
  net.advance(100);
  net.isolate(old->config.self.value);
  net.advance(2000);
  EXPECT_FALSE(old->leads());
  Host* next = net.await_leader();
  ASSERT_NE(next, nullptr);
  next->propose({"b"}, 1, net.now);
  net.advance(100);
  net.drop = nullptr;
  net.advance(500);
  EXPECT_EQ(old->commands(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ReplicationTest, ProposalsPendingWhenLeadershipIsLostHaveAnUnknownOutcome) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  const model::Term term = leader->leadership.term;
  net.isolate(leader->config.self.value);
  leader->propose({"lost"}, 77, net.now);
  net.advance(1500);
  ASSERT_EQ(leader->refused.size(), 1U);
  EXPECT_EQ(leader->refused[0].cookie, 77U);
  EXPECT_EQ(leader->refused[0].error.code, model::Code::outcome_unknown);
  leader->core->propose({{78, term, std::make_shared<const std::string>("late")}}, net.now);
  leader->collect();
  ASSERT_EQ(leader->refused.size(), 2U);
  EXPECT_EQ(leader->refused[1].error.code, model::Code::unavailable);
  // The others go on, and the old leader's entry is replaced.
  Host* next = net.await_leader();
  ASSERT_NE(next, nullptr);
  next->propose({"kept"}, 1, net.now);
  net.advance(100);
  net.drop = nullptr;
  net.advance(1000);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(net[id].commands(), std::vector<std::string>{"kept"}) << id;
  }
}

TEST_F(ReplicationTest, ALeaderWithASlowDiskCommitsThroughTheOthersButAppliesOnlyWhatItHasStored) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  net.slow_disk.insert(leader->config.self.value);
  leader->propose({"a"}, 1, net.now);
  net.advance(100);
  EXPECT_GE(leader->core->commit_index(), leader->core->last_index());
  EXPECT_TRUE(leader->commands().empty());
  leader->flush_all(net.now);
  EXPECT_EQ(leader->commands(), std::vector<std::string>{"a"});
}

TEST_F(ReplicationTest, ARestartedFollowerCatchesUpFromTheLeadersMemory) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  Host& follower = net[leader->config.self.value % 3 + 1];
  leader->propose({"a"}, 1, net.now);
  net.advance(100);
  follower.stop();
  leader->propose({"b", "c"}, 2, net.now);
  net.advance(100);
  follower.start(net.now);
  net.advance(1000);
  EXPECT_EQ(follower.commands(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ReplicationTest, AFollowerBehindTheLogGetsTheSnapshotAndGoesOnInANewGeneration) {
  Net net(3);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].config.trailing_entries = 0;
  }
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  const std::uint64_t behind = leader->config.self.value % 3 + 1;
  Host& follower = net[behind];
  net.isolate(behind);
  leader->propose({"a", "b", "c"}, 1, net.now);
  net.advance(3000);  // as long as a dead peer is waited for
  const model::Index applied = leader->committed.back().entry.index;
  leader->core->checkpoint(applied, net.now);
  leader->collect();
  net.settle();
  net.drop = nullptr;
  net.advance(1000);
  ASSERT_TRUE(follower.install);
  EXPECT_EQ(follower.install->index, applied);
  EXPECT_EQ(follower.install->generation.value, 2U);
  EXPECT_EQ(follower.core->generation().value, 1U) << "not before the state is there and recorded";
  follower.core->installed(net.now);
  follower.collect();
  net.advance(500);
  EXPECT_EQ(follower.core->generation().value, 2U);
  EXPECT_EQ(follower.core->durable_index(), applied);
  EXPECT_EQ(follower.on_disk().snapshot->generation.value, 2U);
  leader->propose({"d"}, 9, net.now);
  net.advance(300);
  EXPECT_EQ(follower.commands(), std::vector<std::string>{"d"});
  follower.stop();
  follower.start(net.now);
  net.advance(500);
  EXPECT_EQ(follower.core->generation().value, 2U);
  EXPECT_EQ(follower.commands(), std::vector<std::string>{"d"});
}

TEST_F(ReplicationTest, APeerThatReceivesASnapshotKeepsTheEntriesBehindItInTheLeadersMemory) {
  Net net(3);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].config.trailing_entries = 0;
  }
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  const std::uint64_t behind = leader->config.self.value % 3 + 1;
  Host& follower = net[behind];
  net.isolate(behind);
  leader->propose({"a", "b"}, 1, net.now);
  net.advance(3000);  // as long as a dead peer is waited for
  const auto checkpoint = [&] {
    leader->core->checkpoint(leader->committed.back().entry.index, net.now);
    leader->collect();
    net.settle();
  };
  checkpoint();
  net.drop = nullptr;
  net.advance(1000);
  ASSERT_TRUE(follower.install);
  // While the state is under way, the leader writes on and truncates its log.
  leader->propose({"c", "d"}, 3, net.now);
  net.advance(100);
  checkpoint();
  leader->propose({"e"}, 5, net.now);
  net.advance(100);
  checkpoint();
  follower.install.reset();
  follower.core->installed(net.now);
  follower.collect();
  net.advance(300);
  EXPECT_FALSE(follower.install) << "another snapshot";
  EXPECT_EQ(follower.commands(), (std::vector<std::string>{"c", "d", "e"}));
}

/// A follower takes a snapshot while its leader writes 3,000 bytes and truncates its log; a group alone keeps 1,000.
/// Does the follower need another snapshot when it has this one?
bool needs_another_snapshot(std::size_t room) {
  Net net(3);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].config.trailing_entries = 0;
    net[id].config.trailing_bytes = 1000;
    net[id].config.room = std::make_shared<LogRoom>(room);
  }
  net.start();
  Host* leader = net.await_leader();
  EXPECT_NE(leader, nullptr);
  if (leader == nullptr) return true;
  const std::uint64_t behind = leader->config.self.value % 3 + 1;
  Host& follower = net[behind];
  const auto write_and_checkpoint = [&](int entries, std::uint64_t cookie) {
    leader->propose(std::vector<std::string>(entries, std::string(100, 'x')), cookie, net.now);
    net.advance(100);
    leader->core->checkpoint(leader->committed.back().entry.index, net.now);
    leader->collect();
    net.settle();
  };
  net.isolate(behind);
  net.advance(3000);  // as long as a dead peer is waited for
  write_and_checkpoint(2, 1);
  net.drop = nullptr;
  net.advance(1000);
  EXPECT_TRUE(follower.install);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    write_and_checkpoint(10, 100 * i);
  }
  follower.install.reset();
  follower.core->installed(net.now);
  follower.collect();
  net.advance(100);
  write_and_checkpoint(1, 900);  // the first one that libraft hears of
  net.advance(300);
  const bool another = follower.install.has_value();
  EXPECT_TRUE(another || follower.commands().size() == 31U);
  return another;
}

TEST_F(ReplicationTest, WhatIsWrittenWhileAPeerReceivesASnapshotStaysAsLongAsTheNodeHasRoomForIt) {
  EXPECT_FALSE(needs_another_snapshot(10'000));
  EXPECT_TRUE(needs_another_snapshot(500));
}

TEST_F(ReplicationTest, ADeadPeerOrOneThatNeedsTooMuchKeepsNothingInMemory) {
  Net net(3);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].config.trailing_entries = 0;
    net[id].config.trailing_bytes = 1000;
  }
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  const std::uint64_t behind = leader->config.self.value % 3 + 1;
  const auto checkpoint = [&] {
    leader->core->checkpoint(leader->committed.back().entry.index, net.now);
    leader->collect();
    net.settle();
  };
  // It lives and hears heartbeats, but its disk keeps it behind.
  net.slow_disk.insert(behind);
  leader->propose(std::vector<std::string>(30, std::string(100, 'x')), 1, net.now);
  net.advance(100);
  checkpoint();
  EXPECT_LE(leader->core->last_index().value - leader->core->first_index().value, 11U);
  net.isolate(behind);
  net.advance(3000);
  leader->propose({"a", "b"}, 100, net.now);
  net.advance(100);
  checkpoint();
  EXPECT_EQ(leader->core->first_index(), leader->core->last_index()) << "the last one stays";
}

TEST_F(ReplicationTest, AnEmptyServerJoinsAsStandbyAndThenVotes) {
  Net net(4, voters(3));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    net[id].start(net.now);
  }
  net.settle();
  Host joiner(4);
  net[4].stop();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  leader->propose({"a"}, 1, net.now);
  net.advance(100);
  storage::Recovered nothing;
  net[4].core.emplace(net[4].config, nothing);
  net[4].core->start(net.now);
  net[4].collect();
  std::vector<Voter> servers = voters(4);
  servers[3].role = ServerRole::standby;
  ASSERT_TRUE(leader->core->change_voters(servers, net.now).ok());
  leader->collect();
  net.advance(500);
  EXPECT_EQ(net[4].commands(), std::vector<std::string>{"a"});
  ASSERT_TRUE(leader->core->change_voters(voters(4), net.now).ok());
  leader->collect();
  net.advance(500);
  ASSERT_TRUE(leader->core->change_voters(voters(4), net.now).error().code == model::Code::invalid_argument);
  // Three of the four decide now; the joiner is needed when one is gone.
  net.isolate(leader->config.self.value % 3 + 1);
  leader->propose({"b"}, 2, net.now);
  net.advance(500);
  EXPECT_EQ(net[4].commands(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ReplicationTest, G14_AServerLearnsThatItsVoteIsTakenOnlyWhenThatIsCommitted) {
  Net net(2);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  const std::uint64_t self = leader->config.self.value;
  Host& other = net[3 - self];
  std::vector<Voter> servers = voters(2);
  servers[2 - self].role = ServerRole::standby;
  net.slow_disk.insert(self);
  ASSERT_TRUE(leader->core->change_voters(servers, net.now).ok());
  leader->propose({"a"}, 1, net.now);
  net.advance(200);
  EXPECT_EQ(other.core->servers(), voters(2)) << "the leader's disk has not taken it yet";
  // The leader loses what its disk did not have. The two must still be able to elect one of them.
  leader->stop();
  net.slow_disk.clear();
  leader->start(net.now);
  leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  const std::uint64_t second = leader->config.self.value;
  servers = voters(2);
  servers[2 - second].role = ServerRole::standby;
  ASSERT_TRUE(leader->core->change_voters(servers, net.now).ok());
  leader->propose({"b"}, 2, net.now);
  net.advance(500);
  EXPECT_EQ(net[3 - second].core->servers(), servers);
  EXPECT_EQ(net[3 - second].commands(), leader->commands());
}

TEST_F(ReplicationTest, ALeaderDoesNotRemoveItselfAndAnotherMayRemoveIt) {
  Net net(3);
  net.start();
  Host* old = net.await_leader();
  ASSERT_NE(old, nullptr);
  std::vector<Voter> rest = voters(3);
  std::erase_if(rest, [&](const Voter& v) { return v.id == old->config.self; });
  EXPECT_EQ(old->core->change_voters(rest, net.now).error().code, model::Code::invalid_argument);
  std::vector<Voter> demoted = voters(3);
  demoted[old->config.self.value - 1].role = ServerRole::standby;
  EXPECT_EQ(old->core->change_voters(demoted, net.now).error().code, model::Code::invalid_argument);
  old->stop();
  Host* next = net.await_leader();
  ASSERT_NE(next, nullptr);
  ASSERT_TRUE(next->core->change_voters(rest, net.now).ok());
  next->collect();
  net.advance(100);
  next->propose({"a"}, 1, net.now);
  net.advance(100);
  EXPECT_EQ(next->commands(), std::vector<std::string>{"a"});
}

TEST_F(ReplicationTest, ASealedNodeVotesAndReplicatesButNeverCampaigns) {
  Net net(3);
  net[1].config.may_campaign = net[2].config.may_campaign = false;
  net.start();
  Host* leader = net.await_leader();
  ASSERT_EQ(leader, &net[3]);
  leader->propose({"a"}, 1, net.now);
  net.advance(200);
  EXPECT_EQ(net[1].commands(), std::vector<std::string>{"a"});
  net[3].stop();
  EXPECT_EQ(net.await_leader(5000), nullptr);
  net[1].core->allow_campaign(net.now);
  net[1].collect();
  EXPECT_EQ(net.await_leader(5000), &net[1]);
}

TEST_F(FollowerTest, AVoteIsNotSentBeforeItIsDurable) {
  host.receive(make_message(1, 2, RequestVote{model::Term(5), model::NodeId(1), model::Index(1), model::Term(1)}), now);
  EXPECT_TRUE(host.outbox.empty());
  ASSERT_EQ(host.writes.back().hard_state->voted_for.value, 1U);
  host.flush_all(now);
  const auto votes = sent<RequestVoteResult>(host);
  ASSERT_EQ(votes.size(), 1U);
  EXPECT_TRUE(votes[0].vote_granted);
  EXPECT_EQ(host.on_disk().hard_state.term.value, 5U);
}

TEST_F(FollowerTest, WhatArrivesWhileAHardStateIsNotDurableIsAnsweredAfterItInOrder) {
  host.receive(make_message(1, 2, RequestVote{model::Term(5), model::NodeId(1), model::Index(1), model::Term(1)}), now);
  host.receive(make_message(3, 2, RequestVote{model::Term(5), model::NodeId(3), model::Index(1), model::Term(1)}), now);
  host.core->propose({{9, model::Term(5), nullptr}}, now);
  host.collect();
  EXPECT_TRUE(host.outbox.empty());
  EXPECT_TRUE(host.refused.empty());
  host.flush_all(now);
  const auto votes = sent<RequestVoteResult>(host);
  ASSERT_EQ(votes.size(), 2U);
  EXPECT_TRUE(votes[0].vote_granted);
  EXPECT_FALSE(votes[1].vote_granted) << "one vote a term";
  EXPECT_EQ(host.refused.size(), 1U);
}

TEST_F(FollowerTest, EntriesAreAcknowledgedOnlyWhenDurable) {
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {})), now);
  host.flush_all(now);
  host.outbox.clear();
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {command(2, 2, "a"), command(3, 2, "b")})), now);
  EXPECT_TRUE(sent<AppendEntriesResult>(host).empty());
  host.flush_all(now);
  const auto results = sent<AppendEntriesResult>(host);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].last_log_index.value, 3U);
}

TEST_F(FollowerTest, ATruncationClipsTheAcknowledgementsOfWritesUnderWay) {
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {command(2, 2, "a"), command(3, 2, "b"), command(4, 2, "c")})),
               now);
  host.flush_all(now);
  host.receive(make_message(1, 2, append(2, 4, 2, 1, {command(5, 2, "d"), command(6, 2, "e"), command(7, 2, "f")})),
               now);
  const std::uint64_t replaced = host.writes.back().ticket;
  host.receive(make_message(3, 2, append(3, 4, 2, 1, {command(5, 3, "x")})), now);
  const DurableWrite replacing = host.writes.back();
  EXPECT_EQ(replacing.last_stored.value, 7U) << "what the disk has to delete";
  host.outbox.clear();
  host.core->persisted(replaced, now);
  host.core->persisted(replacing.ticket, now);
  host.collect();
  EXPECT_EQ(host.core->last_index().value, 5U);
  // What now stands at 6 and 7 is not what the first write stored there.
  host.receive(make_message(3, 2, append(3, 5, 3, 1, {command(6, 3, "y"), command(7, 3, "z")})), now);
  host.receive(make_message(3, 2, append(3, 7, 3, 1, {})), now);
  const auto results = sent<AppendEntriesResult>(host);
  ASSERT_FALSE(results.empty());
  for (const AppendEntriesResult& result : results) {
    EXPECT_LE(result.last_log_index.value, 5U);
  }
  EXPECT_FALSE(host.fatal);
  host.flush_all(now);
  ASSERT_EQ(host.on_disk().entries.size(), 7U);
  EXPECT_EQ(*host.on_disk().entries[4].data, "x");
  EXPECT_EQ(*host.on_disk().entries[6].data, "z");
}

TEST_F(FollowerTest, AShorterLogIsShorterOnDisk) {
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {command(2, 2, "a"), command(3, 2, "b"), command(4, 2, "c")})),
               now);
  host.flush_all(now);
  host.receive(make_message(3, 2, append(3, 1, 1, 1, {command(2, 3, "x")})), now);
  host.flush_all(now);
  ASSERT_EQ(host.on_disk().entries.size(), 2U);
  EXPECT_EQ(*host.on_disk().entries[1].data, "x");
}

TEST_F(FollowerTest, MalformedAndForeignMessagesChangeNothing) {
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {command(5, 2, "gap")})), now);
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {command(2, 3, "term of the future")})), now);
  host.receive(make_message(1, 3, append(2, 1, 1, 1, {command(2, 2, "not for us")})), now);
  host.receive(make_message(2, 2, append(2, 1, 1, 1, {command(2, 2, "from ourselves")})), now);
  Message other = make_message(1, 2, append(2, 1, 1, 1, {command(2, 2, "other group")}));
  other.group = model::GroupId(8);
  host.receive(std::move(other), now);
  host.receive(make_message(1, 2, InstallSnapshot{model::Term(2), {model::Index(9), model::Term(2), "garbage"}}), now);
  EXPECT_TRUE(host.writes.empty());
  EXPECT_TRUE(host.outbox.empty());
  EXPECT_FALSE(host.fatal);
}

TEST_F(FollowerTest, AHandoverIsIgnoredWhileEntriesAreNotOnDisk) {
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {})), now);
  host.flush_all(now);
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {command(2, 2, "a")})), now);
  host.receive(make_message(1, 2, TimeoutNow{model::Term(2), model::Index(2), model::Term(2)}), now);
  EXPECT_TRUE(sent<RequestVote>(host).empty());
  host.flush_all(now);
  EXPECT_FALSE(host.fatal);
  host.receive(make_message(1, 2, TimeoutNow{model::Term(2), model::Index(2), model::Term(2)}), now);
  host.flush_all(now);
  EXPECT_EQ(sent<RequestVote>(host).size(), 2U);
}

TEST_F(FollowerTest, ASealedNodeIgnoresAHandover) {
  host.stop();
  host.config.may_campaign = false;
  host.start(now);
  host.receive(make_message(1, 2, append(2, 1, 1, 1, {})), now);
  host.flush_all(now);
  host.receive(make_message(1, 2, TimeoutNow{model::Term(2), model::Index(1), model::Term(1)}), now);
  host.flush_all(now);
  EXPECT_EQ(host.on_disk().hard_state.term.value, 2U);
}

TEST_F(FollowerTest, ASecondLeaderInATermStopsTheGroup) {
  Host leader(1);
  leader.bootstrap(voters(1));
  leader.start(now);
  leader.flush_all(now);
  leader.receive(make_message(3, 1, append(leader.leadership.term.value, 1, 1, 1, {})), now);
  EXPECT_TRUE(leader.fatal);
}

}  // namespace
}  // namespace coffer::cluster::testing
