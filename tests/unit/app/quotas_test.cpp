// Quotas as operators write them: the configuration's defaults and `coffer admin quotas`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config.hpp"
#include "cli_fixture.hpp"

namespace coffer::app {
namespace {

namespace admin = coffer::admin::v1;
using model::Limit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(QuotasConfig, AreDefaultsOfEveryTenant) {
  const auto file = read_config_text(R"([quotas]
entries = 1000
bytes = "64MiB"
reads_per_second = 100
read_burst = 200
[identity]
failures_per_second = 5
failure_burst = 7
)");
  EXPECT_THAT(file.problems, IsEmpty());
  EXPECT_EQ(file.config.quotas[Limit::entries], 1000U);
  EXPECT_EQ(file.config.quotas[Limit::bytes], 64U << 20);
  EXPECT_EQ(file.config.quotas[Limit::read_burst], 200U);
  EXPECT_EQ(file.config.quotas[Limit::writes], 0U);
  EXPECT_EQ(file.config.identity.guard.failures_per_second, 5U);
  EXPECT_EQ(file.config.identity.guard.burst, 7U);
}

TEST(QuotasConfig, SaysWhatIsWrongAndWhere) {
  const auto file =
      read_config_text("[quotas]\nreads = 5\nwrites_per_second = 9000000\nlist_burst = 5\nentries = -1\n");
  std::vector<std::pair<std::string, std::uint32_t>> found;
  for (const auto& problem : file.problems) found.emplace_back(problem.setting, problem.line);
  EXPECT_THAT(found, testing::UnorderedElementsAre(
                         testing::Pair("quotas.reads", 2U), testing::Pair("quotas.writes_per_second", 3U),
                         testing::Pair("quotas.list_burst", 4U), testing::Pair("quotas.entries", 5U)));
}

TEST(QuotasConfig, RefusesNobodyOnLoopbackInDev) {
  Config config;
  apply({.dev = true, .config_file = {}, .data = {}, .http = {}, .grpc = {}, .admin = {}, .seal_key_file = {}}, config);
  EXPECT_TRUE(config.identity.guard.spares_loopback);
  EXPECT_FALSE(Config().identity.guard.spares_loopback);
}

struct FakeQuotas final : admin::Quotas::Service {
  grpc::Status Get(grpc::ServerContext*, const admin::GetQuotaRequest* r, admin::TenantQuota* out) override {
    got = *r;
    *out = quota;
    return grpc::Status::OK;
  }
  grpc::Status Set(grpc::ServerContext*, const admin::SetQuotaRequest* r, admin::TenantQuota* out) override {
    set = *r;
    *out = quota;
    return grpc::Status::OK;
  }
  admin::TenantQuota quota;
  admin::GetQuotaRequest got;
  admin::SetQuotaRequest set;
};

class QuotasCommand : public testing::Test {
 protected:
  test::Ran run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"admin", "quotas"});
    shell.env["COFFER_ADMIN_ADDR"] = server.address;
    return shell.run(std::move(arguments));
  }
  FakeQuotas quotas;
  test::FakeServer server{{&quotas}};
  test::Shell shell;
};

TEST_F(QuotasCommand, ShowsLimitsAndWhatIsHeld) {
  quotas.quota.mutable_own()->set_entries(10);
  quotas.quota.mutable_limits()->set_entries(10);
  quotas.quota.mutable_limits()->set_read_burst(0);
  quotas.quota.set_held_entries(3);
  const auto ran = run({"get", "acme"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(quotas.got.tenant(), "acme");
  EXPECT_THAT(ran.out, HasSubstr("LIMIT              IN FORCE      OWN      HELD\n"));
  EXPECT_THAT(ran.out, HasSubstr("entries            10            10       3\n"));
  EXPECT_THAT(ran.out, HasSubstr("read_burst         one second's  default"));
  EXPECT_THAT(run({"get", "acme", "-o", "json"}).out, HasSubstr("\"held_entries\""));
}

TEST_F(QuotasCommand, SetsOnlyWhatIsGiven) {
  const auto ran = run({"set", "acme", "--entries", "1000", "--bytes", "64MiB", "--reads", "50", "--read-burst", "80",
                        "--writes", "none", "--lists", "default"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(quotas.set.tenant(), "acme");
  EXPECT_THAT(quotas.set.request_id(), SizeIs(32));
  const auto& quota = quotas.set.quota();
  EXPECT_EQ(quota.entries(), 1000U);
  EXPECT_EQ(quota.bytes(), 64U << 20);
  EXPECT_EQ(quota.reads_per_second(), 50U);
  EXPECT_EQ(quota.read_burst(), 80U);
  EXPECT_TRUE(quota.has_writes_per_second());
  EXPECT_EQ(quota.writes_per_second(), 0U);
  EXPECT_FALSE(quota.has_lists_per_second());
  EXPECT_THAT(quotas.set.inherit(), ElementsAre("lists_per_second"));
}

TEST_F(QuotasCommand, RefusesWhatIsNoLimitBeforeItAsks) {
  for (const char* value : {"-1", "many", "1.5", "5MiB"})
    EXPECT_EQ(run({"set", "acme", "--entries", value}).code, 2) << value;
  EXPECT_EQ(run({"set", "acme"}).code, 2);
  EXPECT_EQ(run({"set", "--entries", "5"}).code, 2);
  EXPECT_TRUE(quotas.set.tenant().empty());
}

}  // namespace
}  // namespace coffer::app
