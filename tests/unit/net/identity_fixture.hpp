#pragma once
// The identity gateway between a fake of the actors and callers who wait for their answers. Used by test_identity_*.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "fake_gateway.hpp"
#include "jwt_support.hpp"
#include "net/credentials.hpp"
#include "net/identity/gateway.hpp"

namespace coffer::net::identity_test {

using jwt::test::issuer_of;
using jwt::test::Signer;
using model::Code;
using model::CredentialKind;

inline constexpr model::TimeMs kAskedAt = 1'800'000'000'000;
inline const std::string kClaims = R"({"iss":"https://issuer.example","sub":"alice","exp":1800000060})";

class WaitingCall final : public actors::Call {
 public:
  void complete() noexcept override {
    completed_ = true;
    done_.set_value();
  }
  bool is_done() const { return completed_; }
  Code wait() {
    EXPECT_EQ(done_.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    return reply ? Code::ok : reply.error().code;
  }

 private:
  std::atomic<bool> completed_{false};
  std::promise<void> done_;
};

inline const Signer& signer() {
  static const Signer kSigner = Signer::es256();
  return kSigner;
}

class IdentityGatewayTest : public ::testing::Test {
 protected:
  IdentityGatewayTest() {
    inner.answer(model::EntryReply{});
    model::Issuer issuer = issuer_of(signer());
    issuer.version = 7;
    trust("acme", 'a').issuers = {issuer};
    trust("other", 'o');
    settings.clock = [this] { return now.load(); };
    settings.fetch = [this](const std::string&, const std::string&, const std::string&) -> model::Result<std::string> {
      ++fetches;
      const std::lock_guard lock(mutex);
      return jwks;
    };
  }
  ~IdentityGatewayTest() override { gateway.reset(); }

  actors::TenantTrust& trust(const std::string& name, char id) {
    actors::TenantTrust& made = inner.trusts[name];
    made.tenant.bytes.fill(static_cast<std::uint8_t>(id));
    return made;
  }
  void start() {
    auto made = make_identity_gateway(inner, settings);
    ASSERT_TRUE(made.ok()) << made.error().message();
    gateway = std::move(*made);
  }
  /// As a door does it: take what the caller presents, then submit a request of the tenant.
  Code present(const std::string& token, const std::string& tenant = "acme") {
    if (!gateway) start();
    WaitingCall call;
    auto credential = gateway->authenticate(token, model::Door::native);
    if (!credential) return credential.error().code;
    call.request.credential = std::move(*credential);
    return submit(call, tenant);
  }
  Code present_certificate(const std::string& names, const std::string& tenant = "acme",
                           model::TimeMs not_after = kAskedAt + 3'600'000) {
    if (!gateway) start();
    WaitingCall call;
    call.request.credential.kind = CredentialKind::presented;
    call.request.credential.is_certificate = true;
    call.request.credential.token = model::Secret(names);
    call.request.credential.expires_at = not_after;
    return submit(call, tenant);
  }
  Code submit(WaitingCall& call, const std::string& tenant) {
    call.request.tenant.name = tenant;
    call.request.operation = model::TenantOperation(model::Get{"kv", "a", 0, true});
    call.request.info.deadline = deadline;
    call.request.info.address = address;
    gateway->submit(&call);
    return call.wait();
  }
  const model::Credential& passed() const { return inner.requests.back().credential; }
  std::uint64_t sample(const std::string& name) const {
    for (const auto& one : gateway->samples()) {
      if (one.name == name) return static_cast<std::uint64_t>(one.value);
    }
    return 0;
  }

  FakeGateway inner;
  IdentitySettings settings;
  std::atomic<model::TimeMs> now{kAskedAt};
  model::TimeMs deadline = 0;
  std::string address = "192.0.2.7:40812";
  std::atomic<int> fetches{0};
  std::mutex mutex;
  model::Result<std::string> jwks{Code::unavailable};
  std::unique_ptr<IdentityGateway> gateway;
};

}  // namespace coffer::net::identity_test
