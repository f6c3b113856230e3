// What an operator's capabilities let him do, and which lists of them are accepted.

#include <gtest/gtest.h>

#include "model/operators.hpp"

namespace coffer::model {
namespace {

TEST(OperatorMay, MakeTheCallsOfItsCapabilitiesServicesOrAll) {
  EXPECT_TRUE(operator_may({"tenants.create"}, "tenants.create"));
  EXPECT_FALSE(operator_may({"tenants.create"}, "tenants.delete"));
  EXPECT_FALSE(operator_may({"tenants.create"}, "tokens.create"));
  EXPECT_TRUE(operator_may({"audit", "tenants"}, "tenants.delete"));
  EXPECT_FALSE(operator_may({"tenants"}, "tenant.delete"));
  EXPECT_FALSE(operator_may({"tenants"}, "tenants-of-others.delete"));
  EXPECT_TRUE(operator_may({"*"}, "seal.add"));
  EXPECT_FALSE(operator_may({}, "seal.add"));
}

TEST(OperatorMay, GiveAServiceOnlyWhoHasAllOfIt) {
  EXPECT_FALSE(operator_may({"tenants.create", "tenants.delete"}, "tenants"));
  EXPECT_TRUE(operator_may({"tenants"}, "tenants"));
  EXPECT_FALSE(operator_may({"tenants"}, "*"));
  EXPECT_TRUE(operator_may({"*"}, "*"));
}

TEST(CheckOperator, RefusesWhatIsNoNameOrNoCapability) {
  EXPECT_TRUE(check_operator("ci-1", {"tenants.open-door", "audit", "*"}).ok());
  EXPECT_EQ(check_operator("", {"*"}).error().code, Code::invalid_argument);
  EXPECT_EQ(check_operator("a b", {"*"}).error().code, Code::invalid_argument);
  EXPECT_FALSE(check_operator("a", {}).ok());
  EXPECT_FALSE(check_operator("a", std::vector<std::string>(257, "audit")).ok());
  for (const char* one : {"", "Tenants", "tenants.*", "tenants.", ".create", "a.b.c", "a b"}) {
    EXPECT_FALSE(check_operator("a", {one}).ok()) << one;
  }
  EXPECT_FALSE(check_operator("a", {std::string(65, 'a')}).ok());
}

TEST(OperatorPrincipal, NamesWhoItIs) {
  Credential credential;
  credential.kind = CredentialKind::operator_;
  EXPECT_EQ(operator_principal(credential), "operator");
  credential.principal = "operator:ann";
  EXPECT_EQ(operator_principal(credential), "operator:ann");
  credential.kind = CredentialKind::dev_root;
  EXPECT_EQ(operator_principal(credential), "dev-root");
}

}  // namespace
}  // namespace coffer::model
