// Payloads: the stored encoding and its damage, the projections of every kind into every door's view, base64.

#include "model/payload.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/model/golden.hpp"

namespace coffer::model {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Payload map_of(const Pairs& pairs) {
  Payload payload{PayloadKind::map, {}, {}};
  for (const auto& [key, value] : pairs) payload.map.emplace_back(key, Secret(value));
  return payload;
}

Payload json_of(std::string_view text) { return {PayloadKind::json, Secret(text), {}}; }

Pairs map_view(const Payload& payload) {
  Pairs pairs;
  for (const auto& [key, value] : as_map(payload, "value")) pairs.emplace_back(key, std::string(value.expose()));
  return pairs;
}

std::string text_view(const Payload& payload) { return std::string(as_text(payload).text.expose()); }

std::string round_trip(std::string_view bytes) {
  const Result<Secret> decoded = base64_decode(base64_encode(bytes).expose());
  return decoded ? std::string(decoded->expose()) : "error: " + std::string(decoded.error().message());
}

const std::vector<Payload>& samples() {
  static const std::vector<Payload> all{
      Payload::of_bytes(std::string("\0\x01\xff", 3)),
      Payload::of_bytes(""),
      Payload::of_text("p\xc3\xa4ss"),
      map_of({{"password", "hunter2"}, {"user", "admin"}}),
      map_of({{"k", ""}}),
      map_of({{"long", std::string(300, 'v')}}),
      json_of(R"({"a":1})"),
  };
  return all;
}

TEST(PayloadEncoding, IsReadBackAsItWas) {
  for (const Payload& payload : samples()) {
    Secret encoded = encode_payload(payload);
    const Result<Payload> copied = decode_payload(encoded.expose());
    ASSERT_TRUE(copied.ok());
    EXPECT_TRUE(*copied == payload);
    const Result<Payload> taken = decode_payload(std::move(encoded));
    ASSERT_TRUE(taken.ok());
    EXPECT_TRUE(*taken == payload);
  }
}

TEST(PayloadEncoding, HasTheBytesOfTheGoldenFiles) {
  const char* names[] = {"payload_bytes",   "payload_empty",    "payload_text", "payload_map",
                         "payload_map_one", "payload_map_long", "payload_json"};
  ASSERT_EQ(std::size(names), samples().size());
  for (std::size_t i = 0; i < samples().size(); ++i)
    test::expect_golden(names[i], encode_payload(samples()[i]).expose());
}

TEST(PayloadEncoding, RefusesWhatEncodeNeverWrites) {
  using namespace std::string_literals;
  const std::string damaged[] = {
      "",             // nothing
      "\x01"s,        // no kind
      "\x02\x01 x"s,  // a format of the future
      "\x00\x01 x"s,  // format zero
      "\x01\x00 x"s,
      "\x01\x05 x"s,                                            // no such kind
      "\x01\x03\x01"s,                                          // a key that is cut
      "\x01\x03\x01k"s,                                         // no value
      "\x01\x03\x01k\x02v"s,                                    // a value that is cut
      "\x01\x03\x81\x00k\x01v"s,                                // a length not in its shortest form
      "\x01\x03\x01k\x01v\x01k\x01v"s,                          // a repeated key
      "\x01\x03\x01l\x01v\x01k\x01v"s,                          // keys out of order
      "\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,      // a length beyond everything
      "\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"s,      // more than 64 bits
      "\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,  // more than ten bytes
  };
  for (const std::string& bytes : damaged) {
    const Result<Payload> result = decode_payload(bytes);
    ASSERT_FALSE(result.ok()) << test::hex_lines(bytes);
    EXPECT_EQ(result.error().code, Code::data_loss);
    EXPECT_EQ(decode_payload(Secret(bytes)).error(), result.error());
  }
}

TEST(PayloadEncoding, EveryCutOfAMapIsRefusedUnlessAPairEndsThere) {
  const Payload payload = map_of({{"a", "1"}, {"b", "2"}});
  const Secret encoded = encode_payload(payload);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    const bool between_pairs = size == 2 || size == 6;
    EXPECT_EQ(decode_payload(encoded.expose().substr(0, size)).ok(), between_pairs) << size;
  }
}

TEST(PayloadSize, CountsContentKeysAndValues) {
  EXPECT_EQ(Payload::of_text("12345").size(), 5u);
  EXPECT_EQ(map_of({{"ab", "123"}, {"c", "4"}}).size(), 7u);
}

TEST(Projection, TextShowsEachKindAsAStringDoorDoes) {
  EXPECT_EQ(text_view(Payload::of_text("plain")), "plain");
  EXPECT_EQ(text_view(json_of("[1, 2]")), "[1, 2]");
  EXPECT_EQ(text_view(Payload::of_bytes("utf-8 \xc3\xa9")), "utf-8 \xc3\xa9");
  EXPECT_FALSE(as_text(Payload::of_bytes("utf-8")).is_base64);
  EXPECT_EQ(text_view(Payload::of_bytes("\xff\xfe")), "//4=");
  EXPECT_TRUE(as_text(Payload::of_bytes("\xff\xfe")).is_base64);
  EXPECT_EQ(text_view(map_of({{"a", "x\"y"}, {"b\n", "\x01"}})), R"({"a":"x\"y","b\n":"\u0001"})");
  EXPECT_EQ(text_view(map_of({})), "{}");
}

TEST(Projection, BytesShowsContentAsItIsAndMapsAsJson) {
  EXPECT_EQ(as_bytes(Payload::of_bytes("\xff")).expose(), "\xff");
  EXPECT_EQ(as_bytes(Payload::of_text("t")).expose(), "t");
  EXPECT_EQ(as_bytes(json_of("{} ")).expose(), "{} ");
  EXPECT_EQ(as_bytes(map_of({{"a", "1"}, {"b", "2"}})).expose(), R"({"a":"1","b":"2"})");
}

TEST(Projection, MapShowsMembersOrASingleKey) {
  EXPECT_EQ(map_view(map_of({{"a", "1"}})), (Pairs{{"a", "1"}}));
  EXPECT_EQ(map_view(Payload::of_text("t")), (Pairs{{"value", "t"}}));
  EXPECT_EQ(map_view(Payload::of_bytes("\xff")), (Pairs{{"value", "/w=="}}));
  EXPECT_EQ(map_view(json_of(R"({"b":"text","a":[1],"c":{"d":null}})")),
            (Pairs{{"a", "[1]"}, {"b", "text"}, {"c", R"({"d":null})"}}));
  EXPECT_EQ(map_view(json_of("[1]")), (Pairs{{"value", "[1]"}}));
  EXPECT_EQ(map_view(json_of("{\"a\":")), (Pairs{{"value", "{\"a\":"}}));
  EXPECT_EQ(map_view(json_of("{}")), Pairs{});
}

TEST(Projection, OfARepeatedJsonNameTheLastStays) {
  EXPECT_EQ(map_view(json_of(R"({"b":"1","a":"2","b":"3","a":"4","b":"5"})")), (Pairs{{"a", "4"}, {"b", "5"}}));
}

TEST(Projection, OfAMapAsJsonIsReadBackAsTheSameMap) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    Pairs pairs;
    for (int i = 0; i < 5; ++i) {
      std::string text;
      for (int j = 0; j < 8; ++j) text += static_cast<char>(random() % 0x80);
      pairs.emplace_back("key" + std::to_string(i) + text, text);
    }
    EXPECT_EQ(map_view(json_of(as_text(map_of(pairs)).text.expose())), pairs);
  }
}

TEST(Base64, HasTheVectorsOfRfc4648) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes).expose(), text);
    EXPECT_EQ(round_trip(bytes), bytes);
    const std::string bare = text.substr(0, text.find('='));
    EXPECT_EQ(base64_decode(bare)->expose(), bytes) << "without padding";
  }
}

TEST(Base64, ReadsBothAlphabets) {
  EXPECT_EQ(base64_encode("\xfb\xff\xfe").expose(), "+//+");
  EXPECT_EQ(base64_decode("+//+")->expose(), "\xfb\xff\xfe");
  EXPECT_EQ(base64_decode("-__-")->expose(), "\xfb\xff\xfe");
}

TEST(Base64, RoundTripsEveryLengthAndByte) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(round_trip(bytes), bytes);
    bytes += static_cast<char>(i);
  }
}

TEST(Base64, RefusesWithAPositionAndWithoutTheText) {
  const std::pair<std::string, std::string> refused[] = {
      {"Zm9v!mFy", "base64: byte 4 is not in the alphabet"},
      {"Zm9v YmFy", "base64: the length 9 cannot be; the text is cut or too long"},
      {"Z", "base64: the length 1 cannot be; the text is cut or too long"},
      {"Zg=", "base64: the padding does not fit the length"},
      {"Zg===", "base64: the padding does not fit the length"},
      {"=", "base64: the padding does not fit the length"},
      {"====", "base64: byte 0 is not in the alphabet"},
      {"Zg==Zg==", "base64: byte 2 is not in the alphabet"},
      {"Zh==", "base64: the last character has bits that belong to no byte; the text is cut"},
      {"Zm9", "base64: the last character has bits that belong to no byte; the text is cut"},
  };
  for (const auto& [text, detail] : refused) {
    const Result<Secret> result = base64_decode(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error(), Error(Code::invalid_argument, detail)) << text;
  }
  EXPECT_FALSE(base64_decode(std::string("Zg\0=", 4)).ok());
}

}  // namespace
}  // namespace coffer::model
