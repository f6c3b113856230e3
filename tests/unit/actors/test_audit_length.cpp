// How long a record can get, and what becomes of a line that is longer: it is damage of one record, and of none behind it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/audit_format.hpp"
#include "actors/audit_line.hpp"
#include "actors/audit_log.hpp"
#include "actors/records.hpp"
#include "tests/unit/actors/audit_fixture.hpp"

namespace coffer::actors {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::size_t kReadLine = storage::AuditDirectory::kMostLineBytes;

class AuditLengthTest : public AuditFixture {
 protected:
  /// The trail's longest line after it was told of `event` and then of another one.
  std::string longest_of(const model::AuditEvent& event) {
    AuditOptions log_options;
    log_options.directory = path + "/audit";
    log_options.trail = options;
    auto log = std::move(
        *AuditLog::start(std::move(log_options), signer, {[this] { return now; }, [](std::string_view) {}, {}}));
    log->record(event);
    log.reset();
    return longest();
  }
  std::string longest() const {
    std::string found;
    for (const std::string& file : files()) {
      for (std::string& line : lines(file)) {
        if (line.size() > found.size()) found = std::move(line);
      }
    }
    return found;
  }
  std::vector<std::string> actions() const {
    const auto page = search_audit(directory(), {}, ~0ULL);
    std::vector<std::string> found;
    for (const std::string& line : page->lines) {
      if (const auto action = audit_field(line, "action")) found.emplace_back(*action);
    }
    return found;
  }
  void write_actions(const std::vector<std::string>& names) {
    const auto trail = open();
    for (const std::string& name : names) add(*trail, "\"kind\":\"request\",\"action\":\"" + name + "\"");
    ASSERT_TRUE(trail->checkpoint(now, [](std::string_view) {}).ok());
  }
  static model::AuditEvent render_of(const std::vector<model::AuditItem>& items) {
    model::AuditEvent event;
    event.door = model::Door::tapis;
    event.action = "render";
    event.items = &items;
    return event;
  }
};

TEST_F(AuditLengthTest, TheItemsOfARecordAreBounded) {
  std::vector<model::AuditItem> items(1000);
  for (model::AuditItem& item : items) {
    item.action = "resolve";
    item.details = "env_var=A owner=" + std::string(4000, 'o');
  }
  const std::string line = longest_of(render_of(items));
  EXPECT_LE(line.size(), kMostRecordBytes);
  EXPECT_THAT(line, HasSubstr("\"details\":\"env_var=A owner=ooo"));
  EXPECT_THAT(line, HasSubstr("ooo...\"}"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditLengthTest, ItemsThatFindNoRoomAreShortenedThenCounted) {
  std::vector<model::AuditItem> items(10'000);
  for (model::AuditItem& item : items) item = {{}, true, model::Code::ok, "get", std::string(200, '\x01')};
  const std::string line = longest_of(render_of(items));
  EXPECT_LE(line.size(), kMostRecordBytes);
  EXPECT_GT(line.size(), kMostItemsBytes);
  const auto shortened = audit_number(line, "items_shortened"), left_out = audit_number(line, "items_left_out");
  ASSERT_TRUE(shortened && left_out);
  std::size_t written = 0, in_full = 0;
  for (std::size_t at = 0; (at = line.find("{\"entry\":", at)) != std::string::npos; ++at) ++written;
  for (std::size_t at = 0; (at = line.find("\"details\":", at)) != std::string::npos; ++at) ++in_full;
  EXPECT_EQ(written + *left_out, items.size());
  EXPECT_EQ(in_full + *shortened, written);
  EXPECT_GT(in_full, 100U);
  EXPECT_GT(*shortened, 100U);
}

TEST_F(AuditLengthTest, AChangeKeepsTheHashOfASecretThatHasNoRoomForItsName) {
  store::v1::AuditRecord record;
  record.set_format(1);
  record.set_action("transact");
  record.set_details(std::string(20'000, 'd'));
  for (int i = 0; i < 1000; ++i) {
    store::v1::AuditedOperation& one = *record.add_operations();
    one.set_action("put");
    one.set_entry_hash(std::string(32, static_cast<char>(i % 100)));
    one.set_name(std::string(1000, 'n'));
  }
  std::string line;
  ASSERT_TRUE(format_change({model::GroupId{2}, model::Index{5}, {}, {1, 9}, record.SerializeAsString()}, line));
  EXPECT_LE(line.size(), kMostRecordBytes);
  EXPECT_THAT(line, AllOf(HasSubstr("\"items_shortened\":"), Not(HasSubstr("\"items_left_out\":")),
                          HasSubstr("{\"entry\":\"63636363636363636363636363636363\",\"outcome\":\"OK\"")));
}

TEST(AuditTextTest, IsCutBetweenCharacters) {
  EXPECT_EQ(cut_audit_text("abc", 3), "abc");
  EXPECT_EQ(cut_audit_text("abcd", 3), "abc");
  EXPECT_EQ(cut_audit_text("ab\xc3\xa4", 3), "ab");
  EXPECT_EQ(cut_audit_text("a\xe2\x82\xac!", 3), "a");
  EXPECT_EQ(cut_audit_text("a\xe2\x82\xac!", 4), "a\xe2\x82\xac");
  EXPECT_EQ(cut_audit_text(std::string(9, '\x80'), 5).size(), 5U) << "no characters at all";
  std::string line;
  AuditLine(line).text("reason", "abcd", 3);
  EXPECT_EQ(line, ",\"reason\":\"abc...\"");
}

/// Programs before 2026-11-22 knew no bound.
TEST_F(AuditLengthTest, ALongRecordOfAnOlderProgramIsARecord) {
  write_actions({"first", std::string(3 << 20, 'x'), "last"});
  EXPECT_THAT(problems(), IsEmpty());
  write_actions({"next"});
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_THAT(actions(), ElementsAre("first", ::testing::SizeIs(3 << 20), "last", "next"));
}

TEST_F(AuditLengthTest, BehindALineThatIsNoRecordNothingIsLost) {
  for (const std::size_t length : {kReadLine + 1, 2 * kReadLine + 12345, std::size_t{100}}) {
    std::filesystem::remove_all(path + "/audit");
    write_actions({"first", "second", "third"});
    const std::string file = files().front();
    auto all = lines(file);
    all[2] = std::string(length, 'x');
    write_lines(file, all);
    EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr("line 3: record 3 was altered"))));
    EXPECT_THAT(actions(), ElementsAre("first", "third"));
    write_actions({"after a restart"});
    EXPECT_EQ(lines(file).size(), all.size()) << "nothing is cut off";
    EXPECT_THAT(actions(), ElementsAre("first", "third", "after a restart"));
    EXPECT_THAT(lines(files().back()), Contains(AllOf(HasSubstr("\"kind\":\"trouble\""), HasSubstr("cannot be read"))));
    EXPECT_THAT(problems(), ElementsAre(HasSubstr("line 3: record 3 was altered")));
  }
}

TEST_F(AuditLengthTest, ATornEndOfAnyLengthIsCutOff) {
  for (const std::size_t length : {kReadLine - 7, kReadLine + 1, 2 * kReadLine}) {
    std::filesystem::remove_all(path + "/audit");
    write_actions({"first"});
    const auto whole = lines(files().front());
    std::ofstream(files().front(), std::ios::app) << std::string(length, 'x');
    write_actions({"next"});
    EXPECT_EQ(lines(files().front()), whole);
    EXPECT_THAT(problems(), IsEmpty());
  }
}

}  // namespace
}  // namespace coffer::actors
