// HTTP annotations: where path variables, query parameters and the body of a request go.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "coffer/v1/secrets.pb.h"
#include "google/api/annotations.pb.h"
#include "net/rest/binding.hpp"

namespace coffer::net::rest {
namespace {

using testing::HasSubstr;

const google::protobuf::ServiceDescriptor& service() { return *coffer::v1::Secret::descriptor()->file()->service(0); }

class Bindings : public testing::Test {
 protected:
  std::vector<std::unique_ptr<Binding>> of(const char* method) {
    Method m;
    m.descriptor = service().FindMethodByName(method);
    auto bindings = bindings_of(m, shapes);
    EXPECT_TRUE(bindings.ok());
    return *std::move(bindings);
  }
  template <class In>
  std::string fill(const char* method, const Words& variables, const Words& query, std::string_view body, In* in) {
    const auto bindings = of(method);
    const auto status = bindings.at(0)->fill(variables, query, body, 32, in);
    return status.ok() ? std::string() : std::string(status.error().message());
  }
  Shapes shapes;
};

const Words kPlace{{"tenant", "t"}, {"space", "s"}, {"name", "n"}};

TEST_F(Bindings, stand_where_the_annotation_says) {
  const auto put = of("Put");
  ASSERT_EQ(put.size(), 1U);
  EXPECT_EQ(put[0]->verb, "PUT");
  EXPECT_EQ(put[0]->pattern, "/v1/tenants/{tenant}/spaces/{space}/secrets/{name}");
  EXPECT_TRUE(put[0]->takes_body());
  EXPECT_FALSE(of("Get")[0]->takes_body());
  EXPECT_TRUE(of("Describe").empty());
}

TEST_F(Bindings, exist_for_every_annotated_method) {
  for (int i = 0; i < service().method_count(); ++i) {
    const auto& method = *service().method(i);
    EXPECT_EQ(of(method.name().c_str()).size(), method.options().HasExtension(google::api::http) ? 1U : 0U);
  }
}

TEST_F(Bindings, fill_from_path_and_body) {
  coffer::v1::PutRequest in;
  EXPECT_EQ(fill("Put", kPlace, {}, R"({"value":"v","cas":"3","tags":{"a":"b"}})", &in), "");
  EXPECT_EQ(in.tenant(), "t");
  EXPECT_EQ(in.name(), "n");
  EXPECT_EQ(in.value(), "v");
  EXPECT_EQ(in.cas(), 3U);
  EXPECT_EQ(in.tags().at("a"), "b");
}

TEST_F(Bindings, take_an_empty_body_as_an_empty_object) {
  coffer::v1::UndeleteRequest in;
  EXPECT_EQ(fill("Undelete", kPlace, {}, "", &in), "");
  EXPECT_EQ(in.name(), "n");
}

TEST_F(Bindings, fill_from_the_query_with_lists_and_either_spelling) {
  coffer::v1::DeleteRequest in;
  EXPECT_EQ(fill("Delete", kPlace, {{"versions", "1"}, {"versions", "2"}, {"requestId", "r"}, {"cas", "0"}}, "", &in),
            "");
  EXPECT_THAT(in.versions(), testing::ElementsAre(1, 2));
  EXPECT_EQ(in.request_id(), "r");
  EXPECT_TRUE(in.has_cas());
}

TEST_F(Bindings, refuse_a_body_that_differs_from_the_path) {
  coffer::v1::PutRequest in;
  EXPECT_EQ(fill("Put", kPlace, {}, R"({"name":"other"})", &in), "name: the path says otherwise");
  coffer::v1::PutRequest same;
  EXPECT_EQ(fill("Put", kPlace, {}, R"({"name":"n","tenant":"t"})", &same), "");
  coffer::v1::GetRequest get;
  EXPECT_EQ(fill("Get", kPlace, {{"name", "other"}}, "", &get), "name: the path says otherwise");
}

TEST_F(Bindings, refuse_what_the_query_must_not_hold) {
  coffer::v1::GetRequest in;
  EXPECT_EQ(fill("Get", kPlace, {{"nope", "1"}}, "", &in), "there is no query parameter 'nope' here");
  EXPECT_EQ(fill("Get", kPlace, {{"name.x", "1"}}, "", &in), "there is no query parameter 'name.x' here");
  EXPECT_EQ(fill("Get", kPlace, {{"\xff", "1"}}, "", &in), "there is no query parameter '(not UTF-8)' here");
  EXPECT_EQ(fill("Get", kPlace, {{"version", "x"}}, "", &in),
            "version: expected a whole number between 0 and 18446744073709551615");
  coffer::v1::GetRequest twice;
  EXPECT_EQ(fill("Get", kPlace, {{"version", "1"}, {"version", "1"}}, "", &twice),
            "version: the query parameter stands there twice");
  coffer::v1::ListRequest list;
  EXPECT_THAT(fill("List", {}, {{"page_size", "1"}, {"pageSize", "2"}}, "", &list), HasSubstr("twice"));
  coffer::v1::PutRequest put;
  EXPECT_THAT(fill("Put", kPlace, {{"value", "x"}}, "{}", &put), HasSubstr("there is no query parameter 'value'"));
  EXPECT_THAT(fill("Get", kPlace, {{"view", "\xff"}}, "", &in), HasSubstr("view: expected UTF-8"));
}

TEST_F(Bindings, refuse_a_body_where_none_is_taken) {
  coffer::v1::GetRequest in;
  EXPECT_THAT(fill("Get", kPlace, {}, "{}", &in), HasSubstr("takes no body"));
}

/// Annotations that coffer's own protos do not have, on a service made for the test.
class OtherAnnotations : public testing::Test {
 protected:
  model::Result<std::vector<std::unique_ptr<Binding>>> with(const google::api::HttpRule& rule) {
    google::protobuf::FileDescriptorProto file;
    file.set_name("other.proto");
    file.set_syntax("proto3");
    file.add_dependency("coffer/v1/secrets.proto");
    file.add_dependency("google/api/annotations.proto");
    auto* method = file.add_service();
    method->set_name("Other");
    auto* call = method->add_method();
    call->set_name("Call");
    call->set_input_type(".coffer.v1.BatchGetResponse.Result");
    call->set_output_type(".coffer.v1.Secret");
    *call->mutable_options()->MutableExtension(google::api::http) = rule;
    pool = std::make_unique<google::protobuf::DescriptorPool>(google::protobuf::DescriptorPool::generated_pool());
    Method m;
    m.descriptor = pool->BuildFile(file)->service(0)->method(0);
    return bindings_of(m, shapes);
  }
  std::unique_ptr<google::protobuf::DescriptorPool> pool;
  Shapes shapes;
};

TEST_F(OtherAnnotations, reach_nested_fields_by_dots_and_a_message_as_the_body) {
  google::api::HttpRule rule;
  rule.set_post("/x/{secret.name}");
  rule.set_body("error");
  rule.add_additional_bindings()->set_get("/y");
  const auto bindings = with(rule);
  ASSERT_TRUE(bindings.ok());
  ASSERT_EQ((*bindings).size(), 2U);
  coffer::v1::BatchGetResponse::Result in;
  const auto status = (*bindings)[0]->fill({{"secret.name", "n"}}, {{"secret.version", "5"}, {"space", "s"}},
                                           R"({"code":"c"})", 32, &in);
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_EQ(in.secret().name(), "n");
  EXPECT_EQ(in.secret().version(), 5U);
  EXPECT_EQ(in.error().code(), "c");
  EXPECT_EQ(in.space(), "s");
  EXPECT_FALSE((*bindings)[0]->fill({}, {{"error.code", "x"}}, "", 32, &in).ok());
}

TEST_F(OtherAnnotations, that_make_no_sense_are_refused) {
  google::api::HttpRule rule;
  EXPECT_FALSE(with(rule).ok());
  rule.set_get("/x/{nope}");
  EXPECT_FALSE(with(rule).ok());
  rule.set_get("/x/{secret}");
  EXPECT_FALSE(with(rule).ok());
  rule.set_get("/x");
  rule.set_body("name");
  EXPECT_FALSE(with(rule).ok());
  rule.clear_body();
  rule.set_response_body("name");
  EXPECT_FALSE(with(rule).ok());
}

}  // namespace
}  // namespace coffer::net::rest
