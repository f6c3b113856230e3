// The key file as a seal: what is accepted, and the sentence for everything that is not. Modes are compared, not
// tried, so that the tests hold for root as well.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "crypto/hash.hpp"
#include "crypto/key_ring.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using model::Code;
using ::testing::HasSubstr;
using ::testing::Not;

class KeyFileTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(create_key_file(path_, random_).ok()); }

  void put(std::string_view text, mode_t mode = 0600) const {
    test::write_file(path_, text);
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  /// The error of opening path_, which must name the file and hold nothing of its text.
  model::Error refusal() const {
    const auto opened = open_key_file_seal(path_);
    if (opened.ok()) {
      ADD_FAILURE() << "was opened";
      return {};
    }
    EXPECT_THAT(std::string(opened.error().message()), HasSubstr(path_));
    const std::string text = test::read_file(path_);
    for (std::size_t at = 0; at + 8 <= text.size(); ++at) {
      EXPECT_THAT(std::string(opened.error().message()), Not(HasSubstr(text.substr(at, 8))));
    }
    return opened.error();
  }
  std::unique_ptr<Seal> seal() const { return std::move(*open_key_file_seal(path_)); }

  SeededRandom random_{51};
  const test::ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "seal.key";
  const Key root_ = Key::generate(random_);
};

TEST_F(KeyFileTest, IsMadePrivateWithSixtyFourDigits) {
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_THAT(test::read_file(path_), ::testing::MatchesRegex("[0-9a-f]{64}\n"));
}

TEST_F(KeyFileTest, IsMadePrivateUnderAnyUmask) {
  for (const mode_t mask : {0000, 0777}) {
    const mode_t before = ::umask(mask);
    const std::string path = scratch_ / ("mask" + std::to_string(mask));
    EXPECT_TRUE(create_key_file(path, random_).ok());
    ::umask(before);
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
  }
}

TEST_F(KeyFileTest, IsNeverOverwritten) {
  const std::string before = test::read_file(path_);
  const auto status = create_key_file(path_, random_);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "The key file " + path_ + " exists already; it is not overwritten.");
  EXPECT_EQ(test::read_file(path_), before);
}

TEST_F(KeyFileTest, IsNotMadeInAMissingDirectory) {
  const std::string path = scratch_ / "missing/seal.key";
  const auto status = create_key_file(path, random_);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.error().message()), HasSubstr(path + " cannot be made: No such file"));
}

TEST_F(KeyFileTest, UnwrapsTheRootKeyThatItWrapped) {
  const auto record = seal()->wrap(root_, "cluster-1", random_);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->format(), 1U);
  EXPECT_EQ(record->kind(), "key-file");
  EXPECT_THAT(record->name(), ::testing::MatchesRegex("[0-9a-f]{16}"));
  const auto root = seal()->unwrap(*record, "cluster-1");
  ASSERT_TRUE(root.ok());
  EXPECT_TRUE(*root == root_);
}

TEST_F(KeyFileTest, OpensWithoutANewlineAndInUpperCase) {
  const auto record = *seal()->wrap(root_, "c", random_);
  std::string text = test::read_file(path_);
  text.pop_back();
  put(text);
  EXPECT_TRUE(seal()->unwrap(record, "c").ok());
  for (char& c : text) c = static_cast<char>(::toupper(c));
  put(text + "\n");
  EXPECT_TRUE(seal()->unwrap(record, "c").ok());
}

TEST_F(KeyFileTest, IsRefusedWhenMissing) {
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  EXPECT_EQ(refusal().message(), "The key file " + path_ + " does not exist.");
}

TEST_F(KeyFileTest, IsRefusedWhenItIsNoFile) {
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(refusal().message(), "The key file " + path_ + " is not a regular file.");
  ASSERT_EQ(::rmdir(path_.c_str()), 0);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto opened = open_key_file_seal(path_);  // and does not wait for a writer
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message(), "The key file " + path_ + " is not a regular file.");
}

TEST_F(KeyFileTest, IsRefusedWhenOthersMayUseIt) {
  for (const mode_t bit : {0040, 0020, 0010, 0004, 0002, 0001}) {
    ASSERT_EQ(::chmod(path_.c_str(), 0600 | bit), 0);
    const model::Error error = refusal();
    EXPECT_EQ(error.code, Code::invalid_argument);
    EXPECT_THAT(std::string(error.message()), HasSubstr("chmod 600"));
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0400), 0);
  EXPECT_TRUE(open_key_file_seal(path_).ok());
}

TEST_F(KeyFileTest, IsRefusedWhenMalformed) {
  const std::string text = test::read_file(path_);
  const std::string digits = text.substr(0, 64);
  for (const std::string& bad : {std::string(), std::string("\n"), digits.substr(1) + "\n", digits + "0\n",
                                 digits + "\n\n", " " + digits + "\n", "g" + digits.substr(1) + "\n", digits + "\r\n",
                                 digits + std::string(1, '\0'), digits + "\n" + digits + "\n", std::string(64, '\0')}) {
    put(bad);
    EXPECT_EQ(refusal().message(),
              "The key file " + path_ + " is malformed: it must hold 64 hexadecimal digits and a newline.");
  }
}

TEST_F(KeyFileTest, SaysWhichKeyWouldBeRight) {
  const auto record = *seal()->wrap(root_, "c", random_);
  const std::string other_path = scratch_ / "other.key";
  ASSERT_TRUE(create_key_file(other_path, random_).ok());
  const auto other = std::move(*open_key_file_seal(other_path));
  const auto root = other->unwrap(record, "c");
  ASSERT_FALSE(root.ok());
  EXPECT_EQ(root.error().code, Code::key_mismatch);
  EXPECT_EQ(root.error().message(), "The key file " + other_path + " does not open this cluster: it holds key " +
                                        other->wrap(root_, "c", random_)->name() +
                                        ", and the root key is sealed with key " + record.name() + ".");
}

TEST_F(KeyFileTest, SaysWhichKindOfSealWouldBeRight) {
  auto record = *seal()->wrap(root_, "c", random_);
  record.set_kind("shamir");
  const auto root = seal()->unwrap(record, "c");
  ASSERT_FALSE(root.ok());
  EXPECT_EQ(root.error().code, Code::key_mismatch);
  EXPECT_EQ(root.error().message(), "The key file " + path_ +
                                        " is not what seals this cluster: its root key is behind a seal "
                                        "of kind shamir.");
  record.set_kind("\x1b[2J evil\n");
  EXPECT_THAT(std::string(seal()->unwrap(record, "c").error().message()), HasSubstr("of kind unknown."));
}

TEST_F(KeyFileTest, RefusesAnotherClustersRecordAndAnAlteredOne) {
  const auto record = *seal()->wrap(root_, "cluster-1", random_);
  const auto elsewhere = seal()->unwrap(record, "cluster-2");
  ASSERT_FALSE(elsewhere.ok());
  EXPECT_EQ(elsewhere.error().code, Code::data_loss);
  EXPECT_THAT(std::string(elsewhere.error().message()), HasSubstr(path_));
  for (std::size_t bit = 0; bit < record.wrapped_root_key().size() * 8; ++bit) {
    auto altered = record;
    altered.set_wrapped_root_key(test::with_flipped_bit(record.wrapped_root_key(), bit));
    const auto root = seal()->unwrap(altered, "cluster-1");
    ASSERT_FALSE(root.ok()) << bit;
    EXPECT_EQ(root.error().code, Code::data_loss);
  }
  auto later = record;
  later.set_format(2);
  EXPECT_EQ(seal()->unwrap(later, "cluster-1").error().message(),
            "The seal's record has format 2; this program reads format 1.");
}

TEST_F(KeyFileTest, StoresNothingOfItsKey) {
  const std::string stored = seal()->wrap(root_, "c", random_)->SerializeAsString();
  const std::string digits = test::read_file(path_).substr(0, 64);
  const std::string raw = test::unhex(digits);
  for (std::size_t at = 0; at + 8 <= digits.size(); ++at) EXPECT_THAT(stored, Not(HasSubstr(digits.substr(at, 8))));
  for (std::size_t at = 0; at + 6 <= raw.size(); ++at) EXPECT_THAT(stored, Not(HasSubstr(raw.substr(at, 6))));
}

}  // namespace
}  // namespace coffer::crypto
