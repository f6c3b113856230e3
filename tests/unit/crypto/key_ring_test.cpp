// The key ring: what it opens again, and that a wrapped key opens nowhere but in its own place.

#include "crypto/key_ring.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "crypto/hash.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using model::Code;
using test::tenant;
using test::with_flipped_bit;

class KeyRingTest : public ::testing::Test {
 protected:
  SeededRandom random_{21};
  const Key root_ = Key::generate(random_);
  const KeyRing ring_ = KeyRing::generate(root_.duplicate(), random_, 1'700'000'000'000);
  const store::v1::KeyRingRecord record_ = ring_.record();
  const store::v1::TenantKeysRecord tenant_record_ = ring_.new_tenant_keys(tenant('a'), {}, random_, 1'700'000'000'001);

  Code code_of(const store::v1::KeyRingRecord& record) const {
    const auto opened = KeyRing::open(root_.duplicate(), record);
    return opened.ok() ? Code::ok : opened.error().code;
  }
  Code code_of(const store::v1::TenantKeysRecord& record, char owner = 'a') const {
    const auto opened = ring_.open_tenant_keys(tenant(owner), record);
    return opened.ok() ? Code::ok : opened.error().code;
  }
};

TEST_F(KeyRingTest, OpensItsRecordAndThenEverythingMadeBefore) {
  const auto again = KeyRing::open(root_.duplicate(), record_);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->current_version(), 1U);
  EXPECT_EQ(again->record().SerializeAsString(), record_.SerializeAsString());
  EXPECT_EQ(again->token_mac(1, "body"), ring_.token_mac(1, "body"));
  Sealer before = ring_.directory_sealer(random_);
  Sealer after = again->directory_sealer(random_);
  EXPECT_EQ(after.open(before.seal("row", "id"), "id")->expose(), "row");
  const auto keys = ring_.open_tenant_keys(tenant('a'), tenant_record_);
  const auto same = again->open_tenant_keys(tenant('a'), tenant_record_);
  ASSERT_TRUE(keys.ok() && same.ok());
  EXPECT_TRUE(keys->data_keys.at(1) == same->data_keys.at(1));
  EXPECT_TRUE(keys->name_key == same->name_key);
}

TEST_F(KeyRingTest, RecordsFormatVersionAndTime) {
  EXPECT_EQ(record_.format(), 1U);
  EXPECT_EQ(record_.current(), 1U);
  ASSERT_EQ(record_.cluster_keys_size(), 1);
  EXPECT_EQ(record_.cluster_keys(0).created_at_ms(), 1'700'000'000'000);
  EXPECT_EQ(tenant_record_.format(), 1U);
  ASSERT_EQ(tenant_record_.data_keys_size(), 1);
  EXPECT_EQ(tenant_record_.data_keys(0).created_at_ms(), 1'700'000'000'001);
  EXPECT_TRUE(tenant_record_.data_keys(0).sealed_to_owner().empty());
}

TEST_F(KeyRingTest, RefusesAnotherRootKey) {
  const auto opened = KeyRing::open(Key::generate(random_), record_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::key_mismatch);
  EXPECT_EQ(opened.error().message(),
            "The root key does not open the key ring: it is another cluster's, or the record was altered.");
}

TEST_F(KeyRingTest, RefusesARecordOfAnUnknownFormat) {
  auto record = record_;
  record.set_format(2);
  const auto opened = KeyRing::open(root_.duplicate(), record);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::data_loss);
  EXPECT_EQ(opened.error().message(), "The key ring's record has format 2; this program reads format 1.");
  EXPECT_EQ(code_of(store::v1::KeyRingRecord()), Code::data_loss);
  auto keys = tenant_record_;
  keys.set_format(9);
  EXPECT_EQ(ring_.open_tenant_keys(tenant('a'), keys).error().message(),
            "The record of the tenant's keys has format 9; this program reads format 1.");
}

TEST_F(KeyRingTest, RefusesARecordThatDoesNotHoldTogether) {
  auto record = record_;
  record.set_current(2);
  EXPECT_EQ(code_of(record), Code::data_loss) << "the current version is missing";
  record = record_;
  *record.add_cluster_keys() = record_.cluster_keys(0);
  EXPECT_EQ(code_of(record), Code::data_loss) << "a version twice";
  record = record_;
  *record.add_cluster_keys() = record_.cluster_keys(0);
  record.mutable_cluster_keys(1)->set_version(2);
  EXPECT_EQ(code_of(record), Code::data_loss) << "a key under another version's number";
  record = record_;
  record.mutable_cluster_keys(0)->set_version(2);
  record.set_current(2);
  EXPECT_EQ(code_of(record), Code::key_mismatch) << "the only key under another number";
}

TEST_F(KeyRingTest, RefusesEveryFlippedBitOfAWrappedKey) {
  const std::string wrapped = record_.cluster_keys(0).wrapped();
  const std::string data_key = tenant_record_.data_keys(0).wrapped();
  const std::string name_key = tenant_record_.wrapped_name_key();
  for (std::size_t bit = 0; bit < wrapped.size() * 8; ++bit) {
    auto record = record_;
    record.mutable_cluster_keys(0)->set_wrapped(with_flipped_bit(wrapped, bit));
    EXPECT_NE(code_of(record), Code::ok) << bit;
    auto keys = tenant_record_;
    keys.mutable_data_keys(0)->set_wrapped(with_flipped_bit(data_key, bit));
    EXPECT_NE(code_of(keys), Code::ok) << bit;
    keys = tenant_record_;
    keys.set_wrapped_name_key(with_flipped_bit(name_key, bit));
    EXPECT_NE(code_of(keys), Code::ok) << bit;
  }
}

TEST_F(KeyRingTest, OpensATenantsKeysForThatTenantOnly) {
  EXPECT_EQ(code_of(tenant_record_, 'a'), Code::ok);
  EXPECT_EQ(code_of(tenant_record_, 'b'), Code::data_loss);
}

TEST_F(KeyRingTest, RefusesAWrappedKeyInAnothersPlace) {
  auto keys = tenant_record_;
  keys.set_wrapped_name_key(tenant_record_.data_keys(0).wrapped());
  EXPECT_EQ(code_of(keys), Code::data_loss) << "a data key as the name key";
  keys = tenant_record_;
  keys.mutable_data_keys(0)->set_wrapped(tenant_record_.wrapped_name_key());
  EXPECT_EQ(code_of(keys), Code::data_loss) << "the name key as a data key";
  keys = tenant_record_;
  keys.mutable_data_keys(0)->set_version(2);
  keys.set_current(2);
  EXPECT_EQ(code_of(keys), Code::data_loss) << "a data key under another version's number";
  keys = tenant_record_;
  keys.set_current(2);
  EXPECT_EQ(code_of(keys), Code::data_loss) << "the current version is missing";
  keys = tenant_record_;
  *keys.add_data_keys() = tenant_record_.data_keys(0);
  EXPECT_EQ(code_of(keys), Code::data_loss) << "a version twice";
}

TEST_F(KeyRingTest, NamesTheClusterKeyThatItLacks) {
  auto keys = tenant_record_;
  std::string wrapped = keys.data_keys(0).wrapped();
  wrapped[4] = 9;  // the key version in the sealed bytes
  keys.mutable_data_keys(0)->set_wrapped(wrapped);
  const auto opened = ring_.open_tenant_keys(tenant('a'), keys);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::key_mismatch);
  EXPECT_EQ(opened.error().message(),
            "The tenant's keys are wrapped under cluster key version 9, which this node does not hold.");
}

TEST_F(KeyRingTest, MakesIndependentKeysForEachTenantAndUse) {
  const auto a = ring_.open_tenant_keys(tenant('a'), tenant_record_);
  const auto b = ring_.open_tenant_keys(tenant('b'), ring_.new_tenant_keys(tenant('b'), {}, random_, 0));
  ASSERT_TRUE(a.ok() && b.ok());
  std::set<std::string> seen;
  for (const auto* keys : {&*a, &*b}) {
    EXPECT_TRUE(seen.insert(std::string(keys->name_key.bytes())).second);
    EXPECT_TRUE(seen.insert(std::string(keys->data_keys.at(1).bytes())).second);
  }
}

TEST_F(KeyRingTest, MacsUnderKnownVersionsOnly) {
  EXPECT_EQ(ring_.token_mac(1, "body").size(), 32U);
  EXPECT_NE(ring_.token_mac(1, "body"), ring_.token_mac(1, "bodz"));
  EXPECT_EQ(ring_.token_mac(0, "body"), "");
  EXPECT_EQ(ring_.token_mac(2, "body"), "");
}

TEST_F(KeyRingTest, SealsEachDataKeyToTheOwnerToo) {
  const OwnerKeyPair owner = generate_owner_key(random_);
  const auto record = ring_.new_tenant_keys(tenant('c'), owner.public_key, random_, 0);
  EXPECT_EQ(record.owner_public_key(), owner.public_key);
  const auto keys = ring_.open_tenant_keys(tenant('c'), record);
  ASSERT_TRUE(keys.ok());
  // Sized fields: purpose, tenant, version.
  std::string identity;
  append_sized(identity, "tenant data key for its owner");
  append_sized(identity, tenant('c').view());
  identity += test::unhex("00000001");
  const auto opened = open_as_owner(owner.private_key, record.data_keys(0).sealed_to_owner(), identity);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->expose(), keys->data_keys.at(1).bytes());
}

TEST_F(KeyRingTest, ServesManyThreads) {
  const std::string mac = ring_.token_mac(1, "body");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        if (ring_.token_mac(1, "body") != mac || !ring_.open_tenant_keys(tenant('a'), tenant_record_).ok()) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(KeyRingTest, WritesNoKeyInTheClear) {
  const auto keys = ring_.open_tenant_keys(tenant('a'), tenant_record_);
  ASSERT_TRUE(keys.ok());
  const std::string stored = record_.SerializeAsString() + tenant_record_.SerializeAsString();
  for (const std::string_view key : {root_.bytes(), keys->name_key.bytes(), keys->data_keys.at(1).bytes()}) {
    for (std::size_t at = 0; at + 8 <= key.size(); ++at) EXPECT_EQ(stored.find(key.substr(at, 8)), std::string::npos);
  }
}

TEST_F(KeyRingTest, ANewClusterKeyIsKnownFirstAndUsedAfterwards) {
  const auto added = ring_.with_cluster_key(random_, 5);
  EXPECT_EQ(added.current(), 1U);
  auto ring = KeyRing::open(root_.duplicate(), record_);
  ASSERT_TRUE(ring.ok() && ring->adopt(added).ok());
  EXPECT_TRUE(ring->has(2));
  EXPECT_EQ(ring->current_version(), 1U);
  ASSERT_TRUE(ring->adopt(ring->with_newest_current()).ok());
  EXPECT_EQ(ring->current_version(), 2U);
  EXPECT_EQ(ring->token_mac(1, "body"), ring_.token_mac(1, "body"));
  auto record = tenant_record_;
  EXPECT_EQ(*wrapping_version(record), 1U);
  ASSERT_TRUE(ring->rewrap(tenant('a'), record, random_).ok());
  EXPECT_EQ(*wrapping_version(record), 2U);
  const auto before = ring_.open_tenant_keys(tenant('a'), tenant_record_);
  const auto after = ring->open_tenant_keys(tenant('a'), record);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_TRUE(before->name_key == after->name_key && before->data_keys.at(1) == after->data_keys.at(1));
  EXPECT_FALSE(ring_.open_tenant_keys(tenant('a'), record).ok());
}

TEST_F(KeyRingTest, ANewRootOpensTheSameKeysAndTheOldOneDoesNot) {
  const auto made = ring_.with_new_root(random_, 9);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->record.root_version(), 2U);
  EXPECT_EQ(KeyRing::open(root_.duplicate(), made->record).error().code, Code::key_mismatch);
  auto ring = KeyRing::open(root_.duplicate(), record_);
  EXPECT_FALSE(ring->adopt(made->record).ok());
  EXPECT_TRUE(ring->root() == root_);
  ASSERT_TRUE(ring->adopt(made->root.duplicate(), made->record).ok());
  EXPECT_TRUE(ring->root() == made->root);
  EXPECT_EQ(ring->token_mac(1, "body"), ring_.token_mac(1, "body"));
}

TEST_F(KeyRingTest, ARetiredClusterKeyOpensNothingAndStillChecksWhatItSigned) {
  auto ring = KeyRing::open(root_.duplicate(), record_);
  EXPECT_EQ(ring->without_cluster_key(1, random_, 7).error().code, Code::invalid_argument) << "it is the current one";
  ASSERT_TRUE(ring->adopt(ring->with_cluster_key(random_, 5)).ok());
  ASSERT_TRUE(ring->adopt(ring->with_newest_current()).ok());
  const std::string row = ring_.directory_sealer(random_).seal("row", "identity");
  auto rewrapped = tenant_record_;
  ASSERT_TRUE(ring->rewrap(tenant('a'), rewrapped, random_).ok());

  const auto retired = ring->without_cluster_key(1, random_, 7);
  ASSERT_TRUE(retired.ok());
  const std::string stored = retired->SerializeAsString();
  EXPECT_EQ(stored.find(record_.cluster_keys(0).wrapped()), std::string::npos) << "the key itself is stored nowhere";
  ASSERT_TRUE(ring->adopt(*retired).ok());
  EXPECT_TRUE(ring->is_retired(1));
  EXPECT_FALSE(ring->is_retired(2));
  EXPECT_EQ(ring->open_tenant_keys(tenant('a'), tenant_record_).error().code, Code::key_mismatch);
  EXPECT_EQ(ring->directory_sealer(random_).open(row, "identity").error().code, Code::key_mismatch);
  EXPECT_TRUE(ring->open_tenant_keys(tenant('a'), rewrapped).ok());
  EXPECT_EQ(ring->token_mac(1, "body"), ring_.token_mac(1, "body"));
  EXPECT_TRUE(*ring->audit_key(1) == *ring_.audit_key(1));
  EXPECT_EQ(ring->without_cluster_key(1, random_, 8).error().code, Code::invalid_argument) << "it is retired";
  // No number is given twice, and a new root key takes everything along.
  EXPECT_EQ(ring->with_cluster_key(random_, 9).cluster_keys(1).version(), 3U);
  const auto made = ring->with_new_root(random_, 9);
  const auto again = KeyRing::open(made->root.duplicate(), made->record);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->token_mac(1, "body"), ring_.token_mac(1, "body"));
}

TEST_F(KeyRingTest, ANewDataKeyJoinsTheOldOnesAlsoForTheOwner) {
  const auto owner = generate_owner_key(random_);
  auto record = ring_.new_tenant_keys(tenant('b'), owner.public_key, random_, 1);
  ASSERT_TRUE(ring_.add_data_key(tenant('b'), record, random_, 2).ok());
  EXPECT_EQ(record.current(), 2U);
  const auto keys = ring_.open_tenant_keys(tenant('b'), record);
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->data_keys.size(), 2U);
  EXPECT_FALSE(record.data_keys(1).sealed_to_owner().empty());
}

TEST_F(KeyRingTest, ATenantsKeysTravelUnderAForeignKey) {
  const Key file_key = Key::generate(random_);
  auto record = tenant_record_;
  ASSERT_TRUE(ring_.rewrap_for(file_key, tenant('a'), record, random_).ok());
  const KeyRing other = KeyRing::generate(Key::generate(random_), random_, 3);
  auto wrong = record;
  EXPECT_FALSE(other.rewrap_from(Key::generate(random_), tenant('a'), wrong, random_).ok());
  ASSERT_TRUE(other.rewrap_from(file_key, tenant('a'), record, random_).ok());
  EXPECT_TRUE(other.open_tenant_keys(tenant('a'), record)->name_key ==
              ring_.open_tenant_keys(tenant('a'), tenant_record_)->name_key);
}

TEST_F(KeyRingTest, ReadersSeeOneRingWhileAnotherIsAdopted) {
  auto ring = KeyRing::open(root_.duplicate(), record_);
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      ASSERT_FALSE(ring->token_mac(ring->current_version(), "body").empty());
    }
  });
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(ring->adopt(ring->with_cluster_key(random_, i)).ok());
    ASSERT_TRUE(ring->adopt(ring->with_newest_current()).ok());
  }
  done = true;
  reader.join();
  EXPECT_EQ(ring->current_version(), 51U);
}

// Why the root key needs no count of what it has sealed: each of its boxes is a field of the ring's one record (or a seal's, or a
// backup's, which are a few), and nothing that tenants do adds one.
TEST(KeyRing, TheRootKeySealsOneBoxForEachClusterKeyAndTwoWhenItIsRetired) {
  SeededRandom random(7);
  KeyRing ring = KeyRing::generate(Key::generate(random), random, 1);
  const auto boxes = [](const store::v1::KeyRingRecord& record) {
    std::set<std::string> all;
    for (const auto& row : record.cluster_keys()) all.insert(row.wrapped());
    for (const auto& row : record.retired_keys()) all.insert({row.wrapped_tokens(), row.wrapped_audit()});
    return all;
  };
  const auto made = [&](const store::v1::KeyRingRecord& next) {
    std::size_t fresh = 0;
    const auto before = boxes(ring.record());
    for (const auto& box : boxes(next)) fresh += before.contains(box) ? 0 : 1;
    EXPECT_TRUE(ring.adopt(next).ok());
    return fresh;
  };
  for (std::uint32_t version = 2; version < 6; ++version) {
    EXPECT_EQ(made(ring.with_cluster_key(random, 2)), 1U);
    EXPECT_EQ(made(ring.with_newest_current()), 0U);
  }
  EXPECT_EQ(made(*ring.without_cluster_key(2, random, 3)), 2U);
  const auto before = ring.record().SerializeAsString();
  model::TenantId tenant;
  tenant.bytes.fill('t');
  auto keys = ring.new_tenant_keys(tenant, "", random, 4);
  EXPECT_TRUE(ring.add_data_key(tenant, keys, random, 4).ok());
  EXPECT_TRUE(ring.rewrap(tenant, keys, random).ok());
  Sealer directory = ring.directory_sealer(random);
  (void)directory.seal("row", "identity");
  EXPECT_EQ(ring.record().SerializeAsString(), before) << "cluster keys do this, not the root key";
  const auto next = ring.with_new_root(random, 5);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(boxes(next->record).size(), boxes(ring.record()).size()) << "a new root key begins with what there is";
}

}  // namespace
}  // namespace coffer::crypto
