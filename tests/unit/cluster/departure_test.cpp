// A replica whose group goes on without its node: what proves that, what stays of it, and what it may do with that.

#include "cluster/departure.hpp"

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

constexpr MonotonicMs kQuiet = 1000;

LeaderWord word(std::uint64_t term, std::uint64_t commit, std::uint64_t last, bool names_us = false) {
  return {model::Term(term), model::Index(commit), model::Index(last), names_us};
}

TEST(DepartureTest, IsProvedWhenWhatALeaderHadWithoutThisNodeIsCommittedInTheSameTerm) {
  Departure departure;
  EXPECT_FALSE(departure.heard(word(3, 8, 10))) << "the configuration without this node may be 9 or 10";
  EXPECT_FALSE(departure.heard(word(3, 9, 12)));
  EXPECT_EQ(departure.heard(word(3, 10, 14)), model::Index(10));
  EXPECT_EQ(departure.heard(word(3, 13, 20)), model::Index(10));
  EXPECT_EQ(departure.heard(word(3, 14, 20)), model::Index(14));
  EXPECT_EQ(departure.heard(word(3, 20, 20)), model::Index(20));
}

TEST(DepartureTest, IsNotProvedByTwoTermsNorByALeaderThatWas) {
  Departure departure;
  EXPECT_FALSE(departure.heard(word(3, 8, 10)));
  EXPECT_FALSE(departure.heard(word(4, 10, 11))) << "the next leader's log need not hold what the last one's did";
  EXPECT_FALSE(departure.heard(word(3, 10, 10))) << "late";
  EXPECT_EQ(departure.heard(word(4, 11, 11)), model::Index(11));
  EXPECT_FALSE(departure.heard(word(4, 12, 12, true))) << "it is a server again";
  EXPECT_FALSE(departure.heard(word(5, 12, 13)));
}

class LeavingTest : public RaftMemoryTest {
 protected:
  /// Node 4 has followed, and is taken out; the leader has written more since.
  void remove_the_fourth() {
    net.start();
    leader = net.await_leader();
    ASSERT_NE(leader, nullptr);
    if (leader->config.self.value == 4) {
      ASSERT_TRUE(leader->core->transfer(model::NodeId(1), net.now).ok());
      leader->collect();
      net.advance(500);
      leader = net.await_leader();
    }
    ASSERT_NE(leader, nullptr);
    write("before");
    ASSERT_TRUE(leader->core->change_voters(voters(3), net.now).ok());
    leader->collect();
    net.advance(200);
    write("after");
    ASSERT_EQ(leaver.commands(), std::vector<std::string>{"before"});
  }
  void write(const std::string& value) {
    leader->propose({value}, 0, net.now);
    net.advance(200);
  }
  model::Index settled() const { return leader->core->last_index(); }
  bool leave() {
    const bool left = leaver.core->leave(settled(), kQuiet, net.now);
    leaver.collect();
    return left;
  }
  /// As the host does it: when the log is gone, the rows go.
  void finish_leaving() {
    leaver.flush_all(net.now);
    ASSERT_TRUE(leaver.drop_state);
    leaver.core->left(net.now);
    leaver.collect();
  }

  Net net{4};
  Host* leader = nullptr;
  Host& leaver = net[4];
};

TEST_F(LeavingTest, LogAndDurableIndexGoAndTermVoteAndTheEndOfTheLogStay) {
  remove_the_fourth();
  leaver.core->checkpoint(leaver.core->commit_index(), net.now);
  leaver.collect();
  leaver.flush_all(net.now);
  const storage::Recovered before = leaver.on_disk();
  ASSERT_TRUE(before.snapshot);
  net.advance(kQuiet);
  const storage::HardState hard = leaver.on_disk().hard_state;
  const model::Index end = leaver.core->last_index();
  ASSERT_TRUE(leave());
  EXPECT_FALSE(leaver.drop_state) << "the rows stay while the disk has the log that says that they are there";
  EXPECT_TRUE(leaver.core->is_leaving());
  finish_leaving();
  EXPECT_FALSE(leaver.core->is_leaving());
  const storage::Recovered after = leaver.on_disk();
  EXPECT_EQ(after.hard_state, hard);
  EXPECT_FALSE(after.snapshot);
  EXPECT_TRUE(after.entries.empty());
  EXPECT_EQ(after.floor.index, end);
  EXPECT_EQ(leaver.core->last_index().value, 0U);
  EXPECT_GT(leaver.core->generation(), before.snapshot->generation);
  EXPECT_FALSE(leaver.core->leave(settled(), 0, net.now)) << "there is nothing left";
}

TEST_F(LeavingTest, NothingGoesWhileALeaderSpeaksOrTheLogEndsBehindWhatIsProved) {
  remove_the_fourth();
  EXPECT_FALSE(leave()) << "a leader spoke a moment ago";
  net.advance(kQuiet);
  EXPECT_FALSE(leaver.core->leave(model::Index(leaver.core->last_index().value - 1), kQuiet, net.now));
  Host& other = net[leader->config.self.value % 3 + 1];
  EXPECT_FALSE(other.core->leave(settled(), kQuiet, net.now)) << "one that follows";
  EXPECT_FALSE(leader->core->leave(settled(), 0, net.now)) << "one that leads";
  EXPECT_TRUE(leave());
}

// Of four, two have gone and let go. The third was away all the time: for it they are a majority, with itself.
TEST_F(LeavingTest, OneThatWasAwayIsNotElectedByThoseWhoHadMoreThanItAndLetGo) {
  net.start();
  leader = net.await_leader();
  ASSERT_NE(leader, nullptr);
  Host& away = net[leader->config.self.value % 4 + 1];
  net.isolate(away.config.self.value);
  write("acknowledged without it");
  std::vector<Host*> gone;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    if (&net[id] != leader && &net[id] != &away) gone.push_back(&net[id]);
  }
  leader->stop();  // what is left is for the candidate and the two
  net.advance(50);
  for (Host* host : gone) {
    net.drop = [](const Message&) { return true; };
    net.advance(kQuiet);
    ASSERT_TRUE(host->core->leave(host->core->last_index(), kQuiet, net.now));
    host->collect();
    host->flush_all(net.now);
    host->core->left(net.now);
    host->collect();
  }
  net.drop = nullptr;
  net.advance(10'000);
  EXPECT_FALSE(away.leads()) << "its log lacks what was acknowledged";
  for (Host* host : gone) {
    host->stop();
    host->start(net.now);
  }
  net.advance(10'000);
  EXPECT_FALSE(away.leads()) << "they remember it over a restart";
}

TEST_F(LeavingTest, OneThatLetGoCatchesUpAndVotesWhenItIsAServerAgain) {
  remove_the_fourth();
  net.advance(kQuiet);
  ASSERT_TRUE(leave());
  finish_leaving();
  leaver.committed.clear();
  auto with = voters(4);
  with[3].role = ServerRole::standby;
  ASSERT_TRUE(leader->core->change_voters(with, net.now).ok());
  leader->collect();
  net.advance(500);
  EXPECT_EQ(leaver.commands(), (std::vector<std::string>{"before", "after"}));
  ASSERT_TRUE(leader->core->change_voters(voters(4), net.now).ok());
  leader->collect();
  write("more");
  EXPECT_EQ(leaver.core->last_index(), leader->core->last_index());
  leader->stop();
  EXPECT_NE(net.await_leader(), nullptr);
  ASSERT_FALSE(leaver.fatal);
}

// The same names as long ago: what it has got of its log again says that it is a voter, and that is over.
TEST_F(LeavingTest, WhileItsLogIsShorterThanBeforeItAsksForNoVotes) {
  remove_the_fourth();
  net.advance(kQuiet);
  ASSERT_TRUE(leave());
  finish_leaving();
  const storage::Recovered old = leader->on_disk();
  ASSERT_GE(old.entries.size(), 3U);
  ASSERT_LT(old.entries[0].index, leaver.on_disk().floor.index);
  const model::Term term = leader->leadership.term;
  for (std::uint64_t id = 1; id <= 3; ++id) net[id].stop();
  leaver.receive(make_message(1, 4, append(term.value, 0, 0, 1, {old.entries[0]})), net.now);
  leaver.flush_all(net.now);
  ASSERT_EQ(leaver.core->last_index().value, 1U);
  leaver.outbox.clear();
  for (int i = 0; i < 5000; ++i) {
    ++net.now;
    if (leaver.wake && *leaver.wake <= net.now) {
      leaver.wake.reset();
      leaver.tick(net.now);
    }
  }
  EXPECT_TRUE(sent<RequestVote>(leaver).empty());
  EXPECT_GT(leaver.ticks, 0);
}

// A group's first and once only server: libraft would elect it with the first entry of its old log.
TEST_F(LeavingTest, AFormerSoleVoterThatRestartsWithTheBeginningOfItsLogBeginsAnewInsteadOfLeading) {
  Host sole(1);
  sole.bootstrap(voters(1));
  DurableWrite write;
  write.group = kGroup;
  write.hard_state = storage::HardState{model::Term(5), model::NodeId(0)};
  sole.store_now(write);
  DurableWrite floor;
  floor.group = kGroup;
  floor.leave = DurableWrite::Leave{{model::Term(4), model::Index(40)}, model::Index(2), model::Index(1)};
  sole.store_now(floor);
  ASSERT_EQ(sole.on_disk().entries.size(), 1U);
  sole.start(net.now);
  EXPECT_FALSE(sole.leads());
  sole.flush_all(net.now);
  EXPECT_TRUE(sole.drop_state);
  EXPECT_TRUE(sole.on_disk().entries.empty());
  EXPECT_EQ(sole.on_disk().floor, (storage::LogEnd{model::Term(4), model::Index(40)}));
  sole.core->left(net.now);
  sole.collect();
  EXPECT_FALSE(sole.leads());
  EXPECT_EQ(sole.on_disk().hard_state.term.value, 5U);
}

}  // namespace
}  // namespace coffer::cluster::testing
