// Keys that change while they are looked at: what is committed reaches a node's rows a moment before its ring.

#include "actors/seal_keeper.hpp"
#include "keeper_fixture.hpp"
#include "stub_host.hpp"

namespace coffer::actors {
namespace {

using model::Code;

/// One seal, and a directory that takes a change of the keys from whoever knew the newest ring. The ring follows the rows
/// when the node is brought up to date.
class LaggingHost final : public StubHost {
 public:
  LaggingHost()
      : holder(crypto::Key::generate(crypto::system_random())),
        ring_(crypto::KeyRing::generate(crypto::Key::generate(crypto::system_random()), crypto::system_random(), 1)),
        keeper(*this, crypto::system_random(), {}, {}) {
    store::v1::SealRecord seal;
    seal.set_kind(std::string(crypto::kKeyFileSeal));
    seal.set_name("night");
    crypto::fill_seal(seal, holder, ring_.root(), cluster_id(), crypto::system_random());
    rows[storage::seal_row("night")] = seal.SerializeAsString();
    rows[storage::kKeyRingRow] = ring_.record().SerializeAsString();
    EXPECT_TRUE(keeper.follow(rows).ok());
  }
  crypto::KeyRing* ring() override { return &ring_; }
  model::Result<KeyRows> key_rows() const override { return rows; }
  const storage::Engine& state() const override { std::abort(); }
  model::Status bring_up_to_date(model::GroupId) override {
    if (stands_still) return {};
    return keeper.follow(rows);
  }
  void submit(Call* call) noexcept override {
    if (auto before = std::exchange(before_change, {})) before();
    const auto& change = std::get<model::ChangeKeys>(std::get<model::DirectoryOperation>(call->request.operation));
    if (change.expected != rows[storage::kKeyRingRow]) {
      call->reply = model::Error(Code::cas_mismatch);
    } else {
      for (const auto& [row, value] : change.rows) rows[row] = value.value_or("");
      call->reply = model::Reply{{}, model::KeysReply{}};
    }
    call->complete();
  }
  /// What the seal's holder finds.
  model::Result<crypto::Key> open() {
    store::v1::SealRecord seal;
    EXPECT_TRUE(seal.ParseFromString(rows[storage::seal_row("night")]));
    return crypto::open_seal(seal, holder, cluster_id());
  }

  const crypto::Key holder;
  KeyRows rows;
  bool stands_still = false;
  std::function<void()> before_change;  // once

 private:
  crypto::KeyRing ring_;

 public:
  SealKeeper keeper;
};

TEST(SealRaces, ARotationRightAfterAnotherWaitsForTheRingOfTheFirst) {
  LaggingHost host;
  const crypto::Key first = host.ring()->root();
  for (int n = 0; n < 3; ++n) {
    const auto done = host.keeper.rotate_root();
    ASSERT_TRUE(done.ok()) << n << ": " << done.error().message();
  }
  ASSERT_TRUE(host.bring_up_to_date(model::kMetaGroup).ok());
  const auto root = host.open();
  ASSERT_TRUE(root.ok()) << root.error().message();
  EXPECT_TRUE(*root == host.ring()->root());
  EXPECT_FALSE(*root == first);
}

TEST(SealRaces, AChangeOfTheRingIsMadeAnewFromTheRingThatWasCommittedMeanwhile) {
  LaggingHost host;
  ASSERT_TRUE(host.keeper.rotate_root().ok());
  int made = 0;
  const auto done = host.keeper.change_ring("add-cluster-key", [&](const crypto::KeyRing& ring) {
    ++made;
    return ring.with_cluster_key(crypto::system_random(), 2);
  });
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(made, 1) << "not from the old one";
  ASSERT_TRUE(host.bring_up_to_date(model::kMetaGroup).ok());
  EXPECT_EQ(host.ring()->record().cluster_keys_size(), 2);
  EXPECT_EQ(host.ring()->record().root_version(), 2U);
}

TEST(SealRaces, ANodeThatIsAboutToRotateFollowsTheRotationThatWasFaster) {
  LaggingHost host;
  const KeyRows before = host.rows;
  ASSERT_TRUE(host.keeper.rotate_root().ok());
  const KeyRows first = std::exchange(host.rows, before);  // written, and not known here yet
  host.before_change = [&] {
    host.rows = first;
    EXPECT_TRUE(host.keeper.follow(first).ok());
  };
  const auto done = host.keeper.rotate_root();
  ASSERT_TRUE(done.ok()) << done.error().message();
  ASSERT_TRUE(host.bring_up_to_date(model::kMetaGroup).ok());
  EXPECT_EQ(host.ring()->record().root_version(), 3U);
  const auto root = host.open();
  ASSERT_TRUE(root.ok()) << root.error().message();
  EXPECT_TRUE(*root == host.ring()->root());
}

TEST(SealRaces, ANodeThatCouldNotFollowFollowsALaterRotation) {
  LaggingHost host;
  const KeyRows before = host.rows;
  ASSERT_TRUE(host.keeper.rotate_root().ok());
  KeyRows damaged = host.rows;
  damaged[storage::seal_row("night")] = before.at(storage::seal_row("night"));
  EXPECT_EQ(host.keeper.follow(damaged).error().code, Code::key_mismatch);
  EXPECT_TRUE(host.keeper.follow(host.rows).ok());
  EXPECT_EQ(host.ring()->record().root_version(), 2U);
}

TEST(SealRaces, ANodeThatCannotFollowSaysWhatItLacksAndWhatToDo) {
  LaggingHost host;
  const KeyRows before = host.rows;
  ASSERT_TRUE(host.keeper.rotate_root().ok());
  host.rows[storage::seal_row("night")] = before.at(storage::seal_row("night"));
  ASSERT_FALSE(host.keeper.follow(host.rows).ok());
  const auto started = std::chrono::steady_clock::now();
  const auto done = host.keeper.rotate_root();
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(1)) << "trying again would not help";
  EXPECT_EQ(done.error().code, Code::key_mismatch);
  EXPECT_EQ(
      done.error().message(),
      "the cluster has root key 2 and cluster key 1, this node root key 1 and cluster key 1, and cannot follow: no "
      "seal that it knew "
      "from before opens the new root key; restart it, or run `coffer admin seal now` and `coffer admin unseal` there");
}

TEST(SealRaces, ANodeWhoseRingDoesNotFollowSaysSoAndChangesNothing) {
  LaggingHost host;
  ASSERT_TRUE(host.keeper.rotate_root().ok());
  host.stands_still = true;
  const KeyRows before = host.rows;
  const auto refused = host.keeper.rotate_root().error();
  EXPECT_EQ(refused.code, Code::cas_mismatch);
  EXPECT_EQ(refused.message(),
            "the keys are being changed: the cluster has root key 2 and cluster key 1, this node root key 1 and "
            "cluster key 1; look and try again");
  model::RemoveSeal remove;
  remove.name = "night";
  EXPECT_EQ(host.keeper.remove(remove).error().code, Code::cas_mismatch);
  EXPECT_EQ(host.rows, before);
}

}  // namespace
}  // namespace coffer::actors
