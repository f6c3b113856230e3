// Each guard against a defect of libraft 0.22.1, as a script that goes wrong without it.

#include "cluster/guards.hpp"

#include "cluster/raft_core.hpp"
#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

class GuardTest : public RaftMemoryTest {
 protected:
  /// Node 2 of three, its peers are the script.
  void follow() {
    host.config.trailing_entries = 0;
    host.bootstrap(voters(3));
    host.start(now);
    host.flush_all(now);
  }
  void give(AppendEntries message) {
    host.receive(make_message(1, 2, std::move(message)), now);
    host.flush_all(now);
  }
  /// Lets the timer run out and grants everything that the host asks for.
  void elect() {
    for (int round = 0; round < 20 && !host.leads(); ++round) {
      now = std::max(now, host.wake.value_or(now));
      host.tick(now);
      host.flush_all(now);
      grant();
    }
    ASSERT_TRUE(host.leads());
    host.outbox.clear();
    host.receive(acknowledge(1), now);
    host.receive(acknowledge(3), now);
    host.flush_all(now);
  }
  void grant() {
    for (const RequestVote& asked : sent<RequestVote>(host)) {
      host.receive(make_message(1, 2, RequestVoteResult{asked.term, true, asked.pre_vote}), now);
      host.flush_all(now);
    }
    host.outbox.clear();
  }
  Message acknowledge(std::uint64_t from) {
    return make_message(from, 2, AppendEntriesResult{host.leadership.term, model::Index(0), host.core->last_index()});
  }
  Host host{2};
  MonotonicMs now = 10;
};

TEST_F(GuardTest, G1_LeaderIsReadyOnlyWhenAnEntryOfItsOwnTermIsCommitted) {
  Net net(3);
  net.drop = [](const Message& m) { return std::holds_alternative<AppendEntriesResult>(m.body); };
  net.start();
  Host* leader = nullptr;
  for (int i = 0; i < 5000 && leader == nullptr; ++i) {
    net.advance(1);
    for (std::uint64_t id = 1; id <= 3; ++id) {
      leader = net[id].leads() ? &net[id] : leader;
    }
  }
  ASSERT_NE(leader, nullptr);
  EXPECT_FALSE(leader->leadership.ready);
  std::vector<Voter> servers = voters(3);
  servers.push_back({model::NodeId(4), "n4:1", ServerRole::standby});
  EXPECT_EQ(leader->core->change_voters(servers, net.now).error().code, model::Code::unavailable);
  net.drop = nullptr;
  leader = net.await_leader();
  ASSERT_NE(leader, nullptr) << "libraft itself appends nothing when all is committed";
  ASSERT_FALSE(leader->committed.empty());
  const Committed& own = leader->committed.back();
  EXPECT_EQ(own.entry.kind, storage::EntryKind::barrier);
  EXPECT_EQ(own.entry.term, leader->leadership.term);
  EXPECT_EQ(own.entry.index, leader->leadership.ready_index);
  EXPECT_TRUE(leader->core->change_voters(servers, net.now).ok());
}

TEST_F(GuardTest, G2_EntriesFromBelowTheCompactedLogAreNotTakenForNew) {
  follow();
  const auto servers = voters(3);
  give(append(2, 1, 1, 6,
              {command(2, 2, "a"), command(3, 2, "b"), command(4, 2, "c"), command(5, 2, "d"), command(6, 2, "e")}));
  give(append(2, 6, 2, 6, {}));
  host.core->checkpoint(model::Index(5), now);
  host.collect();
  host.flush_all(now);
  ASSERT_EQ(host.core->durable_index().value, 5U);
  host.writes.clear();
  give(append(2, 0, 0, 6, {configuration(1, 1, servers), command(2, 2, "a"), command(3, 2, "b")}));
  EXPECT_TRUE(host.writes.empty());
  EXPECT_FALSE(host.fatal);
  EXPECT_EQ(host.core->last_index().value, 6U);
  give(append(2, 6, 2, 6, {command(7, 2, "f")}));
  EXPECT_EQ(host.core->last_index().value, 7U);
}

TEST_F(GuardTest, G2_ALeaderThatMissedTheAcknowledgementOfCompactedEntriesStillReplicates) {
  follow();
  give(append(2, 1, 1, 5, {command(2, 2, "a"), command(3, 2, "b"), command(4, 2, "c"), command(5, 2, "d")}));
  host.core->checkpoint(model::Index(5), now);
  host.collect();
  host.flush_all(now);
  ASSERT_EQ(host.core->durable_index().value, 5U);
  host.outbox.clear();
  give(append(2, 3, 2, 5, {command(4, 2, "c"), command(5, 2, "d"), command(6, 2, "e")}));
  EXPECT_EQ(host.core->last_index().value, 6U);
  const auto results = sent<AppendEntriesResult>(host);
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results.back().rejected.value, 0U);
  EXPECT_EQ(results.back().last_log_index.value, 6U);
}

// sim_cluster, seed 1231: the last entry before the log's start has no term there, so what follows it was refused for ever.
TEST_F(GuardTest, G2_ALeaderReplicatesFromWhereverTheFollowersLogHasItsStart) {
  for (std::uint32_t kept = 0; kept < 4; ++kept) {
    for (std::uint64_t prev = 1; prev < 5; ++prev) {
      Host follower{2};
      follower.config.trailing_entries = kept;
      follower.bootstrap(voters(3));
      follower.start(now);
      follower.flush_all(now);
      const auto receive = [&](AppendEntries message) {
        follower.receive(make_message(1, 2, std::move(message)), now);
        follower.flush_all(now);
      };
      std::vector<storage::LogEntry> entries;
      for (std::uint64_t index = 2; index <= 5; ++index) entries.push_back(command(index, 2, "x"));
      receive(append(2, 1, 1, 5, entries));
      follower.core->checkpoint(model::Index(5), now);
      follower.collect();
      follower.flush_all(now);
      ASSERT_EQ(follower.core->durable_index().value, 5U);
      follower.outbox.clear();
      entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(prev - 1));
      entries.push_back(command(6, 2, "new"));
      receive(append(2, prev, prev == 1 ? 1 : 2, 5, entries));
      EXPECT_EQ(follower.core->last_index().value, 6U) << "keeps " << kept << ", from behind " << prev;
    }
  }
}

TEST_F(GuardTest, G3_TheNewestLogAtALowTermIsElectedThoughTheOtherNodesTermIsHigher) {
  Net net(3);
  DurableWrite newest;
  newest.group = kGroup;
  newest.entries = {command(2, 1, "committed on one and three")};
  net[1].store_now(newest);
  DurableWrite failed_elections;
  failed_elections.group = kGroup;
  failed_elections.hard_state = storage::HardState{model::Term(9), model::NodeId(2)};
  net[2].store_now(failed_elections);
  net[1].start(0);
  net[2].start(0);  // node three is dead
  EXPECT_EQ(net.await_leader(20000), &net[1]);
}

TEST_F(GuardTest, G4_AStaleRefusalDoesNotCutAFollowerOff) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  const std::uint64_t behind = leader->config.self.value % 3 + 1;
  leader->propose({"a", "b", "c"}, 1, net.now);
  net.advance(100);
  const model::Index match = leader->core->last_index();
  net.isolate(behind);
  net.advance(1000);  // the leader stops streaming to it and probes behind what it is known to hold
  ASSERT_TRUE(leader->leads());
  leader->receive(make_message(behind, leader->config.self.value,
                               AppendEntriesResult{leader->leadership.term, match, model::Index(match.value - 1)}),
                  net.now);
  leader->propose({"d"}, 4, net.now);
  net.settle();
  net.drop = nullptr;
  net.advance(2000);
  EXPECT_EQ(net[behind].commands(), (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_F(GuardTest, G4_ARefusalOfAHigherTermIsHeardWhateverItRefuses) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  leader->propose({"a", "b", "c"}, 1, net.now);
  net.advance(100);
  const std::uint64_t ahead = leader->config.self.value % 3 + 1;
  const model::Index match = leader->core->last_index();
  // A peer whose elections came to nothing (a hand-over's raise the term at once) refuses everything of this term.
  const model::Term higher(leader->leadership.term.value + 100);
  leader->receive(
      make_message(ahead, leader->config.self.value, AppendEntriesResult{higher, match, model::Index(match.value - 1)}),
      net.now);
  net.settle();
  EXPECT_FALSE(leader->leads()) << "else the peer is cut off for good";
  EXPECT_EQ(leader->on_disk().hard_state.term, higher);
}

TEST_F(GuardTest, G5_AConfigurationInTheMiddleOfAMessageIsCommittedUnderItsOwnIndex) {
  follow();
  std::vector<Voter> servers = voters(3);
  servers.push_back({model::NodeId(4), "n4:1", ServerRole::standby});
  give(append(2, 1, 1, 4, {command(2, 2, "a"), configuration(3, 2, servers), command(4, 2, "b")}));
  give(append(2, 4, 2, 4, {}));
  ASSERT_EQ(host.commands(), (std::vector<std::string>{"a", "b"}));
  elect();
  ASSERT_TRUE(host.leadership.ready);
  const model::Status status = host.core->change_voters(voters(3), now);
  EXPECT_TRUE(status.ok()) << status.error().message();
}

TEST_F(GuardTest, G6_ALeaderWithASpareThatVotedBeforeIsNotWokenWithoutPause) {
  Net net(3);
  net.start();
  Host* leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  std::vector<Voter> servers = voters(3);
  servers[leader->config.self.value % 3].role = ServerRole::spare;
  ASSERT_TRUE(leader->core->change_voters(servers, net.now).ok());
  leader->collect();
  net.advance(500);
  leader->ticks = 0;
  net.advance(1000);
  EXPECT_TRUE(leader->leads());
  EXPECT_LE(leader->ticks, 1000 / 30 + 2);
}

TEST_F(GuardTest, G6_ATickBeforeItsTimeIsNotATimeout) {
  follow();
  elect();
  ASSERT_TRUE(host.leadership.ready);
  host.outbox.clear();
  const MonotonicMs due = *host.wake;
  ASSERT_LT(now + 2, due);
  for (MonotonicMs at = now + 1; at < due; ++at) {
    host.tick(at);
    ASSERT_EQ(host.wake, due) << "only armed again";
  }
  host.propose({"a"}, 1, due - 1);
  std::size_t streamed = 0;
  for (const AppendEntries& message : sent<AppendEntries>(host)) {
    streamed += message.entries.size();
  }
  EXPECT_EQ(streamed, 2U) << "both followers are still streamed to";
}

TEST_F(GuardTest, G7_AVoteResultForAnElectionThatIsOverDoesNotRaiseTheTerm) {
  follow();
  host.receive(make_message(1, 2, RequestVoteResult{model::Term(50), false, false}), now);
  EXPECT_TRUE(host.writes.empty());
  EXPECT_EQ(host.core->leadership().term.value, 1U);
}

TEST_F(GuardTest, G8_ARefusedConfigurationLeavesNoPhantomEntries) {
  RaftOptions options;
  options.group = kGroup;
  options.self = model::NodeId(1);
  RaftCore raft(options);
  storage::Recovered recovered;
  recovered.hard_state.term = model::Term(1);
  recovered.entries = {configuration(1, 1, voters(1))};
  ASSERT_TRUE(raft.start(0, recovered).ok());
  ASSERT_EQ(raft.state(), ServerState::leader);
  ASSERT_TRUE(raft.submit(0, {configuration(0, 0, voters(2))}).ok());  // not committed yet
  const auto refused = raft.submit(0, {command(0, 0, "a"), configuration(0, 0, voters(3))});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(raft.last_index().value, 2U);
  const auto next = raft.submit(0, {command(0, 0, "b")});
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->entries.at(0).index.value, 3U);
}

TEST_F(GuardTest, G8_ASecondChangeUnderWayIsRefusedAndTheLogGoesOn) {
  follow();
  elect();
  std::vector<Voter> servers = voters(3);
  servers.push_back({model::NodeId(4), "n4:1", ServerRole::standby});
  ASSERT_TRUE(host.core->change_voters(servers, now).ok());
  const model::Index last = host.core->last_index();
  servers.pop_back();
  EXPECT_EQ(host.core->change_voters(servers, now).error().code, model::Code::unavailable);
  EXPECT_EQ(host.core->last_index(), last);
  host.collect();
  host.propose({"a"}, 1, now);
  EXPECT_EQ(host.writes.back().entries.at(0).index.value, last.value + 1);
}

TEST_F(GuardTest, G9_ASecondSnapshotDuringAnInstallIsDroppedAndLeaksNothing) {
  follow();
  storage::Snapshot snapshot{model::Index(20), model::Term(2), *encode_configuration(voters(3)), model::Index(1),
                             model::Generation(5)};
  host.receive(make_message(1, 2, InstallSnapshot{model::Term(2), snapshot}), now);
  EXPECT_FALSE(host.install) << "its term is not durable yet";
  host.core->installed(now);  // of what? nothing was handed out
  host.flush_all(now);
  EXPECT_EQ(host.core->durable_index().value, 0U);
  ASSERT_TRUE(host.install);
  EXPECT_EQ(host.install->generation.value, 2U) << "generations are the node's own";
  host.install.reset();
  snapshot.index = model::Index(30);
  host.receive(make_message(1, 2, InstallSnapshot{model::Term(2), snapshot}), now);
  EXPECT_FALSE(host.install);
  host.core->installed(now);
  host.collect();
  host.flush_all(now);
  EXPECT_EQ(host.core->durable_index().value, 20U);
  const auto results = sent<AppendEntriesResult>(host);
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results.back().last_log_index.value, 20U);
}

TEST_F(GuardTest, G10_AServerVotesForACandidateWhoseLogMadeItAVoter) {
  Net net(2, voters(1));
  net[1].start(0);
  net.settle();
  ASSERT_TRUE(net[1].leadership.ready);
  net[2].core.emplace(net[2].config, storage::Recovered());
  net[2].core->start(0);
  std::vector<Voter> servers = voters(2);
  servers[1].role = ServerRole::standby;
  ASSERT_TRUE(net[1].core->change_voters(servers, net.now).ok());
  net[1].collect();
  net.advance(500);
  net.isolate(2);
  servers[1].role = ServerRole::voter;
  ASSERT_TRUE(net[1].core->change_voters(servers, net.now).ok());
  net[1].collect();
  net.settle();
  net[1].stop();  // the promotion is on its disk only
  net.drop = nullptr;
  net[1].start(net.now);
  EXPECT_EQ(net.await_leader(), &net[1]);
}

TEST(GuardFunctionsTest, ConfigurationsStandFirstInTheirPart) {
  const auto servers = voters(3);
  const auto parts = guards::split_at_configurations(
      append(4, 9, 3, 8,
             {command(10, 3, "a"), configuration(11, 4, servers), configuration(12, 4, servers), command(13, 4, "b")}));
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].entries.size(), 1U);
  EXPECT_EQ(parts[1].prev_log_index.value, 10U);
  EXPECT_EQ(parts[1].prev_log_term.value, 3U);
  EXPECT_EQ(parts[2].prev_log_index.value, 11U);
  EXPECT_EQ(parts[2].entries.size(), 2U);
  EXPECT_EQ(guards::split_at_configurations(append(4, 9, 3, 8, {})).size(), 1U);
}

TEST(GuardFunctionsTest, OnlyARefusedPreVoteOfALowerTermIsCorrected) {
  const auto told = [](RequestVoteResult result) {
    guards::tell_own_term(result, 9);
    return result.term.value;
  };
  EXPECT_EQ(told({model::Term(3), false, true}), 9U);
  EXPECT_EQ(told({model::Term(3), true, true}), 3U);
  EXPECT_EQ(told({model::Term(3), false, false}), 3U);
  EXPECT_EQ(told({model::Term(10), false, true}), 10U);
}

}  // namespace
}  // namespace coffer::cluster::testing
