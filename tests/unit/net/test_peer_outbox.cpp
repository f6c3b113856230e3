// What waits for a node: bounds, credits, shares of a batch, and when the link's thread must be woken.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/peer/outbox.hpp"
#include "net/peer/wire.hpp"

namespace coffer::net::peer {
namespace {

using cluster::PeerChannel;
using cluster::PeerFrame;
using Push = Outbox::Push;

PeerFrame frame(PeerChannel channel, std::size_t size, std::uint64_t group = 0) {
  return {channel, model::GroupId{group}, model::Secret::of_size(size)};
}

std::vector<PeerFrame> read(const model::Secret& bytes) {
  Decoder decoder;
  decoder.set_most(kMostMessage);
  bytes.expose().copy(decoder.prepare(bytes.size()), bytes.size());
  decoder.commit(bytes.size());
  std::vector<PeerFrame> frames;
  for (Message message; decoder.next(message) == Decoder::State::message;) {
    frames.push_back(std::get<PeerFrame>(std::move(message)));
  }
  return frames;
}

std::vector<PeerFrame> gather(Outbox& outbox, std::size_t most = 1 << 20) {
  model::Secret bytes;
  outbox.gather(most, bytes);
  return read(bytes);
}

TEST(Outbox, refuses_everything_while_there_is_no_connection) {
  Outbox outbox{OutboxLimits{}};
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 1)), Push::closed);
  outbox.open();
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 1)), Push::queued_first);
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 1)), Push::queued);
  EXPECT_EQ(outbox.close(), 2U);
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 1)), Push::closed);
  outbox.open();
  EXPECT_TRUE(gather(outbox).empty()) << "frames of the last connection would arrive out of order";
}

TEST(Outbox, keeps_what_may_wait_until_it_is_told_or_something_else_leaves) {
  Outbox outbox{OutboxLimits{}};
  outbox.open();
  EXPECT_FALSE(outbox.wake()) << "nothing is there";
  PeerFrame patient = frame(PeerChannel::raft, 10);
  patient.may_wait = true;
  EXPECT_EQ(outbox.push(patient), Push::queued);
  EXPECT_EQ(outbox.push(patient), Push::queued);
  EXPECT_TRUE(outbox.wake());
  EXPECT_FALSE(outbox.wake()) << "somebody is on his way already";
  EXPECT_EQ(gather(outbox).size(), 2U);
  EXPECT_TRUE(gather(outbox).empty());
  EXPECT_EQ(outbox.push(patient), Push::queued);
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 10)), Push::queued_first);
  EXPECT_EQ(gather(outbox).size(), 2U);
}

TEST(Outbox, wakes_once_until_there_is_nothing_left) {
  Outbox outbox{OutboxLimits{}};
  outbox.open();
  EXPECT_EQ(outbox.push(frame(PeerChannel::calls, 10)), Push::queued_first);
  EXPECT_EQ(outbox.push(frame(PeerChannel::calls, 10)), Push::queued);
  EXPECT_EQ(gather(outbox).size(), 2U);
  EXPECT_EQ(outbox.push(frame(PeerChannel::calls, 10)), Push::queued) << "the writer comes back after its write";
  EXPECT_EQ(gather(outbox).size(), 1U);
  EXPECT_TRUE(gather(outbox).empty());
  EXPECT_EQ(outbox.push(frame(PeerChannel::calls, 10)), Push::queued_first);
}

TEST(Outbox, keeps_the_order_of_a_channel_and_bounds_what_waits) {
  OutboxLimits limits;
  limits.queued[index_of(PeerChannel::raft)] = 10 * (100 + Outbox::kFrameCharge);
  Outbox outbox(limits);
  outbox.open();
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_NE(outbox.push(frame(PeerChannel::raft, 100, i)), Push::full);
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 100)), Push::full);
  EXPECT_EQ(outbox.push(frame(PeerChannel::control, 100)), Push::queued) << "the other channels have their own room";
  std::uint64_t next = 0;
  for (const PeerFrame& f : gather(outbox)) {
    if (f.channel != PeerChannel::raft) continue;
    EXPECT_EQ(f.group.value, next++);
  }
  EXPECT_EQ(next, 10U);
  EXPECT_EQ(outbox.waiting_bytes(), 0U);
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 100)), Push::queued);
}

TEST(Outbox, stops_a_channel_at_its_window_and_goes_on_with_credit) {
  OutboxLimits limits;
  limits.window[index_of(PeerChannel::snapshot)] = 1000;
  Outbox outbox(limits);
  outbox.open();
  for (int i = 0; i < 10; ++i) outbox.push(frame(PeerChannel::snapshot, 500 - Outbox::kFrameCharge));
  EXPECT_EQ(gather(outbox).size(), 2U);
  EXPECT_TRUE(gather(outbox).empty());
  EXPECT_EQ(outbox.push(frame(PeerChannel::snapshot, 1)), Push::queued) << "nothing can be sent, so nobody is woken";
  EXPECT_EQ(outbox.push(frame(PeerChannel::raft, 1)), Push::queued_first) << "the others go on";
  EXPECT_EQ(gather(outbox).size(), 1U);
  EXPECT_TRUE(gather(outbox).empty());
  EXPECT_TRUE(outbox.credit(PeerChannel::snapshot, 500));
  EXPECT_EQ(gather(outbox).size(), 1U);
  EXPECT_TRUE(gather(outbox).empty());
  EXPECT_FALSE(outbox.credit(PeerChannel::snapshot, 500)) << "a credit counts once";
  EXPECT_FALSE(outbox.credit(PeerChannel::snapshot, 1'000'000)) << "nobody took what was not sent";
  EXPECT_TRUE(gather(outbox).empty());
}

TEST(Outbox, gives_each_channel_its_share_of_a_batch) {
  Outbox outbox{OutboxLimits{}};
  outbox.open();
  for (int i = 0; i < 20; ++i) outbox.push(frame(PeerChannel::snapshot, 50'000));
  outbox.push(frame(PeerChannel::calls, 100));
  outbox.push(frame(PeerChannel::raft, 100));
  outbox.push(frame(PeerChannel::control, 100));
  const auto first = gather(outbox, 10'000);
  ASSERT_EQ(first.size(), 4U);
  EXPECT_EQ(first[0].channel, PeerChannel::control);
  EXPECT_EQ(first[1].channel, PeerChannel::raft);
  EXPECT_EQ(first[2].channel, PeerChannel::calls);
  EXPECT_EQ(first[3].channel, PeerChannel::snapshot);
}

TEST(Intake, says_so_each_quarter_of_a_window) {
  OutboxLimits limits;
  limits.window[index_of(PeerChannel::calls)] = 4000;
  Intake intake(limits);
  int told = 0;
  for (int i = 0; i < 100; ++i) told += intake.took(frame(PeerChannel::calls, 100 - Outbox::kFrameCharge));
  EXPECT_EQ(told, 10);
  EXPECT_EQ(intake.total(PeerChannel::calls), 10'000U);
  EXPECT_EQ(intake.total(PeerChannel::raft), 0U);
}

}  // namespace
}  // namespace coffer::net::peer
