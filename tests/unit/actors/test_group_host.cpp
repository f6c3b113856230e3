// GroupHost beside its actor: what another thread may do for a group that rests, and when it is refused.

#include <gtest/gtest.h>

#include <optional>
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

/// A follower of three; the other actors are not there, and what is sent to them goes nowhere.
class GroupHostTest : public ::testing::Test {
 protected:
  GroupHostTest() {
    context.self = kSelf;
    context.link = &link;
    context.fatal = [](const model::Error& error) { ADD_FAILURE() << error.message(); };
    context.boards.grow(1);
    context.groups.grow(1);
    const std::vector<cluster::Voter> voters{{kSelf, "1"}, {kLeader, "2"}, {model::NodeId{3}, "3"}};
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

  static cluster::Message heartbeat() {
    cluster::AppendEntries append{model::Term{1}, model::Index{1}, model::Term{1}, model::Index{1}, {}};
    return {kGroup, kLeader, kSelf, append, {}};
  }
  bool is_followed() const { return context.boards[kGroup.value].leader == kLeader.value; }

  KeepingLink link;
  Context context;
  std::optional<GroupHost> host;
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
  std::optional<bool> received, ticked;
  // A follower refuses at once, within its turn.
  auto done = std::make_shared<std::function<void(model::Result<model::Index>)>>([&](const auto& index) {
    EXPECT_FALSE(index.ok());
    cluster::Message message = heartbeat();
    received = host->try_receive(message);
    ticked = host->try_tick(1);
  });
  host->confirm(ConfirmLeadership{std::move(done)});
  EXPECT_EQ(received, std::optional(false));
  EXPECT_EQ(ticked, std::optional(false));
  EXPECT_TRUE(host->try_tick(1)) << "afterwards it does";
}

TEST_F(GroupHostTest, AfterItsEndNothingIsDoneAnyMore) {
  host->close();
  cluster::Message message = heartbeat();
  EXPECT_TRUE(host->try_receive(message)) << "there is no actor that it could go to";
  EXPECT_TRUE(host->try_tick(1));
  EXPECT_TRUE(link.frames.empty());
  EXPECT_FALSE(is_followed());
}

}  // namespace
}  // namespace coffer::actors
