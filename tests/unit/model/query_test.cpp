// The query's evaluator by example: nulls, times, what is refused, stages, distinct values and orders.

#include "model/query.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/query_json.hpp"
#include "model/query_stages.hpp"
#include "model/query_time.hpp"
#include "tests/unit/model/query_fixture.hpp"

namespace coffer::model::query {
namespace {

using testing::HasSubstr;

// ---- by example

TEST(Query, NullMatchesWhatIsStoredAsNullAndWhatIsMissing) {
  const auto doc = document("s", {{"name", "n"}});
  EXPECT_TRUE(holds(*doc, {"provider", Operator::eq, {}}));
  EXPECT_TRUE(holds(*doc, {"provider", Operator::exists, Literal::of(true)})) << "a stored null exists";
  EXPECT_TRUE(holds(*doc, {"secret_type", Operator::exists, Literal::of(false)}));
  EXPECT_TRUE(holds(*doc, {"tags.none", Operator::eq, {}}));
  EXPECT_FALSE(holds(*doc, {"tags.none", Operator::exists, Literal::of(true)}));
}

TEST(Query, TimesCompareWithIsoTextsAndRelativeTimes) {
  const auto doc = document("s", {}, kNow);
  const auto is = [&](Operator op, const char* text) { return holds(*doc, {"created_at", op, Literal::of(text)}); };
  EXPECT_TRUE(is(Operator::datetime_gt, "2023-11-14T22:13:19.999Z"));
  EXPECT_FALSE(is(Operator::datetime_gt, "2023-11-14T22:13:20Z"));
  EXPECT_TRUE(is(Operator::datetime_gte, "2023-11-14T23:13:20+01:00"));
  EXPECT_TRUE(is(Operator::datetime_lt, "2023-11-15"));
  EXPECT_TRUE(is(Operator::eq, "2023-11-14T22:13:20.000Z"));
  EXPECT_TRUE(is(Operator::lt, "2024-01-01"));
  EXPECT_TRUE(is(Operator::timediff_gt, "now - 1s"));
  EXPECT_TRUE(is(Operator::timediff_lte, "now"));
  EXPECT_TRUE(is(Operator::timediff_gt, "now/d"));
  EXPECT_FALSE(is(Operator::timediff_gt, "now/d+1d"));
  EXPECT_FALSE(holds(*doc, {"name", Operator::datetime_gt, Literal::of("2000-01-01")})) << "a text is no time";
}

TEST(Query, RelativeTimesBeginAtDaysMondaysAndFirsts) {
  const auto text = [](const char* t) {
    const auto time = parse_timediff(t, kNow);
    return time ? format_time(*time, "%Y-%m-%d %H:%M:%S") : "none";
  };
  EXPECT_EQ(text("now/d"), "2023-11-14 00:00:00");
  EXPECT_EQ(text("now/w"), "2023-11-13 00:00:00");
  EXPECT_EQ(text("now/m"), "2023-11-01 00:00:00");
  EXPECT_EQ(text(" now/d - 7d "), "2023-11-07 00:00:00");
  EXPECT_EQ(text("now+2w"), "2023-11-28 22:13:20");
  EXPECT_EQ(text("now - 90 m"), "2023-11-14 20:43:20");
  for (const char* bad : {"", "zzz", "now/x", "now-", "now-d", "now - 7y", "now -7 dd", "now*2d"}) {
    EXPECT_EQ(text(bad), "none") << bad;
  }
  for (const char* bad : {"2023", "2023-13-01", "2023-02-30", "2023-01-01T25:00", "2023-01-01T10", "2023-01-01x"}) {
    EXPECT_FALSE(parse_datetime(bad)) << bad;
  }
}

TEST(Query, WhatDoesNotFitIsRefusedWithAReason) {
  Pool pool;
  const auto problem = [&](Condition condition) {
    const Filter filter{{std::move(condition)}, {}};
    const auto checked = check_filter(filter, {});
    if (!checked) return std::string(checked.error().message());
    const auto made = Predicate::make(filter, schema(), pool, kAround);
    return made ? std::string() : std::string(made.error().message());
  };
  EXPECT_THAT(problem({"nofield", Operator::eq, {}}), HasSubstr("Cannot resolve field \"nofield\""));
  EXPECT_THAT(problem({"$where", Operator::eq, {}}), HasSubstr("begins with '$'"));
  EXPECT_THAT(problem({"name", Operator::eq, Literal::of_list({})}), HasSubstr("takes no list"));
  EXPECT_THAT(problem({"name", Operator::in, Literal::of("a")}), HasSubstr("needs a list"));
  EXPECT_THAT(problem({"name", Operator::exists, Literal::of("a")}), HasSubstr("true or false"));
  EXPECT_THAT(problem({"name", Operator::match, Literal::of("a")}), HasSubstr("needs an object"));
  EXPECT_THAT(problem({"name", Operator::contain, Literal::of(1.0)}), HasSubstr("needs text"));
  EXPECT_THAT(problem({"name", Operator::regex, Literal::of("(")}), HasSubstr("missing )"));
  EXPECT_THAT(problem({"name", Operator::regex, Literal::of(std::string(2000, 'a'))}), HasSubstr("1024 bytes"));
  EXPECT_THAT(problem({"name", Operator::datetime_gt, Literal::of("x")}), HasSubstr("ISO 8601"));
  EXPECT_THAT(problem({"name", Operator::timediff_gt, Literal::of("zzz")}), HasSubstr("(value = zzz)"));
  EXPECT_THAT(problem({"name", Operator::in, Literal::of_list(std::vector<Literal>(5000))}), HasSubstr("4096 items"));
  Filter many;
  many.any.resize(300, {"name", Operator::eq, {}});
  EXPECT_EQ(check_filter(many, {}).error().code, Code::too_large);
}

TEST(Query, BothGroupsOfConditionsMustHold) {
  const auto doc = document("s", {{"name", "n"}, {"provider", "aws"}});
  Pool pool;
  const auto holds_both = [&](Filter filter) { return Predicate::make(filter, schema(), pool, kAround)->holds(*doc); };
  const Condition good{"provider", Operator::eq, Literal::of("aws")}, bad{"name", Operator::eq, Literal::of("x")};
  EXPECT_TRUE(holds_both({}));
  EXPECT_TRUE(holds_both({{good}, {bad, good}}));
  EXPECT_FALSE(holds_both({{good}, {bad}}));
  EXPECT_FALSE(holds_both({{good, bad}, {good}}));
}

// ---- statistics

std::string run(const std::vector<Stage>& stages, const std::vector<std::shared_ptr<const Document>>& documents) {
  if (const auto checked = check_stages(stages, {}); !checked) return std::string(checked.error().message());
  auto pipeline = Pipeline::make(stages, schema(), kAround);
  if (!pipeline) return std::string(pipeline.error().message());
  for (const auto& one : documents) EXPECT_TRUE((*pipeline)->push(one).ok());
  // One step at a time: what is left must go on where it stopped.
  for (;;) {
    std::size_t budget = 1;
    const auto done = (*pipeline)->finish(budget);
    if (!done) return std::string(done.error().message());
    if (*done) break;
  }
  std::string out;
  for (const Value& row : (*pipeline)->rows()) append_json(row, out);
  return out;
}

const std::vector<std::shared_ptr<const Document>>& some() {
  static const std::vector<std::shared_ptr<const Document>> documents{
      document("1", {{"provider", "aws"}, {"tags", R"({"n":1,"l":["x","y"],"o":{"k":1}})"}}, 0),
      document("2", {{"provider", "aws"}, {"tags", R"({"n":3,"l":["y"],"o":{"k":2,"m":"é"}})"}}, 86'400'000LL * 40),
      document("3", {{"provider", "gcp"}, {"tags", R"({"n":2})"}}, kNow),
      document("4", {{"tags", R"({"n":"text"})"}}, kNow)};
  return documents;
}
Group by_provider(std::vector<GroupField> fields) { return {{{"provider", "p", ""}}, std::move(fields)}; }
GroupField field(const char* key, Aggregate aggregate) { return {key, "v", aggregate, {}, {}}; }

TEST(QueryStages, GroupsGatherEveryKindOfField) {
  EXPECT_EQ(run({by_provider({field("", Aggregate::count)})}, some()),
            R"({"p":"aws","v":2}{"p":"gcp","v":1}{"p":null,"v":1})");
  const auto all = [&](const char* key, Aggregate a) { return run({Group{{}, {field(key, a)}}}, some()); };
  EXPECT_EQ(all("tags.n", Aggregate::sum), R"({"v":6})");
  EXPECT_EQ(all("tags.n", Aggregate::average), R"({"v":2})");
  EXPECT_EQ(all("tags.n", Aggregate::max), R"({"v":"text"})") << "texts stand behind numbers";
  EXPECT_EQ(all("tags.n", Aggregate::min), R"({"v":1})");
  EXPECT_EQ(all("provider", Aggregate::first), R"({"v":"aws"})");
  EXPECT_EQ(all("provider", Aggregate::last), R"({"v":null})");
  EXPECT_EQ(all("provider", Aggregate::push), R"({"v":["aws","aws","gcp",null]})");
  EXPECT_EQ(all("provider", Aggregate::add_to_set), R"({"v":[null,"aws","gcp"]})");
  EXPECT_EQ(all("tags.o", Aggregate::merge_objects), R"({"v":{"k":2,"m":"é"}})");
  EXPECT_EQ(all("created_at", Aggregate::max), R"({"v":"2023-11-14T22:13:20.000Z"})");
}

TEST(QueryStages, FieldsMayCountOnlySomeRowsAndPushObjects) {
  GroupField counted = field("", Aggregate::count);
  counted.conditions.push_back({"tags.n", Operator::gte, Literal::of(2.0)});
  EXPECT_EQ(run({Group{{}, {counted}}}, some()), R"({"v":2})");
  GroupField pushed = field("", Aggregate::push);
  pushed.fields = {{"secret_id", "id"}, {"provider", "from"}};
  EXPECT_EQ(run({Group{{}, {pushed}}, Limit{1}}, {some()[0], some()[3]}),
            R"({"v":[{"id":"1","from":"aws"},{"id":"4","from":null}]})");
}

TEST(QueryStages, DatesAreCutAndWritten) {
  const auto by = [&](const char* format) {
    return run({Group{{{"created_at", "d", format}}, {field("", Aggregate::count)}}}, some());
  };
  EXPECT_EQ(by("year"), R"({"d":1970,"v":2}{"d":2023,"v":2})");
  EXPECT_EQ(by("%Y-%m"), R"({"d":"1970-01","v":1}{"d":"1970-02","v":1}{"d":"2023-11","v":2})");
  EXPECT_EQ(by("day"), R"({"d":1,"v":1}{"d":10,"v":1}{"d":14,"v":2})");
}

TEST(QueryStages, LaterStagesSeeTheNamesOfEarlierOnes) {
  const Group group = by_provider({field("", Aggregate::count)});
  EXPECT_EQ(run({group, Sort{{{"v", true}, {"p", false}}}, Limit{2}}, some()), R"({"p":"aws","v":2}{"p":null,"v":1})");
  EXPECT_EQ(run({group, Skip{2}}, some()), R"({"p":null,"v":1})");
  EXPECT_EQ(run({group, Group{{{"v", "n", ""}}, {field("", Aggregate::count)}}}, some()),
            R"({"n":2,"v":1}{"n":1,"v":2})");
  EXPECT_EQ(run({group, Project{{{"v", "count", Projector::none}}, false}}, {some()[0]}), R"({"p":"aws","count":1})");
  EXPECT_EQ(run({group, Project{{{"v", "count", Projector::none}}, true}}, {some()[0]}), R"({"count":1})");
  EXPECT_EQ(run({Count{"total"}}, some()), R"({"total":4})");
  EXPECT_EQ(run({Count{"total"}}, {}), "") << "no row when nothing was there";
}

TEST(QueryStages, UnwindMakesARowOfEachElement) {
  const std::vector<Stage> stages{Unwind{"tags.l", {}}, Group{{{"tags.l", "l", ""}}, {field("", Aggregate::count)}}};
  EXPECT_EQ(run(stages, some()), R"({"l":"x","v":1}{"l":"y","v":2})");
  const Condition only{"tags.l", Operator::eq, Literal::of("x")};
  EXPECT_EQ(run({Unwind{"tags.l", {only}}, Count{"n"}}, some()), R"({"n":1})");
  const std::vector<Stage> texts{Unwind{"tags.n", {}}, Count{"n"}};
  EXPECT_EQ(run(texts, some()), R"({"n":4})") << "what is no list counts as a list of one, as in MongoDB";
  EXPECT_EQ(run({Unwind{"tags.missing", {}}, Count{"n"}}, some()), "");
}

TEST(QueryStages, ProjectorsWorkOnListsAndObjects) {
  GroupField lists = field("tags.n", Aggregate::push);
  const auto project = [&](const char* key, Projector p) {
    return run({Group{{}, {lists, {"tags.o", "o", Aggregate::first, {}, {}}}}, Project{{{key, "x", p}}, true}}, some());
  };
  EXPECT_EQ(project("v", Projector::size), R"({"x":4})");
  EXPECT_EQ(project("v", Projector::sum), R"({"x":6})");
  EXPECT_EQ(project("o", Projector::object_to_array), R"({"x":[{"k":"k","v":1}]})");
  EXPECT_EQ(run({Group{{}, {{"tags.o", "o", Aggregate::first, {}, {}}}},
                 Project{{{"o", "a", Projector::object_to_array}}, true},
                 Project{{{"a", "x", Projector::array_to_object}}, true}},
                some()),
            R"({"x":{"k":1}})");
}

TEST(QueryStages, WhatCannotWorkIsRefused) {
  EXPECT_THAT(run({Group{}}, {}), HasSubstr("needs keys or fields"));
  EXPECT_THAT(run({by_provider({field("", Aggregate::sum)})}, {}), HasSubstr("needs a key"));
  EXPECT_THAT(run({Group{{{"nofield", "n", ""}}, {}}}, {}), HasSubstr("Cannot resolve field \"nofield\""));
  EXPECT_THAT(run(std::vector<Stage>(40, Limit{1}), {}), HasSubstr("32 stages"));
  EXPECT_THAT(run({Unwind{"", {}}}, {}), HasSubstr("needs a path"));
}

TEST(QueryStages, OneDocumentOfListsWithinListsCannotFillTheMemory) {
  std::string list = "[0";
  for (int i = 1; i < 3000; ++i) list += "," + std::to_string(i);
  const auto bomb = tagged("{\"a\":" + list + "],\"b\":" + list + "]}");
  auto pipeline = Pipeline::make({Unwind{"tags.a", {}}, Unwind{"tags.b", {}}, Count{"n"}}, schema(), kAround);
  ASSERT_TRUE(pipeline.ok());
  const auto pushed = (*pipeline)->push(bomb);  // nine million rows
  ASSERT_FALSE(pushed.ok());
  EXPECT_EQ(pushed.error().code, Code::too_large);
}

/// Each stage pushes the value of the one before ten times: little is held, and written it would be ten times longer.
std::vector<Stage> shared_tenfold(int times) {
  std::vector<Stage> stages{Group{{}, {{"name", "x", Aggregate::push, {}, {}}}}};
  for (int i = 0; i < times; ++i) {
    GroupField pushed{"", "x", Aggregate::push, {}, {}};
    for (char name = '0'; name <= '9'; ++name) pushed.fields.emplace_back("x", std::string("a") + name);
    stages.push_back(Group{{}, {pushed}});
  }
  return stages;
}
std::string run_shared(int times, const std::vector<Stage>& more) {
  std::vector<Stage> stages = shared_tenfold(times);
  stages.insert(stages.end(), more.begin(), more.end());
  return run(stages, {document("1", {{"name", "n"}}), document("2", {{"name", "m"}})});
}
const Group kCountByShared{{{"x", "y", ""}}, {{"", "c", Aggregate::count, {}, {}}}};
const Project kShowCount{{{"c", "c", Projector::none}}, true};

TEST(QueryStages, ValuesThatShareTheirPartsAreHeldButNotComparedWithoutEnd) {
  EXPECT_EQ(run_shared(2, {kCountByShared, kShowCount}), R"({"c":1})");
  EXPECT_EQ(run_shared(20, {Count{"c"}}), R"({"c":1})") << "nobody looks at it";
  for (const int times : {8, 20, 26}) {
    const Sort sort{{{"x", false}}};
    const Group set{{}, {{"x", "s", Aggregate::add_to_set, {}, {}}}};
    const Unwind unwind{"x", {{"a0.a0.a0", Operator::eq, Literal::of("n")}}};
    for (const Stage& stage : std::vector<Stage>{kCountByShared, sort, set, unwind}) {
      EXPECT_THAT(run_shared(times, {stage, kShowCount}), HasSubstr("the statistics compare values of more than"))
          << times << " stages, then " << stage.index();
    }
  }
}

TEST(QueryStages, RowsOfSharedValuesAreWrittenInPiecesThatCanBeStopped) {
  const std::vector<Stage> stages = shared_tenfold(31);
  auto pipeline = Pipeline::make(stages, schema(), kAround);
  ASSERT_TRUE(pipeline.ok());
  ASSERT_TRUE((*pipeline)->push(document("1", {{"name", "n"}})).ok());
  std::size_t budget = 1000;
  ASSERT_TRUE(*(*pipeline)->finish(budget));
  JsonWriter writer((*pipeline)->rows().front());
  std::string out;
  EXPECT_FALSE(writer.write(out, 100'000)) << "it goes on for 10^31 values";
  EXPECT_LE(out.size(), 100'100u);
  EXPECT_GT(writer.written(), 10'000u);
}

TEST(QueryStages, LongListsInManyRowsCannotFillTheMemory) {
  std::string pairs = R"([["n0",0])";
  for (int i = 1; i < 3000; ++i) pairs += ",[\"n" + std::to_string(i) + "\",0]";
  const auto bomb = tagged("{\"a\":" + pairs + "],\"b\":" + pairs + "]}");
  const Project objects{{{"tags.b", "o", Projector::array_to_object}}, true};
  const Group merged{{}, {{"o", "m", Aggregate::merge_objects, {}, {}}}};
  const std::vector<Stage> stages{Unwind{"tags.a", {}}, objects, merged, Count{"n"}};
  auto pipeline = Pipeline::make(stages, schema(), kAround);
  ASSERT_TRUE(pipeline.ok());
  const auto pushed = (*pipeline)->push(bomb);  // 3,000 rows, each with an object of 3,000 members
  ASSERT_FALSE(pushed.ok());
  EXPECT_EQ(pushed.error().code, Code::too_large);
}

TEST(QueryValue, ItsWeightIsNoLessThanItsIdentityAndNeverWrapsAround) {
  Pool pool;
  Value value = parse_json(R"({"a":["é",1,true,null,{}],"bc":{"d":[[]]}})", pool);
  std::string identity;
  append_identity(value, identity);
  EXPECT_GE(value.weight(), identity.size());
  EXPECT_LE(value.weight(), 4 * identity.size());
  for (int i = 0; i < 200; ++i) {
    const std::size_t before = value.weight();
    value = pool.list(std::vector<Value>(10, value));
    EXPECT_GE(value.weight(), before);
  }
  EXPECT_EQ(value.weight(), Value::kMostWeight);
}

TEST(QueryStages, DistinctValuesComeOnceAndInOrder) {
  const auto distinct = [](const char* key) {
    Distinct d(key, schema());
    for (const auto& one : some()) EXPECT_TRUE(d.push(one).ok());
    std::string out;
    while (const auto v = d.next()) append_json(*v, out), out += ' ';
    return out;
  };
  EXPECT_EQ(distinct("provider"), "null \"aws\" \"gcp\" ");
  EXPECT_EQ(distinct("tags.l"), "\"x\" \"y\" ");
  EXPECT_EQ(distinct("tags.n"), "1 2 3 \"text\" ");
  EXPECT_EQ(distinct("tags"), "") << "objects are no values";
  EXPECT_EQ(distinct("nofield"), "");
}

TEST(QueryValue, JsonIsReadWithEscapesAndRefusedWhenItIsNone) {
  Pool pool;
  std::string out;
  append_json(parse_json(R"( {"a":"x\"\u00e9\n","b":[1,2.5,-3e2,true,null,{}]} )", pool), out);
  EXPECT_EQ(out, "{\"a\":\"x\\\"é\\n\",\"b\":[1,2.5,-300,true,null,{}]}");
  for (const char* bad : {"", "{", "[1,", "{\"a\"}", "tru", "\"", "[1] 2", "{a:1}"}) {
    EXPECT_TRUE(parse_json(bad, pool).is_missing()) << bad;
  }
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_TRUE(parse_json(deep, pool).is_missing());
}

TEST(QueryValue, KindsSortInMongosOrder) {
  Pool pool;
  const std::vector<Value> ascending{Value::null(),
                                     Value::of(std::nan("")),
                                     Value::of(-1.0),
                                     Value::of(2.0),
                                     Value::of(std::string_view("A")),
                                     Value::of(std::string_view("a")),
                                     pool.object({}),
                                     pool.object({{"a", Value::of(1.0)}}),
                                     pool.list({}),
                                     pool.list({Value::null()}),
                                     Value::of(false),
                                     Value::of(true),
                                     Value::of_time(0)};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const int order = compare(ascending[i], ascending[j]);
      EXPECT_EQ(order < 0, i < j) << i << " " << j;
      EXPECT_EQ(order == 0, i == j) << i << " " << j;
    }
  }
}

TEST(QueryNames, EveryOperatorIsReadByItsName) {
  for (std::size_t i = 0; i < kOperators; ++i) {
    const auto op = static_cast<Operator>(i);
    EXPECT_EQ(parse_operator(to_string(op)), op) << to_string(op);
  }
  EXPECT_FALSE(parse_operator("like"));
  EXPECT_EQ(to_string(Operator::differs), "not");
}

// ---- entries without a document

TEST(QueryFilter, APredicateNeedsItsFilterNoMore) {
  const auto doc = tagged(R"({"env": "prod", "list": [{"a": "x"}], "n": "5"})");
  Literal member = Literal::of_list({Literal::of("x")});
  member.kind = Literal::Kind::object;
  member.names = {"a"};
  Filter filter;
  filter.all = {{"tags.env", Operator::eq, Literal::of("prod")},
                {"tags.env", Operator::in, Literal::of_list({Literal::of("prod"), Literal::of("none")})},
                {"tags.env", Operator::gte, Literal::of("prod")},
                {"tags.list", Operator::match, member}};
  Pool pool;
  const auto predicate = Predicate::make(filter, schema(), pool, kAround);
  ASSERT_TRUE(predicate.ok());
  ASSERT_TRUE(predicate->holds(*doc));
  // What a filter that is gone would look like, without reading memory that is given back.
  for (Condition& condition : filter.all) {
    condition.value.text.assign("zzzz");
    for (std::string& name : condition.value.names) name.assign("z");
    for (Literal& item : condition.value.items) item.text.assign("z");
  }
  EXPECT_TRUE(predicate->holds(*doc));
}

TEST(QueryFilter, AnEntrysOwnTagsAreLookedAtWithoutMakingADocument) {
  Entry secret;
  secret.name = "app/db";
  secret.description = "the pool's";
  secret.created_at = kNow;
  secret.tags = {{"env", "prod"}, {"team.id", "a=b"}, {"empty", ""}};
  const auto in = [&](Filter filter) {
    Pool pool;
    auto predicate = Predicate::make(filter, native_schema(), pool, kAround);
    if (!predicate) return std::string(predicate.error().message());
    const auto document = make_document(std::make_shared<const Entry>(secret), native_schema());
    EXPECT_EQ(predicate->holds(secret), predicate->holds(*document)) << "both ways of asking are one evaluator";
    return std::string(predicate->holds(secret) ? "yes" : "no");
  };
  const auto tag = [](const char* key, const char* value) {
    return Condition{"tags." + std::string(key), Operator::eq, Literal::of(value)};
  };
  EXPECT_EQ(in({}), "yes");
  EXPECT_EQ(in({{tag("env", "prod")}, {}}), "yes");
  EXPECT_EQ(in({{tag("env", "pro")}, {}}), "no");
  EXPECT_EQ(in({{tag("env", "prod"), tag("team.id", "a=b")}, {}}), "yes") << "a dot in a tag's name is a dot";
  EXPECT_EQ(in({{tag("team", "a=b")}, {}}), "no");
  EXPECT_EQ(in({{tag("empty", "")}, {}}), "yes");
  EXPECT_EQ(in({{tag("absent", "")}, {}}), "no") << "an absent tag is not an empty one";
  EXPECT_EQ(in({{{"tags.absent", Operator::exists, Literal::of(false)}}, {}}), "yes");
  EXPECT_EQ(in({{{"tags", Operator::exists, Literal::of(true)}}, {tag("env", "prod")}}), "yes");
  EXPECT_EQ(in({{{"name", Operator::contain, Literal::of("DB")}}, {}}), "yes");
  EXPECT_EQ(in({{{"description", Operator::eq, Literal::of("x")}}, {}}), "no");
  EXPECT_EQ(in({{{"created_at", Operator::datetime_gte, Literal::of("2023-11-14T22:13:20Z")}}, {}}), "yes");
  EXPECT_EQ(in({{tag("x", "y"), {"owner", Operator::eq, {}}}, {}}), "Cannot resolve field \"owner\"");
}

// ---- JSON in pieces

TEST(QueryJson, PiecesOfAnySizeMakeTheSameText) {
  Pool pool;
  const std::string json = R"({"a":[1,{"b":"x\"y","c":[]},null,true],"d":{},"e":"long enough to be a piece"})";
  const Value value = parse_json(json, pool);
  for (std::size_t most = 1; most < json.size() + 2; ++most) {
    JsonWriter writer(value);
    std::string out;
    int pieces = 1;
    while (!writer.write(out, most)) ++pieces;
    EXPECT_EQ(out, json);
    if (most == 1) {
      EXPECT_GT(pieces, 10);
    }
  }
}

}  // namespace
}  // namespace coffer::model::query
