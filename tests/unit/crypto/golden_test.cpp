// Golden files: bytes that an earlier build stored must open today, and today's code must write the same ones from the same seed.
// A difference is a change of format: it needs a new format number, not a new golden file. COFFER_WRITE_GOLDEN=1 writes the
// files for a record that is new.

#include <gtest/gtest.h>

#include <cstdlib>

#include "crypto/cluster_ca.hpp"
#include "crypto/hash.hpp"
#include "crypto/join_token.hpp"
#include "crypto/key_ring.hpp"
#include "crypto/token.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using test::tenant;
using test::unhex;

/// The stored bytes of that name; `fresh` ones are stored first when that is asked for.
std::string stored(const std::string& name, const std::string& fresh) {
  const std::string path = std::string(COFFER_SOURCE_DIR) + "/tests/unit/crypto/golden/" + name + ".hex";
  if (const char* write = std::getenv("COFFER_WRITE_GOLDEN"); write != nullptr && std::string_view(write) == "1") {
    std::string lines;
    const std::string digits = hex(fresh);
    for (std::size_t at = 0; at < digits.size(); at += 64) lines += digits.substr(at, 64) + "\n";
    test::write_file(path, lines);
  }
  std::string digits = test::read_file(path);
  std::erase(digits, '\n');
  EXPECT_FALSE(digits.empty()) << path << " is missing";
  return unhex(digits);
}

/// The stored bytes of that name. Fails the test when they are not `fresh`.
std::string golden(const std::string& name, const std::string& fresh) {
  std::string bytes = stored(name, fresh);
  EXPECT_EQ(hex(bytes), hex(fresh)) << name << ": today's bytes differ from the stored ones";
  return bytes;
}

template <class Record>
Record golden_record(const std::string& name, const Record& fresh) {
  Record record;
  EXPECT_TRUE(record.ParseFromString(golden(name, fresh.SerializeAsString())));
  return record;
}

class GoldenTest : public ::testing::Test {
 protected:
  SeededRandom random_{20240101};
  const Key root_ = Key::generate(random_);
  const KeyRing ring_ = KeyRing::generate(root_.duplicate(), random_, 1'700'000'000'000);
};

TEST_F(GoldenTest, KeyRingRecord) {
  const auto ring = KeyRing::open(root_.duplicate(), golden_record("key_ring_record", ring_.record()));
  ASSERT_TRUE(ring.ok());
  EXPECT_EQ(ring->token_mac(1, "body"), golden("token_mac", ring_.token_mac(1, "body")));
}

TEST_F(GoldenTest, TenantKeysRecord) {
  const auto record =
      golden_record("tenant_keys_record", ring_.new_tenant_keys(tenant('a'), {}, random_, 1'700'000'000'001));
  const auto keys = ring_.open_tenant_keys(tenant('a'), record);
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->current, 1U);
  EXPECT_EQ(NameHasher(keys->name_key).hash("entry", "kv", "app/password"),
            golden("name_hash", NameHasher(keys->name_key).hash("entry", "kv", "app/password")));
}

TEST_F(GoldenTest, TenantKeysRecordWithAnOwner) {
  const OwnerKeyPair owner = generate_owner_key(random_);
  const auto record = golden_record("tenant_keys_record_with_owner",
                                    ring_.new_tenant_keys(tenant('b'), owner.public_key, random_, 1'700'000'000'002));
  const auto keys = ring_.open_tenant_keys(tenant('b'), record);
  ASSERT_TRUE(keys.ok());
  std::string identity;
  append_sized(identity, "tenant data key for its owner");
  append_sized(identity, tenant('b').view());
  identity += unhex("00000001");
  const auto opened = open_as_owner(owner.private_key, record.data_keys(0).sealed_to_owner(), identity);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->expose(), keys->data_keys.at(1).bytes());
}

TEST_F(GoldenTest, KeyFileAndSealRecord) {
  const test::ScratchDirectory scratch;
  const std::string path = scratch / "seal.key";
  ASSERT_TRUE(create_key_file(path, random_).ok());
  golden("key_file", test::read_file(path));
  const auto seal = std::move(*open_key_file_seal(path));
  auto fresh = *seal->wrap(root_, "0123456789abcdef", random_);
  for (const char* name : {"seal_record_with_escrow", "seal_record"}) {  // the second: what earlier builds wrote
    const auto record = golden_record(name, fresh);
    const auto root = seal->unwrap(record, "0123456789abcdef");
    ASSERT_TRUE(root.ok());
    EXPECT_TRUE(*root == root_);
    fresh.clear_escrowed_key();
  }
}

TEST_F(GoldenTest, SealedBytes) {
  Sealer sealer(random_);
  sealer.add_key(3, root_, true);
  const std::string identity = row_identity(tenant('a').view(), "row");
  const std::string sealed = golden("sealed", sealer.seal("a value that is kept", identity));
  const auto opened = sealer.open(sealed, identity);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->expose(), "a value that is kept");
}

TEST_F(GoldenTest, DirectorySealedBytes) {
  Sealer sealer = ring_.directory_sealer(random_);
  const std::string sealed = golden("directory_sealed", sealer.seal("a directory row", "identity"));
  const auto opened = ring_.directory_sealer(random_).open(sealed, "identity");
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->expose(), "a directory row");
}

TEST_F(GoldenTest, JoinTokenText) {
  const JoinToken token = new_join_token(std::string(32, 'c'), random_);
  const auto read = parse_join_token(golden("join_token", std::string(join_token_text(token).expose())));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->id, token.id);
  EXPECT_EQ(read->secret, token.secret);
  EXPECT_EQ(read->ca_hash, std::string(32, 'c'));
}

/// OpenSSL makes its key, so a new one has other bytes; the stored one is written as ever when it is sealed by the same chance.
TEST_F(GoldenTest, ClusterCaRecord) {
  constexpr char kCluster[] = "30313233343536373839616263646566";
  SeededRandom chance{20240102};
  const std::string record =
      stored("cluster_ca", ClusterCa::make(kCluster, 1'700'000'000'000, random_).seal(ring_, chance));
  const auto ca = ClusterCa::open(record, kCluster, ring_);
  ASSERT_TRUE(ca.ok());
  SeededRandom again{20240102};
  EXPECT_EQ(hex(ca->seal(ring_, again)), hex(record));
  EXPECT_EQ(*ClusterCa::key_version(record), 1U);
}

TEST_F(GoldenTest, TokenText) {
  const MintedToken minted = mint_token(ring_, tenant('a'), random_);
  const auto claims = verify_token(ring_, golden("token", std::string(minted.text.expose())));
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(claims->tenant, tenant('a'));
  EXPECT_EQ(claims->id_hash, minted.id_hash);
  const MintedToken operators = mint_token(ring_, model::TenantId{}, random_);
  EXPECT_TRUE(verify_token(ring_, golden("operator_token", std::string(operators.text.expose()))).ok());
}

}  // namespace
}  // namespace coffer::crypto
