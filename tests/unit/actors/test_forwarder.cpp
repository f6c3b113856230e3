// The forwarder's questions to other nodes, and rows that are written beside a tenant's shard: what of an earlier life or
// leadership comes late is not taken for what is asked now.

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "actors/context.hpp"
#include "actors/forward_frames.hpp"
#include "model/forward_codec.hpp"

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

/// Keeps what is sent; has no room while it is full.
class LinkOfFrames final : public cluster::PeerLink {
 public:
  void start(cluster::PeerSink*) override {}
  void stop() override {}
  void set_peers(std::vector<cluster::Peer>) override {}
  bool send(model::NodeId, cluster::PeerFrame frame) override {
    const std::lock_guard lock(mutex_);
    if (room_ == 0) return false;
    --room_;
    sent_.push_back(std::move(frame.body));
    more_.notify_all();
    return true;
  }
  void send_waiting() override {}
  void give_room(std::size_t frames) {
    const std::lock_guard lock(mutex_);
    room_ = frames;
  }
  std::vector<model::Secret> wait_for(std::size_t frames) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(more_.wait_for(lock, std::chrono::seconds(20), [&] { return sent_.size() >= frames; }));
    return sent_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::size_t room_ = SIZE_MAX;
  std::vector<model::Secret> sent_;
};

class LargeMessagesTest : public LatecomersTest {
 protected:
  struct Waiting final : Call {
    void complete() noexcept override { answered.set_value(); }
    std::promise<void> answered;
  };
  LargeMessagesTest() {
    context.link = &frames;
    context.wall_clock = [this] { return now.load(); };
    context.accepting = true;
    context.boards[0].leader = 2;
    context.forwarder = spawn_forwarder(system, context);
    caf::anon_send(context.forwarder, PeerUp{peer});
  }
  ~LargeMessagesTest() override {
    end(context.forwarder);
    context.forwarder = nullptr;
  }
  void ask(Waiting& call, std::size_t bytes = 0, model::TimeMs patience = 1000) {
    call.request.operation = model::DirectoryOperation(model::GetTenant{std::string(bytes, 'x')});
    call.request.info.deadline = now + patience;
    caf::anon_send(context.forwarder, context.parcel(CallHandle(&call)));
  }
  /// By a call behind it, which is answered at once because its time is over.
  void wait_for_what_was_sent() {
    Waiting behind;
    ask(behind, 0, -1);
    ASSERT_TRUE(is_answered(behind));
  }
  static bool is_answered(Waiting& call) {
    return call.answered.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  }
  std::uint64_t id_of(const model::Secret& body) { return decode_call_frame(body.expose())->id; }
  void hear(model::Secret body) {
    caf::anon_send(context.forwarder, FrameIn{peer, std::make_shared<cluster::PeerFrame>(cluster::PeerFrame{
                                                        cluster::PeerChannel::calls, {}, std::move(body)})});
  }

  const model::NodeId peer{2};
  std::atomic<model::TimeMs> now{1000};
  LinkOfFrames frames;
};

TEST_F(LargeMessagesTest, APieceOfAReplyThatNobodyWaitsForAnyMoreTakesNoRoom) {
  const auto piece = [&](std::uint64_t id, char flags, std::string_view text) {
    model::Secret body("\x01\x02" + std::string(1, static_cast<char>(id)) + std::string(1, flags));
    body.append(text);
    hear(std::move(body));
  };
  Waiting late, next;
  ask(late);
  const std::uint64_t first = id_of(frames.wait_for(1)[0]);
  const std::string text(8 << 20, 'x');
  static_assert(kMaxMessageBytes % (8 << 20) == 0);
  for (std::size_t at = 0; at < kMaxMessageBytes; at += text.size()) piece(first, 0, text);
  wait_for_what_was_sent();
  now = 3000;
  ASSERT_TRUE(is_answered(late));
  EXPECT_EQ(late.reply.error().code, model::Code::unavailable);
  ask(next);
  const std::uint64_t second = id_of(frames.wait_for(2)[1]);
  const auto reply =
      model::encode_forwarded(model::Result<model::Reply>(model::Error(model::Code::permission_denied, "no")));
  piece(second, 0, "\x01");
  piece(second, 3, reply.expose());
  ASSERT_TRUE(is_answered(next));
  EXPECT_EQ(next.reply.error().code, model::Code::permission_denied) << "there was room for this reply";
}

TEST_F(LargeMessagesTest, RepliesForWhichThereIsNoRoomAreToldToBeLost) {
  frames.give_room(0);
  constexpr std::size_t kLarge = 40 << 20;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    caf::anon_send(context.forwarder,
                   ReplyOut{peer, id, std::make_shared<model::Secret>(model::Secret::of_size(kLarge))});
  }
  wait_for_what_was_sent();
  frames.give_room(SIZE_MAX);
  Assembly assembly(kMaxMessageBytes);
  std::map<std::uint64_t, std::size_t> sizes;
  for (const model::Secret& body : frames.wait_for(kLarge / kPieceBytes + 2)) {
    auto frame = decode_call_frame(body.expose());
    auto added = assembly.add(frame->id, std::get<Piece>(frame->body));
    ASSERT_TRUE(added.ok());
    if (added->has_value()) sizes[frame->id] = (*added)->size();
  }
  ASSERT_EQ(sizes.size(), 3U) << "each is answered";
  EXPECT_EQ(sizes[1], kLarge);
  EXPECT_EQ(sizes[2] + sizes[3], 0U);
}

TEST_F(LargeMessagesTest, ACallThatWouldTakeTheRoomOfRepliesIsRefusedBeforeItsFirstPiece) {
  Waiting call, small;
  ask(call, 33 << 20);
  ASSERT_TRUE(is_answered(call));
  EXPECT_EQ(call.reply.error().code, model::Code::too_large);
  ask(small);
  const auto sent = frames.wait_for(1);
  ASSERT_EQ(sent.size(), 1U);
  hear(encode_piece(FrameKind::reply, id_of(sent[0]), "", 0));
  ASSERT_TRUE(is_answered(small));
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
