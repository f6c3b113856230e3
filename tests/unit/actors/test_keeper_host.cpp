// The keeper of keys beside a disk that takes its time: operators are answered while a purge waits for it.

#include <algorithm>
#include <atomic>
#include <future>

#include "actors/key_keeper.hpp"
#include "keeper_fixture.hpp"
#include "stub_host.hpp"

namespace coffer::actors {
namespace {

using model::Code;

/// A node with one deleted tenant whose window is over, and a disk that forgets when the test says so.
class SlowHost final : public StubHost {
 public:
  SlowHost()
      : engine_(storage::open_memory()),
        ring_(crypto::KeyRing::generate(crypto::Key::generate(crypto::system_random()), crypto::system_random(), 1)) {
    gone.id.bytes.fill(3);
    gone.group = model::GroupId{1};
    gone.former_groups = {model::GroupId{2}};
    gone.state = model::TenantState::deleted;
    gone.deleted_at = gone.purge_at = 1;
  }
  std::uint32_t data_groups() const override { return 2; }
  model::Result<KeyRows> key_rows() const override {
    return KeyRows{{storage::kKeyRingRow, ring_.record().SerializeAsString()}};
  }
  crypto::KeyRing* ring() override { return &ring_; }
  void submit(Call* call) noexcept override {
    const auto& operation = std::get<model::DirectoryOperation>(call->request.operation);
    model::Reply reply;
    if (const auto* list = std::get_if<model::ListTenants>(&operation)) {
      model::TenantsReply tenants;
      if (list->only_deleted && gone.purged_at == 0) tenants.tenants.push_back(gone);
      reply.body = std::move(tenants);
    } else if (const auto* purge = std::get_if<model::PurgeTenant>(&operation)) {
      gone.state = model::TenantState::purged;
      if (purge->done) gone.purged_at = 2;
      purged = purge->done;
      reply.body = model::TenantReply{gone, {}, false};
    } else {
      reply.body = model::KeysReply{};
    }
    call->reply = std::move(reply);
    if (std::holds_alternative<model::AdoptTenant>(operation)) call->reply = model::Error(Code::tenant_not_found);
    call->complete();
  }
  bool leads(model::GroupId group) const override { return group != model::kMetaGroup; }
  const storage::Engine& state() const override { return *engine_; }
  model::Status write_rows(model::GroupId, const model::TenantId&, std::vector<storage::RowChange>,
                           std::string_view) override {
    return {};
  }
  void forget_replaced(model::GroupId group, std::function<void(model::Status)> done) override {
    const std::lock_guard lock(mutex_);
    asked_.emplace_back(group, std::move(done));
  }
  /// Of one group only.
  void forget(model::GroupId group, const model::Status& status) {
    std::function<void(model::Status)> done;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::ranges::find(asked_, group, [](const auto& one) { return one.first; });
      done = std::move(found->second);
      asked_.erase(found);
    }
    done(status);
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }
  void forget_all(const model::Status& status) {
    std::vector<std::pair<model::GroupId, std::function<void(model::Status)>>> all;
    {
      const std::lock_guard lock(mutex_);
      all.swap(asked_);
    }
    for (const auto& [group, done] : all) done(status);
  }

  model::TenantInfo gone;  // the keeper's thread changes it
  std::atomic<bool> purged{false};

 private:
  std::unique_ptr<storage::Engine> engine_;
  crypto::KeyRing ring_;
  std::mutex mutex_;
  std::vector<std::pair<model::GroupId, std::function<void(model::Status)>>> asked_;
};

TEST(KeeperHostTest, OperatorsAreAnsweredWhileAPurgeWaitsForTheDisk) {
  SlowHost host;
  std::atomic<bool> complained{false};
  KeeperSettings settings;
  settings.round = std::chrono::milliseconds(50);
  KeyKeeper keeper(
      host, crypto::system_random(), [&](std::string_view) { complained = true; }, settings);
  keeper.start();
  ASSERT_TRUE(eventually([&] { return host.asked() == 2; })) << "of the tenant's group, and of a former one";
  for (int i = 0; i < 3; ++i) {
    Waiting call;
    call.request.operation = model::KeeperOperation(model::GetSeals{});
    keeper.submit(CallHandle(&call));
    EXPECT_TRUE(call.wait().ok());
  }
  EXPECT_EQ(host.asked(), 2U) << "one purge of a tenant at a time, however often it is looked at";
  EXPECT_FALSE(host.purged) << "it is purged when the disk has forgotten it, not before";
  host.forget_all(model::Error(Code::unavailable));
  ASSERT_TRUE(eventually([&] { return host.asked() == 2; })) << "what takes too long is tried anew";
  EXPECT_TRUE(complained);
  EXPECT_FALSE(host.purged);
  host.forget_all({});
  EXPECT_TRUE(eventually([&] { return host.purged.load(); }));
  keeper.stop();
}

TEST(KeeperHostTest, AFormerGroupOfWhichNobodyTellsDoesNotKeepATenantFromBeingPurged) {
  SlowHost host;
  KeeperSettings settings;
  settings.round = std::chrono::milliseconds(50);
  KeyKeeper keeper(
      host, crypto::system_random(), [](std::string_view) {}, settings);
  keeper.start();
  ASSERT_TRUE(eventually([&] { return host.asked() == 2; }));
  host.forget(model::GroupId{2}, model::Error(Code::not_active));
  host.forget(model::GroupId{1}, model::Error(Code::not_active));
  ASSERT_TRUE(eventually([&] { return host.asked() == 2; })) << "of its own group it must be certain";
  EXPECT_FALSE(host.purged);
  host.forget(model::GroupId{2}, model::Error(Code::not_active));
  host.forget(model::GroupId{1}, {});
  EXPECT_TRUE(eventually([&] { return host.purged.load(); }));
  keeper.stop();
}

/// A node whose group has no leader: calls are held.
class DeafHost final : public StubHost {
 public:
  void submit(Call* call) noexcept override { held = call; }
  bool is_ending() const override { return ending; }
  crypto::KeyRing* ring() override { return nullptr; }
  const storage::Engine& state() const override { return *engine_; }
  std::atomic<Call*> held{nullptr};
  std::atomic<bool> ending{false};

 private:
  std::unique_ptr<storage::Engine> engine_ = storage::open_memory();
};

TEST(KeeperHostTest, ANodeThatEndsDoesNotWaitForTheAnswerToAnOwnCall) {
  DeafHost host;
  auto answer = std::async(std::launch::async, [&host] {
    return ask(host, {}, model::DirectoryOperation(model::ListTenants{}), std::chrono::hours(1));
  });
  ASSERT_TRUE(eventually([&] { return host.held.load() != nullptr; }));
  host.ending = true;
  const bool answered = answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
  host.held.load()->complete();  // as whoever drops it does, later
  ASSERT_TRUE(answered);
  EXPECT_EQ(answer.get().error().code, Code::outcome_unknown);
}

}  // namespace
}  // namespace coffer::actors
