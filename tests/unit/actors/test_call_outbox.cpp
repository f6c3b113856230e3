// What waits for a peer whose link has no room: messages of several pieces go whole or not at all, and the word that a
// reply is lost always goes.

#include "actors/call_outbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coffer::actors {
namespace {

using model::Secret;

/// The other end: puts together what it gets, and takes only so many frames.
struct OutboxReader {
  std::size_t takes = SIZE_MAX;
  std::vector<std::string> whole;
  Assembly assembly{kMaxMessageBytes};

  bool take(const Secret& body) {
    if (takes == 0) return false;
    --takes;
    auto frame = decode_call_frame(body.expose());
    EXPECT_TRUE(frame.ok());
    const auto* piece = std::get_if<Piece>(&frame->body);
    if (piece == nullptr) {
      whole.emplace_back("barrier");
      return true;
    }
    auto added = assembly.add(frame->id, *piece);
    EXPECT_TRUE(added.ok());
    if (added->has_value()) whole.emplace_back((*added)->expose());
    return true;
  }
  void drain(CallOutbox& outbox, std::size_t frames) {
    takes = frames;
    outbox.drain([this](const Secret& body) { return take(body); });
  }
};

TEST(CallOutbox, WhatFitsGoesWholeAndInOrderAsRoomAppears) {
  CallOutbox outbox(8 * kPieceBytes);
  OutboxReader reader;
  const std::string first(3 * kPieceBytes, 'a'), second(kPieceBytes + 1, 'b');
  EXPECT_TRUE(outbox.add_message(FrameKind::call, 1, Secret(first)));
  EXPECT_TRUE(outbox.add_frame(encode_barrier(2, model::GroupId{1})));
  outbox.add_reply(3, Secret(second));
  for (int i = 0; i < 5; ++i) reader.drain(outbox, 1);
  EXPECT_THAT(reader.whole, ::testing::ElementsAre(first, "barrier"));
  EXPECT_FALSE(outbox.empty());
  reader.drain(outbox, SIZE_MAX);
  EXPECT_THAT(reader.whole, ::testing::ElementsAre(first, "barrier", second));
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0U);
  EXPECT_EQ(reader.assembly.bytes(), 0U);
}

TEST(CallOutbox, WhatDoesNotFitSendsNoPieceAndItsAskerIsTold) {
  CallOutbox outbox(4 * kPieceBytes);
  OutboxReader reader;
  const std::string large(3 * kPieceBytes, 'a');
  outbox.add_reply(1, Secret(large));
  outbox.add_reply(2, Secret(large));
  EXPECT_FALSE(outbox.add_message(FrameKind::call, 3, Secret(large)));
  for (std::uint64_t id = 4; id < 1000; ++id) outbox.add_reply(id, Secret(large));
  EXPECT_LT(outbox.bytes(), 4 * kPieceBytes + CallOutbox::kReserve);
  reader.drain(outbox, SIZE_MAX);
  ASSERT_EQ(reader.whole.size(), 998U);
  EXPECT_EQ(reader.whole[0], large);
  for (std::size_t i = 1; i < reader.whole.size(); ++i) EXPECT_EQ(reader.whole[i], "") << i;
  EXPECT_EQ(reader.assembly.bytes(), 0U) << "pieces of what did not go";
}

TEST(CallOutbox, AMessageAloneMayBeLargerThanAllThatWaits) {
  CallOutbox outbox(kPieceBytes);
  const std::string large(3 * kPieceBytes, 'a');
  EXPECT_TRUE(outbox.add_message(FrameKind::reply, 1, Secret(large)));
  EXPECT_FALSE(outbox.add_message(FrameKind::reply, 2, Secret("x")));
  OutboxReader reader;
  reader.drain(outbox, SIZE_MAX);
  EXPECT_THAT(reader.whole, ::testing::ElementsAre(large));
}

TEST(CallOutbox, TheWordThatAReplyIsLostIsBoundedToo) {
  CallOutbox outbox(0);
  outbox.add_reply(1, Secret("x"));
  for (std::uint64_t id = 2; id < 100'000; ++id) outbox.add_reply(id, Secret("x"));
  EXPECT_LE(outbox.bytes(), CallOutbox::kReserve);
}

}  // namespace
}  // namespace coffer::actors
