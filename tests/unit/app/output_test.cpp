// What is printed: aligned tables, JSON as REST has it, exit codes, log lines.

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "app/cli/output.hpp"
#include "app/cli/secret_options.hpp"
#include "app/exit.hpp"
#include "app/log.hpp"

namespace coffer::app {
namespace {

using testing::MatchesRegex;

TEST(Table, AlignsColumnsByCharactersAndLeavesNoTrailingSpace) {
  cli::Table table({"NAME", "VERSION", "TAGS"});
  table.add({"grün", "3", "env=prod"});
  table.add({"db/password", "12", ""});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "NAME         VERSION  TAGS\n"
            "grün         3        env=prod\n"
            "db/password  12\n");
}

TEST(Table, ShowsControlCharactersInsteadOfSendingThem) {
  cli::Table table({"A"});
  table.add({"x\x1B[2J"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(), "A\nx\\x1b[2J\n");
}

TEST(Record, LeavesOutWhatIsEmpty) {
  cli::Record record;
  record.add("name", "a");
  record.add("expires", "");
  record.add("created by", "token:1");
  std::ostringstream out;
  record.print(out);
  EXPECT_EQ(out.str(), "name:       a\ncreated by: token:1\n");
}

TEST(Json, HasRestsFieldNamesNumbersAndTimes) {
  v1::Metadata m;
  m.set_name("db/password");
  m.set_space("kv");
  m.set_version(9007199254740993);  // beyond a double: it must be printed exactly
  m.set_state("active");
  (*m.mutable_tags())["b"] = "2";
  (*m.mutable_tags())["a"] = "\"";
  m.mutable_created_at()->set_seconds(1'896'091'200);
  m.mutable_created_at()->set_nanos(5'000'000);
  EXPECT_EQ(cli::to_json(m),
            "{\n  \"name\": \"db/password\",\n  \"space\": \"kv\",\n  \"version\": 9007199254740993,\n"
            "  \"state\": \"active\",\n  \"tags\": {\n    \"a\": \"\\\"\",\n    \"b\": \"2\"\n  },\n"
            "  \"description\": \"\",\n  \"created_at\": \"2030-01-31T12:00:00.005Z\",\n  \"created_by\": \"\",\n"
            "  \"max_versions\": 0\n}\n");
}

TEST(Json, ShowsOfASecretOnlyThePayloadThatItHas) {
  v1::Secret secret;
  secret.set_value_base64(std::string("\0\xFF", 2));
  const auto bytes = cli::to_json(secret);
  EXPECT_NE(bytes.find("\"value_base64\": \"AP8=\""), std::string::npos) << bytes;
  EXPECT_EQ(bytes.find("\"data\""), std::string::npos) << bytes;
  EXPECT_EQ(bytes.find("\"value\""), std::string::npos) << bytes;
  secret.clear_value_base64();
  (*secret.mutable_data())["k"] = "v";
  EXPECT_NE(cli::to_json(secret).find("\"data\": {\n    \"k\": \"v\"\n  }"), std::string::npos);
}

TEST(Json, ShowsAnEmptyListAsOne) {
  EXPECT_EQ(cli::to_json(v1::ListResponse()),
            "{\n  \"secrets\": [],\n  \"next_page_token\": \"\",\n  \"revision\": 0\n}\n");
}

TEST(MetadataOf, CarriesEveryFieldThatMetadataHas) {
  v1::Secret secret;
  const auto* from = v1::Secret::descriptor();
  const auto* to = v1::Metadata::descriptor();
  secret.set_name("n");
  secret.set_space("s");
  secret.set_version(2);
  secret.set_state("active");
  (*secret.mutable_tags())["k"] = "v";
  secret.set_description("d");
  secret.mutable_expires_at()->set_seconds(1);
  secret.mutable_created_at()->set_seconds(2);
  secret.mutable_updated_at()->set_seconds(3);
  secret.set_created_by("c");
  secret.set_max_versions(4);
  const auto metadata = cli::metadata_of(secret);
  std::vector<const google::protobuf::FieldDescriptor*> set;
  metadata.GetReflection()->ListFields(metadata, &set);
  EXPECT_EQ(set.size(), static_cast<std::size_t>(to->field_count()));
  for (int i = 0; i < to->field_count(); ++i) EXPECT_NE(from->FindFieldByName(to->field(i)->name()), nullptr);
}

TEST(ExitCode, IsOneForEachKindOfFailure) {
  using enum model::Category;
  const std::vector<std::pair<model::Category, int>> table = {
      {ok, 0},          {unknown, 1},           {internal, 1},
      {data_loss, 1},   {unimplemented, 1},     {invalid_argument, 2},
      {not_found, 3},   {already_exists, 4},    {failed_precondition, 4},
      {aborted, 4},     {unauthenticated, 5},   {permission_denied, 5},
      {unavailable, 6}, {deadline_exceeded, 6}, {resource_exhausted, 7}};
  for (const auto& [category, code] : table) {
    EXPECT_EQ(static_cast<int>(exit_of(category)), code) << model::category_name(category);
  }
  EXPECT_EQ(static_cast<int>(exit_of(static_cast<model::Category>(11))), 1);
}

/// What the log writes to stderr for one event.
std::string logged(LogFormat format, const std::string& message) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(set_up_log({"info", format}).ok());
  spdlog::warn("{}", message);
  spdlog::debug("not at this level");
  spdlog::default_logger()->flush();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesOneJsonObjectALine) {
  EXPECT_THAT(logged(LogFormat::json, "a \"b\"\nc"),
              MatchesRegex(R"(\{"time":"[0-9-]+T[0-9:.]+Z","level":"warning","message":"a \\"b\\"\\nc"\}
)"));
}

TEST(Log, WritesOneLineOfTextForAnEventWithLineEnds) {
  EXPECT_THAT(logged(LogFormat::text, "a\nb"), MatchesRegex("[0-9-]+T[0-9:.]+Z warning a\\\\x0ab\n"));
}

TEST(Log, RefusesAnUnknownLevel) { EXPECT_FALSE(set_up_log({"loud", LogFormat::text}).ok()); }

}  // namespace
}  // namespace coffer::app
