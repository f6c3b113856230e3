// The completion script, sourced by a real bash that is given the words of a command line.

#include <array>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli_fixture.hpp"

namespace coffer::app {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

class Completion : public testing::Test {
 protected:
  Completion() { script = directory.write("coffer.bash", shell.run({"completion", "bash"}).out); }

  /// What is offered for the last of these words.
  std::vector<std::string> complete(const std::vector<std::string>& words) {
    std::string command = "cd '" + directory.path("") + "' && source '" + script + "' && COMP_WORDS=(coffer";
    for (const auto& word : words) command += " '" + word + "'";
    command += ") && COMP_CWORD=" + std::to_string(words.size()) +
               " && _coffer && (( ${#COMPREPLY[@]} == 0 )) || printf '%s\\n' \"${COMPREPLY[@]}\"";
    const auto file = directory.write("run.bash", command);
    std::vector<std::string> offered;
    FILE* bash = popen(("bash --norc '" + file + "' 2>&1").c_str(), "r");
    std::array<char, 4096> line{};
    while (fgets(line.data(), line.size(), bash)) {
      offered.emplace_back(line.data());
      offered.back().pop_back();
    }
    EXPECT_EQ(pclose(bash), 0);
    return offered;
  }

  test::TemporaryDirectory directory;
  test::Shell shell;
  std::string script;
};

TEST_F(Completion, OffersCommands) {
  EXPECT_THAT(complete({""}), IsSupersetOf({"server", "put", "get", "admin", "bench", "--version"}));
  EXPECT_THAT(complete({"de"}), ElementsAre("describe", "delete", "destroy", "dev-token"));
  EXPECT_THAT(complete({"admin", "tenants", ""}), IsSupersetOf({"create", "list", "show", "delete", "open-door"}));
}

TEST_F(Completion, OffersTheOptionsOfTheCommandInHand) {
  EXPECT_THAT(complete({"put", "name", "--st"}), ElementsAre("--stdin-json"));
  EXPECT_THAT(complete({"get", "--"}), AllOf(Contains("--item"), Contains("--server"), Not(Contains("--stdin-json"))));
  EXPECT_THAT(complete({"admin", "tokens", "create", "--sc"}), ElementsAre("--scope"));
}

TEST_F(Completion, OffersWhatAnOptionTakes) {
  EXPECT_THAT(complete({"list", "--output", ""}), ElementsAre("json", "table"));
  EXPECT_THAT(complete({"list", "--output", "=", "j"}), ElementsAre("json"));
  EXPECT_THAT(complete({"bench", "--op", "m"}), ElementsAre("mixed"));
  EXPECT_THAT(complete({"bench", "--door", "nat"}), ElementsAre("native-grpc", "native-http"));
  directory.write("value.txt", "");
  EXPECT_THAT(complete({"put", "name", "--file", "val"}), ElementsAre("value.txt"));
  EXPECT_THAT(complete({"list", "--tenant", ""}), IsEmpty());
}

TEST_F(Completion, IsNotMisledByAValueThatIsNamedLikeACommand) {
  EXPECT_THAT(complete({"get", "--tenant", "put", "--it"}), ElementsAre("--item"));
}

}  // namespace
}  // namespace coffer::app
