// The renderer: each token in its place, what is left alone, what is told, and that one pass is all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "model/render.hpp"

namespace coffer::model {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Render : public testing::Test {
 protected:
  Render() {
    input.actor = "alice";
    input.pod_id = "web";
    input.networks["default"] = {"web.pods.tacc.example", "443", "https"};
    input.networks["db"] = {"db.example", "5432", "tcp"};
    input.stack_secrets["shared"] = "of the stack";
  }
  void map(const std::string& key, std::string_view value) { input.secret_map.emplace_back(key, Secret(value)); }
  const RenderOutput& run() {
    output = render(input, {[this](std::string_view owner, std::string_view id) -> Result<Secret> {
                              EXPECT_EQ(owner, "alice");
                              ++fetches;
                              const auto found = stored.find(std::string(id));
                              if (found == stored.end()) {
                                return Error(Code::entry_not_found, "Secret '" + std::string(id) + "' not found");
                              }
                              return Secret(found->second);
                            },
                            [](std::size_t length) { return std::string(length, 'r'); }});
    return output;
  }
  /// The value of one map entry as an environment variable shows it; the token itself when it was not resolved.
  std::string value_of(std::string_view raw) {
    input.secret_map.clear();
    input.environment.clear();
    map("K", raw);
    input.environment.emplace_back("E", Secret("${pods:secrets:K}"));
    return std::string(run().environment.at(0).second.expose());
  }
  std::string env(std::string_view raw) {
    input.environment.clear();
    input.environment.emplace_back("E", Secret(raw));
    return std::string(run().environment.at(0).second.expose());
  }
  std::string first_problem() const { return output.problems.empty() ? "" : output.problems[0].message; }

  RenderInput input;
  RenderOutput output;
  std::map<std::string, std::string> stored{{"db", "s3cret"}, {"A-b_9", "x"}};
  int fetches = 0;
  static constexpr const char* kLeft = "${pods:secrets:K}";
};

TEST_F(Render, WholeValuesOfAMap) {
  EXPECT_EQ(value_of("${secret:db}"), "s3cret");
  EXPECT_EQ(value_of("${secret:A-b_9}"), "x");
  EXPECT_EQ(value_of("${secret:alice:db}"), "s3cret");
  EXPECT_EQ(value_of("${pods:default:v1}"), "v1");
  EXPECT_EQ(value_of("${pods:default:v1:?why {not}"), "v1");
  EXPECT_EQ(value_of("${pods:default:}"), "");
  EXPECT_EQ(value_of("${pods:default::?optional}"), "");
  EXPECT_EQ(value_of("${pods:random:8}"), "rrrrrrrr");
  EXPECT_EQ(output.secret_map.at(0).second.expose(), "rrrrrrrr") << "to be kept by the caller";
  EXPECT_EQ(value_of("rrrrrrrr"), "rrrrrrrr");
  EXPECT_THAT(output.problems, IsEmpty());
}

TEST_F(Render, ValuesWithTokensWithin) {
  EXPECT_EQ(value_of("${pods:url}"), "web.pods.tacc.example");
  EXPECT_EQ(value_of("x-${pods:tapis_url}-${pods:pod_id}"), "x-tacc.example-web");
  EXPECT_EQ(value_of("${pods:networking:db:protocol}://${pods:networking:db:hostname}:${pods:networking:db:port}"),
            "tcp://db.example:5432");
  EXPECT_EQ(value_of("${pods:networking:default:tapis_url}"), "tacc.example");
  EXPECT_EQ(value_of("[${stack:secrets:shared}]"), "[of the stack]");
  EXPECT_THAT(output.problems, IsEmpty());
}

TEST_F(Render, LiteralsAreThemselves) {
  for (const char* literal : {"", "$", "plain", "${unclosed", "${secret:unclosed", "${HOME}", "${}", "a${secret:db}",
                              "${secret:db}b", "pw=${secret:alice:db}", "x${pods:random:y}", "x${secret:a.b}",
                              "http://x", "$${HOME}", "<<TAPIS_user_password>>"}) {
    EXPECT_EQ(value_of(literal), literal);
    EXPECT_THAT(output.problems, IsEmpty()) << literal;
  }
  EXPECT_EQ(fetches, 0);
}

TEST_F(Render, WhatIsMeantAsATokenAndIsNoneIsAProblemAndNeverAValue) {
  const std::pair<const char*, const char*> table[] = {{"${pods:default:http://x}", "has no ':'"},
                                                       {"${pods:default:a:b}", "has no ':'"},
                                                       {"${pods:default:a:?}", ":?WHY"},
                                                       {"${pods:random:abc}", "number of 8 to 128"},
                                                       {"${pods:random:}", "number of 8 to 128"},
                                                       {"${pods:random:-9}", "number of 8 to 128"},
                                                       {"${pods:networking:default:ip}", "url, hostname, port"},
                                                       {"x${pods:networking:default:ip}y", "url, hostname, port"},
                                                       {"${pods:networking:default}", "url, hostname, port"},
                                                       {"${stack:web:host}", "no stacks"},
                                                       {"http://${stack:web:host}:${stack:web:port}/", "no stacks"},
                                                       {"${stack:secrets:a b}", "no stacks"},
                                                       {"${secret:}", "${secret:OWNER:NAME}"},
                                                       {"${secret:my.name}", "${secret:OWNER:NAME}"},
                                                       {"${secret:a/b}", "${secret:OWNER:NAME}"},
                                                       {"${secret:a.b:db}", "${secret:OWNER:NAME}"},
                                                       {"${secret:a:b:c}", "${secret:OWNER:NAME}"},
                                                       {"${:?}", "what the value is for"},
                                                       {"${pods:nothing}", "not a token"},
                                                       {"x${pods:nothing}", "not a token"}};
  for (const bool native : {false, true}) {
    input.native = native;
    for (const auto& [raw, words] : table) {
      if (native && std::string_view(raw).starts_with("${secret:") && std::string_view(raw) != "${secret:}") continue;
      EXPECT_EQ(value_of(raw), kLeft) << raw;
      EXPECT_EQ(output.secret_map.at(0).second.expose(), raw);
      ASSERT_GE(output.problems.size(), 2u) << raw;
      EXPECT_EQ(output.problems[0].kind, TokenKind::unknown) << raw;
      EXPECT_EQ(output.problems[0].where, "secret_map.K");
      EXPECT_THAT(output.problems[0].message, HasSubstr(words)) << raw;
    }
  }
  input.native = false;
  EXPECT_EQ(value_of("x ${pods:secrets:K}"), kLeft);
  EXPECT_THAT(first_problem(), HasSubstr("environment and files"));
  for (const char* raw : {"${stack:web:host}", "${pods:nothing}", "${pods:networking:default:ip}", "${secret:a.b}"}) {
    EXPECT_EQ(env(raw), raw);
    EXPECT_EQ(output.problems.size(), 2u) << raw;
  }
  EXPECT_EQ(fetches, 0);
}

TEST_F(Render, NativeNamesAreThoseOfTheNativeApi) {
  input.native = input.any_owner = true;
  std::vector<std::string> asked;
  const auto value = [&](const std::string& raw) {
    input.secret_map.clear();
    input.environment.clear();
    map("K", raw);
    input.environment.emplace_back("E", Secret(kLeft));
    for (const std::string& name : secrets_needed(input)) asked.push_back("needs " + name);
    output = render(input, {[&](std::string_view owner, std::string_view id) -> Result<Secret> {
                              asked.push_back(std::string(owner) + "|" + std::string(id));
                              return Secret("v");
                            },
                            [](std::size_t length) { return std::string(length, 'r'); }});
    return std::string(output.environment.at(0).second.expose());
  };
  for (const char* name : {"my.name", "a/b", "db", "with space", "\u00fc", "@x", "?"}) {
    asked.clear();
    EXPECT_EQ(value("${secret:" + std::string(name) + "}"), "v") << name;
    EXPECT_EQ(asked, (std::vector<std::string>{"needs " + std::string(name), "|" + std::string(name)}));
  }
  asked.clear();
  EXPECT_EQ(value("${secret:ann.b-c@example:a/b:c}"), "v");
  EXPECT_EQ(asked, (std::vector<std::string>{"needs a/b:c", "ann.b-c@example|a/b:c"}));
  asked.clear();
  for (const std::string bad : {"${secret:}", "${secret::a}", "${secret:a:}", "${secret:a b:c}", "${secret:a\nb}",
                                "${secret:a$b}", "${secret:a{b}", "${secret:${secret:a}"}) {
    EXPECT_EQ(value(bad), kLeft) << bad;
    EXPECT_EQ(output.problems.at(0).where, "secret_map.K") << bad;
  }
  EXPECT_EQ(value("${secret:" + std::string(513, 'a') + "}"), kLeft);
  EXPECT_TRUE(asked.empty());
}

TEST_F(Render, NothingThatLooksLikeATokenIsALiteralInTheNativeApi) {
  input.native = true;
  for (const char* raw : {"a${secret:db}", "${secret:db}b", "x${pods:random:9}", "x${pods:default:y}", "x${secret:}"}) {
    EXPECT_EQ(value_of(raw), kLeft) << raw;
    EXPECT_EQ(output.problems.size(), 2u) << raw;
  }
  map("A", "1");
  for (const char* raw : {"${pods:secrets:A?why}", "${pods:secrets:A:?}", "${pods:secrets:}"}) {
    EXPECT_EQ(env(raw), raw);
    EXPECT_FALSE(output.problems.empty()) << raw;
  }
  EXPECT_THAT(output.warnings, IsEmpty());
}

TEST_F(Render, WhatLooksLikeASlipIsTold) {
  EXPECT_EQ(value_of("a${secret:db}"), "a${secret:db}");
  ASSERT_EQ(output.warnings.size(), 1u);
  EXPECT_EQ(output.warnings[0].where, "secret_map.K");
  EXPECT_EQ(output.warnings[0].pattern, "${secret:db}");
  EXPECT_EQ(to_string(output.warnings[0].kind), "user_secret");
  EXPECT_EQ(env("${pods:secrets:K?why}"), "${pods:secrets:K?why}");
  ASSERT_EQ(output.warnings.size(), 2u);
  EXPECT_THAT(output.warnings[1].message, HasSubstr("':?'"));
}

TEST_F(Render, WhatCannotBeResolvedIsLeftWithOneProblemEach) {
  const struct {
    const char* raw;
    TokenKind kind;
    const char* message;
  } table[] = {{"${secret:missing}", TokenKind::user_secret, "not found"},
               {"${secret:bob:db}", TokenKind::user_secret, "bob"},
               {"${:?the db's password}", TokenKind::required_placeholder, "the db's password"},
               {"${pods:random:7}", TokenKind::random_password, "8 to 128"},
               {"${pods:random:129}", TokenKind::random_password, "8 to 128"},
               {"${pods:random:18446744073709551624}", TokenKind::random_password, "8 to 128"},
               {"pw=${secret:bob:db};", TokenKind::user_secret, "bob"},
               {"x${pods:networking:none:url}", TokenKind::networking_reference, "no such"},
               {"${stack:secrets:none}", TokenKind::stack_secret, "no such"}};
  for (const auto& row : table) {
    EXPECT_EQ(value_of(row.raw), kLeft) << row.raw;
    ASSERT_EQ(output.problems.size(), 2u) << row.raw;
    EXPECT_EQ(output.problems[0].kind, row.kind);
    EXPECT_THAT(output.problems[0].message, HasSubstr(row.message));
    EXPECT_EQ(output.problems[0].where, "secret_map.K");
    EXPECT_EQ(output.problems[1].kind, TokenKind::secret_map_reference);
    EXPECT_EQ(output.problems[1].where, "environment_variables.E");
    EXPECT_EQ(output.secret_map.at(0).second.expose(), row.raw);
  }
  input.actor.clear();
  EXPECT_EQ(value_of("${secret:db}"), kLeft);
  EXPECT_THAT(first_problem(), HasSubstr("nobody is acting"));
  EXPECT_EQ(fetches, 1) << "only the missing one was asked for";
}

TEST_F(Render, ReferencesInEnvironmentAndFiles) {
  map("A", "1");
  map("B", "${secret:db}");
  EXPECT_EQ(env("a${pods:secrets:A}b${pods:secrets:B:?what for}c"), "a1bs3cretc");
  EXPECT_EQ(env("$${pods:secrets:A}"), "$1") << "there is no escape";
  EXPECT_EQ(env("${x ${pods:secrets:A}"), "${x 1");
  EXPECT_EQ(env("${pods:secrets:A:?a {b} c}"), "1 c}") << "a description ends at the first brace";
  EXPECT_EQ(env("${pods:secrets:A:?}"), "${pods:secrets:A:?}");
  EXPECT_EQ(env("<<TAPIS_user_password>> ${HOME}"), "<<TAPIS_user_password>> ${HOME}");
  EXPECT_THAT(output.problems, IsEmpty());
  EXPECT_EQ(env("${pods:secrets:C}${pods:secrets:A}"), "${pods:secrets:C}1");
  EXPECT_THAT(first_problem(), HasSubstr("no such key"));
  EXPECT_EQ(env("${secret:db}${pods:url}"), "${secret:db}${pods:url}") << "those are for the map";
  EXPECT_EQ(output.problems.size(), 2u);
  input.environment.clear();
  input.files.emplace_back("/etc/app.conf", Secret("pw = \"${pods:secrets:B}\"\n${pods:secrets:none}"));
  EXPECT_EQ(run().files.at(0).second.expose(), "pw = \"s3cret\"\n${pods:secrets:none}");
  EXPECT_EQ(output.problems.at(0).where, "volume_mounts./etc/app.conf");
}

TEST_F(Render, WhatWasPutInIsNeverLookedAtAgain) {
  stored["db"] = "${pods:secrets:A}";
  input.stack_secrets["shared"] = "${pods:url}";
  map("A", "1");
  map("B", "${secret:db}");
  map("C", "${stack:secrets:shared}");
  map("D", "$${pods:random:9}${HOME}${pods:tapis_url}");
  EXPECT_EQ(env("${pods:secrets:B}|${pods:secrets:C}"), "${pods:secrets:A}|${pods:url}");
  EXPECT_THAT(output.problems, IsEmpty());
}

TEST_F(Render, NamesTheSecretsThatItNeedsOnce) {
  map("A", "${secret:db}");
  map("B", "${secret:alice:db}");
  map("C", "x${secret:other}");
  map("D", "${secret:z}");
  EXPECT_EQ(secrets_needed(input), (std::vector<std::string>{"db", "z"}));
}

TEST_F(Render, WithAnyOwnerTheSourceIsToldWhoWasNamed) {
  input.any_owner = true;
  input.actor.clear();
  map("A", "${secret:bob:db}");
  map("B", "${secret:db}");
  input.environment.emplace_back("E", Secret("${pods:secrets:A}${pods:secrets:B}"));
  std::string owners;
  output = render(input, {[&](std::string_view owner, std::string_view) -> Result<Secret> {
                            owners.append("[").append(owner).append("]");
                            return Secret("v");
                          },
                          [](std::size_t length) { return std::string(length, 'r'); }});
  EXPECT_EQ(owners, "[bob][]");
  EXPECT_EQ(output.environment[0].second.expose(), "vv");
}

TEST_F(Render, AnyTextIsRenderedOrLeftAsItIs) {
  const char* pieces[] = {"${", "}", "pods:", "secrets:", "secret:", "default:", ":?",
                          "A",  "$", "{",     "random:9", "stack:",  "url"};
  std::mt19937 random(7);
  map("A", "1");
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const std::string shown = env(text);
    if (text.find("${pods:secrets:A") == std::string::npos) {
      EXPECT_EQ(shown, text);
    }
    parse_map_value(text);
    input.secret_map.resize(1);
    map("B", text);
    run();
    input.secret_map.resize(1);
  }
}

/// A piece, many times.
std::string many_times(std::string_view piece, std::size_t times) {
  std::string text;
  for (; times > 0; --times) text += piece;
  return text;
}

TEST_F(Render, WhatGrowsBeyondTheLimitIsRefusedBeforeItFillsTheMemory) {
  input.stack_secrets["K"] = std::string(1000, 'k');
  map("A", many_times("${stack:secrets:K}", 1000));
  env(many_times("${pods:secrets:A}", 100'000));  // a hundred gigabytes
  ASSERT_FALSE(output.status.ok());
  EXPECT_EQ(output.status.error().code, Code::too_large);
  EXPECT_THAT(output.status.error().detail, HasSubstr("more than 4194304 bytes (reached in environment_variables.E)"));
  std::size_t bytes = 0;
  for (const auto& [name, value] : output.environment) bytes += value.size();
  EXPECT_LE(bytes, kMostRendered);
}

TEST_F(Render, TheLimitHoldsForAllValuesTogether) {
  stored["db"] = std::string(1 << 20, 'x');
  for (int i = 0; i < 3; ++i) map("A" + std::to_string(i), "${secret:db}");
  EXPECT_EQ(env("${pods:secrets:A0}").size(), 1U << 20) << "just four MiB";
  EXPECT_TRUE(output.status.ok());
  env("${pods:secrets:A0}.");
  EXPECT_FALSE(output.status.ok());
  input.environment.clear();
  map("A3", "${secret:db}");
  map("A4", "${pods:default:}");
  EXPECT_TRUE(run().status.ok());
  map("A5", "${pods:default:1}");
  EXPECT_THAT(run().status.error().detail, HasSubstr("secret_map.A5"));
}

TEST_F(Render, WhatIsToldOfProblemsCountsToo) {
  input.environment.emplace_back(std::string(1 << 20, 'N'), Secret(many_times("${pods:secrets:none}", 1000)));
  EXPECT_FALSE(run().status.ok()) << "each problem says where it is";
  EXPECT_LE(output.problems.size(), 4u);
}

TEST_F(Render, HostileTextCostsOneLookAtEachByte) {
  // Quadratic work on these would look at a million times the input.
  for (const char* piece : {"${", "${pods:secrets:A:?", "${pods:default:", "${secret:", "${:?", "${pods:secrets:A?",
                            "$", "${stack:", "${secret:a.b/", "${pods:random:x"}) {
    std::string text;
    while (text.size() < (1u << 20)) text += piece;
    for (const char* end : {"", "}"}) {
      env(text + end);
      EXPECT_LE(output.looked, 8 * text.size()) << piece << end;
      for (const bool native : {false, true}) {
        input.native = native;
        value_of(text + end);
        EXPECT_LE(output.looked, 16 * text.size()) << piece << end;
      }
    }
  }
  EXPECT_LE(output.warnings.size(), 1000u);
}

}  // namespace
}  // namespace coffer::model
