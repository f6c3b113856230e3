// JWTs of a tenant whose group another node leads: what was read of its issuers may be old, and nobody may notice.

#include "identity_fixture.hpp"

namespace coffer::net::identity_test {
namespace {

/// Another node leads the tenant's group, so what was read of it may be old.
class LaggingGatewayTest : public IdentityGatewayTest {
 protected:
  LaggingGatewayTest() { inner.led_here = false; }
  /// The shard, which knows what the tenant trusts now: no issuer of an older version.
  void shard_trusts(std::uint64_t version) {
    inner.decide = [version](actors::Call& call) {
      const std::uint64_t by = call.request.credential.issuer_version;
      if (version == by) return;
      call.decided = true;
      call.reply = version == 0 ? model::Error(Code::unauthenticated) : model::Error(Code::unavailable);
    };
  }
};

TEST_F(LaggingGatewayTest, AnIssuerThatIsNewElsewhereCountsAtOnce) {
  const Signer young = Signer::es256();
  const std::string token = young.token(kClaims);
  EXPECT_EQ(present(token), Code::unauthenticated);
  model::Issuer issuer = issuer_of(young);
  inner.trusts["acme"].issuers = {issuer};  // nobody tells this node
  EXPECT_EQ(present(token), Code::ok);
  EXPECT_EQ(present(token), Code::ok);
  EXPECT_EQ(sample("coffer_credentials_remembered_total"), 1U);
}

TEST_F(LaggingGatewayTest, AForgedTokenCausesOneReadingOfItsOwnAtMost) {
  const Signer forger = Signer::es256();
  for (int i = 1; i <= 10; ++i) {
    EXPECT_EQ(present(forger.token(kClaims)), Code::unauthenticated);
    EXPECT_LE(inner.lookups, 2 * i);
  }
  EXPECT_EQ(sample("coffer_credentials_refused_total"), 10U) << "counted once each";
  EXPECT_TRUE(inner.requests.empty());
}

TEST_F(LaggingGatewayTest, ManyTokensOfATenantWaitForOneReading) {
  std::vector<actors::TrustDone> asked;
  std::mutex asked_mutex;
  inner.held = [&](actors::TrustDone done) {
    const std::lock_guard lock(asked_mutex);
    asked.push_back(std::move(done));
  };
  start();
  std::vector<std::unique_ptr<WaitingCall>> calls;
  for (int i = 0; i < 50; ++i) {
    auto& call = *calls.emplace_back(std::make_unique<WaitingCall>());
    call.request.credential = std::move(*gateway->authenticate(signer().token(kClaims), model::Door::native));
    call.request.tenant.name = "acme";
    call.request.operation = model::TenantOperation(model::Get{"kv", "a", 0, true});
    gateway->submit(&call);
  }
  // Those who came while one was under way wait for the next: two in all, whatever the threads did in between.
  std::size_t readings = 0;
  for (std::size_t answered = 0; answered < calls.size();) {
    actors::TrustDone done;
    while (!done) {
      const std::lock_guard lock(asked_mutex);
      if (!asked.empty()) {
        ASSERT_EQ(asked.size(), 1U) << "one at a time";
        done = std::move(asked.back());
        asked.clear();
      }
    }
    ++readings;
    done(inner.trusts["acme"]);
    // Everybody whom this reading concerned is answered before the next one is asked for; the last one answers all.
    while (answered < calls.size()) {
      {
        const std::lock_guard lock(asked_mutex);
        if (!asked.empty()) break;
      }
      if (calls[answered]->is_done()) ++answered;
    }
  }
  EXPECT_LE(readings, 10U);
  for (const auto& call : calls) EXPECT_EQ(call->wait(), Code::ok);
}

TEST_F(LaggingGatewayTest, WhatTheShardRefusesIsVerifiedOnceMoreByANewerReading) {
  const std::string token = signer().token(kClaims);
  shard_trusts(7);
  ASSERT_EQ(present(token), Code::ok);
  // The issuer is another one now: the same key, a newer version.
  inner.trusts["acme"].issuers[0].version = 8;
  shard_trusts(8);
  EXPECT_EQ(present(token), Code::ok) << "and the caller saw nothing of it";
  EXPECT_EQ(passed().issuer_version, 8U);
  // It is removed.
  inner.trusts["acme"].issuers.clear();
  shard_trusts(0);
  const std::size_t before = inner.requests.size();
  EXPECT_EQ(present(token), Code::unauthenticated);
  EXPECT_EQ(inner.requests.size(), before + 1) << "the second look ends here";
  EXPECT_EQ(present(token), Code::unauthenticated);
  EXPECT_EQ(inner.requests.size(), before + 1) << "and is not remembered as good";
}

TEST_F(LaggingGatewayTest, AShardThatRefusesTwiceIsBelieved) {
  shard_trusts(0);
  EXPECT_EQ(present(signer().token(kClaims)), Code::unauthenticated);
  EXPECT_EQ(inner.requests.size(), 2U);
  EXPECT_EQ(passed().kind, CredentialKind::jwt);
}

TEST_F(LaggingGatewayTest, OtherAnswersAndOtherNodesTenantsAreNotLookedAtAgain) {
  inner.decide = [](actors::Call& call) { call.reply = Code::unavailable; };
  EXPECT_EQ(present(signer().token(kClaims)), Code::unavailable) << "no leader: that is nothing about the bearer";
  inner.decide = [](actors::Call& call) { call.reply = Code::permission_denied; };
  EXPECT_EQ(present(signer().token(kClaims)), Code::permission_denied);
  EXPECT_EQ(inner.requests.size(), 2U);
  inner.led_here = true;
  inner.decide = [](actors::Call& call) { call.reply = Code::unauthenticated; };
  EXPECT_EQ(present(signer().token(kClaims)), Code::unauthenticated);
  EXPECT_EQ(inner.requests.size(), 3U) << "who leads knows";
}

TEST_F(LaggingGatewayTest, WhoeverWaitsForAReadingAtTheEndIsAnswered) {
  actors::TrustDone kept;
  std::promise<void> asked;
  inner.held = [&](actors::TrustDone done) {
    kept = std::move(done);
    asked.set_value();
  };
  start();
  WaitingCall call;
  call.request.credential = std::move(*gateway->authenticate(signer().token(kClaims), model::Door::native));
  call.request.tenant.name = "acme";
  call.request.operation = model::TenantOperation(model::ListTokens{});
  gateway->submit(&call);
  asked.get_future().wait();
  gateway->stop();
  EXPECT_EQ(call.wait(), Code::unavailable);
  gateway.reset();
  kept(inner.trusts["acme"]);  // comes too late, and finds nobody
}

TEST_F(LaggingGatewayTest, ManyThatWaitForReadingsAreBounded) {
  settings.most_waiting = 4;
  std::vector<actors::TrustDone> asked;
  std::mutex asked_mutex;
  inner.held = [&](actors::TrustDone done) {
    const std::lock_guard lock(asked_mutex);
    asked.push_back(std::move(done));
  };
  start();
  std::vector<std::unique_ptr<WaitingCall>> calls;
  for (int i = 0; i < 40; ++i) {
    auto& call = *calls.emplace_back(std::make_unique<WaitingCall>());
    call.request.credential = std::move(*gateway->authenticate(signer().token(kClaims), model::Door::native));
    call.request.tenant.name = "invented-" + std::to_string(i);
    call.request.operation = model::TenantOperation(model::ListTokens{});
    gateway->submit(&call);
  }
  gateway->stop();
  int overloaded = 0;
  for (const auto& call : calls) overloaded += call->wait() == Code::overloaded ? 1 : 0;
  EXPECT_GE(overloaded, 40 - 2 * 4) << "as many in the queue as behind it";
  const std::lock_guard lock(asked_mutex);
  EXPECT_LE(asked.size(), 4U);
}

}  // namespace
}  // namespace coffer::net::identity_test
