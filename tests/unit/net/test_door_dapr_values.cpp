// The values beneath the Dapr door: Go's JSON, scopes, versions and projections.

#include <gtest/gtest.h>

#include "net/dapr/attributes.hpp"
#include "net/dapr/go_json.hpp"
#include "net/dapr/paths.hpp"
#include "net/dapr/projection.hpp"
#include "net/dapr/stores.hpp"

namespace coffer::net::dapr {
namespace {

std::string go_string(std::string_view text) {
  std::string out;
  append_go_string(&out, text);
  return out;
}

TEST(GoJson, EscapesAsEncodingJsonDoes) {
  const struct {
    std::string text, json;
  } table[] = {
      {"plain", R"("plain")"},
      {"\"\\/", R"("\"\\/")"},
      {"<a>&", R"("\u003ca\u003e\u0026")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {std::string("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\""},
      {"\xe2\x80\xa8\xe2\x80\xa9", R"("\u2028\u2029")"},
      {"grüße 😀", "\"grüße 😀\""},
      {"a\xff\xc0z", R"("a\ufffd\ufffdz")"},
  };
  for (const auto& row : table) EXPECT_EQ(go_string(row.text), row.json);
}

TEST(GoJson, SortsKeysByTheirBytes) {
  std::string out;
  append_go_map(&out, {{"b", "2"}, {"a", "1"}, {"B", "3"}, {"ä", "4"}});
  EXPECT_EQ(out, "{\"B\":\"3\",\"a\":\"1\",\"b\":\"2\",\"ä\":\"4\"}");
  out.clear();
  append_go_map(&out, {});
  EXPECT_EQ(out, "{}");
}

TEST(GoJson, QuotesAsStrconvDoes) {
  EXPECT_EQ(go_quote("key"), "\"key\"");
  EXPECT_EQ(go_quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(go_quote("\a\b\f\n\r\t\v"), R"("\a\b\f\n\r\t\v")");
  EXPECT_EQ(go_quote(std::string("\0\x1b\x7f", 3)), R"("\x00\x1b\x7f")");
  EXPECT_EQ(go_quote("ü\xc2\x85\xc2\xa0\xe2\x80\xa8"), R"("ü\u0085\u00a0\u2028")");
  EXPECT_EQ(go_quote("<&>"), "\"<&>\"");
}

TEST(Paths, AreCleanedAsGosPathCleanDoesOnTheRawPath) {
  const std::pair<const char*, const char*> table[] = {
      {"/v1.0/secrets/s/k", "/v1.0/secrets/s/k"},
      {"/v1.0//secrets///s/k", "/v1.0/secrets/s/k"},
      {"/v1.0/secrets/s/k/", "/v1.0/secrets/s/k"},
      {"/v1.0/./secrets/s/.", "/v1.0/secrets/s"},
      {"/v1.0/secrets/x/../s/k", "/v1.0/secrets/s/k"},
      {"/v1.0/../../..", "/"},
      {"/v1.0/secrets/s/%2e%2e", "/v1.0/secrets/s/%2e%2e"},
      {"/v1.0/secrets/s/..k", "/v1.0/secrets/s/..k"},
      {"/", "/"},
      {"", "/"},
  };
  for (const auto& [raw, cleaned] : table) EXPECT_EQ(clean_path(raw), cleaned) << raw;
}

TEST(Scopes, DecideAsUpstreamsTable) {
  using Names = std::vector<std::string>;
  const struct {
    bool deny;
    Names allowed, denied;
    bool s1, s2, other, empty;
  } table[] = {
      {false, {}, {}, true, true, true, true},
      {true, {}, {}, false, false, false, false},
      {true, {"s1"}, {}, true, false, false, false},
      {false, {"s1"}, {}, true, false, false, false},
      {false, {}, {"s1"}, false, true, true, true},
      {true, {}, {"s1"}, false, false, false, false},
      {false, {"s1"}, {"s2"}, true, false, false, false},
      {true, {"s1"}, {"s1"}, true, false, false, false},
  };
  for (std::size_t i = 0; i < std::size(table); ++i) {
    DaprStore scopes;
    scopes.default_deny = table[i].deny;
    scopes.allowed = table[i].allowed;
    scopes.denied = table[i].denied;
    View view;
    view.scopes = &scopes;
    EXPECT_EQ(is_allowed(view, "s1"), table[i].s1) << i;
    EXPECT_EQ(is_allowed(view, "s2"), table[i].s2) << i;
    EXPECT_EQ(is_allowed(view, "S1"), table[i].other) << i << ": names are case-sensitive";
    EXPECT_EQ(is_allowed(view, "s1x"), table[i].other) << i << ": names match whole";
    EXPECT_EQ(is_allowed(view, ""), table[i].empty) << i;
  }
  EXPECT_TRUE(is_allowed(View(), "anything"));
}

TEST(VersionId, IsANumberAndZeroOrNothingIsTheNewest) {
  for (const char* newest : {"", "0", "00"}) EXPECT_EQ(read_version(newest).value(), 0u) << newest;
  EXPECT_EQ(read_version("15").value(), 15u);
  EXPECT_EQ(read_version("18446744073709551615").value(), ~std::uint64_t{0});
  EXPECT_EQ(read_version("18446744073709551616").error().code, model::Code::version_not_found);
  for (const char* bad : {"x", "1x", "-1", "+1", " 1", "1 ", "1.5", "0x1"}) {
    const auto version = read_version(bad);
    ASSERT_FALSE(version.ok()) << bad;
    EXPECT_EQ(version.error().code, model::Code::invalid_argument) << bad;
  }
}

model::Payload map_of(std::vector<std::pair<std::string, std::string>> members) {
  model::Payload payload{model::PayloadKind::map, {}, {}};
  for (const auto& [key, value] : members) payload.map.emplace_back(key, model::Secret(value));
  return payload;
}

TEST(Projection, ShowsEachKindInBothKindsOfStore) {
  const model::Payload json{model::PayloadKind::json, model::Secret(R"({"b":[1,2],"a":"x"})"), {}};
  const struct {
    model::Payload payload;
    StringMap single, multiple;
  } table[] = {
      {model::Payload::of_text("v"), {{"n", "v"}}, {{"n", "v"}}},
      {model::Payload::of_bytes("täxt"), {{"n", "täxt"}}, {{"n", "täxt"}}},
      {map_of({{"p", "2"}, {"u", "1"}}), {{"n", R"({"p":"2","u":"1"})"}}, {{"p", "2"}, {"u", "1"}}},
      {json, {{"n", R"({"b":[1,2],"a":"x"})"}}, {{"a", "x"}, {"b", "[1,2]"}}},
      {model::Payload::of_text(R"({"a":"1"})"), {{"n", R"({"a":"1"})"}}, {{"n", R"({"a":"1"})"}}},
  };
  for (const auto& row : table) {
    EXPECT_EQ(project(row.payload, "n", false), row.single);
    EXPECT_EQ(project(row.payload, "n", true), row.multiple);
  }
}

TEST(Projection, MarksWhatIsBase64BecauseItIsNoText) {
  const StringMap expected{{"n", "/wBi"}, {"n.encoding", "base64"}};
  EXPECT_EQ(project(model::Payload::of_bytes(std::string_view("\xff\0b", 3)), "n", false), expected);
  EXPECT_EQ(project(model::Payload::of_bytes(std::string_view("\xff\0b", 3)), "n", true), expected);
  EXPECT_EQ(project(map_of({{"a", "\xff"}, {"b", "text"}}), "n", true),
            (StringMap{{"a", "/w=="}, {"a.encoding", "base64"}, {"b", "text"}}));
  EXPECT_EQ(project(map_of({{"a", "\xff"}, {"a.encoding", "own"}}), "n", true),
            (StringMap{{"a", "/w=="}, {"a.encoding", "own"}}));
}

TEST(Projection, OfABulkReadLeavesOutWhatTheScopesDeny) {
  model::ListReply reply;
  for (const char* name : {"a", "b", "c"}) {
    model::EntryReply entry;
    entry.entry.name = name;
    if (*name != 'c') entry.payload = model::Payload::of_text("v");
    reply.entries.push_back(std::move(entry));
  }
  DaprStore scopes;
  scopes.denied = {"a"};
  View view;
  EXPECT_EQ(project_all(reply, view).size(), 2u) << "an entry without its payload may not be read";
  view.scopes = &scopes;
  EXPECT_EQ(project_all(reply, view), (std::map<std::string, StringMap>{{"b", {{"b", "v"}}}}));
}

TEST(Attributes, BelongToTheirCredentialAndAreBounded) {
  Attributes attributes;
  model::Credential one, two;
  one.token_hash = "1";
  two.token_hash = "2";
  EXPECT_TRUE(attributes.set(one, "k", "v"));
  EXPECT_TRUE(attributes.set(one, "k", "w"));
  EXPECT_EQ(attributes.of(one), (StringMap{{"k", "w"}}));
  EXPECT_TRUE(attributes.of(two).empty());
  EXPECT_FALSE(attributes.set(one, "", "v"));
  EXPECT_FALSE(attributes.set(one, std::string(129, 'k'), "v"));
  EXPECT_FALSE(attributes.set(one, "long", std::string(4097, 'v')));
  EXPECT_FALSE(attributes.set(one, "bytes", "\xff"));
  for (std::size_t i = 0; i < Attributes::kMostOfOne; ++i) EXPECT_TRUE(attributes.set(two, std::to_string(i), ""));
  EXPECT_FALSE(attributes.set(two, "one more", ""));
  EXPECT_TRUE(attributes.set(two, "1", "changed"));
}

}  // namespace
}  // namespace coffer::net::dapr
