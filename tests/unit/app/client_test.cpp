// The secrets' commands against a fake server: what they send, what they print, how they end.

#include <filesystem>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "app/cli/connection.hpp"
#include "cli_fixture.hpp"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace coffer::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Client : public testing::Test {
 protected:
  test::Ran run(std::vector<std::string> arguments, const std::string& in = "") {
    arguments.insert(arguments.end(), {"--server", server.address});
    return shell.run(std::move(arguments), in);
  }

  test::TemporaryDirectory directory;
  test::FakeSecrets fake;
  test::FakeServer server{{&fake}};
  test::Shell shell;
};

TEST_F(Client, PutSendsExactlyWhatStdinHas) {
  fake.metadata.set_name("db/password");
  fake.metadata.set_version(3);
  const auto ran = run({"put", "db/password", "--tag", "env=prod", "--tag", "team=a", "--cas", "2", "--description", "",
                        "--expires", "30d", "--tenant", "t", "--space", "s"},
                       "line\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(fake.put.value(), "line\n");
  EXPECT_EQ(fake.put.tenant(), "t");
  EXPECT_EQ(fake.put.space(), "s");
  EXPECT_EQ(fake.put.name(), "db/password");
  EXPECT_EQ(fake.put.cas(), 2U);
  EXPECT_TRUE(fake.put.has_description());
  EXPECT_THAT(fake.put.tags(), UnorderedElementsAre(Pair("env", "prod"), Pair("team", "a")));
  EXPECT_EQ(fake.put.expires_at().seconds(), test::kNow / 1000 + 30 * 86'400);
  EXPECT_THAT(ran.out, HasSubstr("version: 3\n"));
  EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("line")));
}

TEST_F(Client, PutSendsBytesThatAreNoTextAsBytes) {
  const std::string bytes("\0\xFF\x80", 3);
  EXPECT_EQ(run({"put", "x", "--file", directory.write("f", bytes)}).code, 0);
  EXPECT_FALSE(fake.put.has_value());
  EXPECT_EQ(fake.put.value_base64(), bytes);
}

TEST_F(Client, PutSendsAnEmptyValueAsOne) {
  EXPECT_EQ(run({"put", "x"}, "").code, 0);
  EXPECT_TRUE(fake.put.has_value());
  EXPECT_FALSE(fake.put.has_cas());
  EXPECT_FALSE(fake.put.has_description());
}

TEST_F(Client, PutAsksOnATerminal) {
  shell.terminal = true;
  EXPECT_EQ(run({"put", "x"}).code, 0);
  EXPECT_EQ(fake.put.value(), "typed value");
}

TEST_F(Client, PutBuildsAMapFromFilesAndStdin) {
  const auto ran = run({"put", "x", "--data", "user=@" + directory.write("u", "ann"), "-d", "password=@-"}, "pw");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(fake.put.data(), UnorderedElementsAre(Pair("user", "ann"), Pair("password", "pw")));
}

TEST_F(Client, PutReadsAJsonObjectOfStrings) {
  EXPECT_EQ(run({"put", "x", "--stdin-json"}, R"({"user":"ann","password":"a\"b"})").code, 0);
  EXPECT_THAT(fake.put.data(), UnorderedElementsAre(Pair("user", "ann"), Pair("password", "a\"b")));
}

TEST_F(Client, PutRefusesJsonThatIsNoObjectOfStringsWithoutShowingIt) {
  for (const auto* text :
       {R"({"a":hunter2})", R"({"hunter2":1})", R"(["hunter2"])", "hunter2", "{}", R"({"a":{"b":"hunter2"}})"}) {
    const auto ran = run({"put", "x", "--stdin-json"}, text);
    EXPECT_EQ(ran.code, 2) << text;
    EXPECT_THAT(ran.err, Not(HasSubstr("hunter2")));
  }
  EXPECT_EQ(fake.calls, 0);
}

TEST_F(Client, PutRefusesAValueOnTheCommandLineAndDoesNotRepeatIt) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"put", "x", "hunter2"},
                                                                     {"put", "x", "--data", "k=hunter2"},
                                                                     {"put", "x", "--data", "hunter2"},
                                                                     {"put", "x", "--value=hunter2"},
                                                                     {"put", "x", "--value", "hunter2"}}) {
    const auto ran = run(arguments, "v");
    EXPECT_EQ(ran.code, 2) << arguments.back();
    EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("hunter2")));
    EXPECT_THAT(ran.err, Not(IsEmpty()));
  }
  EXPECT_THAT(run({"put", "x", "--data", "k=v"}).err, AllOf(HasSubstr("history"), HasSubstr("k=@FILE")));
  EXPECT_EQ(fake.calls, 0);
}

TEST_F(Client, PutRefusesMoreThanAPayloadMayHoldWithSeven) {
  EXPECT_EQ(run({"put", "x"}, std::string((1 << 20) + 1, 'x')).code, 7);
  EXPECT_EQ(fake.calls, 0);
  EXPECT_EQ(run({"put", "x"}, std::string(1 << 20, 'x')).code, 0);
}

TEST_F(Client, PutRefusesTwoSourcesOfAValue) {
  EXPECT_EQ(run({"put", "x", "--file", "f", "--stdin-json"}).code, 2);
  EXPECT_EQ(run({"put", "x", "-d", "a=@-", "-d", "b=@-"}, "v").code, 2);
  EXPECT_EQ(run({"put", "x", "-d", "a=@" + directory.write("a", "1"), "-d", "a=@" + directory.path("a")}).code, 2);
  EXPECT_EQ(run({"put", "x", "--file", directory.path("missing")}).code, 2);
  EXPECT_EQ(fake.calls, 0);
}

TEST_F(Client, ARefusedMutationIsTriedAgainWithTheSameRequestId) {
  fake.failures = {{grpc::StatusCode::UNAVAILABLE, "no leader"}, {grpc::StatusCode::UNAVAILABLE, "no leader"}};
  const auto ran = run({"put", "x"}, "v");
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_THAT(fake.ids, SizeIs(3));
  EXPECT_THAT(fake.ids[0], SizeIs(32));
  EXPECT_EQ(fake.ids[0], fake.ids[1]);
  EXPECT_EQ(fake.ids[0], fake.ids[2]);
  run({"put", "x"}, "v");
  EXPECT_NE(fake.ids[3], fake.ids[0]);
}

TEST_F(Client, AGivenRequestIdIsSent) {
  run({"put", "x", "--request-id", "mine"}, "v");
  run({"delete", "x", "--request-id", "mine-2"});
  EXPECT_THAT(fake.ids, ElementsAre("mine", "mine-2"));
}

TEST_F(Client, TriesNoLongerThanTheTimeout) {
  fake.always = {grpc::StatusCode::UNAVAILABLE, "no leader"};
  const auto ran = run({"get", "x", "--timeout", "400ms"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("trying for 400ms"), HasSubstr("no leader")));
}

/// As a server says that waiting does not help.
std::string details_of(const google::protobuf::Message& detail) {
  google::rpc::Status details;
  details.add_details()->PackFrom(detail);
  return details.SerializeAsString();
}

TEST_F(Client, ASealedNodeIsAskedOnceAndTheAnswerSaysHowToOpenIt) {
  google::rpc::ErrorInfo sealed;
  sealed.set_domain("coffer");
  sealed.set_reason("SEALED");
  fake.always = {grpc::StatusCode::UNAVAILABLE, "The node is sealed", details_of(sealed)};
  const auto ran = run({"put", "x"}, "v");
  EXPECT_EQ(ran.code, 6);
  EXPECT_THAT(fake.ids, SizeIs(1));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("The node is sealed"), HasSubstr("coffer admin unseal")));
  EXPECT_THAT(ran.err, Not(HasSubstr("is a server running there")));
}

TEST_F(Client, WhatIsRefusedForLongIsNotWaitedFor) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(30);
  fake.always = {grpc::StatusCode::UNAVAILABLE, "the node is low on disk", details_of(retry)};
  const auto ran = run({"put", "x"}, "v");
  EXPECT_EQ(ran.code, 6);
  EXPECT_THAT(fake.ids, SizeIs(1));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("low on disk"), HasSubstr("again in 30 seconds")));
  // A moment is waited for.
  retry.mutable_retry_delay()->set_seconds(1);
  fake.always = grpc::Status::OK;
  fake.failures = {{grpc::StatusCode::UNAVAILABLE, "it is on its way", details_of(retry)}};
  EXPECT_EQ(run({"put", "x"}, "v").code, 0);
}

TEST_F(Client, EndsWithTheCodeOfTheFailureAndSaysWhatToDo) {
  const std::vector<std::tuple<grpc::StatusCode, int, std::string>> table = {
      {grpc::StatusCode::INVALID_ARGUMENT, 2, ""},       {grpc::StatusCode::NOT_FOUND, 3, "coffer list"},
      {grpc::StatusCode::ABORTED, 4, "--cas"},           {grpc::StatusCode::ALREADY_EXISTS, 4, ""},
      {grpc::StatusCode::FAILED_PRECONDITION, 4, ""},    {grpc::StatusCode::UNAUTHENTICATED, 5, "--token-file"},
      {grpc::StatusCode::PERMISSION_DENIED, 5, "scope"}, {grpc::StatusCode::DEADLINE_EXCEEDED, 6, "--timeout"},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, 7, ""},     {grpc::StatusCode::INTERNAL, 1, ""}};
  for (const auto& [code, exit, advice] : table) {
    fake.failures = {{code, "the reason."}};
    const auto ran = run({"get", "x"});
    EXPECT_EQ(ran.code, exit) << code;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("coffer: cannot get kv/x: the reason ("), HasSubstr(advice)));
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST_F(Client, GetPrintsTheExactBytesAndNothingElse) {
  fake.secret.set_value("no line end");
  EXPECT_EQ(run({"get", "x"}).out, "no line end");
  fake.secret.set_value_base64(std::string("\0\xFF\n", 3));
  fake.secret.clear_value();
  EXPECT_EQ(run({"get", "x", "--version", "2"}).out, std::string("\0\xFF\n", 3));
  EXPECT_EQ(fake.get.version(), 2U);
}

TEST_F(Client, GetPrintsAMapAsJsonOrOneOfItsItemsRaw) {
  (*fake.secret.mutable_data())["user"] = "ann";
  (*fake.secret.mutable_data())["password"] = "p\"";
  EXPECT_EQ(run({"get", "x"}).out, "{\n  \"password\": \"p\\\"\",\n  \"user\": \"ann\"\n}\n");
  EXPECT_EQ(run({"get", "x", "--item", "password"}).out, "p\"");
  const auto missing = run({"get", "x", "--item", "pasword"});
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("password"), Not(HasSubstr("p\""))));
}

TEST_F(Client, GetPrintsJsonAndTablesWhenAsked) {
  fake.secret.set_name("x");
  fake.secret.set_value("v");
  EXPECT_THAT(run({"get", "x", "--output", "json"}).out, HasSubstr("\"value\": \"v\""));
  EXPECT_THAT(run({"get", "x", "-o", "table"}).out, HasSubstr("KEY    VALUE\nvalue  v\n"));
  EXPECT_EQ(run({"get", "x", "-o", "yaml"}).code, 2);
}

TEST_F(Client, GetWritesAFileOnlyForItsOwner) {
  fake.secret.set_value("secret");
  const auto path = directory.write("out", "older and longer text");
  chmod(path.c_str(), 0644);
  const auto ran = run({"get", "x", "--out", path});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(test::read_all(path), "secret");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(Client, GetLeavesTheFileAloneWhenItFails) {
  fake.failures = {{grpc::StatusCode::NOT_FOUND, "no"}};
  const auto path = directory.write("out", "older");
  EXPECT_EQ(run({"get", "x", "--out", path}).code, 3);
  EXPECT_EQ(test::read_all(path), "older");
  EXPECT_EQ(run({"get", "x", "--out", directory.path("no/such/dir/out")}).code, 2);
}

TEST_F(Client, ListFollowsAllPagesOrShowsOne) {
  fake.first_page.add_secrets()->set_name("a");
  fake.first_page.set_next_page_token("t1");
  fake.second_page.add_secrets()->set_name("b");
  const auto all = run({"list", "--prefix", "p", "--filter", "tags.env=prod"});
  EXPECT_EQ(all.out, "NAME  VERSION  UPDATED  EXPIRES  TAGS\na     0\nb     0\n");
  EXPECT_EQ(fake.calls, 2);
  EXPECT_EQ(fake.list.prefix(), "p");
  EXPECT_EQ(fake.list.filter(), "tags.env=prod");
  const auto one = run({"list", "--page-size", "1"});
  EXPECT_EQ(one.out, "NAME  VERSION  UPDATED  EXPIRES  TAGS\na     0\n");
  EXPECT_THAT(one.err, HasSubstr("--page-token t1"));
  EXPECT_EQ(fake.list.page_size(), 1U);
  EXPECT_THAT(run({"list", "--page-token", "t1", "-o", "json"}).out, HasSubstr("\"next_page_token\": \"\""));
}

TEST_F(Client, HistoryIsATableNewestFirst) {
  auto* version = fake.history.add_versions();
  version->set_version(2);
  version->set_state("active");
  version->mutable_created_at()->set_seconds(1'896'091'200);
  version->set_created_by("token:1");
  fake.history.add_versions()->set_version(1);
  EXPECT_EQ(run({"history", "x"}).out,
            "VERSION  STATE   CREATED               CREATED BY\n"
            "2        active  2030-01-31T12:00:00Z  token:1\n"
            "1\n");
}

TEST_F(Client, DescribeAsksForNoPayload) {
  fake.metadata.set_name("x");
  (*fake.metadata.mutable_tags())["b"] = "2";
  (*fake.metadata.mutable_tags())["a"] = "1";
  EXPECT_THAT(run({"describe", "x"}).out, HasSubstr("a=1 b=2\n"));
  EXPECT_EQ(fake.describe.name(), "x");
}

TEST_F(Client, TagSetsRemovesAndChangesTheRest) {
  const auto ran = run({"tag", "x", "env=prod", "old-", "empty=", "--description", "d", "--expires", "never",
                        "--max-versions", "5", "--cas", "3"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(fake.update.set_tags(), UnorderedElementsAre(Pair("env", "prod"), Pair("empty", "")));
  EXPECT_THAT(fake.update.remove_tags(), ElementsAre("old"));
  EXPECT_EQ(fake.update.description(), "d");
  EXPECT_TRUE(std::as_const(fake.update).clear_expires_at());  // not const, it clears expires_at
  EXPECT_EQ(fake.update.max_versions(), 5U);
  EXPECT_EQ(fake.update.cas(), 3U);
  EXPECT_THAT(fake.update.request_id(), SizeIs(32));
}

TEST_F(Client, TagRefusesWhatIsNoChange) {
  EXPECT_EQ(run({"tag", "x"}).code, 2);
  EXPECT_EQ(run({"tag", "x", "env"}).code, 2);
  EXPECT_EQ(run({"tag", "x", "=v"}).code, 2);
  EXPECT_EQ(run({"tag", "x", "a=1", "a=2"}).code, 2);
  EXPECT_EQ(fake.calls, 0);
}

TEST_F(Client, DeleteAndUndeleteNameVersions) {
  EXPECT_EQ(run({"delete", "x", "--versions", "1,3", "--cas", "3"}).code, 0);
  EXPECT_THAT(fake.del.versions(), ElementsAre(1, 3));
  EXPECT_EQ(fake.del.cas(), 3U);
  EXPECT_EQ(run({"undelete", "x", "--versions", "1"}).code, 0);
  EXPECT_THAT(fake.undelete.versions(), ElementsAre(1));
}

TEST_F(Client, DestroyAsksAndAScriptMustSayYes) {
  EXPECT_EQ(run({"destroy", "x"}, "x\n").code, 2);
  shell.terminal = true;
  EXPECT_EQ(run({"destroy", "x"}, "y\n").code, 1);
  EXPECT_EQ(fake.calls, 0);
  EXPECT_EQ(run({"destroy", "x"}, "x\n").code, 0);
  shell.terminal = false;
  EXPECT_EQ(run({"destroy", "x", "--yes", "--versions", "2"}).code, 0);
  EXPECT_THAT(fake.destroy.versions(), ElementsAre(2));
}

TEST_F(Client, TheTokenComesFromFileOrEnvironmentInThisOrder) {
  shell.env["COFFER_TOKEN"] = "cft_env";
  run({"describe", "x"});
  EXPECT_EQ(fake.authorization, "Bearer cft_env");
  shell.env["COFFER_TOKEN_FILE"] = directory.write("t1", "cft_envfile\n");
  run({"describe", "x"});
  EXPECT_EQ(fake.authorization, "Bearer cft_envfile");
  run({"describe", "x", "--token-file", directory.write("t2", "cft_file\r\n")});
  EXPECT_EQ(fake.authorization, "Bearer cft_file");
}

TEST_F(Client, ATokenFileWithoutATokenIsRefusedAndNotShown) {
  for (const auto* text : {"", "\n", "two words", "a\nb"}) {
    const auto ran = run({"describe", "x", "--token-file", directory.write("t", text)});
    EXPECT_EQ(ran.code, 2) << text;
    EXPECT_THAT(ran.err, Not(HasSubstr("two words")));
  }
  EXPECT_EQ(run({"describe", "x", "--token-file", directory.path("none")}).code, 2);
  EXPECT_EQ(fake.calls, 0);
}

TEST_F(Client, FindsTheTokenOfADevServerInTheWorkingDirectory) {
  std::filesystem::create_directories(directory.path("coffer-data/dev"));
  directory.write("coffer-data/dev/root.token", "cfo_dev\n");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path(""));
  run({"describe", "x"});
  std::filesystem::current_path(before);
  EXPECT_EQ(fake.authorization, "Bearer cfo_dev");
}

TEST_F(Client, TakesAddressAndTenantFromTheEnvironment) {
  shell.env = {{"COFFER_ADDR", server.address}, {"COFFER_TENANT", "from-env"}};
  EXPECT_EQ(shell.run({"describe", "x"}).code, 0);
  EXPECT_EQ(fake.describe.tenant(), "from-env");
  EXPECT_EQ(shell.run({"describe", "x", "--tenant", "from-option"}).code, 0);
  EXPECT_EQ(fake.describe.tenant(), "from-option");
}

TEST_F(Client, SaysWhichConnectionOptionIsWrong) {
  EXPECT_THAT(shell.run({"get", "x", "--server", "nonsense"}).err, HasSubstr("--server: 'nonsense'"));
  shell.env["COFFER_ADDR"] = "nonsense";
  EXPECT_THAT(shell.run({"get", "x"}).err, HasSubstr("COFFER_ADDR: 'nonsense'"));
  EXPECT_THAT(run({"get", "x", "--timeout", "soon"}).err, HasSubstr("--timeout"));
  EXPECT_THAT(run({"get", "x", "--cert", directory.write("c", "pem")}).err, HasSubstr("--cert and --key"));
  EXPECT_THAT(run({"get", "x", "--ca", "/no/such"}).err, HasSubstr("--ca: '/no/such' cannot be read"));
  EXPECT_EQ(fake.calls, 0);
}

TEST_F(Client, NothingIsReachedWithoutAServer) {
  const auto ran = shell.run({"get", "x", "--server", "127.0.0.1:1", "--timeout", "200ms"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_THAT(ran.err, HasSubstr("coffer server --dev"));
}

TEST(CommandLine, EndsWithTwoForWhatItDoesNotKnow) {
  test::Shell shell;
  EXPECT_EQ(shell.run({}).code, 2);
  EXPECT_EQ(shell.run({"nonsense"}).code, 2);
  EXPECT_EQ(shell.run({"get"}).code, 2);
  EXPECT_EQ(shell.run({"get", "x", "--nonsense"}).code, 2);
  EXPECT_EQ(shell.run({"put", "x", "--cas", "-1"}).code, 2);
  EXPECT_EQ(shell.run({"get", "x", "--version", "1.5"}).code, 2);
  EXPECT_EQ(shell.run({"delete", "x", "--versions", "1,-2"}).code, 2);
}

TEST(CommandLine, SaysWhichHelpToRead) {
  test::Shell shell;
  EXPECT_THAT(shell.run({"admin", "tenants", "show"}).err,
              AllOf(testing::StartsWith("coffer: TENANT is required"), HasSubstr("coffer admin tenants show --help")));
  EXPECT_THAT(shell.run({"get", "x", "--nonsense"}).err,
              AllOf(testing::StartsWith("coffer: "), HasSubstr("--nonsense")));
}

TEST(CommandLine, GuessesWhichCommandWasMeant) {
  test::Shell shell;
  EXPECT_THAT(shell.run({"descibe", "x"}).err, HasSubstr("coffer has no command 'descibe'; did you mean describe?"));
  EXPECT_THAT(shell.run({"admin", "tenats"}).err,
              HasSubstr("coffer admin has no command 'tenats'; did you mean tenants?"));
}

TEST(CommandLine, DocumentsItsExitCodes) {
  test::Shell shell;
  const auto ran = shell.run({"--help"});
  EXPECT_EQ(ran.code, 0);
  for (int code = 0; code <= 7; ++code) EXPECT_THAT(ran.out, HasSubstr("  " + std::to_string(code) + "  "));
  EXPECT_THAT(shell.run({"--version"}).out, HasSubstr("coffer "));
}

/// TLS by default where another machine listens: no token may go over the wire in clear unasked.
TEST(Resolve, UsesTlsForOtherMachinesUnlessToldByName) {
  test::Shell shell;
  std::istringstream in;
  std::ostringstream out;
  cli::Io io{
      in, out, out, false, [](const char*) { return std::optional<std::string>(); }, {}, [] { return test::kNow; }};
  cli::ConnectionOptions options;
  EXPECT_FALSE(cli::resolve(options, io)->tls);
  options.server = "coffer.example.org:7781";
  EXPECT_TRUE(cli::resolve(options, io)->tls);
  options.insecure = true;
  EXPECT_FALSE(cli::resolve(options, io)->tls);
  test::TemporaryDirectory directory;
  cli::ConnectionOptions local;
  local.ca = directory.write("ca", "pem");
  EXPECT_TRUE(cli::resolve(local, io)->tls);
}

}  // namespace
}  // namespace coffer::app
