// Cloudforet's queries as trees: both generations' messages, renamed keys, and the words for what is wrong; and values
// for clients that decrypt.

#include <tuple>

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "net/cloudforet/changes.hpp"
#include "net/cloudforet/conditions.hpp"
#include "net/cloudforet/query.hpp"
#include "net/cloudforet/show.hpp"
#include "net/cloudforet/stages.hpp"

namespace coffer::net::cloudforet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace query = model::query;

const Resource& resource(const Generation& generation, std::string_view name) {
  static const auto older = resources_of(Generation::older()), newer = resources_of(Generation::newer());
  for (const Resource& one : generation.is_older() ? older : newer) {
    if (one.is(name)) return one;
  }
  ADD_FAILURE() << "no " << name;
  return older.front();
}

std::unique_ptr<Message> request(const Resource& of, const char* verb, const std::string& json) {
  const auto* type = of.service->FindMethodByName(verb)->input_type();
  std::unique_ptr<Message> message(of.generation->prototype(type).New());
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, message.get()).ok()) << json;
  return message;
}

model::Result<model::Query> list(const Resource& of, const std::string& json, Shown* shown = nullptr) {
  Shown ignored;
  return read_list(of, *request(of, "list", json), shown ? shown : &ignored);
}

TEST(CloudforetResources, EachGenerationHasItsOwn) {
  EXPECT_EQ(resources_of(Generation::older()).size(), 4U);
  EXPECT_EQ(resources_of(Generation::newer()).size(), 3U) << "2.x has no groups";
}

TEST(CloudforetQuery, KeysOfTheOlderGenerationLeadToTheSameFields) {
  const Resource& older = resource(Generation::older(), "Secret");
  const Resource& newer = resource(Generation::newer(), "Secret");
  EXPECT_EQ(older.stored_key("schema"), "schema_id");
  EXPECT_EQ(newer.stored_key("schema_id"), "schema_id");
  EXPECT_FALSE(older.stored_key("schema_id"));
  EXPECT_FALSE(newer.stored_key("state"));
  EXPECT_EQ(older.stored_key("tags.a.b"), "tags.a.b");
  EXPECT_EQ(older.stored_key("user_projects"), "project_id");
  EXPECT_FALSE(older.stored_key("data.k"));
}

TEST(CloudforetQuery, ParametersFiltersAndKeywordBecomeConditions) {
  const Resource& of = resource(Generation::older(), "Secret");
  const auto made = list(of, R"({"name":"n","secret_type":"CREDENTIALS","domain_id":"d","query":{"keyword":" a b ",
      "filter":[{"k":"schema","v":["x"],"o":"in"}],"filter_or":[{"key":"tags.t","value":7,"operator":"gte"}],
      "sort":{"keys":[{"key":"schema","desc":true},{"key":"nofield"}]},"page":{"start":11,"limit":10}}})");
  ASSERT_TRUE(made.ok()) << made.error().message();
  ASSERT_EQ(made->filter.all.size(), 3U);
  EXPECT_EQ(made->filter.all[0], (query::Condition{"name", query::Operator::eq, query::Literal::of("n")}));
  EXPECT_EQ(made->filter.all[2].key, "schema_id");
  ASSERT_EQ(made->filter.any.size(), 5U) << "the filter and four fields of the keyword";
  EXPECT_EQ(made->filter.any[0], (query::Condition{"tags.t", query::Operator::gte, query::Literal::of(7.0)}));
  EXPECT_EQ(made->filter.any[1].value.items.size(), 2U);
  ASSERT_EQ(made->sort.size(), 1U) << "an unknown sort key is no error";
  EXPECT_EQ(made->sort[0], (query::SortKey{"schema_id", true}));
  EXPECT_EQ(made->skip, 10U);
  EXPECT_EQ(made->limit, 10U);
}

TEST(CloudforetQuery, AStartWithoutALimitIsNoPage) {
  const auto made = list(resource(Generation::older(), "Secret"), R"({"query":{"page":{"start":5}}})");
  EXPECT_EQ(made->skip, 0U);
  EXPECT_EQ(made->limit, 0U);
}

TEST(CloudforetQuery, UnwindOfTheNewerGenerationBecomesAStage) {
  Shown shown;
  const auto made = list(
      resource(Generation::newer(), "Secret"),
      R"({"query":{"only":["tags.l"],"unwind":{"path":"tags.l","filter":[{"k":"tags.l","v":"x","o":"eq"}]}}})", &shown);
  ASSERT_TRUE(made.ok()) << made.error().message();
  ASSERT_EQ(made->stages.size(), 2U);
  EXPECT_EQ(std::get<query::Unwind>(made->stages[0]).path, "tags.l");
  EXPECT_TRUE(shown.rows);
  EXPECT_THAT(shown.only, ElementsAre("tags.l", "name"));
}

TEST(CloudforetQuery, ConditionsAreShownAsPythonWritesThem) {
  query::Literal object;
  object.kind = query::Literal::Kind::object;
  object.names = {"it's"};
  object.items.push_back(query::Literal::of_list(
      {{}, query::Literal::of(true), query::Literal::of(1.0), query::Literal::of(0.5), query::Literal::of("a\n")}));
  EXPECT_EQ(python_repr(object), R"({"it's": [None, True, 1.0, 0.5, 'a\n']})");
  EXPECT_EQ(python_tuple({"a"}), "a");
  EXPECT_EQ(python_tuple({"a", "b"}), "('a', 'b')");
}

TEST(CloudforetQuery, StagesKnowFieldsOnlyBeforeAGroup) {
  const Resource& of = resource(Generation::newer(), "Secret");
  const auto stat = [&](const std::string& aggregate) {
    return read_stat(of, *request(of, "stat", R"({"query":{"aggregate":[)" + aggregate + "]}}"));
  };
  const std::string group = R"({"group":{"keys":[{"k":"schema_id","n":"s"}],"fields":[{"n":"c","o":"count"}]}})";
  const auto made = stat(group + R"(,{"sort":[{"key":"c","desc":true}]},{"limit":3})");
  ASSERT_TRUE(made.ok()) << made.error().message();
  ASSERT_EQ(made->stages.size(), 3U);
  EXPECT_EQ(std::get<query::Sort>(made->stages[1]).keys[0], (query::SortKey{"c", true}));
  EXPECT_THAT(stat(R"({"group":{"keys":[{"k":"c","n":"n"}]}})").error().message(),
              HasSubstr("Cannot resolve field \"c\""));
  EXPECT_THAT(stat(R"({"group":{"keys":[{"k":"name"}]}})").error().message(), HasSubstr("aggregate.group.keys.name"));
}

TEST(CloudforetQuery, RowsOfDocumentsAreKnownFromRowsOfStages) {
  const Resource& of = resource(Generation::older(), "Secret");
  const auto keeps = [&](const std::string& aggregate) {
    return keeps_documents(*child(*request(of, "stat", R"({"query":{"aggregate":[)" + aggregate + "]}}"), "query"));
  };
  const std::string sort = R"({"sort":{"key":"name"}},{"unwind":{"path":"tags.l"}},{"limit":1},{"skip":1})";
  EXPECT_TRUE(keeps(sort));
  EXPECT_FALSE(keeps(sort + R"(,{"group":{"keys":[{"k":"name","n":"n"}]}})"));
  EXPECT_FALSE(keeps(R"({"project":{"fields":[{"k":"schema"}]}},{"limit":1})"));
  EXPECT_FALSE(keeps(R"({"count":{"name":"n"}})"));
  EXPECT_FALSE(keeps("")) << "the values of distinct are none";
}

TEST(CloudforetQuery, RowsOfDocumentsHaveTheNamesOfTheirGeneration) {
  model::QueryReply reply;
  reply.rows = R"([{"secret_id":"s","schema_id":"aws","workspace_id":"w","project_id":"*","resource_group":"PROJECT",)"
               R"("secret_type":"CREDENTIALS","tags":{"schema_id":1}}])";
  const auto shown = [&](const Generation& generation) {
    const Resource& of = resource(generation, "Secret");
    const auto* type = of.service->FindMethodByName("stat")->output_type();
    std::unique_ptr<Message> out(generation.prototype(type).New());
    show_stat(of, reply, true, false, *out);
    return std::string(json_of(*out).expose());
  };
  EXPECT_EQ(
      shown(Generation::older()),
      R"({"results":[{"project_id":null,"schema":"aws","secret_id":"s","secret_type":"CREDENTIALS","tags":{"schema_id":1}}]})");
  EXPECT_EQ(
      shown(Generation::newer()),
      R"({"results":[{"project_id":"*","resource_group":"PROJECT","schema_id":"aws","secret_id":"s","tags":{"schema_id":1},"workspace_id":"w"}]})");
}

TEST(CloudforetChanges, NamesAndTagsAreTrimmedAndDataIsNot) {
  const Resource& of = resource(Generation::older(), "Secret");
  crypto::SeededRandom random(1);
  const auto made = read_create(of, *request(of, "create", R"({"name":" n ","secret_type":"CREDENTIALS",
      "data":{" k ":" v "},"tags":{" a ":[" b "]},"schema":"azure_key"})"),
                                "d", random);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(made->attributes.at("name"), "n");
  EXPECT_EQ(made->attributes.at("tags"), R"({"a":["b"]})");
  EXPECT_EQ(made->attributes.at("provider"), "azure");
  EXPECT_EQ(made->payload->content.expose(), R"({" k ":" v "})");
  EXPECT_TRUE(made->name.starts_with("secret-"));
  EXPECT_EQ(made->name.size(), 19U);
}

TEST(CloudforetChanges, EveryFieldHasItsLongestLength) {
  crypto::SeededRandom random(1);
  const auto create = [&](const Generation& generation, const char* name, const std::string& field, std::size_t size,
                          std::string domain = "d") {
    const Resource& of = resource(generation, name);
    std::string body = field == "name" ? R"({"data":{},)" : R"({"name":"n","data":{},)";
    if (of.is("Secret")) body += of.older() ? R"("secret_type":"CREDENTIALS",)" : R"("resource_group":"PROJECT",)";
    if (of.is("TrustedSecret") && !of.older()) body += R"("resource_group":"WORKSPACE",)";
    if (!field.empty()) body += '"' + field + R"(":")" + std::string(size, 'x') + R"(",)";
    body.back() = '}';
    const auto made = read_create(of, *request(of, "create", body), domain, random);
    return made.ok() ? std::string() : std::string(made.error().message());
  };
  const auto too_long = [](std::string resource, const std::string& field) {
    return "ERROR_DB_QUERY: Database query failed. (reason = ValidationError (" + std::move(resource) +
           ":None) (String value is too long: ['" + field + "']))";
  };
  const auto& older = Generation::older();
  const auto& newer = Generation::newer();
  const std::vector<std::tuple<const Generation*, const char*, const char*>> fields = {
      {&older, "Secret", "schema"},        {&older, "Secret", "service_account_id"},
      {&older, "Secret", "project_id"},    {&older, "Secret", "trusted_secret_id"},
      {&newer, "Secret", "schema_id"},     {&newer, "Secret", "workspace_id"},
      {&newer, "Secret", "project_id"},    {&newer, "TrustedSecret", "trusted_account_id"},
      {&newer, "UserSecret", "schema_id"}, {&older, "TrustedSecret", "schema"},
  };
  for (const auto& [generation, name, field] : fields) {
    EXPECT_EQ(create(*generation, name, field, 40), "") << name << " " << field;
    EXPECT_EQ(create(*generation, name, field, 41), too_long(name, field));
  }
  for (const char* name : {"Secret", "TrustedSecret", "UserSecret"}) {
    EXPECT_EQ(create(newer, name, "name", 255), "");
    EXPECT_EQ(create(newer, name, "name", 256), too_long(name, "name"));
    EXPECT_EQ(create(newer, name, "", 0, std::string(40, 'd')), "");
    EXPECT_EQ(create(newer, name, "", 0, std::string(41, 'd')), too_long(name, "domain_id"));
  }
  EXPECT_EQ(create(older, "Secret", "", 0, std::string(255, 'd')), "") << "1.12 has long ones";
  EXPECT_EQ(create(older, "Secret", "", 0, std::string(256, 'd')), too_long("Secret", "domain_id"));
  EXPECT_EQ(create(older, "UserSecret", "", 0, std::string(41, 'd')), too_long("UserSecret", "domain_id"));
}

TEST(CloudforetChanges, ARenameSaysWhatIsUniqueInEitherGeneration) {
  for (const Generation* generation : {&Generation::older(), &Generation::newer()}) {
    const Resource& of = resource(*generation, "Secret");
    EXPECT_EQ(read_update(of, *request(of, "update", R"({"secret_id":"s","name":"n"})"))->unique, "name");
    const Resource& user = resource(*generation, "UserSecret");
    EXPECT_EQ(read_update(user, *request(user, "update", R"({"user_secret_id":"s","name":"n"})"))->unique, "");
  }
}

TEST(CloudforetChanges, ASchemaTellsTheProviderAlsoBesideATrustedSecret) {
  const Resource& of = resource(Generation::older(), "Secret");
  crypto::SeededRandom random(1);
  const auto made = read_create(of, *request(of, "create", R"({"name":"n","secret_type":"CREDENTIALS","data":{},
      "schema":"google_key","trusted_secret_id":"trusted-secret-1"})"),
                                "d", random);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(made->attributes.at("provider"), "google_cloud") << "the shard puts the trusted one's over it";
}

}  // namespace
}  // namespace coffer::net::cloudforet
