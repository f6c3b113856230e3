// Seals: what each opens and refuses, several around one root key, and the device that is thrown away (SoftHSM).

#include "crypto/seal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "crypto/hash.hpp"
#include "crypto/pkcs11_error.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using model::Code;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr PassphraseCost kCheap{64, 1};
const std::string kCluster(16, 'c');

class SealTest : public ::testing::Test {
 protected:
  SeededRandom random_{5};
  const Key root_ = Key::generate(random_);

  store::v1::SealRecord passphrase_record(const char* passphrase) {
    auto seal = make_passphrase_seal("main", model::Secret(passphrase), kCheap);
    auto record = (*seal)->wrap(root_, kCluster, random_);
    EXPECT_TRUE(record.ok());
    return *record;
  }
};

TEST_F(SealTest, APassphraseOpensWhatItSealed) {
  const auto record = passphrase_record("correct horse battery");
  EXPECT_EQ(record.kind(), "passphrase");
  auto seal = make_passphrase_seal("other", model::Secret("correct horse battery"));
  const auto root = (*seal)->unwrap(record, kCluster);
  ASSERT_TRUE(root.ok()) << root.error().message();
  EXPECT_TRUE(*root == root_);
}

TEST_F(SealTest, AnotherPassphraseIsUnauthenticatedAndShortOnesAreRefused) {
  const auto record = passphrase_record("correct horse battery");
  auto seal = make_passphrase_seal("main", model::Secret("correct horse buttery"));
  const auto root = (*seal)->unwrap(record, kCluster);
  ASSERT_FALSE(root.ok());
  EXPECT_EQ(root.error().code, Code::unauthenticated);
  EXPECT_FALSE(make_passphrase_seal("main", model::Secret("short")).ok());
}

TEST_F(SealTest, ArgonParametersThatWouldEndTheNodeAreRefused) {
  auto record = passphrase_record("correct horse battery");
  record.mutable_passphrase()->set_memory_kib(1U << 31);
  auto seal = make_passphrase_seal("main", model::Secret("correct horse battery"));
  EXPECT_EQ((*seal)->unwrap(record, kCluster).error().code, Code::data_loss);
}

TEST_F(SealTest, StretchingIsArgon2idOfRfc9106) {
  // Made by the reference implementation (libargon2): t=2, m=64 KiB, p=1.
  store::v1::SealRecord::Passphrase parameters;
  parameters.set_salt("somesaltsomesalt");
  parameters.set_memory_kib(64);
  parameters.set_passes(2);
  const auto key = stretch(model::Secret("password"), parameters);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(hex(key->bytes()), "1a98fba8e6394425c9bdc333a9c750aaf811df070f5fb4a5788e1cf4db5793a1");
}

TEST_F(SealTest, AQuorumOfSharesOpens) {
  auto made = make_shamir_seal("holders", 3, 5, root_, kCluster, random_);
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->shares.size(), 5U);
  ShareCollector collector(made->record);
  for (const int i : {4, 0, 2}) {
    EXPECT_FALSE(collector.is_complete());
    ASSERT_TRUE(collector.add(std::move(*read_share(made->shares[static_cast<std::size_t>(i)].expose()))).ok());
  }
  ASSERT_TRUE(collector.is_complete());
  const auto root = open_seal(made->record, collector.seal_key(), kCluster);
  ASSERT_TRUE(root.ok()) << root.error().message();
  EXPECT_TRUE(*root == root_);
}

TEST_F(SealTest, AForgedShareIsRefusedWhenItComesAndSpoilsNothing) {
  auto made = make_shamir_seal("holders", 2, 3, root_, kCluster, random_);
  ShareCollector collector(made->record);
  ASSERT_TRUE(collector.add(std::move(*read_share(made->shares[0].expose()))).ok());
  Share forged{made->record.shamir().set_id(), 2, 2, Key::generate(random_)};
  EXPECT_EQ(collector.add(std::move(forged)).error().code, Code::unauthenticated);
  auto other = make_shamir_seal("others", 2, 3, root_, kCluster, random_);
  EXPECT_EQ(collector.add(std::move(*read_share(other->shares[1].expose()))).error().code, Code::unauthenticated);
  ASSERT_TRUE(collector.add(std::move(*read_share(made->shares[0].expose()))).ok());
  EXPECT_EQ(collector.given(), 1U);
  ASSERT_TRUE(collector.add(std::move(*read_share(made->shares[1].expose()))).ok());
  EXPECT_TRUE(*open_seal(made->record, collector.seal_key(), kCluster) == root_);
}

TEST_F(SealTest, ASharesThresholdIsBounded) {
  EXPECT_FALSE(make_shamir_seal("s", 1, 3, root_, kCluster, random_).ok());
  EXPECT_FALSE(make_shamir_seal("s", 4, 3, root_, kCluster, random_).ok());
  EXPECT_FALSE(make_shamir_seal("s", 2, 33, root_, kCluster, random_).ok());
}

TEST_F(SealTest, ANewRootIsSealedWithoutTheHolders) {
  const auto before = passphrase_record("correct horse battery");
  const Key next = Key::generate(random_);
  const auto after = reseal_root(before, root_, next, kCluster, random_);
  ASSERT_TRUE(after.ok()) << after.error().message();
  auto seal = make_passphrase_seal("main", model::Secret("correct horse battery"));
  EXPECT_TRUE(*(*seal)->unwrap(*after, kCluster) == next);
  EXPECT_FALSE(reseal_root(before, next, root_, kCluster, random_).ok());
}

TEST_F(SealTest, ASealOfAnotherClusterDoesNotOpen) {
  const auto record = passphrase_record("correct horse battery");
  auto seal = make_passphrase_seal("main", model::Secret("correct horse battery"));
  EXPECT_FALSE((*seal)->unwrap(record, std::string(16, 'd')).ok());
}

class Pkcs11Test : public SealTest {
 protected:
  void SetUp() override {
    for (const char* path : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"}) {
      if (std::filesystem::exists(path)) settings_.module = path;
    }
    if (settings_.module.empty()) GTEST_SKIP() << "softhsm2 is not installed";
    std::filesystem::create_directory(scratch_ / "tokens");
    test::write_file(scratch_ / "softhsm2.conf", "directories.tokendir = " + (scratch_ / "tokens") + "\n");
    ::setenv("SOFTHSM2_CONF", (scratch_ / "softhsm2.conf").c_str(), 1);
    ASSERT_EQ(std::system("softhsm2-util --init-token --free --label coffer-test --pin 1234 --so-pin 5678 >/dev/null"),
              0);
    settings_.token = "coffer-test";
    settings_.key = "coffer-root";
    settings_.pin_file = scratch_ / "pin";
    test::write_file(settings_.pin_file, "1234\n");
    std::filesystem::permissions(settings_.pin_file, std::filesystem::perms::owner_read);
  }
  test::ScratchDirectory scratch_;
  Pkcs11Settings settings_;
};

TEST_F(Pkcs11Test, ADevicesKeyOpensWhatItSealedAndIsMadeOnce) {
  auto seal = make_pkcs11_seal("hsm", settings_);
  const auto first = seal->wrap(root_, kCluster, random_);
  ASSERT_TRUE(first.ok()) << first.error().message();
  const auto second = seal->wrap(root_, kCluster, random_);
  ASSERT_TRUE(second.ok()) << second.error().message();
  for (const auto* record : {&*first, &*second}) {
    const auto root = make_pkcs11_seal("hsm", settings_)->unwrap(*record, kCluster);
    ASSERT_TRUE(root.ok()) << root.error().message();
    EXPECT_TRUE(*root == root_);
  }
  EXPECT_EQ(seal->unwrap(*first, std::string(16, 'd')).error().code, Code::key_mismatch);
}

TEST_F(Pkcs11Test, TheSharesOpenWhenTheDeviceIsGone) {
  auto seal = make_pkcs11_seal("hsm", settings_);
  const auto record = seal->wrap(root_, kCluster, random_);
  ASSERT_TRUE(record.ok());
  auto shared = make_shamir_seal("break-glass", 2, 3, root_, kCluster, random_);
  std::filesystem::remove_all(scratch_ / "tokens");
  const auto lost = seal->unwrap(*record, kCluster);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code, Code::unavailable);
  ShareCollector collector(shared->record);
  for (const int i : {0, 2}) {
    ASSERT_TRUE(collector.add(std::move(*read_share(shared->shares[static_cast<std::size_t>(i)].expose()))).ok());
  }
  EXPECT_TRUE(*open_seal(shared->record, collector.seal_key(), kCluster) == root_);
}

TEST_F(Pkcs11Test, WhatIsMissingIsNamed) {
  auto settings = settings_;
  const auto refusal = [&](const Pkcs11Settings& with) {
    const auto refused = make_pkcs11_seal("hsm", with)->wrap(root_, kCluster, random_);
    EXPECT_FALSE(refused.ok());
    return refused.ok() ? std::string() : std::string(refused.error().message());
  };
  settings.token = "another";
  EXPECT_THAT(refusal(settings), AllOf(HasSubstr("token another"), HasSubstr("coffer-test")));
  settings = settings_;
  settings.module = "/nowhere.so";
  EXPECT_THAT(refusal(settings), AllOf(HasSubstr("/nowhere.so"), HasSubstr("No such file")));
  EXPECT_EQ(make_pkcs11_seal("hsm", settings)->wrap(root_, kCluster, random_).error().code, Code::unavailable);
  settings.module = settings_.pin_file;
  EXPECT_THAT(refusal(settings), HasSubstr(settings.module));
  settings = settings_;
  settings.pin_file = scratch_ / "nopin";
  EXPECT_THAT(refusal(settings), AllOf(HasSubstr("nopin"), HasSubstr("No such file")));
  test::write_file(settings.pin_file, "\n");
  std::filesystem::permissions(settings.pin_file, std::filesystem::perms::owner_read);
  EXPECT_THAT(refusal(settings), HasSubstr("holds no PIN"));
  std::filesystem::permissions(settings_.pin_file, std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(make_pkcs11_seal("hsm", settings_)->wrap(root_, kCluster, random_).error().code, Code::invalid_argument);
}

TEST_F(Pkcs11Test, AWrongPinIsCalledSoAndNotByANumber) {
  std::filesystem::remove(settings_.pin_file);
  test::write_file(settings_.pin_file, "9999\n");
  std::filesystem::permissions(settings_.pin_file, std::filesystem::perms::owner_read);
  const auto refused = make_pkcs11_seal("hsm", settings_)->wrap(root_, kCluster, random_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.error().message()),
              AllOf(HasSubstr("CKR_PIN_INCORRECT"), HasSubstr(settings_.pin_file), HasSubstr("put the user's PIN")));
}

TEST_F(Pkcs11Test, AKeyThatIsGoneIsNamedAndAnotherOneOfItsNameIsTold) {
  auto seal = make_pkcs11_seal("hsm", settings_);
  const auto record = seal->wrap(root_, kCluster, random_);
  ASSERT_TRUE(record.ok());
  auto renamed = *record;
  renamed.mutable_pkcs11()->set_key("gone");
  const auto missing = seal->unwrap(renamed, kCluster);
  EXPECT_EQ(missing.error().code, Code::unavailable);
  EXPECT_THAT(std::string(missing.error().message()), HasSubstr("holds no AES key gone"));
  auto other = settings_;
  other.key = "other";
  ASSERT_TRUE(make_pkcs11_seal("hsm", other)->wrap(root_, kCluster, random_).ok());
  renamed.mutable_pkcs11()->set_key("other");
  const auto wrong = seal->unwrap(renamed, kCluster);
  EXPECT_EQ(wrong.error().code, Code::key_mismatch);
  EXPECT_THAT(std::string(wrong.error().message()), AllOf(HasSubstr("key other"), HasSubstr("CKR_")));
}

TEST(Pkcs11Error, ValuesAreNamedAndSayWhatToDo) {
  EXPECT_EQ(pkcs11_error(0xa4), "CKR_PIN_LOCKED: the security officer unlocks it with the device's own tools");
  EXPECT_THAT(pkcs11_error(0x32), HasSubstr("CKR_DEVICE_REMOVED: see whether the device is attached"));
  EXPECT_EQ(pkcs11_error(0x40), "CKR_ENCRYPTED_DATA_INVALID");
  EXPECT_EQ(pkcs11_error(0x80000005UL), "0x80000005, an error of the vendor's own");
  EXPECT_EQ(pkcs11_error(0x1c0), "0x1c0");
  EXPECT_FALSE(is_wrong_ciphertext(0x32)) << "a device that is away does not say that the record was altered";
}

}  // namespace
}  // namespace coffer::crypto
