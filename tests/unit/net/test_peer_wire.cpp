// The bytes between two nodes: what is written reads back, is what the golden file says, and nothing else is taken.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "crypto/hash.hpp"
#include "net/peer/wire.hpp"

namespace coffer::net::peer {
namespace {

using cluster::PeerChannel;
using cluster::PeerFrame;
using model::GroupId;
using model::NodeId;
using model::Secret;

const std::string kCluster = "0123456789abcdef";

std::vector<std::pair<std::string, Message>> examples() {
  return {
      {"hello", Hello{1, 1, kCluster, NodeId{7}, 3}},
      {"frame", PeerFrame{PeerChannel::snapshot, GroupId{258}, Secret("body")}},
      {"credit", Credit{PeerChannel::calls, 1 << 20}},
      {"ping", Ping{5}},
      {"pong", Pong{6}},
      {"join", Join{"tokenid8", Secret(std::string(32, 's')), 3, "csr", "host:1"}},
      {"joined", Joined{NodeId{4}, kCluster, 16, "cert", "ca", {{NodeId{1}, "a:1"}, {NodeId{2}, "b:2"}}}},
      {"goodbye", Goodbye{model::Error(model::Code::permission_denied, "no")}},
  };
}

std::string encode(const Message& message) {
  Secret out;
  append(message, out);
  return std::string(out.expose());
}

std::string golden_text() {
  std::string text;
  for (const auto& [name, message] : examples()) text += name + " " + crypto::hex(encode(message)) + "\n";
  return text;
}

TEST(PeerWire, is_what_the_golden_file_says) {
  const std::string path = std::string(COFFER_SOURCE_DIR) + "/tests/unit/net/golden/peer_stream_v1.txt";
  if (const char* write = std::getenv("COFFER_WRITE_GOLDEN"); write != nullptr && std::string(write) == "1") {
    std::ofstream(path) << golden_text();
  }
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(golden_text(), text.str()) << "what nodes of other versions speak must not change";
}

TEST(PeerWire, reads_what_it_writes) {
  for (const auto& [name, message] : examples()) {
    const std::string bytes = encode(message);
    const auto read = decode(std::string_view(bytes).substr(kLengthSize));
    ASSERT_TRUE(read) << name;
    EXPECT_EQ(encode(*read), bytes) << name;
  }
}

TEST(PeerWire, takes_no_message_that_is_cut_short_but_a_frame_whose_body_is_the_rest) {
  for (const auto& [name, message] : examples()) {
    const std::string bytes = encode(message).substr(kLengthSize);
    const bool open_ended = name == "frame" || name == "goodbye";
    for (std::size_t size = 0; size < bytes.size() - (open_ended ? 4 : 0); ++size) {
      if (name == "goodbye" && size >= 3) continue;
      EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size))) << name << " " << size;
    }
  }
}

TEST(PeerWire, leaves_a_later_hellos_fields_alone_and_refuses_unknown_kinds_and_channels) {
  const std::string hello = encode(examples()[0].second).substr(kLengthSize);
  EXPECT_TRUE(decode(hello + "later fields"));
  EXPECT_FALSE(decode("\x09later"));
  EXPECT_FALSE(decode(std::string("\0", 1)));
  std::string frame = encode(examples()[1].second).substr(kLengthSize);
  for (const char channel : {'\0', '\x05', '\xff'}) {
    frame[1] = channel;
    EXPECT_FALSE(decode(frame));
  }
  EXPECT_FALSE(decode(encode(examples()[3].second).substr(kLengthSize) + "x"));
}

TEST(PeerWire, an_unknown_error_of_a_newer_node_is_internal) {
  std::string bytes = encode(Goodbye{model::Error(model::Code::permission_denied, "why")}).substr(kLengthSize);
  bytes[1] = '\x7f';
  const auto read = decode(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<Goodbye>(*read).error.code, model::Code::internal);
  EXPECT_EQ(std::get<Goodbye>(*read).error.message(), "why");
}

void feed(Decoder& decoder, std::string_view bytes) {
  bytes.copy(decoder.prepare(bytes.size()), bytes.size());
  decoder.commit(bytes.size());
}

TEST(PeerDecoder, finds_messages_however_the_stream_is_cut) {
  std::string stream;
  for (int i = 0; i < 50; ++i) {
    for (const auto& [name, message] : examples()) stream += encode(message);
  }
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    Decoder decoder;
    std::string seen;
    Message message;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 97, stream.size() - at);
      feed(decoder, std::string_view(stream).substr(at, size));
      at += size;
      while (decoder.next(message) == Decoder::State::message) seen += encode(message);
    }
    EXPECT_EQ(seen, stream);
    EXPECT_EQ(decoder.held(), 0U);
  }
}

TEST(PeerDecoder, refuses_a_length_beyond_the_bound_before_its_bytes_come) {
  Decoder decoder;
  Message message;
  feed(decoder, std::string_view("\0\x01\0\0", 4));  // 64 KiB, more than a greeting may have
  EXPECT_EQ(decoder.next(message), Decoder::State::broken);
  Decoder trusting;
  trusting.set_most(kMostMessage);
  feed(trusting, std::string_view("\0\x01\0\0", 4));
  EXPECT_EQ(trusting.next(message), Decoder::State::more);
  Decoder empty;
  feed(empty, std::string_view("\0\0\0\0", 4));
  EXPECT_EQ(empty.next(message), Decoder::State::broken);
}

TEST(PeerDecoder, carries_the_largest_body) {
  PeerFrame frame{PeerChannel::raft, GroupId{1}, Secret::of_size(cluster::kMaxPeerBody)};
  const std::string bytes = encode(frame);
  Decoder decoder;
  decoder.set_most(kMostMessage);
  Message message;
  for (std::size_t at = 0; at < bytes.size(); at += 60'000) {
    feed(decoder, std::string_view(bytes).substr(at, 60'000));
  }
  ASSERT_EQ(decoder.next(message), Decoder::State::message);
  EXPECT_EQ(std::get<PeerFrame>(message).body.size(), cluster::kMaxPeerBody);
}

TEST(PeerDecoder, survives_garbage) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(1 + random() % 200, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (round % 2 == 0)
      bytes.replace(0, std::min<std::size_t>(3, bytes.size()), std::min<std::size_t>(3, bytes.size()), '\0');
    Decoder decoder;
    feed(decoder, bytes);
    Message message;
    while (decoder.next(message) == Decoder::State::message) continue;
  }
}

}  // namespace
}  // namespace coffer::net::peer
