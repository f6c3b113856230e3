// The forwarder's questions to other nodes, and rows that are written beside a tenant's shard: what of an earlier life or
// leadership comes late is not taken for what is asked now.

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "actors/context.hpp"
#include "actors/forward_frames.hpp"

namespace coffer::actors {
namespace {

class FirstFrameLink final : public cluster::PeerLink {
 public:
  void start(cluster::PeerSink*) override {}
  void stop() override {}
  void set_peers(std::vector<cluster::Peer>) override {}
  bool send(model::NodeId, cluster::PeerFrame frame) override {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(frame.body);
    sent_.notify_all();
    return true;
  }
  void send_waiting() override {}
  std::optional<std::uint64_t> id_of_first() {
    std::unique_lock lock(mutex_);
    if (!sent_.wait_for(lock, std::chrono::seconds(20), [this] { return first_.has_value(); })) return std::nullopt;
    const auto frame = decode_call_frame(first_->expose());
    return frame ? std::optional(frame->id) : std::nullopt;
  }

 private:
  std::mutex mutex_;
  std::condition_variable sent_;
  std::optional<model::Secret> first_;
};

class LatecomersTest : public ::testing::Test {
 protected:
  LatecomersTest() : system(config) {
    context.self = model::NodeId{1};
    context.link = &link;
    context.wall_clock = [] { return model::TimeMs{1}; };
    context.boards.grow(1);
  }
  template <class Actor>
  static void end(const Actor& actor) {
    Finish finish{std::make_shared<std::promise<void>>()};
    auto finished = finish.done->get_future();
    caf::anon_send(actor, std::move(finish));
    EXPECT_EQ(finished.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  }

  FirstFrameLink link;
  Context context;
  caf::actor_system_config config;
  caf::actor_system system;
};

TEST_F(LatecomersTest, QuestionsHaveNumbersThatNoEarlierLifeOfTheNodeGave) {
  context.first_call_id = 0x123456789abcdeULL;
  context.forwarder = spawn_forwarder(system, context);
  context.boards[0].leader = 2;
  caf::anon_send(context.forwarder, PeerUp{model::NodeId{2}});
  caf::anon_send(context.forwarder, Barrier{model::kMetaGroup, 60'000,
                                            std::make_shared<std::function<void(model::Result<model::Index>)>>(
                                                [](const model::Result<model::Index>&) {})});
  EXPECT_EQ(link.id_of_first(), std::optional(context.first_call_id));
  end(context.forwarder);
  context.forwarder = nullptr;
}

/// The group's actor: keeps who wants to begin.
struct OpeningsHeard {
  std::promise<OpenRequest> first;
};
GroupActor::behavior_type opening_group(GroupActor::pointer, OpeningsHeard* heard) {
  return {
      [heard](const OpenRequest& request) { heard->first.set_value(request); },
      [](const Persisted&) {},
      [](const Applied&) {},
      [](const Checkpointed&) {},
      [](const Tick&) {},
      [](const Flush&) {},
      [](const Finish&) {},
      [](const ConfirmLeadership&) {},
      [](const FromPeer&) {},
      [](const Target&) {},
      [](const NextStep&) {},
      [](const Transfer&) {},
      [](const Installed&) {},
      [](const Campaign&) {},
      [](const Report&) {},
      [](const Leave&) {},
      [](const ReplicaDropped&) {},
  };
}

TEST_F(LatecomersTest, RowsThatNobodyWaitsForAnyMoreAreNotWrittenUnderALaterLeadership) {
  OpeningsHeard heard;
  context.groups[0] = system.spawn(opening_group, &heard);
  context.hosts[0] = std::make_unique<GroupHost>(context, cluster::GroupConfig{}, storage::Recovered{});
  context.groups.grow(1);
  context.hosts.grow(1);
  RowsOrder order;
  order.rows = std::make_shared<const std::vector<storage::RowChange>>();
  order.fate = std::make_shared<std::atomic<RowsOrder::Fate>>(RowsOrder::Fate::waiting);
  order.done = std::make_shared<std::promise<model::Result<model::Index>>>();
  auto done = order.done->get_future();
  spawn_rows(system, context, order);
  auto opening = heard.first.get_future();
  ASSERT_EQ(opening.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  OpenRequest request = opening.get();
  *order.fate = RowsOrder::Fate::given_up;
  caf::anon_send(request.submitter, Opened{model::Term{9}, model::Generation{1}});
  ASSERT_EQ(done.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(done.get().error().code, model::Code::unavailable);
  request.submitter = nullptr;
  context.groups.clear();
}

}  // namespace
}  // namespace coffer::actors
