// The bytes of raft messages: golden, round trips, and refusal of everything else.

#include "cluster/wire.hpp"

#include <gtest/gtest.h>

#include "harness.hpp"
#include "model/wire.hpp"
#include "tests/unit/storage/golden.hpp"

namespace coffer::cluster::testing {
namespace {

const model::NodeId kFrom{3}, kTo{1};

std::vector<std::pair<std::string, Message>> samples() {
  const Stamp stamp{1234567, 89};
  AppendEntries full = append(7, 41, 6, 40, {command(42, 6, "write set"), command(43, 7, "")});
  full.entries.push_back({model::Index(44), model::Term(7), storage::EntryKind::configuration,
                          std::make_shared<const std::string>("servers")});
  return {
      {"request_vote",
       {kGroup, kFrom, kTo,
        RequestVote{model::Term(300), model::NodeId(3), model::Index(70000), model::Term(299), true, false}}},
      {"pre_vote",
       {kGroup, kFrom, kTo,
        RequestVote{model::Term(2), model::NodeId(3), model::Index(1), model::Term(1), false, true}}},
      {"vote_granted", {kGroup, kFrom, kTo, RequestVoteResult{model::Term(300), true, false, 1, 2}}},
      {"append_entries", {kGroup, kFrom, kTo, full, stamp}},
      {"heartbeat", {kGroup, kFrom, kTo, append(7, 44, 7, 44, {}), stamp}},
      {"append_result",
       {kGroup, kFrom, kTo, AppendEntriesResult{model::Term(7), model::Index(41), model::Index(30), 1, 0}}},
      {"append_result_with_echo",
       {kGroup, kFrom, kTo, AppendEntriesResult{model::Term(7), {}, model::Index(44), 1, 0}, stamp}},
      {"install_snapshot",
       {kGroup, kFrom, kTo,
        InstallSnapshot{model::Term(9), {model::Index(500), model::Term(8), "servers", model::Index(4)}}, stamp}},
      {"timeout_now", {kGroup, kFrom, kTo, TimeoutNow{model::Term(9), model::Index(501), model::Term(9)}}},
      {"stamp_ping", {kGroup, kFrom, kTo, StampPing{model::Term(9)}, {0, 90}}},
      {"stamp_echo", {kGroup, kFrom, kTo, StampEcho{model::Term(9)}, stamp}},
  };
}

TEST(WireTest, MessagesHaveTheBytesOfTheGoldenFileAndComeBackFromThem) {
  test::GoldenLines current;
  for (const auto& [name, message] : samples()) {
    current.emplace_back(name, std::string(encode(message).expose()));
  }
  EXPECT_EQ(test::golden_of("cluster", "raft_messages.hex", current), current);
  for (const auto& [name, message] : samples()) {
    const auto decoded = decode(kGroup, kFrom, kTo, encode(message).expose());
    ASSERT_TRUE(decoded.ok()) << name;
    EXPECT_EQ(encode(*decoded).expose(), encode(message).expose()) << name;
    EXPECT_EQ(decoded->body.index(), message.body.index()) << name;
    EXPECT_EQ(decoded->stamp, message.stamp) << name;
    EXPECT_EQ(decoded->from, kFrom);
  }
}

TEST(WireTest, EntriesComeBackWithIndexTermKindAndData) {
  const auto decoded = decode(kGroup, kFrom, kTo, encode(samples()[3].second).expose());
  ASSERT_TRUE(decoded.ok());
  const auto& entries = std::get<AppendEntries>(decoded->body).entries;
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].index.value, 42U);
  EXPECT_EQ(*entries[0].data, "write set");
  EXPECT_EQ(entries[1].term.value, 7U);
  EXPECT_EQ(*entries[1].data, "");
  EXPECT_EQ(entries[2].kind, storage::EntryKind::configuration);
}

TEST(WireTest, FormatsAndKindsOfANewerVersionAreRefusedAsSuch) {
  for (const std::string& body : {std::string("\x02\x01", 2), std::string("\x01\x63", 2)}) {
    const auto decoded = decode(kGroup, kFrom, kTo, body);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code, model::Code::unimplemented);
  }
}

TEST(WireTest, EveryTruncationAndEveryAdditionIsRefused) {
  for (const auto& [name, message] : samples()) {
    const std::string body(encode(message).expose());
    for (std::size_t n = 0; n < body.size(); ++n) {
      EXPECT_FALSE(decode(kGroup, kFrom, kTo, body.substr(0, n)).ok()) << name << " cut at " << n;
    }
    const auto longer = decode(kGroup, kFrom, kTo, body + '\0');
    ASSERT_FALSE(longer.ok()) << name;
    EXPECT_EQ(longer.error().code, model::Code::data_loss);
  }
}

// What may wait for the end of a burst: nothing that carries entries, says no, or that an election or a read waits for.
TEST(WireTest, OnlyAppendsWithoutEntriesAndConsentsAreHeartbeats) {
  const auto with = [](Message::Body body) { return Message{kGroup, kFrom, kTo, std::move(body), {}}; };
  AppendEntries entries;
  EXPECT_TRUE(is_heartbeat(with(entries)));
  entries.entries.emplace_back();
  EXPECT_FALSE(is_heartbeat(with(entries)));
  AppendEntriesResult result;
  EXPECT_TRUE(is_heartbeat(with(result)));
  result.rejected = model::Index(7);
  EXPECT_FALSE(is_heartbeat(with(result)));
  EXPECT_FALSE(is_heartbeat(with(RequestVote{})));
  EXPECT_FALSE(is_heartbeat(with(RequestVoteResult{})));
  EXPECT_FALSE(is_heartbeat(with(InstallSnapshot{})));
  EXPECT_FALSE(is_heartbeat(with(TimeoutNow{})));
  EXPECT_FALSE(is_heartbeat(with(StampPing{})));
  EXPECT_FALSE(is_heartbeat(with(StampEcho{})));
}

TEST(WireTest, ACountThatTheBodyCannotHoldIsRefusedBeforeAnythingIsReserved) {
  model::Secret body;
  model::wire::Writer out(&body);
  for (const std::uint64_t number : {1, 3, 7, 41, 6, 40}) {
    out.varint(number);
  }
  out.varint(std::uint64_t{1} << 60);
  EXPECT_EQ(decode(kGroup, kFrom, kTo, body.expose()).error().code, model::Code::data_loss);
}

}  // namespace
}  // namespace coffer::cluster::testing
