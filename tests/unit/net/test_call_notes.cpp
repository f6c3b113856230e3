// What listeners say of calls that never reached the actors, and which traceparents they take.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/call_notes.hpp"
#include "net/live.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {
namespace {

using model::Code;

TEST(Traceparent, IsTakenAsTraceContextHasIt) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_TRUE(is_valid_traceparent(good));
  EXPECT_EQ(trace_id(good), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_TRUE(is_valid_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later"));
  for (const char* bad : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                          "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                          "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319cb7ad6b7169203331-01-0",
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\"-01"}) {
    EXPECT_FALSE(is_valid_traceparent(bad)) << bad;
  }
}

class Port final : public model::AuditPort {
 public:
  void record(const model::AuditEvent& e) noexcept override { recorded.emplace_back(e.principal, e.action); }
  void record_strictly(const model::AuditEvent&, void*, void (*)(void*, bool)) override {}
  void refused(const model::AuditEvent& e) noexcept override { refusals.push_back(e.code); }
  void changed(const model::AuditedChange&) noexcept override {}
  void query(model::AuditQuery, std::function<void(model::Result<model::AuditPage>)>) override {}
  void verify(std::function<void(model::Result<model::AuditVerdict>)>) override {}
  std::vector<std::pair<std::string, std::string>> recorded;
  std::vector<Code> refusals;
};

class AuditedGateway final : public actors::Gateway {
 public:
  void submit(actors::Call*) noexcept override {}
  model::Result<model::Credential> authenticate(std::string_view, model::Door) const override {
    return Code::unauthenticated;
  }
  bool tenant_exists(const model::TenantRef&) const override { return false; }
  std::optional<model::TenantId> find_tenant(const model::TenantRef&) const override { return std::nullopt; }
  void ask_trust(const model::TenantRef&, model::TimeMs, actors::TrustDone done) const override {
    done(Code::tenant_not_found);
  }
  actors::TrustBasis trust_basis(const model::TenantRef& tenant) const override {
    return {find_tenant(tenant), 0, true};
  }
  actors::NodeStatus status() const override { return {}; }
  std::vector<actors::Sample> samples() const override { return {}; }
  model::AuditPort* audit() const override { return &port; }
  mutable Port port;
};

class Unfinished final : public actors::Call {
 public:
  void complete() noexcept override {}
};

class CallNotes : public ::testing::Test {
 protected:
  void note(Code code) { note_unsubmitted(gateway, call, caller, "admin", "Server/Status", code); }
  AuditedGateway gateway;
  Unfinished call;
  FakeCaller caller;
};

TEST_F(CallNotes, SomebodyKnownIsRecordedWhateverCameOut) {
  call.request.credential.kind = model::CredentialKind::operator_;
  note(Code::ok);
  note(Code::invalid_argument);
  EXPECT_THAT(gateway.port.recorded,
              ::testing::ElementsAre(std::pair("operator", "Server/Status"), std::pair("operator", "Server/Status")));
}

TEST_F(CallNotes, AStrangersFailureIsCountedAndHisProbeIsNothing) {
  note(Code::ok);
  note(Code::unauthenticated);
  call.request.credential.kind = model::CredentialKind::presented;
  note(Code::invalid_argument);
  EXPECT_TRUE(gateway.port.recorded.empty());
  EXPECT_THAT(gateway.port.refusals, ::testing::ElementsAre(Code::unauthenticated, Code::invalid_argument));
}

TEST_F(CallNotes, WhatTheActorsHaveNotedIsNotNotedAgain) {
  call.request.credential.kind = model::CredentialKind::operator_;
  call.audit.port = &gateway.port;
  note(Code::permission_denied);
  call.audit.port = nullptr;
  call.audit.elsewhere = true;
  note(Code::permission_denied);
  EXPECT_TRUE(gateway.port.recorded.empty());
  EXPECT_TRUE(gateway.port.refusals.empty());
}

TEST(CallLogTest, WantsWhatItsLevelSays) {
  int lines = 0;
  CallLog log([&](const CallLine&) { ++lines; });
  EXPECT_FALSE(log.wants(true));
  log.set_level(CallLog::Level::failed);
  EXPECT_TRUE(log.wants(true));
  EXPECT_FALSE(log.wants(false));
  log.set_level(CallLog::Level::all);
  EXPECT_TRUE(log.wants(false));
}

TEST(LiveTest, AReaderOfAnOldValueMayGoOnReadingIt) {
  Live<std::vector<int>> live({1, 2, 3});
  const std::vector<int>& old = live.get();
  live.set({4});
  EXPECT_EQ(old.size(), 3U);
  EXPECT_EQ(live.get().front(), 4);
}

}  // namespace
}  // namespace coffer::net
