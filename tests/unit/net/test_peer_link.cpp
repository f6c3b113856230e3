// Two and three links on loopback: who dials, what arrives in which order, bounds, cuts, membership, renewal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peer_fixture.hpp"

namespace coffer::net::test {
namespace {

using testing::HasSubstr;

class PeerLinks : public testing::Test {
 protected:
  void meet(TestNode& a, TestNode& b) {
    a.link->set_peers({b.peer()});
    b.link->set_peers({a.peer()});
    ASSERT_TRUE(a.sink.wait_connected(b.id));
    ASSERT_TRUE(b.sink.wait_connected(a.id));
  }
  /// Sends when there is room.
  static void send(TestNode& from, TestNode& to, PeerFrame frame) {
    for (const auto end = std::chrono::steady_clock::now() + kPeerPatience; std::chrono::steady_clock::now() < end;) {
      if (from.link->send(to.id, frame)) return;
      std::this_thread::sleep_for(1ms);
    }
    FAIL() << "there never was room";
  }
  Authority authority;
};

TEST_F(PeerLinks, carry_frames_both_ways_in_order) {
  TestNode a(1, authority), b(2, authority);
  meet(a, b);
  for (int i = 0; i < 2000; ++i) {
    send(a, b, frame(PeerChannel::raft, "to b " + std::to_string(i), 7));
    send(b, a, frame(PeerChannel::calls, "to a " + std::to_string(i)));
  }
  ASSERT_TRUE(b.sink.wait_frames(a.id, 2000));
  ASSERT_TRUE(a.sink.wait_frames(b.id, 2000));
  int next = 0;
  for (const PeerFrame& f : b.sink.frames(a.id)) {
    EXPECT_EQ(f.body.expose(), "to b " + std::to_string(next++));
    EXPECT_EQ(f.channel, PeerChannel::raft);
    EXPECT_EQ(f.group, GroupId{7});
  }
  EXPECT_EQ(a.sink.frames(b.id).back().body.expose(), "to a 1999");
  EXPECT_EQ(a.sample("coffer_peer_connected"), 1);
  EXPECT_EQ(a.sample("coffer_peer_connects_total"), 1);
}

TEST_F(PeerLinks, carry_bodies_up_to_the_bound_and_refuse_longer_ones) {
  TestNode a(1, authority), b(2, authority);
  meet(a, b);
  std::string largest(cluster::kMaxPeerBody, 'x');
  largest.back() = 'y';
  ASSERT_TRUE(a.link->send(b.id, frame(PeerChannel::raft, largest)));
  EXPECT_FALSE(a.link->send(b.id, frame(PeerChannel::raft, largest + "z")));
  ASSERT_TRUE(a.link->send(b.id, frame(PeerChannel::raft, "")));
  ASSERT_TRUE(b.sink.wait_frames(a.id, 2));
  EXPECT_EQ(b.sink.frames(a.id)[0].body.expose(), largest);
  EXPECT_TRUE(b.sink.frames(a.id)[1].body.empty());
}

TEST_F(PeerLinks, go_on_by_credits_when_more_than_a_window_is_sent) {
  PeerSettings settings = quick_settings();
  settings.limits.window.fill(64 << 10);
  TestNode a(1, authority, settings), b(2, authority, settings);
  meet(a, b);
  const std::string chunk(100'000, 's');
  for (int i = 0; i < 100; ++i) send(a, b, frame(PeerChannel::snapshot, chunk));
  ASSERT_TRUE(b.sink.wait_frames(a.id, 100));
}

TEST_F(PeerLinks, send_many_small_frames_in_few_writes) {
  TestNode a(1, authority), b(2, authority);
  meet(a, b);
  const double before = a.sample("coffer_peer_writes_total");
  for (int i = 0; i < 5000; ++i) send(a, b, frame(PeerChannel::raft, "heartbeat"));
  ASSERT_TRUE(b.sink.wait_frames(a.id, 5000));
  EXPECT_LT(a.sample("coffer_peer_writes_total") - before, 2500) << "each frame left on its own";
}

TEST_F(PeerLinks, let_frames_wait_that_may_and_hand_over_all_of_them_in_few_reads) {
  TestNode a(1, authority), b(2, authority);
  meet(a, b);
  const double before = a.sample("coffer_peer_writes_total");
  const int reads = b.sink.reads();
  PeerFrame patient = frame(PeerChannel::raft, "heartbeat");
  patient.may_wait = true;
  for (int i = 0; i < 200; ++i) send(a, b, patient);
  a.link->send_waiting();
  ASSERT_TRUE(b.sink.wait_frames(a.id, 200));
  ASSERT_TRUE(b.sink.wait_reads(reads + 1));
  // A second one each, when the link's own beat fell in between.
  EXPECT_LE(a.sample("coffer_peer_writes_total") - before, 2);
  EXPECT_LE(b.sink.reads() - reads, 4);
}

TEST_F(PeerLinks, send_what_may_wait_before_long_though_nobody_says_so) {
  TestNode a(1, authority), b(2, authority);
  meet(a, b);
  PeerFrame patient = frame(PeerChannel::raft, "heartbeat");
  patient.may_wait = true;
  send(a, b, patient);
  ASSERT_TRUE(b.sink.wait_frames(a.id, 1));
}

TEST_F(PeerLinks, refuse_to_queue_for_whom_they_do_not_reach) {
  TestNode a(1, authority);
  EXPECT_FALSE(a.link->send(NodeId{2}, frame(PeerChannel::raft, "x")));
  a.link->set_peers({{NodeId{2}, "127.0.0.1:1"}});
  EXPECT_FALSE(a.link->send(NodeId{2}, frame(PeerChannel::raft, "x")));
  EXPECT_FALSE(a.sink.is_connected(NodeId{2}));
}

TEST_F(PeerLinks, find_each_other_again_after_a_restart) {
  TestNode a(1, authority);
  PeerSettings fixed = quick_settings();
  std::string address;
  {
    TestNode b(2, authority);
    address = b.peer().address;
    meet(a, b);
  }
  ASSERT_TRUE(a.sink.wait_connected(NodeId{2}, false));
  EXPECT_FALSE(a.link->send(NodeId{2}, frame(PeerChannel::raft, "lost")));
  fixed.address = address;
  TestNode b(2, authority, fixed);
  b.link->set_peers({a.peer()});
  ASSERT_TRUE(a.sink.wait_connected(NodeId{2}));
  send(a, b, frame(PeerChannel::raft, "found"));
  ASSERT_TRUE(b.sink.wait_frames(a.id, 1));
  EXPECT_EQ(b.sink.frames(a.id)[0].body.expose(), "found") << "nothing of the last connection arrives";
}

TEST_F(PeerLinks, make_one_connection_for_each_pair_of_three) {
  TestNode a(1, authority), b(2, authority), c(3, authority);
  a.link->set_peers({a.peer(), b.peer(), c.peer()});
  b.link->set_peers({a.peer(), b.peer(), c.peer()});
  c.link->set_peers({a.peer(), b.peer(), c.peer()});
  for (TestNode* from : {&a, &b, &c}) {
    for (TestNode* to : {&a, &b, &c}) {
      if (from == to) continue;
      EXPECT_TRUE(from->sink.wait_connected(to->id));
    }
    EXPECT_EQ(from->sink.connects(), 2);
  }
}

TEST_F(PeerLinks, never_count_as_connected_with_a_node_that_refuses_them) {
  TestNode a(1, authority), b(2, authority);
  a.link->set_peers({b.peer()});
  EXPECT_TRUE(b.wait_sample("coffer_peer_refused_total", "not_a_member", 3));
  EXPECT_EQ(a.sink.connects(), 0);
  b.link->set_peers({a.peer()});
  ASSERT_TRUE(a.sink.wait_connected(b.id));
  EXPECT_EQ(a.sink.connects(), 1);
}

TEST_F(PeerLinks, cut_and_refuse_a_node_that_is_not_named_any_more) {
  TestNode a(1, authority), b(2, authority), c(3, authority);
  for (TestNode* node : {&a, &b, &c}) node->link->set_peers({a.peer(), b.peer(), c.peer()});
  for (TestNode* node : {&b, &c}) ASSERT_TRUE(a.sink.wait_connected(node->id));
  ASSERT_TRUE(b.sink.wait_connected(c.id));
  // b drops both ways of connecting: a dials it, and it dials c.
  b.link->set_peers({});
  ASSERT_TRUE(a.sink.wait_connected(b.id, false));
  ASSERT_TRUE(c.sink.wait_connected(b.id, false));
  EXPECT_FALSE(b.link->send(a.id, frame(PeerChannel::raft, "x")));
  EXPECT_TRUE(b.wait_sample("coffer_peer_refused_total", "not_a_member", 2)) << "a dials again and again";
  EXPECT_FALSE(a.sink.is_connected(b.id));
  EXPECT_TRUE(a.sink.is_connected(c.id));
  b.link->set_peers({a.peer(), c.peer()});
  EXPECT_TRUE(a.sink.wait_connected(b.id));
  EXPECT_TRUE(c.sink.wait_connected(b.id));
}

TEST_F(PeerLinks, do_not_meet_across_clusters_or_under_a_wrong_ca) {
  const Authority other_cluster(std::string(32, 'b'));
  const Authority other_ca;  // the same cluster id, and not the same key
  for (const Authority* stranger : {&other_cluster, &other_ca}) {
    TestNode a(1, authority), b(2, *stranger);
    a.link->set_peers({b.peer()});
    b.link->set_peers({a.peer()});
    EXPECT_TRUE(a.wait_sample("coffer_peer_refused_total", "handshake", 2));
    EXPECT_FALSE(a.sink.is_connected(b.id));
    EXPECT_FALSE(b.sink.is_connected(a.id));
  }
}

TEST_F(PeerLinks, do_not_take_another_node_for_the_one_that_was_dialled) {
  TestNode a(1, authority), c(3, authority);
  // An address that leads to the wrong node.
  a.link->set_peers({{NodeId{2}, c.peer().address}});
  c.link->set_peers({a.peer()});
  EXPECT_TRUE(a.wait_sample("coffer_peer_refused_total", "certificate", 2));
  EXPECT_FALSE(a.sink.is_connected(NodeId{2}));
  EXPECT_FALSE(c.sink.is_connected(a.id));
}

TEST_F(PeerLinks, use_a_renewed_certificate_without_a_break_and_refuse_useless_ones) {
  TestNode a(1, authority), b(2, authority);
  meet(a, b);
  EXPECT_TRUE(a.link->set_credentials(authority.credentials(1)).ok());
  send(a, b, frame(PeerChannel::raft, "still here"));
  ASSERT_TRUE(b.sink.wait_frames(a.id, 1));
  EXPECT_EQ(a.sink.connects(), 1);

  PeerCredentials mixed = authority.credentials(1);
  mixed.key = authority.credentials(1).key;
  EXPECT_THAT(std::string(a.link->set_credentials(mixed).error().message()), HasSubstr("key does not belong"));
  PeerCredentials foreign = authority.credentials(1);
  foreign.ca = Authority().ca.certificate_pem();
  EXPECT_THAT(std::string(a.link->set_credentials(foreign).error().message()), HasSubstr("does not hold"));
  EXPECT_THAT(std::string(a.link->set_credentials({"x", "y", model::Secret("z")}).error().message()),
              HasSubstr("certificate is not one"));
  const auto expired = authority.credentials(1, now_ms() - 40LL * 24 * 3600 * 1000);
  EXPECT_THAT(std::string(a.link->set_credentials(expired).error().message()), HasSubstr("expired"));
}

TEST_F(PeerLinks, wait_for_their_first_certificate) {
  TestNode b(2, authority);
  RecordingSink sink;
  const auto link = make_peer_listener(quick_settings());
  ASSERT_TRUE(link->open().ok());
  link->start(&sink);
  link->set_peers({b.peer()});
  b.link->set_peers({{NodeId{1}, "127.0.0.1:" + std::to_string(link->port())}});
  EXPECT_FALSE(sink.is_connected(b.id));
  ASSERT_TRUE(link->set_credentials(authority.credentials(1)).ok());
  EXPECT_TRUE(sink.wait_connected(b.id));
  link->stop();
  EXPECT_FALSE(link->send(b.id, frame(PeerChannel::raft, "x")));
}

TEST_F(PeerLinks, say_which_address_is_taken) {
  TestNode a(1, authority);
  PeerSettings same = quick_settings();
  same.address = a.peer().address;
  const auto status = make_peer_listener(same)->open();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.error().message()), HasSubstr(same.address + ": Address already in use"));
}

}  // namespace
}  // namespace coffer::net::test
