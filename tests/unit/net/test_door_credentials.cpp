// How a door takes the credential of a request (net/credentials.hpp).

#include <gtest/gtest.h>

#include "net/credentials.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::CredentialKind;

constexpr CredentialRule kNative{.door = model::Door::native, .own_header = "x-coffer-token"};
constexpr CredentialRule kDapr{
    .door = model::Door::dapr, .own_header = "dapr-api-token", .ignore_other_schemes = true, .open_on_loopback = true};

model::Result<model::Credential> take(const CredentialRule& rule,
                                      std::map<std::string, std::string, std::less<>> headers, bool loopback = false) {
  FakeGateway gateway;
  FakeCaller caller;
  caller.headers = std::move(headers);
  caller.loopback = loopback;
  return take_credential(caller, gateway, rule);
}

TEST(Credentials, AreTakenFromBearerInAnyCaseAndFromTheDoorsOwnHeader) {
  for (const char* scheme : {"Bearer tenant-token", "bearer tenant-token", "BEARER   tenant-token "}) {
    const auto credential = take(kNative, {{"authorization", scheme}});
    ASSERT_TRUE(credential.ok()) << scheme;
    EXPECT_EQ(credential->kind, CredentialKind::token);
    EXPECT_EQ(credential->tenant, test_tenant_id());
    EXPECT_EQ(credential->door, model::Door::native);
  }
  ASSERT_TRUE(take(kNative, {{"x-coffer-token", "root-token"}}).ok());
  EXPECT_EQ(take(kNative, {{"x-coffer-token", "root-token"}})->kind, CredentialKind::dev_root);
  EXPECT_EQ(take(kDapr, {{"dapr-api-token", "tenant-token"}})->door, model::Door::dapr);
}

TEST(Credentials, AnotherDoorsHeaderIsNoCredential) {
  EXPECT_FALSE(take(kNative, {{"dapr-api-token", "tenant-token"}}).ok());
  EXPECT_FALSE(take(kDapr, {{"x-coffer-token", "tenant-token"}}).ok());
}

TEST(Credentials, NoneIsRefusedWithWhatToSend) {
  const auto none = take(kNative, {});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, Code::unauthenticated);
  EXPECT_EQ(none.error().message(),
            "a token is required: send 'authorization: Bearer <token>' or 'x-coffer-token: <token>'");
}

TEST(Credentials, WhatIsNotBearerIsRefusedUnlessItMayBeSomebodyElses) {
  for (const char* header : {"Basic dXNlcjpwYXNz", "tenant-token", "Bearer", "Bearer ", "Bearertenant-token"}) {
    const auto result = take(kNative, {{"authorization", header}});
    ASSERT_FALSE(result.ok()) << header;
    EXPECT_EQ(result.error().message(), "the authorization header is not 'Bearer <token>'") << header;
  }
  EXPECT_TRUE(take(kDapr, {{"authorization", "Basic dXNlcjpwYXNz"}, {"dapr-api-token", "tenant-token"}}).ok());
}

TEST(Credentials, TwoDifferentOnesAreRefusedAndTheSameTwiceIsNot) {
  const auto two = take(kNative, {{"authorization", "Bearer tenant-token"}, {"x-coffer-token", "root-token"}});
  ASSERT_FALSE(two.ok());
  EXPECT_EQ(two.error().code, Code::unauthenticated);
  EXPECT_EQ(two.error().message(), "the request carries two different credentials: send one of them");
  EXPECT_TRUE(take(kNative, {{"authorization", "Bearer tenant-token"}, {"x-coffer-token", "tenant-token"}}).ok());
}

TEST(Credentials, AnOpenDoorIsOpenOnLoopbackOnlyAndStillRefusesAWrongToken) {
  const auto open = take(kDapr, {}, true);
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->kind, CredentialKind::open_door);
  EXPECT_EQ(open->door, model::Door::dapr);
  EXPECT_FALSE(take(kDapr, {}, false).ok());
  EXPECT_FALSE(take(kDapr, {{"dapr-api-token", "forged"}}, true).ok());
  EXPECT_FALSE(take(kNative, {}, true).ok());
}

TEST(Credentials, AClientCertificateIsTakenWhenThereIsNoToken) {
  FakeGateway gateway;
  FakeCaller caller;
  caller.certificate = {"uri:spiffe://prod/web\ndns:web.example", 1'800'000'000'000};
  const auto presented = take_credential(caller, gateway, kNative);
  ASSERT_TRUE(presented.ok());
  EXPECT_EQ(presented->kind, CredentialKind::presented);
  EXPECT_TRUE(presented->is_certificate);
  EXPECT_EQ(presented->token.expose(), caller.certificate.names);
  EXPECT_EQ(presented->expires_at, 1'800'000'000'000);
  EXPECT_EQ(presented->door, model::Door::native);
  EXPECT_FALSE(has_no_credential(caller, kNative));
  caller.loopback = true;
  EXPECT_EQ(take_credential(caller, gateway, kDapr)->kind, CredentialKind::presented) << "also where none is needed";
  caller.headers = {{"authorization", "Bearer tenant-token"}};
  EXPECT_EQ(take_credential(caller, gateway, kNative)->kind, CredentialKind::token);
  caller.headers = {{"authorization", "Bearer forged"}};
  EXPECT_FALSE(take_credential(caller, gateway, kNative).ok()) << "a wrong token is not made good by a certificate";
}

TEST(Credentials, WhatIsNotCheckedYetOpensNothingThatIsAnsweredAtOnce) {
  const auto presented = take(kNative, {{"authorization", "Bearer a.jwt.token"}});
  ASSERT_TRUE(presented.ok());
  EXPECT_EQ(require_checked(*presented).error().code, Code::unauthenticated);
  EXPECT_TRUE(require_checked(*take(kNative, {{"authorization", "Bearer tenant-token"}})).ok());
  EXPECT_TRUE(require_checked(*take(kDapr, {}, true)).ok());
}

TEST(Credentials, NoneAtAllIsToldFromAWrongOne) {
  FakeCaller caller;
  EXPECT_TRUE(has_no_credential(caller, kDapr));
  caller.headers = {{"authorization", "Basic x"}};
  EXPECT_TRUE(has_no_credential(caller, kDapr));
  EXPECT_FALSE(has_no_credential(caller, kNative));
  caller.headers = {{"dapr-api-token", "forged"}};
  EXPECT_FALSE(has_no_credential(caller, kDapr));
}

TEST(Credentials, CallInfoNamesDoorAddressAndRequestIdAndRefusesALongId) {
  FakeCaller caller;
  model::Request request;
  ASSERT_TRUE(fill_call_info(request, caller, model::Door::dapr, "id-1").ok());
  EXPECT_EQ(request.info.door, model::Door::dapr);
  EXPECT_EQ(request.info.address, "192.0.2.7:40812");
  EXPECT_EQ(request.info.request_id, "id-1");
  model::Request refused;
  EXPECT_FALSE(fill_call_info(refused, caller, model::Door::dapr, std::string(129, 'x')).ok());
  EXPECT_EQ(refused.info.request_id, "");
}

}  // namespace
}  // namespace coffer::net
