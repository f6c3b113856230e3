// Render of the native API: what it asks of the tenant, whose secrets it resolves, and what it tells.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/net/native_door_fixture.hpp"

namespace coffer::net {
namespace {

using model::Code;
using testing::HasSubstr;

class NativeRender : public NativeDoorTest {
 protected:
  NativeRender() {
    in.set_space("kv");
    (*in.mutable_secret_map())["PW"] = "${secret:db}";
    (*in.mutable_environment_variables())["URL"] = "db://${pods:secrets:PW}@h ${HOME}";
    (*in.mutable_volume_mounts())["/etc/app"].set_config_content("pw=${pods:secrets:PW}");
  }
  Outcome<v1::RenderResponse> render() {
    gateway.requests.clear();
    return run<v1::RenderResponse>("Render", in);
  }
  void answer(std::vector<model::Result<model::EntryReply>> results) {
    gateway.answer(model::BatchGetReply{std::move(results)});
  }
  static model::EntryReply secret(const char* value, const char* owner = "") {
    model::EntryReply reply = entry(model::Payload::of_text(value));
    reply.entry.owner = owner;
    return reply;
  }

  v1::RenderRequest in;
};

TEST_F(NativeRender, ResolvesByReadValueAndPutsNothingElseIn) {
  answer({secret("s3cr3t ${pods:secrets:PW}"), secret("s3cr3t ${pods:secrets:PW}")});
  const auto outcome = render();
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(outcome.out.environment_variables().at("URL"), "db://s3cr3t ${pods:secrets:PW}@h ${HOME}");
  EXPECT_EQ(outcome.out.volume_mounts().at("/etc/app").config_content(), "pw=s3cr3t ${pods:secrets:PW}");
  EXPECT_EQ(outcome.out.secret_map().at("PW"), "${secret:db}");
  EXPECT_EQ(outcome.out.errors_size() + outcome.out.write_only_size(), 0);
  const auto batch = gateway.operation<model::BatchGet>();
  ASSERT_EQ(batch.items.size(), 2u);
  EXPECT_FALSE(batch.items[0].with_payload);
  EXPECT_TRUE(batch.items[1].with_payload);
  EXPECT_FALSE(batch.items[1].inject);
  EXPECT_EQ(batch.items[1].space, "kv");
}

TEST_F(NativeRender, InjectAsksForIt) {
  in.set_mode("inject");
  answer({secret("locked")});
  EXPECT_EQ(render().out.environment_variables().at("URL"), "db://locked@h ${HOME}");
  EXPECT_TRUE(gateway.operation<model::BatchGet>().items.at(0).inject);
  answer({model::Result<model::EntryReply>(Code::permission_denied)});
  EXPECT_EQ(render().code(), model::Category::permission_denied);
}

TEST_F(NativeRender, WhatMayNotBeReadIsMarkedAndTold) {
  answer({secret(""), model::Result<model::EntryReply>(Code::write_only)});
  const auto outcome = render();
  EXPECT_EQ(outcome.out.environment_variables().at("URL"), "db://<<write-only>>@h ${HOME}");
  ASSERT_EQ(outcome.out.write_only_size(), 1);
  EXPECT_EQ(outcome.out.write_only(0), "db");
}

TEST_F(NativeRender, AnOwnerThatIsNamedMustBeTheSecrets) {
  (*in.mutable_secret_map())["PW"] = "${secret:alice:db}";
  answer({secret("v", "user:alice"), secret("v", "user:alice")});
  EXPECT_EQ(render().out.environment_variables().at("URL"), "db://v@h ${HOME}");
  answer({secret("v", "user:bob"), secret("v", "user:bob")});
  const auto outcome = render();
  EXPECT_EQ(outcome.out.environment_variables().at("URL"), "db://${pods:secrets:PW}@h ${HOME}");
  ASSERT_EQ(outcome.out.errors_size(), 3);
  EXPECT_EQ(outcome.out.errors(0).where(), "secret_map.PW");
  EXPECT_EQ(outcome.out.errors(0).pattern(), "${secret:alice:db}");
  EXPECT_EQ(outcome.out.errors(0).type(), "user_secret");
  EXPECT_THAT(outcome.out.errors(0).message(), HasSubstr("alice"));
}

TEST_F(NativeRender, NamesHaveWhatTheNativeApiAllowsInThem) {
  (*in.mutable_secret_map())["PW"] = "${secret:app/my.name}";
  answer({secret("v"), secret("v")});
  EXPECT_EQ(render().out.environment_variables().at("URL"), "db://v@h ${HOME}");
  EXPECT_EQ(gateway.operation<model::BatchGet>().items.at(1).name, "app/my.name");
}

TEST_F(NativeRender, WhatLooksLikeATokenIsNeverAValue) {
  in.clear_environment_variables();
  in.clear_volume_mounts();
  gateway.answer(model::ListReply{});
  for (const char* raw :
       {"${pods:default:http://x}", "${pods:random:x}", "${stack:web:host}", "x${secret:db}", "${secret:}"}) {
    (*in.mutable_secret_map())["PW"] = raw;
    const auto outcome = render();
    ASSERT_EQ(outcome.out.errors_size(), 1) << raw;
    EXPECT_EQ(outcome.out.errors(0).where(), "secret_map.PW");
    in.set_strict(true);
    EXPECT_EQ(render().code(), model::Category::invalid_argument) << raw;
    in.set_strict(false);
  }
}

TEST_F(NativeRender, StrictFailsTheWholeAndNamesEverything) {
  in.set_strict(true);
  answer({model::Result<model::EntryReply>(Code::entry_not_found),
          model::Result<model::EntryReply>(Code::entry_not_found)});
  const auto outcome = render();
  EXPECT_EQ(outcome.code(), model::Category::invalid_argument);
  for (const char* word : {"secret_map.PW", "environment_variables.URL", "volume_mounts./etc/app", "not found"}) {
    EXPECT_THAT(outcome.message(), HasSubstr(word));
  }
}

TEST_F(NativeRender, WithoutSecretsTheCallerIsAskedForAllTheSame) {
  in.clear_secret_map();
  gateway.answer(model::ListReply{});
  (*in.mutable_secret_map())["R"] = "${pods:random:20}";
  (*in.mutable_environment_variables())["URL"] = "${pods:secrets:R}";
  const auto outcome = render();
  EXPECT_EQ(gateway.operation<model::List>().limit, 1u);
  EXPECT_EQ(outcome.out.environment_variables().at("URL"), outcome.out.secret_map().at("R"));
  EXPECT_EQ(outcome.out.secret_map().at("R").size(), 20u);
  gateway.reply = Code::unauthenticated;
  EXPECT_EQ(render().code(), model::Category::unauthenticated);
}

TEST_F(NativeRender, BadRequestsAreRefusedBeforeAnythingIsAsked) {
  in.set_mode("both");
  EXPECT_THAT(render().message(), HasSubstr("mode"));
  in.clear_mode();
  (*in.mutable_secret_map())["a b"] = "x";
  EXPECT_THAT(render().message(), HasSubstr("\"a b\""));
  in.clear_secret_map();
  for (int i = 0; i < 501; ++i) (*in.mutable_secret_map())["k" + std::to_string(i)] = "x";
  EXPECT_THAT(render().message(), HasSubstr("at most 500"));
  in.clear_secret_map();
  (*in.mutable_volume_mounts())["/f"].set_config_content(std::string((1 << 20) + 1, 'x'));
  EXPECT_THAT(render().message(), HasSubstr("1 MiB"));
  EXPECT_TRUE(gateway.requests.empty());
}

}  // namespace
}  // namespace coffer::net
