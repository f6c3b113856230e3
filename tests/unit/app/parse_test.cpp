// What people write: durations, sizes, addresses, times, expiries; and text that is printed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/parse.hpp"
#include "app/text.hpp"

namespace coffer::app {
namespace {

using testing::HasSubstr;

TEST(ParseDuration, ReadsUnitsAndSums) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"300ms", 300},        {"30s", 30'000},      {"5m", 300'000}, {"12h", 43'200'000}, {"30d", 2'592'000'000},
      {"2w", 1'209'600'000}, {"1h30m", 5'400'000}, {"0s", 0},       {"1m1ms", 60'001}};
  for (const auto& [text, ms] : cases) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration.ok()) << text;
    EXPECT_EQ(duration->count(), ms) << text;
  }
}

TEST(ParseDuration, RefusesWhatIsNone) {
  for (const auto* text : {"", "5", "s", "-5s", "5 s", "5x", "1.5h", "5sec", "99999999999999999999s", "9999999w"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
}

TEST(FormatDuration, IsReadBackAsTheSame) {
  for (const std::int64_t ms : {0L, 1L, 1500L, 90'000L, 300'000L, 3'600'000L, 86'400'000L, 604'800'000L, 61'001L}) {
    const auto text = format_duration(std::chrono::milliseconds(ms));
    EXPECT_EQ(parse_duration(text)->count(), ms) << text;
  }
}

TEST(ParseSize, ReadsBytesAndBinaryUnits) {
  EXPECT_EQ(*parse_size("65536"), 65536U);
  EXPECT_EQ(*parse_size("16KiB"), 16384U);
  EXPECT_EQ(*parse_size("64MiB"), 64U << 20);
  EXPECT_EQ(*parse_size("2GiB"), 2ULL << 30);
  for (const auto* text : {"", "MiB", "64MB", "1.5GiB", "-1", "64 MiB", "99999999999GiB"}) {
    EXPECT_FALSE(parse_size(text).ok()) << text;
  }
}

TEST(FormatSize, IsReadBackAsTheSame) {
  for (const std::uint64_t bytes : {0ULL, 1000ULL, 1024ULL, 64ULL << 20, 3ULL << 30, (1ULL << 20) + 1}) {
    EXPECT_EQ(*parse_size(format_size(bytes)), bytes);
  }
}

TEST(ParseAddress, ReadsHostAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:7780")->port, 7780);
  EXPECT_EQ(parse_address("[::1]:7780")->host, "::1");
  EXPECT_EQ(parse_address("coffer.example.org:443")->host, "coffer.example.org");
  EXPECT_EQ(parse_address(":7780")->host, "");
  EXPECT_EQ(parse_address("127.0.0.1:0")->port, 0);
  for (const auto* text : {"", "127.0.0.1", "host:", "host:x", "host:65536", "::1:7780", "[x]:1", "a b:1", "host:-1"}) {
    EXPECT_FALSE(parse_address(text).ok()) << text;
  }
}

TEST(Address, KnowsWhatOtherMachinesCannotReach) {
  for (const auto* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(parse_address(text)->is_loopback()) << text;
  }
  for (const auto* text : {"0.0.0.0:1", "[::]:1", ":1", "10.0.0.1:1", "example.org:1"}) {
    EXPECT_FALSE(parse_address(text)->is_loopback()) << text;
  }
}

TEST(ParseTime, ReadsRfc3339WithOffsetAndFraction) {
  EXPECT_EQ(*parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(*parse_time("2030-01-31T12:00:00Z"), 1'896'091'200'000);
  EXPECT_EQ(*parse_time("2030-01-31T13:00:00+01:00"), 1'896'091'200'000);
  EXPECT_EQ(*parse_time("2030-01-31T07:30:00.25-04:30"), 1'896'091'200'250);
  EXPECT_EQ(*parse_time("1969-12-31T23:59:59.999Z"), -1);
  for (const auto* text :
       {"", "2030-01-31", "2030-01-31T12:00:00", "2030-02-30T12:00:00Z", "2030-13-01T12:00:00Z", "2030-01-31T24:00:00Z",
        "2030-01-31T12:00:00.Z", "2030-01-31T12:00:00Zx", "30-01-31T12:00:00Z"}) {
    EXPECT_FALSE(parse_time(text).ok()) << text;
  }
}

TEST(FormatTime, IsReadBackAsTheSame) {
  EXPECT_EQ(format_time(1'896'091'200'000), "2030-01-31T12:00:00Z");
  EXPECT_EQ(format_time(1'896'091'200'005), "2030-01-31T12:00:00.005Z");
  for (const model::TimeMs time : {0L, -1L, 1'767'323'045'678L, 951'782'400'000L}) {
    EXPECT_EQ(*parse_time(format_time(time)), time);
  }
}

TEST(ParseExpiry, TakesADurationFromNowOrATime) {
  EXPECT_EQ(*parse_expiry("30d", 1000), 1000 + 30LL * 86'400'000);
  EXPECT_EQ(*parse_expiry("2030-01-31T12:00:00Z", 1000), 1'896'091'200'000);
}

TEST(ParseExpiry, RefusesThePastAndNonsense) {
  EXPECT_THAT(parse_expiry("2001-01-01T00:00:00Z", 1'767'323'045'000).error().detail, HasSubstr("not in the future"));
  EXPECT_FALSE(parse_expiry("0s", 1000).ok());
  EXPECT_THAT(parse_expiry("soon", 1000).error().detail, HasSubstr("30d"));
}

TEST(JsonQuote, EscapesWhatJsonMustAndKeepsUtf8) {
  EXPECT_EQ(json_quote("a\"b\\c\n\r\t\x01\x7F"), R"("a\"b\\c\n\r\t\u0001\u007f")");
  EXPECT_EQ(json_quote("grün 🔑"), "\"grün 🔑\"");
  EXPECT_EQ(json_quote("a\xFF"), "\"a\xEF\xBF\xBD\"");
}

TEST(Base64, MatchesRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFF\xEF"), "/+8=");
}

TEST(Printable, LetsNoTextControlATerminal) {
  EXPECT_EQ(printable("a\x1B[31mb\n\xC2\x9B"
                      "c\xFF"),
            "a\\x1b[31mb\\x0a\\x9bc?");
  EXPECT_EQ(printable("grün"), "grün");
}

}  // namespace
}  // namespace coffer::app
