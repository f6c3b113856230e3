// Seals that are changed while the node runs: one is replaced at once and checked, the words say what to do.

#include "keeper_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

model::AddSeal key_file_seal(const std::string& path, const std::string& name = {}, bool replace = false) {
  model::AddSeal add;
  add.kind = "key-file";
  add.key_file = path;
  add.name = name;
  add.replace = replace;
  return add;
}

std::vector<std::string> seal_names(Cluster& cluster) {
  std::vector<std::string> names;
  const auto reply = cluster.keep(model::GetSeals{});
  for (const auto& seal : seal_of(reply).seals) names.push_back(seal.name);
  return names;
}

/// With the key file that opens it, and its directory as the place of others.
model::Status start_with_key(Cluster& cluster, const std::string& path) {
  return cluster.start([&](NodeOptions& options) {
    options.seal = std::move(*crypto::open_key_file_seal(path));
    options.keeper.key_directory = cluster.path;
  });
}

TEST(SealChanges, AReplacedKeyFileOpensNoMoreAndTheNewOneDoes) {
  Cluster cluster;
  ASSERT_TRUE(start_with_key(cluster, cluster.path + "/key").ok());
  ASSERT_TRUE(cluster.put("t", "a", "1").ok());
  const std::string first = seal_names(cluster).at(0), fresh = cluster.path + "/fresh";
  const auto replaced = cluster.keep(key_file_seal(fresh, first, true));
  ASSERT_TRUE(replaced.ok()) << replaced.error().message();
  ASSERT_TRUE(seal_of(replaced).seal.has_value());
  EXPECT_EQ(seal_of(replaced).seal->detail, "in place of " + first);
  EXPECT_EQ(seal_names(cluster), std::vector<std::string>{seal_of(replaced).seal->name});
  EXPECT_NE(seal_names(cluster).at(0), first);
  EXPECT_FALSE(cluster.start().ok()) << "the old file opens nothing";
  ASSERT_TRUE(start_with_key(cluster, fresh).ok());
  EXPECT_EQ(cluster.get("t", "a"), "1");
  // The only one of its kind needs no name; a rotation of the root key goes by the new seal.
  ASSERT_TRUE(cluster.keep(key_file_seal(cluster.path + "/third", {}, true)).ok());
  ASSERT_TRUE(cluster.keep(model::RotateKeys{model::KeyLevel::root, {}}).ok());
  ASSERT_TRUE(start_with_key(cluster, cluster.path + "/third").ok());
  EXPECT_EQ(cluster.get("t", "a"), "1");
}

TEST(SealChanges, WhatCannotBeReplacedChangesNothing) {
  Cluster cluster;
  ASSERT_TRUE(start_with_key(cluster, cluster.path + "/key").ok());
  const auto before = seal_names(cluster);
  EXPECT_EQ(cluster.keep(key_file_seal(cluster.path + "/x", "none", true)).error().code, Code::entry_not_found);
  model::AddSeal night;
  night.kind = "passphrase";
  night.name = "night";
  night.passphrase = model::Secret("correct horse battery");
  night.replace = true;
  EXPECT_EQ(cluster.keep(night).error().code, Code::entry_not_found);
  night.replace = false;
  ASSERT_TRUE(cluster.keep(night).ok());
  EXPECT_EQ(cluster.keep(night).error().code, Code::entry_exists);
  EXPECT_EQ(cluster.keep(key_file_seal(cluster.path + "/x", "night", true)).error().code, Code::invalid_argument);
  ASSERT_TRUE(cluster.keep(key_file_seal(cluster.path + "/second")).ok());
  const auto unclear = cluster.keep(key_file_seal(cluster.path + "/x", {}, true));
  EXPECT_EQ(unclear.error().code, Code::invalid_argument) << "which of two?";
  EXPECT_FALSE(fs::exists(cluster.path + "/x")) << "what is refused leaves no file";
  EXPECT_EQ(seal_names(cluster).size(), before.size() + 2);
}

TEST(SealChanges, AReplacedPassphraseOpensNoMore) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  model::AddSeal night;
  night.kind = "passphrase";
  night.name = "night";
  night.passphrase = model::Secret("correct horse battery");
  ASSERT_TRUE(cluster.keep(night).ok());
  night.passphrase = model::Secret("another horse battery");
  night.replace = true;
  ASSERT_TRUE(cluster.keep(night).ok());
  ASSERT_TRUE(cluster.start([](NodeOptions& options) { options.start_sealed = true; }).ok());
  const auto wrong = cluster.keep(model::Unseal{{}, model::Secret("correct horse battery")});
  EXPECT_EQ(wrong.error().code, Code::unauthenticated);
  EXPECT_NE(wrong.error().message().find("passphrase"), std::string::npos);
  EXPECT_FALSE(seal_of(cluster.keep(model::Unseal{{}, model::Secret("another horse battery")})).sealed);
}

TEST(SealChanges, ANodeWithoutADeviceSaysSoInsteadOfAskingToTryAgain) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  model::AddSeal device;
  device.kind = "pkcs11";
  device.name = "device";
  const auto refused = cluster.keep(device);
  EXPECT_EQ(refused.error().code, Code::not_active);
  EXPECT_NE(refused.error().message().find("[seal.pkcs11]"), std::string::npos);
}

TEST(SealChanges, AShareOfAnotherSetIsAWrongArgumentOfWhoeverVerifies) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  model::AddSeal add;
  add.kind = "shamir";
  add.threshold = 2;
  add.shares = 3;
  add.name = "one";
  const auto one = cluster.keep(add);
  add.name = "two";
  const auto two = cluster.keep(add);
  ASSERT_TRUE(one.ok() && two.ok());
  const auto wrong = cluster.keep(model::VerifyShare{seal_of(one).share_texts.at(0)});
  EXPECT_EQ(wrong.error().code, Code::invalid_argument);
  EXPECT_NE(wrong.error().message().find("share"), std::string::npos);
}

}  // namespace
}  // namespace coffer::actors
