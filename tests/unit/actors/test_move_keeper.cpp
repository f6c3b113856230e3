// The keeper of moves and words that have become old: it asks the directory before it touches a tenant by its name.

#include <gtest/gtest.h>

#include <thread>

#include "actors/move_keeper.hpp"
#include "stub_host.hpp"

namespace coffer::actors {
namespace {

/// Leads every group; the directory says of the name what the test says.
class MovingHost final : public StubHost {
 public:
  crypto::KeyRing* ring() override { return nullptr; }
  const storage::Engine& state() const override { return *engine_; }
  bool leads(model::GroupId) const override { return true; }
  void submit(Call* call) noexcept override {
    if (const auto* operation = std::get_if<model::DirectoryOperation>(&call->request.operation);
        operation != nullptr && std::holds_alternative<model::GetTenant>(*operation)) {
      call->reply = model::Reply{{}, model::TenantReply{named, {}, false}};
    } else {
      ++touched;
      call->reply = model::Error(model::Code::unavailable);
    }
    call->complete();
  }
  model::Status bring_up_to_date(model::GroupId) override {
    ++touched;
    return model::Code::unavailable;
  }
  model::TenantInfo named;
  std::atomic<int> touched{0};

 private:
  std::unique_ptr<storage::Engine> engine_ = storage::open_memory();
};

double moving(const MoveKeeper& keeper) {
  for (const Sample& sample : keeper.samples()) {
    if (sample.name == "coffer_tenants_moving") return sample.value;
  }
  return -1;
}

TEST(MoveKeeperTest, AMoveThatIsOverIsForgottenAndTheTenantThatBearsTheNameNowIsLeftAlone) {
  MovingHost host;
  model::TenantInfo gone;
  gone.id.bytes.fill(3);
  gone.name = "t";
  gone.moves = 4;
  gone.group = model::GroupId{1};
  gone.moving_to = model::GroupId{2};
  host.named = gone;
  host.named.id.bytes.fill(5);
  MoveKeeper keeper(host, crypto::system_random(), [](std::string_view) {});
  keeper.noticed(gone);
  keeper.start();
  for (int i = 0; i < 2000 && moving(keeper) != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(moving(keeper), 0);
  EXPECT_EQ(host.touched, 0);
  // One that is under way is begun.
  host.named = gone;
  keeper.noticed(gone);
  for (int i = 0; i < 2000 && host.touched == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GT(host.touched, 0);
  EXPECT_EQ(moving(keeper), 1);
  keeper.stop();
}

}  // namespace
}  // namespace coffer::actors
