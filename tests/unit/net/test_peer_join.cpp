// A new node's first conversation: it finds out to whom it shows its token, and gets a certificate that fits.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/join_token.hpp"
#include "net/peer/join_handler.hpp"
#include "peer_fixture.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net::test {
namespace {

using model::Code;
using testing::HasSubstr;

class Joining : public testing::Test {
 protected:
  Joining() : node(1, authority) {
    const auto hash = crypto::certificate_hash(authority.ca.certificate_pem());
    token = crypto::new_join_token(*hash, crypto::system_random());
  }
  peer::Join request() const { return {"", {}, 1, key.certificate_request(), "127.0.0.1:9"}; }
  peer::Joined answer(std::uint64_t id, std::uint64_t signed_for) {
    auto pem = authority.ca.sign(key.certificate_request(), NodeId{signed_for}, now_ms(), crypto::system_random());
    return {NodeId{id}, authority.raw_id(), 16, *pem, authority.ca.certificate_pem(), {node.peer()}};
  }
  model::Result<peer::Joined> join(std::string_view text, std::chrono::milliseconds timeout = 10'000ms) {
    return join_cluster(node.peer().address, text, request(), timeout);
  }
  model::Result<peer::Joined> join() { return join(crypto::join_token_text(token).expose()); }

  Authority authority;
  TestNode node;
  crypto::NodeKey key = crypto::NodeKey::generate();
  crypto::JoinToken token;
};

TEST_F(Joining, shows_the_token_and_gets_a_certificate_that_lets_it_in) {
  node.link->set_join_handler([&](peer::Join asked, auto done) {
    EXPECT_EQ(asked.token_id, token.id);
    EXPECT_EQ(asked.secret, token.secret);
    EXPECT_EQ(asked.address, "127.0.0.1:9");
    EXPECT_EQ(asked.certificate_request, key.certificate_request().substr(0, 0) + asked.certificate_request);
    auto pem = authority.ca.sign(asked.certificate_request, NodeId{4}, now_ms(), crypto::system_random());
    // From another thread and later, as the meta group's leader answers.
    std::thread([done, joined = peer::Joined{
                           NodeId{4}, authority.raw_id(), 16, *pem, authority.ca.certificate_pem(), {node.peer()}}] {
      std::this_thread::sleep_for(50ms);
      done(joined);
    }).detach();
  });
  const auto joined = join();
  ASSERT_TRUE(joined.ok()) << joined.error().message();
  EXPECT_EQ(joined->node, NodeId{4});
  EXPECT_EQ(joined->data_groups, 16U);
  ASSERT_EQ(joined->peers.size(), 1U);

  RecordingSink sink;
  const auto link = make_peer_listener(quick_settings());
  ASSERT_TRUE(link->open().ok());
  ASSERT_TRUE(link->set_credentials({joined->certificate, joined->ca, key.private_pem()}).ok());
  link->start(&sink);
  link->set_peers(joined->peers);
  node.link->set_peers({{NodeId{4}, "127.0.0.1:" + std::to_string(link->port())}});
  EXPECT_TRUE(sink.wait_connected(NodeId{1}));
  link->stop();
}

TEST_F(Joining, is_asked_for_by_the_address_it_comes_from) {
  coffer::net::FakeGateway gateway;
  gateway.reply = model::Error(Code::permission_denied);
  peer::Join asked = request();
  asked.from = "10.0.0.9:4711";
  bool refused = false;
  make_join_handler(gateway)(std::move(asked), [&](const model::Result<peer::Joined>& joined) { refused = !joined; });
  EXPECT_TRUE(refused);
  ASSERT_EQ(gateway.requests.size(), 1U);
  EXPECT_EQ(gateway.requests[0].info.address, "10.0.0.9:4711");
}

TEST_F(Joining, is_told_why_it_is_refused) {
  node.link->set_join_handler(
      [](peer::Join, auto done) { done(model::Error(Code::permission_denied, "the join token was used already")); });
  const auto joined = join();
  ASSERT_FALSE(joined.ok());
  EXPECT_EQ(joined.error().code, Code::permission_denied);
  EXPECT_EQ(joined.error().message(), "the join token was used already");
}

TEST_F(Joining, shows_its_token_to_nobody_but_the_cluster_that_made_it) {
  bool shown = false;
  node.link->set_join_handler([&](peer::Join, auto done) {
    shown = true;
    done(model::Error(Code::internal));
  });
  const auto other = crypto::certificate_hash(Authority().ca.certificate_pem());
  const auto token_of_other = crypto::new_join_token(*other, crypto::system_random());
  const auto joined = join(crypto::join_token_text(token_of_other).expose());
  ASSERT_FALSE(joined.ok());
  EXPECT_EQ(joined.error().code, Code::unauthenticated);
  EXPECT_THAT(std::string(joined.error().message()), HasSubstr("not of the cluster"));
  EXPECT_FALSE(shown);
}

TEST_F(Joining, takes_no_certificate_of_another_ca_or_node) {
  const Authority other;
  auto foreign = answer(4, 4);
  foreign.ca = other.ca.certificate_pem();
  for (const peer::Joined& bad : {answer(4, 5), foreign}) {
    node.link->set_join_handler([&](peer::Join, auto done) { done(bad); });
    const auto joined = join();
    ASSERT_FALSE(joined.ok());
    EXPECT_EQ(joined.error().code, Code::unauthenticated);
  }
}

TEST_F(Joining, takes_no_certificate_that_does_not_count_today) {
  constexpr model::TimeMs kYear = 365LL * 24 * 3600 * 1000;
  for (const model::TimeMs off : {kYear, -kYear}) {
    auto odd = answer(4, 4);
    odd.certificate =
        authority.ca.sign(key.certificate_request(), NodeId{4}, now_ms() + off, crypto::system_random()).value();
    node.link->set_join_handler([&](peer::Join, auto done) { done(odd); });
    const auto joined = join();
    ASSERT_FALSE(joined.ok());
    EXPECT_THAT(std::string(joined.error().message()), HasSubstr("remove node 4"));
  }
}

TEST_F(Joining, keeps_its_token_when_by_its_clock_the_other_side_does_not_count) {
  bool shown = false;
  node.link->set_join_handler([&](peer::Join, auto done) {
    shown = true;
    done(model::Error(Code::internal));
  });
  // Signed while it counts, looked at when it does not any more.
  ASSERT_TRUE(node.link->set_credentials(authority.credentials(1, now_ms(), 2s)).ok());
  std::this_thread::sleep_for(3s);
  const auto joined = join();
  ASSERT_FALSE(joined.ok());
  EXPECT_EQ(joined.error().code, Code::unavailable);
  EXPECT_THAT(std::string(joined.error().message()), HasSubstr("by this node's clock"));
  EXPECT_FALSE(shown);
}

TEST_F(Joining, says_what_is_wrong_with_token_address_or_time) {
  EXPECT_EQ(join("cft_no").error().code, Code::invalid_argument);
  const model::Secret text = crypto::join_token_text(token);
  EXPECT_EQ(join_cluster("nowhere", text.expose(), request(), 1'000ms).error().code, Code::invalid_argument);
  EXPECT_EQ(join_cluster("127.0.0.1:1", text.expose(), request(), 1'000ms).error().code, Code::unavailable);
  node.link->set_join_handler([](peer::Join, auto) {});
  EXPECT_THAT(std::string(join(text.expose(), 200ms).error().message()), HasSubstr("did not answer in time"));
}

}  // namespace
}  // namespace coffer::net::test
