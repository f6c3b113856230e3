// A link and somebody on a raw socket: strangers, garbage, half-open and slow peers, and links that go on meanwhile.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peer_fixture.hpp"

namespace coffer::net::test {
namespace {

class HostilePeer : public testing::Test {
 protected:
  HostilePeer() : node(5, authority, settings()) { node.link->set_peers({{NodeId{1}, "127.0.0.1:1"}}); }
  static PeerSettings settings() {
    PeerSettings s = quick_settings();
    s.handshake = 500ms;
    s.ping = 100ms;
    s.dead = 600ms;
    s.greeting = 8;
    return s;
  }
  peer::Hello hello(std::uint64_t id = 1) const { return {1, 1, authority.raw_id(), NodeId{id}, 1}; }
  std::uint16_t port() const { return node.link->port(); }
  /// A peer that was let in.
  std::unique_ptr<RawPeer> enter(std::uint64_t id = 1) {
    const PeerCredentials own = authority.credentials(id);
    auto raw = std::make_unique<RawPeer>(port(), &own);
    EXPECT_TRUE(raw->handshake());
    EXPECT_TRUE(raw->send(hello(id)));
    EXPECT_TRUE(node.sink.wait_connected(NodeId{id}));
    return raw;
  }
  /// The node says goodbye with that code.
  static void expect_goodbye(RawPeer& raw, model::Code code) {
    for (;;) {
      const auto message = raw.receive();
      ASSERT_TRUE(message) << "the connection ended without a word";
      if (std::holds_alternative<peer::Hello>(*message)) continue;
      const auto* goodbye = std::get_if<peer::Goodbye>(&*message);
      ASSERT_NE(goodbye, nullptr);
      EXPECT_EQ(goodbye->error.code, code);
      return;
    }
  }
  Authority authority;
  TestNode node;
};

TEST_F(HostilePeer, is_let_in_with_certificate_and_hello_that_agree) {
  const auto raw = enter();
  ASSERT_TRUE(raw->send(peer::Message(frame(PeerChannel::calls, "hi"))));
  ASSERT_TRUE(node.sink.wait_frames(NodeId{1}, 1));
}

TEST_F(HostilePeer, without_tls_or_with_an_old_one_gets_nowhere_and_harms_nobody) {
  const auto good = enter();
  for (const char* garbage : {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05hello", "\0\0\0\0\0\0\0\0\0\0"}) {
    RawPeer raw(port());
    raw.send_plain({garbage, 10});
    EXPECT_TRUE(raw.is_closed_plain());
  }
  const PeerCredentials own = authority.credentials(1);
  RawPeer old(port(), &own, TLS1_2_VERSION);
  EXPECT_FALSE(old.handshake());
  EXPECT_TRUE(node.wait_sample("coffer_peer_refused_total", "handshake", 4));
  ASSERT_TRUE(good->send(peer::Message(frame(PeerChannel::calls, "still here"))));
  ASSERT_TRUE(node.sink.wait_frames(NodeId{1}, 1));
  EXPECT_TRUE(node.sink.is_connected(NodeId{1}));
}

TEST_F(HostilePeer, with_an_expired_or_foreign_certificate_is_refused) {
  const PeerCredentials expired = authority.credentials(1, now_ms() - 40LL * 24 * 3600 * 1000);
  const PeerCredentials foreign = Authority().credentials(1);
  for (const PeerCredentials* bad : {&expired, &foreign}) {
    RawPeer raw(port(), bad);
    raw.handshake();  // of TLS 1.3: the client learns of it by its next read
    raw.send(hello());
    EXPECT_TRUE(raw.is_closed());
  }
  EXPECT_FALSE(node.sink.is_connected(NodeId{1}));
}

TEST_F(HostilePeer, that_calls_itself_another_node_or_cluster_is_refused) {
  const PeerCredentials own = authority.credentials(1);
  peer::Hello other_cluster = hello();
  other_cluster.cluster_id[0] = 'x';
  peer::Hello too_new = hello();
  too_new.oldest = too_new.newest = peer::kNewestStream + 1;
  const std::pair<peer::Hello, model::Code> cases[] = {{hello(2), model::Code::unauthenticated},
                                                       {other_cluster, model::Code::unauthenticated},
                                                       {too_new, model::Code::unimplemented}};
  for (const auto& [bad, code] : cases) {
    RawPeer raw(port(), &own);
    ASSERT_TRUE(raw.handshake());
    raw.send(bad);
    expect_goodbye(raw, code);
  }
  EXPECT_EQ(node.sample("coffer_peer_refused_total", "hello"), 3);
  EXPECT_FALSE(node.sink.is_connected(NodeId{1}));
}

TEST_F(HostilePeer, that_is_no_member_or_should_be_dialled_is_refused) {
  const PeerCredentials member = authority.credentials(9);
  RawPeer stranger(port(), &member);
  ASSERT_TRUE(stranger.handshake());
  stranger.send(hello(9));
  expect_goodbye(stranger, model::Code::permission_denied);
  node.link->set_peers({{NodeId{1}, "127.0.0.1:1"}, {NodeId{9}, "127.0.0.1:1"}});
  RawPeer higher(port(), &member);
  ASSERT_TRUE(higher.handshake());
  higher.send(hello(9));
  expect_goodbye(higher, model::Code::invalid_argument);
  EXPECT_FALSE(node.sink.is_connected(NodeId{9}));
}

TEST_F(HostilePeer, without_a_certificate_may_only_ask_to_join) {
  RawPeer frames(port());
  ASSERT_TRUE(frames.handshake());
  frames.send(hello());
  expect_goodbye(frames, model::Code::unauthenticated);
  RawPeer join(port());
  ASSERT_TRUE(join.handshake());
  join.send(peer::Message(peer::Join{"tokenid8", model::Secret::of_size(32), 1, "csr", "a:1"}));
  expect_goodbye(join, model::Code::unavailable);  // nobody set a handler
}

TEST_F(HostilePeer, that_sends_too_much_before_it_is_known_is_cut) {
  const PeerCredentials own = authority.credentials(1);
  for (const PeerCredentials* shown : {&own, static_cast<const PeerCredentials*>(nullptr)}) {
    RawPeer raw(port(), shown);
    ASSERT_TRUE(raw.handshake());
    raw.send(std::string_view("\x00\x10\x00\x00", 4));  // a message of 1 MiB
    EXPECT_TRUE(raw.is_closed());
  }
  EXPECT_EQ(node.sample("coffer_peer_refused_total", "message"), 2);
}

TEST_F(HostilePeer, that_sends_garbage_or_a_second_hello_is_cut_alone) {
  node.link->set_peers({{NodeId{1}, "127.0.0.1:1"}, {NodeId{2}, "127.0.0.1:1"}});
  const auto good = enter(2);
  for (const auto& bad : {std::string("\x7f\xff\xff\xff", 4), std::string("\0\0\0\x01\x63", 5),
                          std::string("\0\0\0\x02\x02\x09", 6), std::string("\0\0\0\0", 4)}) {
    const auto raw = enter();
    ASSERT_TRUE(raw->send(bad));
    EXPECT_TRUE(raw->is_closed());
    ASSERT_TRUE(node.sink.wait_connected(NodeId{1}, false));
  }
  const auto again = enter();
  again->send(peer::Message(hello()));
  EXPECT_TRUE(again->is_closed());
  ASSERT_TRUE(good->send(peer::Message(frame(PeerChannel::calls, "still here"))));
  EXPECT_TRUE(node.sink.wait_frames(NodeId{2}, 1));
}

TEST_F(HostilePeer, that_says_nothing_is_cut_in_time) {
  const PeerCredentials own = authority.credentials(1);
  RawPeer silent(port());
  EXPECT_TRUE(silent.connected);
  RawPeer shaken(port(), &own);
  ASSERT_TRUE(shaken.handshake());
  EXPECT_TRUE(silent.is_closed_plain());
  EXPECT_TRUE(shaken.is_closed());
  EXPECT_TRUE(node.wait_sample("coffer_peer_refused_total", "timeout", 2));
}

TEST_F(HostilePeer, that_vanishes_without_a_word_is_noticed_by_pings) {
  const auto half_open = enter();
  // It reads nothing and answers no ping, as one does whose machine is gone.
  EXPECT_TRUE(node.sink.wait_connected(NodeId{1}, false));
  EXPECT_EQ(node.sample("coffer_peer_refused_total", "timeout"), 1);
}

TEST_F(HostilePeer, that_answers_pings_stays) {
  const auto raw = enter();
  int pings = 0;
  while (pings < 12) {  // twice as long as `dead`
    const auto message = raw->receive();
    ASSERT_TRUE(message);
    if (const auto* ping = std::get_if<peer::Ping>(&*message)) {
      ++pings;
      raw->send(peer::Message(peer::Pong{ping->number}));
    }
  }
  EXPECT_TRUE(node.sink.is_connected(NodeId{1}));
}

TEST_F(HostilePeer, that_reads_nothing_costs_a_bounded_queue_and_no_other_peer_waits) {
  node.link->set_peers({{NodeId{1}, "127.0.0.1:1"}, {NodeId{2}, "127.0.0.1:1"}});
  const auto slow = enter(1), good = enter(2);
  const std::string chunk(1 << 20, 'c');
  int taken = 0;
  while (node.link->send(NodeId{1}, frame(PeerChannel::snapshot, chunk)) && taken < 200) ++taken;
  EXPECT_LE(taken, 16);
  ASSERT_TRUE(node.link->send(NodeId{2}, frame(PeerChannel::raft, "quick")));
  for (;;) {
    const auto message = good->receive();
    ASSERT_TRUE(message);
    if (std::holds_alternative<PeerFrame>(*message)) break;
  }
  EXPECT_GE(node.sample("coffer_peer_unsent_total", "full"), 1);
}

TEST_F(HostilePeer, crowds_do_not_fill_the_greeting_for_ever) {
  std::vector<std::unique_ptr<RawPeer>> crowd;
  for (int i = 0; i < 40; ++i) crowd.push_back(std::make_unique<RawPeer>(port()));
  EXPECT_TRUE(node.wait_sample("coffer_peer_refused_total", "too_many", 1));
  EXPECT_TRUE(node.wait_sample("coffer_peer_refused_total", "timeout", 8));
  enter();
}

TEST_F(HostilePeer, crowds_of_one_address_do_not_keep_another_out) {
  std::vector<std::unique_ptr<RawPeer>> crowd;
  const PeerCredentials own = authority.credentials(1);
  for (int i = 0; i < 8; ++i) crowd.push_back(std::make_unique<RawPeer>(port()));
  RawPeer raw(port(), &own, TLS1_3_VERSION, 2);
  for (int i = 0; i < 20; ++i) crowd.push_back(std::make_unique<RawPeer>(port()));
  ASSERT_TRUE(raw.handshake());
  ASSERT_TRUE(raw.send(hello()));
  EXPECT_TRUE(node.sink.wait_connected(NodeId{1}));
  EXPECT_TRUE(crowd[0]->is_closed_plain());
  EXPECT_GE(node.sample("coffer_peer_refused_total", "too_many"), 1);
}

TEST_F(HostilePeer, who_shows_token_after_token_is_refused_before_they_are_looked_at) {
  PeerSettings bounded = settings();
  bounded.guard = std::make_shared<SourceGuard>(GuardSettings{1, 3, false});
  TestNode other(5, authority, bounded);
  std::mutex mutex;
  std::vector<std::string> asked;
  other.link->set_join_handler([&](const peer::Join& join, const auto& done) {
    const std::lock_guard lock(mutex);
    asked.push_back(join.from);
    done(model::Error(model::Code::permission_denied, "the join token does not count"));
  });
  const auto show_token = [&](unsigned from, model::Code answer) {
    RawPeer raw(other.link->port(), nullptr, TLS1_3_VERSION, from);
    ASSERT_TRUE(raw.handshake());
    raw.send(peer::Message(peer::Join{"tokenid8", model::Secret::of_size(32), 1, "csr", "a:1"}));
    expect_goodbye(raw, answer);
  };
  for (int i = 0; i < 3; ++i) show_token(1, model::Code::permission_denied);
  show_token(1, model::Code::quota_exceeded);
  show_token(2, model::Code::permission_denied);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(asked.size(), 4U);
  EXPECT_THAT(asked[0], testing::StartsWith("127.0.0.1:"));
  EXPECT_THAT(asked[3], testing::StartsWith("127.0.0.2:"));
}

TEST_F(HostilePeer, that_comes_again_takes_the_place_of_its_dead_connection) {
  const auto first = enter();
  const auto second = enter();
  EXPECT_TRUE(node.sink.wait_connects(2));
  EXPECT_TRUE(first->is_closed());
  ASSERT_TRUE(second->send(peer::Message(frame(PeerChannel::calls, "new"))));
  EXPECT_TRUE(node.sink.wait_frames(NodeId{1}, 1));
  EXPECT_TRUE(node.sink.is_connected(NodeId{1}));
}

}  // namespace
}  // namespace coffer::net::test
