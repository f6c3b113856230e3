// The audit trail's files: whatever is done to them is found, and the place is named.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "actors/audit_line.hpp"
#include "crypto/hash.hpp"
#include "tests/unit/actors/audit_fixture.hpp"

namespace coffer::actors {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class AuditTrailTest : public AuditFixture {};

TEST_F(AuditTrailTest, AnUntouchedTrailVerifies) {
  write_records(20);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTrailTest, GoesOnBehindWhatIsThereAfterARestart) {
  write_records(5);
  write_records(5);
  EXPECT_EQ(files().size(), 2U);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTrailTest, EveryFlippedByteOfARecordIsFoundAtItsLine) {
  write_records(6);
  const std::string file = files().front();
  const auto good = lines(file);
  const std::size_t line = 3;
  for (std::size_t at = 0; at < good[line].size(); ++at) {
    auto bad = good;
    bad[line][at] = static_cast<char>(bad[line][at] ^ 1);
    write_lines(file, bad);
    EXPECT_THAT(problems(), Contains(HasSubstr(" line 4: "))) << "byte " << at << ": " << bad[line];
  }
}

TEST_F(AuditTrailTest, ARemovedRecordIsMissedWhereItStood) {
  write_records(6);
  auto all = lines(files().front());
  all.erase(all.begin() + 2);
  write_lines(files().front(), all);
  EXPECT_THAT(problems(), Contains(AllOf(HasSubstr("line 3"), HasSubstr("record 3 is missing"))));
}

TEST_F(AuditTrailTest, SwappedRecordsAreFound) {
  write_records(6);
  auto all = lines(files().front());
  std::swap(all[2], all[3]);
  write_lines(files().front(), all);
  EXPECT_THAT(problems(), Contains(AllOf(HasSubstr("line 4"), HasSubstr("record 3 stands behind record 4"))));
}

TEST_F(AuditTrailTest, RecordsThatAreCutOffTheEndAreMissed) {
  write_records(6);
  auto all = lines(files().front());
  all.resize(5);
  write_lines(files().front(), all);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("line 6: records 6 to 8 are missing at the end")));
}

TEST_F(AuditTrailTest, ACutWithAnOlderHeadIsFoundByWhoeverKnowsTheEnd) {
  write_records(3);
  const auto end = AuditTrail::Position{8, {}};
  const auto verdict = verify_audit(directory(), {{}, end});
  EXPECT_THAT(verdict->problems, Contains(HasSubstr("records 6 to 8 are missing at the end")));
}

TEST_F(AuditTrailTest, AFileThatIsTakenAwayIsMissed) {
  write_records(3);
  write_records(3);
  write_records(3);
  std::filesystem::remove(files()[1]);
  EXPECT_THAT(problems(), Contains(HasSubstr("records 6 to 10 are missing before it")));
  std::filesystem::remove(files()[0]);
  EXPECT_THAT(problems(), Contains(HasSubstr("before its first file records 1 to 10 are missing")));
}

/// The hashes are not keyed: who writes to the file can chain a forged record and all behind it anew.
TEST_F(AuditTrailTest, ARecordThatIsRewrittenWithItsChainFailsAtTheNextSignature) {
  write_records(6);
  auto all = lines(files().front());
  crypto::ChainHash hash = split_audit_line(all[1])->hash;
  for (std::size_t i = 2; i < all.size(); ++i) {
    std::string body(split_audit_line(all[i])->body);
    if (i == 2) body.replace(body.find("\"n\":1"), 5, "\"n\":9");
    hash = crypto::next_hash(hash, body);
    all[i] = body + ",\"hash\":\"" + crypto::base64url({hash.data(), hash.size()}) + "\"}";
  }
  write_lines(files().front(), all);
  EXPECT_THAT(problems(), Contains(HasSubstr("its signature is not this cluster's")));
}

TEST_F(AuditTrailTest, AnotherClustersTrailDoesNotVerify) {
  write_records(3);
  signer = crypto::ChainSigner(crypto::Key::generate(random));
  EXPECT_THAT(problems(), Contains(HasSubstr("its signature is not this cluster's")));
}

TEST_F(AuditTrailTest, ATornLastLineIsCutOffAtTheNextStart) {
  write_records(3);
  std::ofstream(files().front(), std::ios::app) << "{\"seq\":6,\"ti";
  write_records(2);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTrailTest, StartsBehindDamageAndSaysSo) {
  write_records(6);
  auto all = lines(files().front());
  all.resize(4);
  write_lines(files().front(), all);
  write_records(1);
  const auto newest = lines(files().back());
  EXPECT_THAT(newest, Contains(AllOf(HasSubstr("\"kind\":\"trouble\""), HasSubstr("records 5 to 8 are missing"))));
  EXPECT_THAT(problems(), Contains(HasSubstr("records 5 to 8 are missing")));
}

TEST_F(AuditTrailTest, BeginsAFileBySizeAndByAge) {
  options.file_bytes = 2000;
  {
    const auto trail = open();
    for (int i = 0; i < 60; ++i) add(*trail, "\"kind\":\"request\",\"n\":" + std::to_string(i));
    const std::size_t by_size = files().size();
    EXPECT_GT(by_size, 2U);
    now += (options.file_age_s + 1) * 1000;
    add(*trail, "\"kind\":\"request\"");
    EXPECT_EQ(files().size(), by_size + 1);
  }
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTrailTest, RemovesWhatIsTooMuchAndRemembersThatItDid) {
  options.file_bytes = 2000;
  options.keep_bytes = 5000;
  const auto trail = open();
  for (int i = 0; i < 60; ++i) add(*trail, "\"kind\":\"request\",\"n\":" + std::to_string(i));
  EXPECT_LT(files().size(), 6U);
  EXPECT_GT(directory().files()->front().first, 1U);
  EXPECT_THAT(problems(), IsEmpty()) << "what was removed for its age is no damage";
}

TEST_F(AuditTrailTest, KnowsWhichChangesItHasAlsoAfterARestart) {
  {
    const auto trail = open();
    EXPECT_TRUE(trail->is_new_change(3, 10));
    EXPECT_FALSE(trail->is_new_change(3, 10));
    add(*trail, "\"kind\":\"change\",\"group\":3,\"index\":10");
  }
  open();  // a file with nothing in it
  const auto trail = open();
  EXPECT_FALSE(trail->is_new_change(3, 10));
  EXPECT_TRUE(trail->is_new_change(3, 11));
  EXPECT_TRUE(trail->is_new_change(4, 1));
}

/// A restore, a new cluster and a node that joins anew count their changes from one.
TEST_F(AuditTrailTest, AnotherLifeOfTheLogsHasChangesOfItsOwn) {
  const auto knows = [this] { return !open()->is_new_change(3, 10); };
  const auto note_change = [this] {
    const auto trail = open();
    ASSERT_TRUE(trail->is_new_change(3, 10));
    add(*trail, "\"kind\":\"change\",\"group\":3,\"index\":10");
  };
  note_change();  // as a program that knows of no lives
  EXPECT_TRUE(knows());
  options.log_life = "aa";
  EXPECT_FALSE(knows()) << "a node's record with a life is younger than a trail without";
  note_change();
  EXPECT_TRUE(knows()) << "in the segment that a start begins";
  EXPECT_TRUE(knows());
  options.log_life = "bb";
  EXPECT_FALSE(knows());
  options.log_life = "aa";
  EXPECT_FALSE(knows()) << "nobody knows what became of it meanwhile";
  note_change();
  options.log_life = "bb";
  EXPECT_FALSE(knows()) << "nor are the changes of that file's this life's";
  note_change();
  options.log_life.clear();
  note_change();
  options.node = 2;
  EXPECT_FALSE(knows());
  note_change();
  options.cluster = "00fe";
  EXPECT_FALSE(knows());
}

TEST_F(AuditTrailTest, FilesAreTheOwnersAlone) {
  ::umask(0);
  write_records(1);
  ::umask(022);
  const auto mode = [](const std::string& name) {
    struct stat info {};
    ::stat(name.c_str(), &info);
    return info.st_mode & 0777;
  };
  EXPECT_EQ(mode(path + "/audit"), 0700U);
  EXPECT_EQ(mode(files().front()), 0600U);
  EXPECT_EQ(mode(path + "/audit/head"), 0600U);
}

TEST_F(AuditTrailTest, AFolderThatOthersMayEnterIsRefused) {
  std::filesystem::create_directory(path + "/audit");
  ::chmod((path + "/audit").c_str(), 0755);
  const auto opened = storage::AuditDirectory::open(path + "/audit");
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(std::string(opened.error().message()), HasSubstr("chmod 700"));
}

TEST(AuditLineTest, AFieldIsFoundWhateverStandsInOtherTexts) {
  std::string line = "{\"seq\":4";
  AuditLine(line).text("principal", "a\",\"tenant\":\"x\\").text("tenant", "right").number("version", 3);
  line += "}";
  EXPECT_EQ(audit_field(line, "tenant"), "right");
  EXPECT_EQ(audit_number(line, "version"), 3U);
  EXPECT_EQ(audit_number(line, "seq"), 4U);
  EXPECT_EQ(audit_field(line, "missing"), std::nullopt);
  EXPECT_EQ(audit_field(line, "principal"), escape_audit_text("a\",\"tenant\":\"x\\"));
}

}  // namespace
}  // namespace coffer::actors
