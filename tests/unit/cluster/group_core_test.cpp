// GroupCore with one voter: life, proposals, tickets, durability, checkpoints, restart.

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

class GroupCoreTest : public RaftMemoryTest {
 protected:
  Host host{1};
  MonotonicMs now = 100;

  void start() {
    host.start(now);
    host.flush_all(now);
  }
  void boot() {
    host.bootstrap(voters(1));
    start();
  }
};

TEST_F(GroupCoreTest, SoleVoterElectsItselfAtStart) {
  boot();
  EXPECT_EQ(host.leadership.role, Role::leader);
  EXPECT_TRUE(host.leadership.ready);
  EXPECT_GT(host.leadership.ready_index.value, 1U);
}

TEST_F(GroupCoreTest, G13_ASoleVoterLeadsInANewTermAfterEachStartAndSaysNothingBeforeThatIsOnDisk) {
  host.bootstrap({voters(1)[0], {model::NodeId(2), "n2:1", ServerRole::standby}});
  start();
  const model::Term before = host.leadership.term;
  host.propose({"sent to the standby and lost here"}, 1, now);
  ASSERT_FALSE(host.outbox.empty());
  host.stop();
  host.start(now);
  EXPECT_TRUE(host.outbox.empty()) << "the term is not on disk yet";
  host.flush_all(now);
  EXPECT_GT(host.leadership.term, before) << "another entry of the same index and term would be taken for the lost one";
  EXPECT_EQ(host.on_disk().hard_state.term, host.leadership.term);
}

TEST_F(GroupCoreTest, SealedSoleVoterStaysStoppedAndRefusesUntilItMayCampaign) {
  host.config.may_campaign = false;
  boot();
  EXPECT_EQ(host.core->leadership().role, Role::stopped);
  EXPECT_FALSE(host.wake);
  host.propose({"a"}, 1, now);
  ASSERT_EQ(host.refused.size(), 1U);
  EXPECT_EQ(host.refused[0].error.code, model::Code::unavailable);
  host.core->allow_campaign(now);
  host.collect();
  host.flush_all(now);
  EXPECT_TRUE(host.leadership.ready);
}

TEST_F(GroupCoreTest, ProposalsOfOneCallAreOneWriteAndCommitInOrderWithTheirCookies) {
  boot();
  host.writes.clear();
  host.propose({"a", "b", "c"}, 11, now);
  ASSERT_EQ(host.writes.size(), 1U);
  EXPECT_EQ(host.writes[0].entries.size(), 3U);
  host.flush_all(now);
  EXPECT_EQ(host.commands(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(host.cookies(), (std::map<std::uint64_t, std::string>{{11, "a"}, {12, "b"}, {13, "c"}}));
  EXPECT_TRUE(host.refused.empty());
}

TEST_F(GroupCoreTest, NothingIsCommittedBeforeItIsOnDisk) {
  boot();
  host.propose({"a"}, 1, now);
  EXPECT_TRUE(host.commands().empty());
  host.flush(now);
  EXPECT_EQ(host.commands().size(), 1U);
}

TEST_F(GroupCoreTest, TicketsGrowByOneAndAcknowledgeEverythingUpToThem) {
  boot();
  host.writes.clear();
  host.propose({"a"}, 1, now);
  host.propose({"b"}, 2, now);
  host.propose({"c"}, 3, now);
  ASSERT_EQ(host.writes.size(), 3U);
  EXPECT_EQ(host.writes[1].ticket, host.writes[0].ticket + 1);
  EXPECT_EQ(host.writes[2].ticket, host.writes[0].ticket + 2);
  host.core->persisted(host.writes[1].ticket, now);
  host.collect();
  EXPECT_EQ(host.commands(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(GroupCoreTest, ProposalOfAnotherTermIsRefusedAsUnavailableAndNotInTheLog) {
  boot();
  const auto last = host.core->last_index();
  host.core->propose({{5, model::Term(host.leadership.term.value + 1), std::make_shared<const std::string>("x")}}, now);
  host.collect();
  ASSERT_EQ(host.refused.size(), 1U);
  EXPECT_EQ(host.refused[0].cookie, 5U);
  EXPECT_EQ(host.refused[0].error.code, model::Code::unavailable);
  EXPECT_EQ(host.core->last_index(), last);
}

TEST_F(GroupCoreTest, ProposalsBeyondThePendingBytesAreOverloadedUntilSomeCommit) {
  host.config.max_pending_bytes = 10;
  boot();
  host.propose({"123456", "78901", "2"}, 1, now);  // the second does not fit, and the third may build on it
  ASSERT_EQ(host.refused.size(), 2U);
  EXPECT_EQ(host.refused[0].cookie, 2U);
  EXPECT_EQ(host.refused[0].error.code, model::Code::overloaded);
  EXPECT_EQ(host.refused[1].cookie, 3U);
  host.flush_all(now);
  host.refused.clear();
  host.propose({"1234567890"}, 9, now);
  host.flush_all(now);
  EXPECT_TRUE(host.refused.empty());
  EXPECT_EQ(host.commands(), (std::vector<std::string>{"123456", "1234567890"}));
}

TEST_F(GroupCoreTest, RefusedProposalsDoNotCountAsPending) {
  host.config.max_pending_bytes = 10;
  boot();
  for (int i = 0; i < 5; ++i) {
    host.core->propose({{1, model::Term(99), std::make_shared<const std::string>("12345678")}}, now);
  }
  host.collect();
  host.refused.clear();
  host.propose({"12345678"}, 2, now);
  EXPECT_TRUE(host.refused.empty());
}

TEST_F(GroupCoreTest, RestartHandsOutEverythingAgainWithoutCookies) {
  boot();
  host.propose({"a", "b"}, 1, now);
  host.flush_all(now);
  host.stop();
  start();
  EXPECT_EQ(host.commands(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(host.cookies().empty());
  EXPECT_TRUE(host.leadership.ready);
}

TEST_F(GroupCoreTest, CheckpointMovesTheDurableIndexDeletesBehindItAndIsWhereARestartContinues) {
  boot();
  host.propose({"a", "b", "c"}, 1, now);
  host.flush_all(now);
  ASSERT_EQ(host.commands().size(), 3U);
  const auto applied = host.committed[host.committed.size() - 2].entry.index;  // b
  host.core->checkpoint(applied, now);
  host.collect();
  EXPECT_EQ(host.core->durable_index().value, 0U) << "not before the log database holds it";
  host.flush_all(now);
  EXPECT_EQ(host.core->durable_index(), applied);
  const storage::Recovered disk = host.on_disk();
  ASSERT_TRUE(disk.snapshot);
  EXPECT_EQ(disk.snapshot->index, applied);
  EXPECT_EQ(disk.snapshot->configuration_index.value, 1U);
  EXPECT_EQ(disk.snapshot->configuration, *encode_configuration(voters(1)));
  ASSERT_EQ(disk.entries.size(), 1U);
  host.stop();
  start();
  EXPECT_EQ(host.commands(), (std::vector<std::string>{"c"}));
  EXPECT_EQ(host.core->durable_index(), applied);
  host.propose({"d"}, 7, now);
  host.flush_all(now);
  EXPECT_EQ(host.commands(), (std::vector<std::string>{"c", "d"}));
}

TEST_F(GroupCoreTest, CheckpointOfTheWholeLogRestartsToAnEmptyLogAndGoesOn) {
  boot();
  host.propose({"a"}, 1, now);
  host.flush_all(now);
  for (int round = 0; round < 3; ++round) {
    host.core->checkpoint(host.committed.back().entry.index, now);
    host.collect();
    host.flush_all(now);
    EXPECT_TRUE(host.on_disk().entries.empty());
    host.stop();
    start();
    ASSERT_TRUE(host.leadership.ready);
    host.propose({"r" + std::to_string(round)}, 1, now);
    host.flush_all(now);
    EXPECT_EQ(host.commands().back(), "r" + std::to_string(round));
  }
}

TEST_F(GroupCoreTest, CheckpointAtOrBelowTheDurableIndexIsIgnoredAndOneBeyondTheAppliedIsFatal) {
  boot();
  host.propose({"a"}, 1, now);
  host.flush_all(now);
  const auto applied = host.committed.back().entry.index;
  host.core->checkpoint(applied, now);
  host.core->checkpoint(applied, now);
  host.writes.clear();
  host.collect();
  EXPECT_EQ(host.writes.size(), 1U);
  host.flush_all(now);
  host.core->checkpoint(model::Index(applied.value + 1), now);
  host.collect();
  ASSERT_TRUE(host.fatal);
}

TEST_F(GroupCoreTest, PendingProposalsOfAStoppedGroupHaveAnUnknownOutcome) {
  boot();
  host.propose({"a"}, 4, now);
  host.core->checkpoint(model::Index(1000), now);  // a host's mistake stops the group
  host.collect();
  ASSERT_EQ(host.refused.size(), 1U);
  EXPECT_EQ(host.refused[0].cookie, 4U);
  EXPECT_EQ(host.refused[0].error.code, model::Code::outcome_unknown);
}

TEST_F(GroupCoreTest, DamagedLogIsFatalInsteadOfGuessed) {
  storage::Recovered recovered;
  recovered.hard_state.term = model::Term(1);
  recovered.entries = {configuration(1, 1, voters(1)), command(3, 1, "gap")};
  host.core.emplace(host.config, recovered);
  host.core->start(now);
  host.collect();
  ASSERT_TRUE(host.fatal);
  EXPECT_EQ(host.fatal->code, model::Code::data_loss);
}

TEST_F(GroupCoreTest, AddingAServerTurnsASoleVoterIntoALeaderThatNeedsTheOther) {
  boot();
  ASSERT_TRUE(host.core->change_voters(voters(2), now).ok());
  host.collect();
  host.flush_all(now);
  host.committed.clear();
  host.propose({"a"}, 1, now);
  host.flush_all(now);
  EXPECT_TRUE(host.commands().empty());
}

TEST_F(GroupCoreTest, ChangeOfMoreThanOneServerIsRefused) {
  boot();
  const model::Status status = host.core->change_voters(voters(3), now);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, model::Code::invalid_argument);
}

TEST_F(GroupCoreTest, BootstrapIsTheSameOnEveryVoter) {
  const DurableWrite a = bootstrap(kGroup, voters(3));
  const DurableWrite b = bootstrap(kGroup, voters(3));
  ASSERT_EQ(a.entries.size(), 1U);
  EXPECT_EQ(*a.entries[0].data, *b.entries[0].data);
  EXPECT_EQ(a.hard_state->term.value, 1U);
  EXPECT_EQ(a.hard_state->voted_for.value, 0U);
}

}  // namespace
}  // namespace coffer::cluster::testing
