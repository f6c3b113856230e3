// A node's certificate is renewed at half of its life, stored before it is used, and tried again when that fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "net/peer/keeper.hpp"
#include "peer_fixture.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net::test {
namespace {

using testing::HasSubstr;

constexpr model::TimeMs kDay = 24LL * 3600 * 1000;

/// The directory of a cluster, as far as it signs certificates.
class SigningGateway final : public coffer::net::FakeGateway {
 public:
  explicit SigningGateway(const Authority& authority) : authority_(authority) {}
  void submit(actors::Call* call) noexcept override {
    ++asked;
    const auto& operation = std::get<model::DirectoryOperation>(call->request.operation);
    const auto& renew = std::get<model::RenewNodeCertificate>(operation);
    if (refuse) {
      call->reply = model::Error(model::Code::unavailable, "nobody leads the directory");
    } else {
      model::JoinReply joined{renew.node, authority_.raw_id(), 16, {}, authority_.ca.certificate_pem(), {}};
      joined.certificate =
          authority_.ca.sign(renew.certificate_request, renew.node, now_ms() + ahead, crypto::system_random()).value();
      call->reply = model::Reply{{}, std::move(joined)};
    }
    call->complete();
  }
  std::atomic<int> asked{0};
  std::atomic<bool> refuse{false};
  std::atomic<model::TimeMs> ahead{0};  // its clock

 private:
  const Authority& authority_;
};

class Keeper : public testing::Test {
 protected:
  Keeper() : gateway(authority), node(1, authority) {}
  KeeperSettings settings() {
    KeeperSettings s;
    s.node = NodeId{1};
    s.store = [this](const PeerCredentials& credentials) -> model::Status {
      const std::lock_guard lock(mutex);
      if (full_disk) return model::Error(model::Code::disk_error, "no space");
      stored.push_back(credentials.certificate);
      changed.notify_all();
      return {};
    };
    s.clock = [this] { return now.load(); };
    s.log = [this](std::string_view line) {
      const std::lock_guard lock(mutex);
      lines.emplace_back(line);
      changed.notify_all();
    };
    s.look = 5ms;
    s.timeout = 1'000ms;
    return s;
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPeerPatience, condition);
  }
  Authority authority;
  SigningGateway gateway;
  TestNode node;
  std::atomic<model::TimeMs> now{now_ms()};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> stored, lines;
  bool full_disk = false;
};

TEST_F(Keeper, knows_when_half_of_a_life_is_over) {
  const std::string certificate = authority.credentials(1).certificate;
  EXPECT_FALSE(is_due_for_renewal(certificate, now_ms() + 14 * kDay));
  EXPECT_TRUE(is_due_for_renewal(certificate, now_ms() + 16 * kDay));
  EXPECT_TRUE(is_due_for_renewal("no certificate", now_ms()));
}

TEST_F(Keeper, renews_stores_and_installs_without_a_restart) {
  CertificateKeeper keeper(gateway, *node.link, settings());
  keeper.start(authority.credentials(1).certificate);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(gateway.asked, 0) << "a young certificate is left alone";
  now += 16 * kDay;
  ASSERT_TRUE(wait([&] { return !stored.empty(); }));
  ASSERT_TRUE(wait([&] { return !lines.empty(); }));
  EXPECT_THAT(lines[0], HasSubstr("was renewed"));
  keeper.stop();
  TestNode other(2, authority);
  other.link->set_peers({node.peer()});
  node.link->set_peers({other.peer()});
  EXPECT_TRUE(other.sink.wait_connected(NodeId{1}));
}

TEST_F(Keeper, tries_again_and_says_so_once) {
  gateway.refuse = true;
  CertificateKeeper keeper(gateway, *node.link, settings());
  keeper.start(authority.credentials(1).certificate);
  now += 16 * kDay;
  ASSERT_TRUE(wait([&] { return !lines.empty(); }));
  EXPECT_THAT(lines[0], HasSubstr("nobody leads the directory"));
  const int before = gateway.asked;
  while (gateway.asked < before + 5) std::this_thread::sleep_for(1ms);
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(lines.size(), 1U);
  }
  gateway.refuse = false;
  EXPECT_TRUE(wait([&] { return !stored.empty(); }));
}

TEST_F(Keeper, uses_no_certificate_that_could_not_be_stored) {
  full_disk = true;
  CertificateKeeper keeper(gateway, *node.link, settings());
  const auto status = keeper.renew();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "no space");
}

TEST_F(Keeper, keeps_what_it_has_when_the_new_one_does_not_count_yet) {
  gateway.ahead = 2 * kDay;
  CertificateKeeper keeper(gateway, *node.link, settings());
  const auto status = keeper.renew();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.error().message()), HasSubstr("not yet valid"));
  EXPECT_TRUE(stored.empty()) << "with this one the node would not start again";
  gateway.ahead = 0;
  EXPECT_TRUE(keeper.renew().ok());
  EXPECT_EQ(stored.size(), 1U);
}

}  // namespace
}  // namespace coffer::net::test
