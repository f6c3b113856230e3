// The front on its own: the group and the mirror are played by the test, so that leadership comes, goes and comes back in
// the one order that nodes meet rarely.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>
#include <thread>

#include "actors/context.hpp"
#include "core_fixture.hpp"
#include "memory_link.hpp"

namespace coffer::actors {
namespace {

using model::Code;

/// What the group's actor was told.
struct Heard {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<OpenRequest> openings;

  /// The n-th request to open, or none when it does not come.
  std::optional<OpenRequest> opening(std::size_t n) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::seconds(20), [&] { return openings.size() > n; })) return std::nullopt;
    return openings[n];
  }
};

GroupActor::behavior_type fake_group(GroupActor::pointer, Heard* heard) {
  return {
      [heard](const OpenRequest& request) {
        const std::lock_guard lock(heard->mutex);
        heard->openings.push_back(request);
        heard->changed.notify_all();
      },
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

// The argument is for CAF, whose factory dereferences a null pointer when there is none (seen by UBSan).
MirrorActor::behavior_type fake_mirror(MirrorActor::pointer, int) {
  return {[](const Apply&) {}, [](const Reload&) {}, [](const Finish&) {}};
}

class Asked final : public Call {
 public:
  void complete() noexcept override {
    const auto kept = done;  // whoever waits may end the call at once
    kept->set_value();
  }
  std::shared_ptr<std::promise<void>> done = std::make_shared<std::promise<void>>();
};

class FrontTest : public ::testing::Test, public CoreFixture {
 protected:
  FrontTest() : system(config) {
    context.wall_clock = [this] { return now; };
    context.log = [](std::string_view) {};
    context.fatal = [](const model::Error& error) { ADD_FAILURE() << error.message(); };
    context.undelivered = [](void*, Call* call) { CallHandle(call).finish(model::Error(Code::unavailable)); };
    context.directory_deps = &directory_deps;
    context.routing = &routing;
    context.accepting = true;
    context.boards.grow(1);
    context.boards[0].lease_until = UINT64_MAX;
    context.groups[0] = system.spawn(fake_group, &heard);
    context.hosts[0] = std::make_unique<GroupHost>(context, cluster::GroupConfig{}, storage::Recovered{});
    context.hosts.grow(1);
    context.groups.grow(1);
    context.mirror = system.spawn(fake_mirror, 0);
    context.front = spawn_front(system, context, routing);
  }
  ~FrontTest() override {
    Finish finish{std::make_shared<std::promise<void>>()};
    auto finished = finish.done->get_future();
    caf::anon_send(context.front, std::move(finish));
    EXPECT_EQ(finished.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    heard.openings.clear();
    context.front = nullptr;
    context.mirror = nullptr;
    context.groups.clear();
  }
  /// As the group does in that term.
  void open(const OpenRequest& request, std::uint64_t term) {
    context.boards[0].term = term;
    caf::anon_send(request.submitter, Opened{model::Term{term}, model::Generation{1}});
  }
  bool directory_is_ready() {
    std::unique_lock lock(context.ready_mutex);
    return context.ready_changed.wait_for(lock, std::chrono::seconds(20),
                                          [&] { return context.directory_ready.load(); });
  }
  model::Result<model::Reply> ask() {
    Asked call;
    auto done = call.done->get_future();
    call.request.credential.kind = model::CredentialKind::dev_root;
    call.request.info.deadline = now + 60'000;
    call.request.operation = model::DirectoryOperation(model::GetClusterStatus{});
    caf::anon_send(context.front, context.parcel(CallHandle(&call)));
    if (done.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
      ADD_FAILURE() << "a call was never completed";
      std::abort();
    }
    return std::move(call.reply);
  }

  Heard heard;
  Context context;
  caf::actor_system_config config;
  caf::actor_system system;
};

TEST_F(FrontTest, ADirectoryThatEndsWhileItsGroupIsLedIsFollowedByAnother) {
  caf::anon_send(context.front, GroupOpen{model::kMetaGroup, model::Term{1}});
  const auto first = heard.opening(0);
  ASSERT_TRUE(first.has_value());
  open(*first, 1);
  ASSERT_TRUE(directory_is_ready());
  EXPECT_TRUE(ask().ok());
  // The leadership went and came back before the group's actor could say so: what was proposed in the old term is refused,
  // and nobody will tell the front that the group has opened, for to it the group never closed.
  caf::anon_send(first->submitter, ProposalRefused{1, model::Error(Code::outcome_unknown)});
  const auto second = heard.opening(1);
  ASSERT_TRUE(second.has_value()) << "the group is led and has no directory";
  EXPECT_NE(second->life, first->life);
  open(*second, 2);
  EXPECT_TRUE(ask().ok());
}

TEST_F(FrontTest, CallsThatComeBetweenTwoDirectoriesAreAnsweredByTheSecond) {
  caf::anon_send(context.front, GroupOpen{model::kMetaGroup, model::Term{1}});
  const auto first = heard.opening(0);
  ASSERT_TRUE(first.has_value());
  open(*first, 1);
  ASSERT_TRUE(directory_is_ready());
  caf::anon_send(context.front, GroupClosed{model::kMetaGroup});
  std::thread opens([this] {
    caf::anon_send(context.front, GroupOpen{model::kMetaGroup, model::Term{2}});
    if (const auto second = heard.opening(1)) {
      open(*second, 2);
    }
  });
  EXPECT_TRUE(ask().ok());
  opens.join();
}

// Two first calls for a tenant: the second one finds it made, and was given the front as it came from the client. A node that
// dies then must not be its error.
TEST_F(FrontTest, ACallForATenantThatAnotherOneHasJustMadeIsRoutedAnewAndAsksAgainFromThenOn) {
  test::MemoryNetwork network;
  const auto link = network.link(model::NodeId{1});
  context.link = link.get();
  std::promise<Call*> routed;
  context.router = &routed;
  context.resubmit = [](void* router, Call* call) { static_cast<std::promise<Call*>*>(router)->set_value(call); };
  DirectoryTenant made;
  made.info.name = "t";
  made.info.group = model::GroupId{0};
  routing.put(made);
  Asked call;
  call.request.credential.kind = model::CredentialKind::dev_root;
  call.request.info.deadline = now + 60'000;
  call.request.tenant = {"t", {}, true};
  call.request.operation = model::TenantOperation(model::Get{"kv", "k"});
  auto again = routed.get_future();
  caf::anon_send(context.front, context.parcel(CallHandle(&call)));
  ASSERT_EQ(again.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(again.get(), &call);
  context.link = nullptr;
}

}  // namespace
}  // namespace coffer::actors
