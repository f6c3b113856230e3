// GroupHost beside its actor: what another thread may do for a group that rests, and when it is refused.

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "actors/context.hpp"
#include "cluster/wire.hpp"

namespace coffer::actors {
namespace {

constexpr model::NodeId kSelf{1}, kLeader{2};
constexpr model::GroupId kGroup{0};

/// Keeps what is sent.
class KeepingLink final : public cluster::PeerLink {
 public:
  void start(cluster::PeerSink*) override {}
  void stop() override {}
  void set_peers(std::vector<cluster::Peer>) override {}
  bool send(model::NodeId, cluster::PeerFrame frame) override {
    frames.push_back(std::move(frame));
    return true;
  }
  void send_waiting() override { ++sent_waiting; }

  std::vector<cluster::PeerFrame> frames;
  int sent_waiting = 0;
};

/// The other actors are not there, and what is sent to them goes nowhere.
class GroupHostFixture : public ::testing::Test {
 protected:
  explicit GroupHostFixture(const std::vector<cluster::Voter>& voters) {
    context.self = kSelf;
    context.link = &link;
    context.fatal = [](const model::Error& error) { ADD_FAILURE() << error.message(); };
    context.boards.grow(1);
    context.groups.grow(1);  // an actor that is not there
    const cluster::DurableWrite first = cluster::bootstrap(kGroup, voters);
    storage::Recovered recovered;
    recovered.hard_state = *first.hard_state;
    recovered.entries = first.entries;
    cluster::GroupConfig config;
    config.group = kGroup;
    config.self = kSelf;
    host.emplace(context, config, std::move(recovered));
    host->start();
  }

  KeepingLink link;
  Context context;
  std::optional<GroupHost> host;
};

/// A follower of three.
class GroupHostTest : public GroupHostFixture {
 protected:
  GroupHostTest() : GroupHostFixture({{kSelf, "1"}, {kLeader, "2"}, {model::NodeId{3}, "3"}}) {}

  static cluster::Message heartbeat() {
    cluster::AppendEntries append{model::Term{1}, model::Index{1}, model::Term{1}, model::Index{1}, {}};
    return {kGroup, kLeader, kSelf, append, {}};
  }
  bool is_followed() const { return context.boards[kGroup.value].leader == kLeader.value; }
};

TEST_F(GroupHostTest, AHeartbeatIsAnsweredAtOnceAndTheAnswerWaitsForTheBurst) {
  cluster::Message message = heartbeat();
  EXPECT_TRUE(host->try_receive(message));
  EXPECT_TRUE(is_followed());
  ASSERT_EQ(link.frames.size(), 1U);
  EXPECT_TRUE(link.frames[0].may_wait);
  const auto answer = cluster::decode(kGroup, kSelf, kLeader, link.frames[0].body.expose());
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(std::holds_alternative<cluster::AppendEntriesResult>(answer->body));
}

TEST_F(GroupHostTest, AHeartbeatDoesNotOvertakeWhatIsOnItsWayToTheActor) {
  context.boards[kGroup.value].inbox = 1;
  cluster::Message message = heartbeat();
  EXPECT_FALSE(host->try_receive(message));
  EXPECT_FALSE(is_followed());
  EXPECT_TRUE(std::holds_alternative<cluster::AppendEntries>(message.body)) << "it goes to the actor as it was";
  host->receive(FromPeer{std::make_shared<cluster::Message>(std::move(message))});
  EXPECT_TRUE(is_followed());
  EXPECT_EQ(context.boards[kGroup.value].inbox, 0U);
}

TEST_F(GroupHostTest, NobodyGetsATurnWithinAnothers) {
  std::optional<bool> received, ticked, persisted;
  // A follower refuses at once, within its turn.
  auto done = std::make_shared<std::function<void(model::Result<model::Index>)>>([&](const auto& index) {
    EXPECT_FALSE(index.ok());
    cluster::Message message = heartbeat();
    received = host->try_receive(message);
    ticked = host->try_tick(1);
    persisted = host->try_persisted(1);
  });
  host->confirm(ConfirmLeadership{std::move(done)});
  EXPECT_EQ(received, std::optional(false));
  EXPECT_EQ(ticked, std::optional(false));
  EXPECT_EQ(persisted, std::optional(false));
  EXPECT_TRUE(host->try_tick(1)) << "afterwards it does";
}

TEST_F(GroupHostTest, AfterItsEndNothingIsDoneAnyMore) {
  host->close();
  cluster::Message message = heartbeat();
  EXPECT_TRUE(host->try_receive(message)) << "there is no actor that it could go to";
  EXPECT_TRUE(host->try_tick(1));
  EXPECT_TRUE(host->try_persisted(1));
  EXPECT_TRUE(link.frames.empty());
  EXPECT_FALSE(is_followed());
}

/// Leads alone.
class SoleGroupHostTest : public GroupHostFixture {
 protected:
  SoleGroupHostTest() : GroupHostFixture({{kSelf, "1"}}) {
    EXPECT_TRUE(host->try_persisted(kEverything));  // the term, and then the first entry of it
    EXPECT_TRUE(host->try_persisted(kEverything));
    EXPECT_EQ(board().role.load(), cluster::Role::leader);
  }

  static constexpr std::uint64_t kEverything = UINT64_MAX;
  GroupBoard& board() { return context.boards[kGroup.value]; }
  Propose proposal() {
    return {1, model::Term{board().term}, {}, {{1, std::make_shared<const std::string>("a write set")}}};
  }
};

TEST_F(SoleGroupHostTest, WhatIsDurableIsCommittedByWhoeverWroteIt) {
  const std::uint64_t before = board().commit;
  host->propose(proposal());
  host->propose(proposal());
  EXPECT_EQ(board().commit, before);
  host->flush();
  EXPECT_EQ(board().commit, before) << "not on the disk yet";
  EXPECT_TRUE(host->try_persisted(kEverything));
  EXPECT_EQ(board().commit, before + 2);
  host->persisted(Persisted{1});
  EXPECT_EQ(board().commit, before + 2) << "an older word that came by the actor";
}

TEST_F(SoleGroupHostTest, WhatIsProposedAtItsEndIsLetGoOf) {
  const Propose before = proposal(), after = proposal();
  const auto &first = before.items[0].write_set, &second = after.items[0].write_set;
  host->propose(before);
  EXPECT_GT(first.use_count(), 1);
  host->close();
  EXPECT_EQ(first.use_count(), 1) << "whoever proposed could not end";
  host->propose(after);
  EXPECT_EQ(second.use_count(), 1);
}

/// For the thread sanitizer, and for whoever waits for a turn for ever.
TEST_F(SoleGroupHostTest, ManyThreadsTakeTurnsAndEveryProposalIsCommittedOnce) {
  const std::uint64_t before = board().commit;
  constexpr std::uint64_t kEach = 2000;
  std::atomic<int> proposing{2};
  const auto propose = [&] {
    for (std::uint64_t i = 0; i < kEach; ++i) host->propose(proposal());
    --proposing;
  };
  const auto write = [&] {
    while (board().commit < before + 2 * kEach) {
      if (!host->try_persisted(kEverything)) host->persisted(Persisted{kEverything});
      (void)host->try_tick(1);
    }
  };
  const auto act = [&] {
    while (proposing != 0) host->flush();
    host->flush();
  };
  std::vector<std::thread> threads;
  threads.emplace_back(propose);
  threads.emplace_back(propose);
  threads.emplace_back(write);
  threads.emplace_back(act);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(board().commit, before + 2 * kEach);
}

TEST_F(SoleGroupHostTest, OneWordOfPlacementIsGoodForEveryStepAndNoOlderOneIs) {
  const Target two{kGroup, {{kSelf, "1"}, {kLeader, "2"}}};
  const auto settle = [&] {
    EXPECT_TRUE(host->try_persisted(kEverything));
    cluster::AppendEntriesResult result{model::Term{board().term}, {}, model::Index{board().commit}};
    cluster::Message caught_up{kGroup, kLeader, kSelf, result, {}};
    EXPECT_TRUE(host->try_receive(caught_up));
  };
  host->approach(two);
  settle();
  EXPECT_EQ(board().voters, 1U) << "it comes as a standby first";
  host->approach_further(NextStep{0});
  settle();
  EXPECT_EQ(board().voters, 1U) << "there was a newer word";
  host->approach_further(NextStep{1});
  settle();
  EXPECT_EQ(board().voters, 2U);
}

TEST_F(SoleGroupHostTest, WhatIsProposedWithinATurnWaitsForTheNext) {
  const std::uint64_t before = board().commit;
  auto done = std::make_shared<std::function<void(model::Result<model::Index>)>>(
      [&](const auto&) { host->propose(proposal()); });  // as a shard does that holds its own turn
  host->confirm(ConfirmLeadership{std::move(done)});
  host->flush();
  EXPECT_TRUE(host->try_persisted(kEverything));
  EXPECT_EQ(board().commit, before + 1);
}

}  // namespace
}  // namespace coffer::actors
