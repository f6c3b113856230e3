// The audit trail over rotations of the cluster's key: one public key that is known verifies all of it, and a stranger's
// key never does. The golden file is a trail with a rotation, byte for byte; COFFER_WRITE_GOLDEN=1 writes it anew.

#include <gmock/gmock.h>

#include "crypto/hash.hpp"
#include "tests/unit/actors/audit_fixture.hpp"

namespace coffer::actors {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kRotationPath[] = COFFER_SOURCE_DIR "/tests/unit/actors/golden/audit_rotation.jsonl";

class AuditRotationTest : public AuditFixture {
 protected:
  std::optional<crypto::ChainSigner> signer_of(std::uint32_t version) const {
    const crypto::ChainSigner* const all[] = {&signer, &second, &third};
    return version >= 1 && version <= 3 ? std::optional(*all[version - 1]) : std::nullopt;
  }
  /// As a node that starts with this version as the newest.
  std::unique_ptr<AuditTrail> open_with(std::uint32_t version) {
    options.key_version = version;
    auto opened =
        AuditTrail::open(std::move(*storage::AuditDirectory::open(path + "/audit")), options, *signer_of(version), now,
                         [this](std::uint32_t wanted) { return signer_of(wanted); });
    EXPECT_TRUE(opened.ok());
    return std::move(*opened);
  }
  void add_signed(AuditTrail& trail, const std::string& what) {
    add(trail, "\"kind\":\"request\",\"action\":\"" + what + "\"");
    EXPECT_TRUE(trail.checkpoint(now, [](std::string_view) {}).ok());
  }
  /// Key 1, then 2 while it runs, then 3 while the node is down.
  void write_rotated() {
    {
      const auto trail = open_with(1);
      add_signed(*trail, "first");
      ASSERT_TRUE(trail->use_key(2, second, now).ok());
      add_signed(*trail, "second");
    }
    add_signed(*open_with(3), "third");
    ASSERT_EQ(files().size(), 3U);
  }
  std::vector<std::string> problems_by(std::vector<std::string> keys) {
    AuditExpectation expected;
    expected.trusted = std::move(keys);
    expected.introduced = [this](std::uint32_t version, const std::string&) { introduced.push_back(version); };
    const auto verdict = verify_audit(directory(), expected);
    EXPECT_TRUE(verdict.ok());
    return verdict->problems;
  }

  crypto::ChainSigner second{crypto::Key::generate(random)}, third{crypto::Key::generate(random)};
  std::vector<std::uint32_t> introduced;
};

TEST_F(AuditRotationTest, TheFirstKeyVerifiesWhatLaterOnesSigned) {
  write_rotated();
  EXPECT_THAT(problems_by({signer.public_key()}), IsEmpty());
  EXPECT_THAT(introduced, ::testing::ElementsAre(2, 3));
}

TEST_F(AuditRotationTest, ALaterKeyVerifiesWhatEarlierOnesSignedByTheChain) {
  write_rotated();
  EXPECT_THAT(problems_by({third.public_key()}), IsEmpty());
  EXPECT_THAT(problems_by({second.public_key()}), IsEmpty());
  EXPECT_THAT(problems_by({third.public_key(), signer.public_key()}), IsEmpty());
}

TEST_F(AuditRotationTest, AStrangersKeyVerifiesNothing) {
  write_rotated();
  const crypto::ChainSigner stranger(crypto::Key::generate(random));
  EXPECT_THAT(problems_by({stranger.public_key()}), Contains(HasSubstr("none of the keys that were given")));
  EXPECT_THAT(introduced, IsEmpty());
}

/// Who can write to the disk goes on with the trail under a key of his own, and says that the cluster's introduced it.
TEST_F(AuditRotationTest, AForgedContinuationIsFoundWhateverItSaysOfItsKey) {
  write_rotated();
  const crypto::ChainSigner forger(crypto::Key::generate(random));
  options.key_version = 4;
  {
    const auto trail = std::move(*AuditTrail::open(std::move(*storage::AuditDirectory::open(path + "/audit")), options,
                                                   forger, now, [&](std::uint32_t) { return std::optional(forger); }));
    add_signed(*trail, "forged");
  }
  EXPECT_THAT(lines(files().back()).front(), HasSubstr("\"former_key\":3"));
  for (const auto* known : {&signer, &second, &third}) {
    EXPECT_THAT(problems_by({known->public_key()}), Contains(HasSubstr("none of the keys that were given")));
  }
  EXPECT_THAT(introduced, Not(Contains(4)));
}

TEST_F(AuditRotationTest, AnIntroductionThatIsMovedToAnotherKeyIntroducesNothing) {
  write_rotated();
  auto all = lines(files()[1]);
  const std::string letters = crypto::base64url(second.public_key());
  const crypto::ChainSigner forger(crypto::Key::generate(random));
  all.front().replace(all.front().find(letters), letters.size(), crypto::base64url(forger.public_key()));
  write_lines(files()[1], all);
  EXPECT_THAT(problems_by({signer.public_key()}), Contains(HasSubstr("was altered")));
  EXPECT_THAT(introduced, Not(Contains(2)));
}

TEST_F(AuditRotationTest, ARecordThatIsAlteredBeforeARotationIsFoundByEitherKey) {
  write_rotated();
  auto all = lines(files()[0]);
  all[1].replace(all[1].find("first"), 5, "fIrst");
  write_lines(files()[0], all);
  EXPECT_THAT(problems_by({signer.public_key()}), Contains(HasSubstr("line 2: record 2 was altered")));
  EXPECT_THAT(problems_by({third.public_key()}), Contains(HasSubstr("line 2: record 2 was altered")));
}

/// A copy taken, or a crash, between the new file's beginning and the next head: the head is the former key's.
TEST_F(AuditRotationTest, AHeadOfTheFormerKeyIsStillWhole) {
  {
    const auto trail = open_with(1);
    add_signed(*trail, "first");
    ASSERT_TRUE(trail->use_key(2, second, now).ok());
  }
  EXPECT_THAT(problems_by({signer.public_key()}), IsEmpty());
  EXPECT_THAT(problems_by({}), IsEmpty());
}

TEST_F(AuditRotationTest, ATrailWithARotationIsWrittenAndVerifiedAsEver) {
  write_rotated();
  std::vector<std::string> today;
  for (const std::string& file : files()) {
    for (const std::string& line : lines(file)) today.push_back(line);
  }
  if (std::getenv("COFFER_WRITE_GOLDEN") != nullptr) write_lines(kRotationPath, today);
  const std::vector<std::string> stored = lines(kRotationPath);
  EXPECT_EQ(today, stored);
  // The stored bytes themselves, by the first key alone.
  std::size_t at = 0;
  for (const std::string& file : files()) {
    const std::size_t count = lines(file).size();
    ASSERT_LE(at + count, stored.size());
    const auto begin = stored.begin() + static_cast<std::ptrdiff_t>(at);
    write_lines(file, {begin, begin + static_cast<std::ptrdiff_t>(count)});
    at += count;
  }
  EXPECT_THAT(problems_by({signer.public_key()}), IsEmpty());
}

}  // namespace
}  // namespace coffer::actors
