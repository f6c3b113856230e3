// On which threads credentials are verified: never a caller's, never a shard's (net/identity is above the actors, which
// cannot even name it: tests/tidy's ladder).

#include <thread>

#include "identity_fixture.hpp"

namespace coffer::net::identity_test {
namespace {

/// Stops whoever reads the clock on another thread than the test's: in the gateway only its verifiers do.
struct VerifierStop {
  const std::thread::id test = std::this_thread::get_id();
  std::atomic<bool> armed{false};
  std::promise<std::thread::id> reached;
  std::promise<void> go_on;
  void pass() {
    if (std::this_thread::get_id() == test || !armed.exchange(false)) return;
    reached.set_value(std::this_thread::get_id());
    go_on.get_future().wait_for(std::chrono::seconds(20));
  }
};

TEST_F(IdentityGatewayTest, AnUncachedTokenIsVerifiedOnAThreadOfTheVerifiersWhileEverybodyElseGoesOn) {
  VerifierStop stop;
  settings.clock = [this, &stop] {
    stop.pass();
    return now.load();
  };
  std::thread::id entered_by;  // the actors
  inner.decide = [&](actors::Call&) { entered_by = std::this_thread::get_id(); };
  const std::string known = signer().token(kClaims);
  ASSERT_EQ(present(known), Code::ok);
  EXPECT_NE(entered_by, stop.test) << "verified where it was submitted";

  stop.armed = true;
  WaitingCall uncached;
  uncached.request.credential = std::move(*gateway->authenticate(
      signer().token(R"({"iss":"https://issuer.example","sub":"bob","exp":1800000060})"), model::Door::native));
  uncached.request.tenant.name = "acme";
  uncached.request.operation = model::TenantOperation(model::Get{"kv", "a", 0, true});
  gateway->submit(&uncached);  // comes back although nobody verifies
  auto reached = stop.reached.get_future();
  ASSERT_EQ(reached.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  const std::thread::id verifier = reached.get();
  EXPECT_NE(verifier, stop.test);
  EXPECT_FALSE(uncached.is_done());

  EXPECT_EQ(present(known), Code::ok) << "one that was verified before waits for no verifier";
  EXPECT_EQ(entered_by, stop.test);
  EXPECT_EQ(present("tenant-token"), Code::ok) << "nor does one that needs none";
  EXPECT_FALSE(uncached.is_done());

  stop.go_on.set_value();
  EXPECT_EQ(uncached.wait(), Code::ok);
  EXPECT_EQ(entered_by, verifier);
}

}  // namespace
}  // namespace coffer::net::identity_test
