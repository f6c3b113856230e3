// The server's configuration: every problem with its place, suggestions, ranges, what needs the whole, the example file.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config.hpp"
#include "app/version.hpp"
#include "cli_fixture.hpp"

namespace coffer::app {
namespace {

using test::Shell;
using test::TemporaryDirectory;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> problems_of(std::string_view text) {
  std::vector<std::string> all;
  for (const auto& problem : read_config_text(text).problems) all.push_back(to_string(problem, "c.toml"));
  return all;
}

struct Case {
  const char* text;
  const char* problem;
};

class OneProblem : public testing::TestWithParam<Case> {};

TEST_P(OneProblem, IsToldWithItsPlaceAndWhatWouldBeRight) {
  EXPECT_THAT(problems_of(GetParam().text), ElementsAre(StartsWith(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, OneProblem,
    testing::Values(
        Case{"data = 5", "c.toml:1:8: data: must be a string, not a number"},
        Case{"[http]\nadress = \"x\"", "c.toml:2:1: http.adress: there is no such setting; did you mean http.address?"},
        Case{"data_groups = 4", "c.toml:1:1: data_groups: there is no such setting; did you mean cluster.data_groups?"},
        Case{"[zzzzzzzz]", "c.toml:1:2: zzzzzzzz: there is no such setting"},
        Case{"[http]\naddress = \"localhost\"",
             "c.toml:2:11: http.address: 'localhost' is not an address; write host:port"},
        Case{"[grpc]\nthreads = 0", "c.toml:2:11: grpc.threads: 0 is out of range: from 1 to 256"},
        Case{"[grpc]\nthreads = -1", "c.toml:2:11: grpc.threads: -1 is out of range"},
        Case{"[grpc]\nthreads = 1.5",
             "c.toml:2:11: grpc.threads: must be a whole number, not a number with a fraction"},
        Case{"[grpc.limits]\n\nbody_bytes = \"4MB\"", "c.toml:3:14: grpc.limits.body_bytes: '4MB' is not a size"},
        Case{"[grpc.limits]\nbody_bytes = 1",
             "c.toml:2:14: grpc.limits.body_bytes: 1 is out of range: from 64KiB to 64MiB"},
        Case{"[http.limits]\nidle_timeout = 5",
             "c.toml:2:16: http.limits.idle_timeout: must be a duration such as \"30s\""},
        Case{"[http.limits]\nmax_deadline = \"2m\"",
             "c.toml:2:16: http.limits.max_deadline: 2m is out of range: from 10ms to 1m"},
        Case{"[http.limits]\ndefault_deadline = \"20s\"\nmax_deadline = \"10s\"",
             "c.toml:2:20: http.limits.default_deadline: is longer than max_deadline"},
        Case{"[shards]\nidle = \"1500ms\"", "c.toml:2:8: shards.idle: 1500ms is too fine: use whole steps of 1s"},
        Case{"[log]\nlevel = \"loud\"",
             "c.toml:2:9: log.level: 'loud' is none of: trace, debug, info, warn, error, off"},
        Case{"log = 1", "c.toml:1:7: log: must be a table, not a number"},
        Case{"[dapr]\nstore = \"x\"", "c.toml:2:9: dapr.store: must be an array of tables, written [[dapr.store]]"},
        Case{"[[dapr.store]]\nname = \"a\"", "c.toml:1:1: dapr.store.tenant: is needed for each store"},
        Case{"[[dapr.store]]\nname = \"a/b\"\ntenant = \"t\"", "c.toml:2:8: dapr.store.name: must be one path segment"},
        Case{"[[dapr.store]]\nname = \"a\"\ntenant = \"T!\"", "c.toml:3:10: dapr.store.tenant: "},
        Case{"[[dapr.store]]\nname = \"a\"\ntenant = \"t\"\nallowed_secrets = [\"x\", 1]",
             "c.toml:4:25: dapr.store.allowed_secrets: must be an array of strings, not a number"},
        Case{"[[dapr.store]]\nname = \"a\"\ntenant = \"t\"\n[[dapr.store]]\nname = \"a\"\ntenant = \"u\"",
             "c.toml:5:8: dapr.store.name: another store is called 'a', too"},
        Case{"[http.tls]\nkey = \"/etc/hostname\"", "c.toml:1:1: http.tls.certificate: is needed"},
        Case{"[http.tls]\ncertificate = \"/etc/hostname\"", "c.toml:1:1: http.tls.key: is needed"},
        Case{"[http.tls]\ncertificate = \"/etc/hostname\"\nkey = \"/no/such/file\"",
             "c.toml:3:7: http.tls.key: '/no/such/file' cannot be read: No such file or directory"},
        Case{"data = \"a\"\ndata = \"b\"", "c.toml:2:"}, Case{"data = ", "c.toml:1:"}));

TEST(ConfigFile, ListsEveryProblemAndNotOnlyTheFirst) {
  const auto problems =
      problems_of("dta = \"x\"\n[http]\naddress = 1\nthreads = 0\n[log]\nlevel = \"x\"\nformat = \"y\"\n");
  EXPECT_EQ(problems.size(), 5U) << testing::PrintToString(problems);
}

TEST(ConfigFile, WritesWhatItReadsIntoTheConfiguration) {
  const auto file = read_config_text(
      "data = \"/d\"\n[seal]\nkey_file = \"/k\"\n[grpc]\naddress = \"[::1]:9\"\nthreads = 3\n[grpc.limits]\n"
      "body_bytes = \"8MiB\"\nidle_timeout = \"1m30s\"\n[cluster]\ndata_groups = 4\n[shards]\nidle = \"5m\"\n"
      "cache_budget_bytes = 2097152\n[log]\nformat = \"json\"\n[dapr]\nstatuses = \"runtime\"\n"
      "[[dapr.store]]\nname = \"s\"\ntenant = \"t\"\nmultiple_values = true\ndefault_access = \"deny\"\n"
      "allowed_secrets = [\"a\", \"b\"]\n");
  ASSERT_THAT(file.problems, IsEmpty());
  const auto& c = file.config;
  EXPECT_EQ(c.data_dir, "/d");
  EXPECT_EQ(c.seal_key_file, "/k");
  EXPECT_EQ(c.grpc.address, "[::1]:9");
  EXPECT_EQ(c.grpc.threads, 3U);
  EXPECT_EQ(c.grpc.limits.body_bytes, 8U << 20);
  EXPECT_EQ(c.grpc.limits.idle_timeout, std::chrono::seconds(90));
  EXPECT_EQ(c.http.limits.idle_timeout, net::Limits().idle_timeout);
  EXPECT_EQ(c.cluster.data_groups, 4U);
  EXPECT_EQ(c.shards.idle, std::chrono::minutes(5));
  EXPECT_EQ(c.shards.cache_budget_bytes, 2U << 20);
  EXPECT_EQ(c.log.format, LogFormat::json);
  EXPECT_TRUE(c.doors.dapr_runtime_statuses);
  ASSERT_EQ(c.doors.dapr_stores.size(), 1U);
  EXPECT_EQ(c.doors.dapr_stores[0].space, "kv");
  EXPECT_TRUE(c.doors.dapr_stores[0].multiple_values);
  EXPECT_TRUE(c.doors.dapr_stores[0].default_deny);
  EXPECT_THAT(c.doors.dapr_stores[0].allowed, ElementsAre("a", "b"));
}

TEST(ConfigFile, ReadsListenersOfTheirOwnWithTheLimitsOfTheirProtocol) {
  const auto file = read_config_text(
      "[grpc.limits]\nconnections = 7\n[[listener]]\naddress = \"127.0.0.1:1\"\ncloudforet.profile = \"2.x\"\n"
      "[[listener]]\naddress = \"127.0.0.1:2\"\nprotocol = \"http\"\ncloudforet.profile = \"1.12\"\n"
      "[cloudforet]\nget_data = \"open\"\n");
  ASSERT_THAT(file.problems, IsEmpty());
  ASSERT_EQ(file.config.extra.size(), 2U);
  EXPECT_EQ(file.config.extra[0].listener.limits.connections, 7U);
  EXPECT_TRUE(file.config.extra[0].cloudforet_newer);
  EXPECT_TRUE(file.config.extra[1].http);
  EXPECT_FALSE(file.config.extra[1].cloudforet_newer);
  EXPECT_TRUE(file.config.doors.cloudforet.open_get_data);
  EXPECT_EQ(problems_of("[[listener]]\nprotocol = \"grpc\"\n").size(), 1U) << "an address is needed";
  EXPECT_EQ(problems_of("[cloudforet]\nencrypt = \"AES\"\n").size(), 1U) << "a key is needed";
}

TEST(ConfigFile, SaysThatItCannotBeReadWithTheReason) {
  const auto file = read_config_file("/no/such/coffer.toml");
  ASSERT_EQ(file.problems.size(), 1U);
  EXPECT_THAT(file.problems[0].message, HasSubstr("No such file or directory"));
}

std::vector<std::string> invalid(const Config& config) {
  std::vector<std::string> settings;
  for (const auto& problem : validate(config)) settings.push_back(problem.setting);
  return settings;
}

TEST(Validate, RefusesAServerWithoutTlsUnlessToldByName) {
  Config config;
  config.seal_key_file = "/k";
  EXPECT_THAT(invalid(config), ElementsAre("http.tls", "grpc.tls", "admin.tls"));
  config.http.tls = config.grpc.tls = net::TlsFiles{"c", "k", ""};
  EXPECT_THAT(invalid(config), ElementsAre("admin.tls"));
  config.insecure = true;
  EXPECT_THAT(invalid(config), IsEmpty());
}

TEST(Validate, NeedsAKeyFileOutsideDev) {
  Config config;
  config.insecure = true;
  EXPECT_THAT(invalid(config), ElementsAre("seal.key_file"));
}

TEST(Validate, KeepsDevOnThisMachine) {
  Config config;
  apply({.dev = true}, config);
  EXPECT_THAT(invalid(config), IsEmpty());
  config.http.address = "0.0.0.0:7780";
  EXPECT_THAT(invalid(config), ElementsAre("http.address"));
  config.insecure = true;
  EXPECT_THAT(invalid(config), IsEmpty());
}

TEST(Validate, RefusesTwoListenersOnOneAddressButNotTwoFreePorts) {
  Config config;
  apply({.dev = true}, config);
  config.http.address = config.grpc.address = "127.0.0.1:0";
  EXPECT_THAT(invalid(config), IsEmpty());
  config.http.address = config.admin.address;
  EXPECT_THAT(invalid(config), ElementsAre("admin.address"));
}

TEST(Validate, RefusesAnElectionTimeoutThatOneLateHeartbeatExceeds) {
  Config config;
  apply({.dev = true}, config);
  config.cluster.heartbeat = std::chrono::milliseconds(200);
  EXPECT_THAT(invalid(config), ElementsAre("cluster.election_timeout"));
}

TEST(LoadConfig, PutsTheCommandLineOverTheFile) {
  const TemporaryDirectory directory;
  ServerOverrides overrides;
  overrides.config_file = directory.write("c.toml", "data = \"/from-file\"\n[http]\naddress = \"127.0.0.1:1\"\n");
  overrides.dev = true;
  overrides.http = "127.0.0.1:2";
  const auto file = load_config(overrides);
  EXPECT_THAT(file.problems, IsEmpty());
  EXPECT_EQ(file.config.data_dir, "/from-file");
  EXPECT_EQ(file.config.http.address, "127.0.0.1:2");
  EXPECT_TRUE(file.config.doors.dev);
}

TEST(LoadConfig, SaysWhereTheFileHasWhatContradictsTheRest) {
  const TemporaryDirectory directory;
  ServerOverrides overrides;
  overrides.config_file = directory.write("c.toml", "[cluster]\nheartbeat = \"100ms\"\nelection_timeout = \"200ms\"\n");
  overrides.dev = true;
  const auto file = load_config(overrides);
  ASSERT_EQ(file.problems.size(), 1U);
  EXPECT_EQ(file.problems[0].line, 3U);
}

TEST(LoadConfig, DoesNotComplainTwiceAboutOneSetting) {
  const TemporaryDirectory directory;
  ServerOverrides overrides;
  overrides.config_file =
      directory.write("c.toml", "[seal]\nkey_file = 1\n[http.tls]\ncertificate = \"/no/such\"\nkey = \"/no/such\"\n");
  overrides.insecure = true;
  EXPECT_EQ(load_config(overrides).problems.size(), 3U);
}

std::string example() { return test::read_all(COFFER_SOURCE_DIR "/app/coffer.example.toml"); }

/// The example with every setting in force: '#' without a space behind it is a setting.
std::string uncommented(const std::string& directory) {
  std::istringstream in(example());
  std::string line, text;
  while (std::getline(in, line)) {
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ') line.erase(0, 1);
    if (const auto at = line.find("/etc/coffer"); at != std::string::npos) line.replace(at, 11, directory);
    text += line + "\n";
  }
  return text;
}

TEST(ExampleFile, ChangesNothingAsItIs) {
  const auto file = read_config_text(example());
  EXPECT_THAT(file.problems, IsEmpty());
  const auto given = std::count_if(file.positions.begin(), file.positions.end(), [](const auto& position) {
    const auto settings = all_settings();
    return std::find(settings.begin(), settings.end(), position.first) != settings.end();
  });
  EXPECT_EQ(given, 0);
}

TEST(CertificateRules, AreReadAndCheckedAsATenantsAre) {
  auto file = read_config_text(R"([[certificates]]
name = "ingress"
san = "uri:spiffe://prod/ingress"
roles = ["reader"]
[[certificates]]
name = "ops"
san = "email:ops@example"
tenant = "acme"
principal = "user:ops"
)");
  EXPECT_THAT(file.problems, IsEmpty());
  const auto& rules = file.config.identity.certificates;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].tenant, "*");
  EXPECT_EQ(rules[0].rule.roles, std::vector<std::string>{"reader"});
  EXPECT_EQ(rules[1].tenant, "acme");
  EXPECT_EQ(rules[1].rule.principal, "user:ops");

  file = read_config_text(R"([[certificates]]
name = "all"
san = "dns:*"
)");
  ASSERT_EQ(file.problems.size(), 1U);
  EXPECT_EQ(file.problems[0].setting, "certificates.san");
  file = read_config_text(R"([[certificates]]
name = "a"
san = "dns:a"
[[certificates]]
name = "a"
san = "dns:b"
tenant = "Not A Tenant"
)");
  EXPECT_EQ(file.problems.size(), 2U);
}

TEST(ExampleFile, HasEverySettingAtItsDefault) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path("tls"));
  for (const auto* name : {"tls/server.crt", "tls/server.key", "tls/clients.crt", "cloudforet.key"})
    directory.write(name, "pem");
  auto file = read_config_text(uncommented(directory.path("")));
  EXPECT_THAT(file.problems, IsEmpty()) << to_string(file.problems.empty() ? Problem{} : file.problems[0], "");
  for (const auto& setting : all_settings()) EXPECT_TRUE(file.positions.contains(setting)) << setting << " is missing";

  const Config defaults;
  const auto& c = file.config;
  EXPECT_EQ(c.data_dir, defaults.data_dir);
  EXPECT_EQ(c.log.level, defaults.log.level);
  EXPECT_EQ(c.cluster.data_groups, defaults.cluster.data_groups);
  EXPECT_EQ(c.cluster.election_timeout, defaults.cluster.election_timeout);
  EXPECT_EQ(c.cluster.heartbeat, defaults.cluster.heartbeat);
  EXPECT_EQ(c.storage.checkpoint_bytes, defaults.storage.checkpoint_bytes);
  EXPECT_EQ(c.shards.idle, defaults.shards.idle);
  EXPECT_EQ(c.shards.max_live, defaults.shards.max_live);
  EXPECT_EQ(c.shards.cache_budget_bytes, defaults.shards.cache_budget_bytes);
  for (const auto listener : {&Config::http, &Config::grpc, &Config::admin}) {
    EXPECT_EQ((c.*listener).address, (defaults.*listener).address);
    EXPECT_EQ((c.*listener).threads, (defaults.*listener).threads);
    const auto &a = (c.*listener).limits, &b = (defaults.*listener).limits;
    EXPECT_EQ(a.header_bytes, b.header_bytes);
    EXPECT_EQ(a.body_bytes, b.body_bytes);
    EXPECT_EQ(a.json_depth, b.json_depth);
    EXPECT_EQ(a.connections, b.connections);
    EXPECT_EQ(a.streams_per_connection, b.streams_per_connection);
    EXPECT_EQ(a.calls_in_flight, b.calls_in_flight);
    EXPECT_EQ(a.header_timeout, b.header_timeout);
    EXPECT_EQ(a.idle_timeout, b.idle_timeout);
    EXPECT_EQ(a.default_deadline, b.default_deadline);
    EXPECT_EQ(a.max_deadline, b.max_deadline);
    EXPECT_EQ(a.drain, b.drain);
  }
}

TEST(ConfigCheck, PrintsASummaryOfAFileThatIsRight) {
  const TemporaryDirectory directory;
  Shell shell;
  const auto path = directory.write("c.toml", "data = \"/d\"\n");
  const auto ran = shell.run({"config", "check", "--dev", path});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith(path + ": OK\n  data   /d\n"));
}

TEST(ConfigCheck, EndsWithTwoAndAllProblemsOfAFileThatIsWrong) {
  const TemporaryDirectory directory;
  Shell shell;
  const auto path = directory.write("c.toml", "dat = 1\n[log]\nlevel = 2\n");
  const auto ran = shell.run({"config", "check", "--dev", path});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr(path + ":1:1: dat: there is no such setting; did you mean data?\n"));
  EXPECT_THAT(ran.err, HasSubstr(path + ":3:9: log.level: must be a string, not a number\n"));
  EXPECT_THAT(ran.err, HasSubstr("has 2 problems"));
}

TEST(ServerCommand, StartsWithTheConfigurationAndAnswersTheServersExitCode) {
  Shell shell;
  Config seen;
  shell.run_server = [&](const Config& config, const ServerOverrides&) {
    seen = config;
    return 5;
  };
  EXPECT_EQ(shell.run({"server", "--dev", "--data", "/d", "--grpc", "127.0.0.1:0"}).code, 5);
  EXPECT_EQ(seen.data_dir, "/d");
  EXPECT_EQ(seen.grpc.address, "127.0.0.1:0");
  EXPECT_TRUE(seen.dev);
}

TEST(ServerCommand, DoesNotStartWithoutTlsOrItsName) {
  Shell shell;
  bool started = false;
  shell.run_server = [&](const Config&, const ServerOverrides&) {
    started = true;
    return 0;
  };
  const auto ran = shell.run({"server", "--seal-key", "/k"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("--insecure"));
  EXPECT_FALSE(started);
  EXPECT_EQ(shell.run({"server", "--seal-key", "/k", "--insecure"}).code, 0);
  EXPECT_TRUE(started);
}

TEST(Version, IsTheOneOfTheBuild) {
  EXPECT_THAT(test::read_all(COFFER_SOURCE_DIR "/CMakeLists.txt"),
              HasSubstr("project(coffer VERSION " + std::string(kVersion) + " "));
}

}  // namespace
}  // namespace coffer::app
