// The capability of each call of the admin API: none is answered without it, whatever it asks, and nobody gives what he has
// not.

#include <gtest/gtest.h>

#include <algorithm>

#include "coffer/admin/v1/operators.pb.h"
#include "net/admin/capabilities.hpp"
#include "net/admin/door.hpp"
#include "net/server.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {
namespace {

namespace api = ::coffer::admin::v1;
using model::Category;

class OperatorsDoorTest : public ::testing::Test {
 protected:
  OperatorsDoorTest() {
    caller.headers["authorization"] = "Bearer operator-token";
    doors.push_back(make_admin_door(Doors(), gateway, [] { return model::TimeMs{1}; }));
    doors.push_back(make_keeper_door(gateway));
    for (const auto& door : doors) {
      for (Method& method : door->methods()) methods.push_back(std::move(method));
    }
  }
  /// What decode says of an empty message.
  model::Result<Step> decode(const Method& method) {
    const std::unique_ptr<google::protobuf::Message> in(method.in_prototype->New()), out(method.out_prototype->New());
    FakeRpc rpc(caller, *in, *out);
    return method.decode(rpc);
  }
  static bool lacks(const model::Result<Step>& step) {
    return !step && step.error().code == model::Code::permission_denied &&
           step.error().message().find("lacks the capability") != std::string_view::npos;
  }
  template <class Out, class In>
  Outcome<Out> run(const std::string& method, const In& in) {
    return call<Out>(*doors[0], gateway, caller, "coffer.admin.v1.Operators." + method, in);
  }
  FakeGateway gateway;
  FakeCaller caller;
  std::vector<std::unique_ptr<Door>> doors;
  std::vector<Method> methods;
};

TEST_F(OperatorsDoorTest, EveryCallIsRefusedToWhoHoldsAllOtherCapabilities) {
  std::vector<std::string> free_calls;
  for (const Method& method : methods) {
    const std::string own = admin::capability_of(*method.descriptor);
    gateway.operator_may = admin::capabilities();
    std::erase(gateway.operator_may, own);
    if (lacks(decode(method))) {
      gateway.operator_may = {own};
      EXPECT_FALSE(lacks(decode(method))) << own;
      gateway.operator_may = {own.substr(0, own.find('.'))};
      EXPECT_FALSE(lacks(decode(method))) << own;
    } else {
      free_calls.push_back(own);
    }
  }
  EXPECT_EQ(free_calls, (std::vector<std::string>{"seal.status", "seal.unseal", "seal.regenerate-token"}));
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(OperatorsDoorTest, TheListOfCapabilitiesIsThatOfTheCalls) {
  std::vector<std::string> served;
  for (const Method& method : methods) {
    const std::string own = admin::capability_of(*method.descriptor);
    if (std::ranges::count(admin::capabilities(), own) == 1) served.push_back(own);
  }
  EXPECT_EQ(served.size() + 3, methods.size());
  EXPECT_EQ(served.size(), admin::capabilities().size()) << "each is served";
  EXPECT_EQ(std::ranges::count(served, "cluster.create-join-token"), 1);
}

TEST_F(OperatorsDoorTest, NobodyGivesWhatHeHasNot) {
  gateway.answer(
      model::OperatorReply{{"0011", "ci", {"tenants.create"}, 1, 0, "operator:ann"}, model::Secret("cft_x")});
  gateway.operator_may = {"operators", "tenants"};
  api::CreateOperatorRequest in;
  in.set_name("ci");
  in.add_capabilities("tenants.create");
  const auto made = run<api::CreateOperatorResponse>("Create", in);
  ASSERT_TRUE(made.ok()) << made.message();
  EXPECT_EQ(made.out.token(), "cft_x");
  EXPECT_EQ(made.out.operator_().capabilities(0), "tenants.create");
  EXPECT_EQ(gateway.directory_operation<model::CreateOperator>().name, "ci");
  gateway.requests.clear();
  for (const char* more : {"*", "tokens.create", "tokens"}) {
    in.set_capabilities(0, more);
    EXPECT_EQ(run<api::CreateOperatorResponse>("Create", in).code(), Category::permission_denied) << more;
  }
  for (const char* none : {"tenants.fly", "rockets", "Tenants.Create"}) {
    in.set_capabilities(0, none);
    EXPECT_EQ(run<api::CreateOperatorResponse>("Create", in).code(), Category::invalid_argument) << none;
  }
  EXPECT_TRUE(gateway.requests.empty());
  caller.headers["authorization"] = "Bearer root-token";
  in.set_capabilities(0, "*");
  EXPECT_TRUE(run<api::CreateOperatorResponse>("Create", in).ok());
}

}  // namespace
}  // namespace coffer::net
