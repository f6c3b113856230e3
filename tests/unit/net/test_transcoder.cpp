// JSON into messages and back, over a message with a field of every kind; protobuf's json_util is the oracle.

#include <random>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "net/rest/json_read.hpp"
#include "net/rest/json_write.hpp"
#include "net/rest/shape.hpp"
#include "net/rest/time_text.hpp"

namespace coffer::net::rest {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using testing::HasSubstr;

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;

FieldDescriptorProto* add_field(DescriptorProto* type, const char* name, FieldDescriptorProto::Type kind,
                                const char* type_name = nullptr, bool is_list = false) {
  auto* field = type->add_field();
  field->set_name(name);
  field->set_number(type->field_size());
  field->set_type(kind);
  if (type_name) field->set_type_name(type_name);
  field->set_label(is_list ? FieldDescriptorProto::LABEL_REPEATED : FieldDescriptorProto::LABEL_OPTIONAL);
  return field;
}

void add_map(DescriptorProto* type, const char* name, const char* entry_name, FieldDescriptorProto::Type key,
             FieldDescriptorProto::Type value, const char* value_name = nullptr) {
  auto* entry = type->add_nested_type();
  entry->set_name(entry_name);
  entry->mutable_options()->set_map_entry(true);
  add_field(entry, "key", key);
  add_field(entry, "value", value, value_name);
  add_field(type, name, FieldDescriptorProto::TYPE_MESSAGE, (".test.All." + std::string(entry_name)).c_str(), true);
}

void add_optional(DescriptorProto* type, const char* name, FieldDescriptorProto::Type kind) {
  auto* field = add_field(type, name, kind);
  field->set_proto3_optional(true);
  field->set_oneof_index(type->oneof_decl_size());
  type->add_oneof_decl()->set_name(std::string("_") + name);
}

/// A message `All` with a field of every kind that proto3 has.
google::protobuf::FileDescriptorProto file_of_all() {
  using F = FieldDescriptorProto;
  google::protobuf::FileDescriptorProto file;
  file.set_name("test.proto");
  file.set_package("test");
  file.set_syntax("proto3");
  file.add_dependency("google/protobuf/timestamp.proto");
  auto* color = file.add_enum_type();
  color->set_name("Color");
  for (const char* name : {"COLOR_NONE", "RED", "GREEN"}) {
    auto* value = color->add_value();
    value->set_name(name);
    value->set_number(color->value_size() - 1);
  }
  auto* leaf = file.add_message_type();
  leaf->set_name("Leaf");
  add_field(leaf, "text", F::TYPE_STRING);
  add_field(leaf, "small_number", F::TYPE_UINT32);
  add_field(leaf, "leaf", F::TYPE_MESSAGE, ".test.Leaf");
  constexpr const char* kTime = ".google.protobuf.Timestamp";
  auto* all = file.add_message_type();
  all->set_name("All");
  all->add_oneof_decl()->set_name("choice");  // proto3's own oneofs stand before those of optionals
  const std::pair<const char*, F::Type> plain[] = {
      {"flag", F::TYPE_BOOL},     {"i32", F::TYPE_INT32},   {"i64", F::TYPE_INT64},   {"u32", F::TYPE_UINT32},
      {"u64", F::TYPE_UINT64},    {"s64", F::TYPE_SINT64},  {"f64", F::TYPE_FIXED64}, {"real32", F::TYPE_FLOAT},
      {"real64", F::TYPE_DOUBLE}, {"text", F::TYPE_STRING}, {"data", F::TYPE_BYTES}};
  for (const auto& [name, kind] : plain) add_field(all, name, kind);
  add_field(all, "color", F::TYPE_ENUM, ".test.Color");
  add_field(all, "leaf", F::TYPE_MESSAGE, ".test.Leaf");
  add_field(all, "at", F::TYPE_MESSAGE, kTime);
  add_field(all, "numbers", F::TYPE_UINT64, nullptr, true);
  add_field(all, "texts", F::TYPE_STRING, nullptr, true);
  add_field(all, "leaves", F::TYPE_MESSAGE, ".test.Leaf", true);
  add_field(all, "colors", F::TYPE_ENUM, ".test.Color", true);
  add_field(all, "times", F::TYPE_MESSAGE, kTime, true);
  add_field(all, "blobs", F::TYPE_BYTES, nullptr, true);
  add_field(all, "flags", F::TYPE_BOOL, nullptr, true);
  add_field(all, "reals", F::TYPE_DOUBLE, nullptr, true);
  add_map(all, "tags", "TagsEntry", F::TYPE_STRING, F::TYPE_STRING);
  add_map(all, "by_number", "ByNumberEntry", F::TYPE_INT32, F::TYPE_MESSAGE, ".test.Leaf");
  add_map(all, "by_flag", "ByFlagEntry", F::TYPE_BOOL, F::TYPE_UINT64);
  add_field(all, "chosen_text", F::TYPE_STRING)->set_oneof_index(0);
  add_field(all, "chosen_leaf", F::TYPE_MESSAGE, ".test.Leaf")->set_oneof_index(0);
  add_field(all, "chosen_flag", F::TYPE_BOOL)->set_oneof_index(0);
  add_optional(all, "maybe_text", F::TYPE_STRING);
  add_optional(all, "maybe_number", F::TYPE_UINT64);
  add_optional(all, "maybe_flag", F::TYPE_BOOL);
  return file;
}

class Transcoder : public testing::Test {
 protected:
  Transcoder() : pool(DescriptorPool::generated_pool()) {
    google::protobuf::Timestamp::descriptor();  // linked in
    type = pool.BuildFile(file_of_all())->FindMessageTypeByName("All");
    factory.SetDelegateToGeneratedFactory(true);
    const auto found = shapes.of(type);
    EXPECT_TRUE(found.ok());
    shape = *found;
  }

  std::unique_ptr<Message> fresh() { return std::unique_ptr<Message>(factory.GetPrototype(type)->New()); }
  /// Empty when it is read, else the error.
  std::string read(std::string_view text, Message* message, std::size_t depth = 32) {
    const auto status = read_json(text, depth, *shape, message);
    return status.ok() ? std::string() : std::string(status.error().message());
  }
  std::string problem(std::string_view text, std::size_t depth = 32) {
    const auto message = fresh();
    const auto status = read_json(text, depth, *shape, message.get());
    if (status.ok()) return {};
    EXPECT_EQ(status.error().code, model::Code::invalid_argument);
    return std::string(status.error().message());
  }
  std::string written(const Message& message) {
    std::string text;
    write_json(message, *shape, &text);
    return text;
  }
  /// By protobuf's own reader.
  std::unique_ptr<Message> oracle(const std::string& text) {
    auto message = fresh();
    const auto status = google::protobuf::util::JsonStringToMessage(text, message.get());
    EXPECT_TRUE(status.ok()) << text << ": " << status.ToString();
    return message;
  }
  void expect_read_like_oracle(const std::string& text) {
    const auto mine = fresh();
    ASSERT_EQ(read(text, mine.get()), "") << text;
    const auto theirs = oracle(text);
    EXPECT_TRUE(MessageDifferencer::Equals(*mine, *theirs)) << text << "\n"
                                                            << mine->ShortDebugString() << "\n"
                                                            << theirs->ShortDebugString();
  }

  DescriptorPool pool;
  google::protobuf::DynamicMessageFactory factory;
  const google::protobuf::Descriptor* type = nullptr;
  Shapes shapes;
  const Shape* shape = nullptr;
};

TEST_F(Transcoder, reads_as_protobufs_own_reader_does) {
  for (const char* text : {
           R"({})",
           R"({"flag":true,"i32":-2147483648,"i64":-9223372036854775808,"u32":4294967295,"u64":18446744073709551615})",
           R"({"i64":"-5","u64":"18446744073709551615","s64":"7","f64":8})",
           R"({"i32":1e2,"u32":5.0,"i64":-1.5e1})",
           R"({"real32":1.5,"real64":-2.25e-10})",
           R"({"real64":4.2170070352992604e+18})",
           R"({"real64":0.1})",
           R"({"real64":"Infinity","real32":"-Infinity"})",
           R"({"text":"a\"b\\c\/\n\u0041\u00e9\ud83d\ude00","data":"AAECAw=="})",
           R"({"data":"_-8"})",
           R"({"data":"/+8="})",
           R"({"data":""})",
           R"({"color":"GREEN"})",
           R"({"color":2})",
           R"({"color":77})",
           R"({"leaf":{"text":"x","smallNumber":3,"leaf":{"small_number":4}}})",
           R"({"leaf":{}})",
           R"({"leaf":null,"text":null,"numbers":null,"tags":null})",
           R"({"at":"2024-02-29T12:34:56.789Z"})",
           R"({"at":"1969-12-31T23:59:59.000000001Z"})",
           R"({"at":"2024-01-01T00:30:00+01:30"})",
           R"({"numbers":[1,"2",3],"texts":["a",""],"colors":["RED",2],"flags":[true,false],"reals":[1,2.5]})",
           R"({"leaves":[{},{"text":"x"}],"times":["2024-01-01T00:00:00Z"],"blobs":["AA==",""],"numbers":[]})",
           R"({"tags":{"a":"1","":"empty","b.c":"2"},"byNumber":{"-1":{"text":"x"}},"by_flag":{"true":5}})",
           R"({"maybe_text":"","maybe_number":0,"maybeFlag":false})",
           R"({"chosen_text":""})",
           R"({"chosenLeaf":{}})",
           R"({"chosen_flag":false})",
           "  {\n\t\"text\" : \"x\"\r}  ",
       }) {
    expect_read_like_oracle(text);
  }
}

TEST_F(Transcoder, writes_what_protobufs_own_reader_reads_back) {
  std::mt19937_64 random(1);
  const auto number = [&](std::uint64_t below) { return random() % below; };
  for (int round = 0; round < 300; ++round) {
    const auto message = fresh();
    const auto& reflection = *message->GetReflection();
    // A random message by way of its wire format: protobuf fills it, this test does not know how.
    for (int i = 0; i < type->field_count(); ++i) {
      const auto* field = type->field(i);
      if (number(3) == 0) continue;
      // Of a map with boolean keys there are two at most.
      const int count = field->is_repeated() ? static_cast<int>(number(field->name() == "by_flag" ? 3 : 4)) : 1;
      for (int k = 0; k < count; ++k) {
        const auto text = std::string(number(20), static_cast<char>('a' + number(26))) + "\"\\\n\x01\xc3\xa9";
        const bool list = field->is_repeated();
        using F = google::protobuf::FieldDescriptor;
        Message* m = message.get();
        switch (field->cpp_type()) {
          case F::CPPTYPE_BOOL:
            list ? reflection.AddBool(m, field, number(2)) : reflection.SetBool(m, field, number(2));
            break;
          case F::CPPTYPE_INT32: reflection.SetInt32(m, field, static_cast<std::int32_t>(random())); break;
          case F::CPPTYPE_INT64: reflection.SetInt64(m, field, static_cast<std::int64_t>(random())); break;
          case F::CPPTYPE_UINT32: reflection.SetUInt32(m, field, static_cast<std::uint32_t>(random())); break;
          case F::CPPTYPE_UINT64:
            list ? reflection.AddUInt64(m, field, random()) : reflection.SetUInt64(m, field, random());
            break;
          case F::CPPTYPE_FLOAT: reflection.SetFloat(m, field, static_cast<float>(number(1000)) / 7); break;
          case F::CPPTYPE_DOUBLE: {
            const double value = static_cast<double>(random()) / 3;
            list ? reflection.AddDouble(m, field, value) : reflection.SetDouble(m, field, value);
            break;
          }
          case F::CPPTYPE_ENUM: {
            const int value = static_cast<int>(number(4));
            list ? reflection.AddEnumValue(m, field, value) : reflection.SetEnumValue(m, field, value);
            break;
          }
          case F::CPPTYPE_STRING: {
            const auto value = field->type() == F::TYPE_BYTES ? text + "\xff" : text;
            list ? reflection.AddString(m, field, value) : reflection.SetString(m, field, value);
            break;
          }
          case F::CPPTYPE_MESSAGE: {
            Message* child = list ? reflection.AddMessage(m, field) : reflection.MutableMessage(m, field);
            const auto& ct = *child->GetDescriptor();
            if (field->is_map()) {
              const auto* key = ct.field(0);
              if (key->cpp_type() == F::CPPTYPE_STRING)
                child->GetReflection()->SetString(child, key, text + std::to_string(k));
              if (key->cpp_type() == F::CPPTYPE_INT32) child->GetReflection()->SetInt32(child, key, k - 1);
              if (key->cpp_type() == F::CPPTYPE_BOOL) child->GetReflection()->SetBool(child, key, k % 2);
            } else if (ct.full_name() == "google.protobuf.Timestamp") {
              child->GetReflection()->SetInt64(child, ct.field(0), static_cast<std::int64_t>(number(253402300799)));
              child->GetReflection()->SetInt32(child, ct.field(1),
                                               static_cast<std::int32_t>(number(2) * number(1'000'000'000)));
            } else {
              child->GetReflection()->SetString(child, ct.field(0), text);
            }
          }
        }
      }
    }
    const Message* const normal = message.get();
    const std::string text = written(*normal);
    const auto theirs = oracle(text);
    ASSERT_TRUE(MessageDifferencer::Equals(*theirs, *normal)) << text;
    const auto mine = fresh();
    ASSERT_EQ(read(text, mine.get()), "") << text;
    ASSERT_TRUE(MessageDifferencer::Equals(*mine, *normal)) << text;
    // And what protobuf writes is read here.
    google::protobuf::util::JsonPrintOptions options;
    options.always_print_primitive_fields = number(2);
    options.preserve_proto_field_names = number(2);
    std::string other;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(*normal, &other, options).ok());
    const auto again = fresh();
    ASSERT_EQ(read(other, again.get()), "") << other;
    ASSERT_TRUE(MessageDifferencer::Equals(*again, *normal)) << other;
  }
}

TEST_F(Transcoder, writes_defaults_but_neither_unset_messages_nor_unset_optionals) {
  EXPECT_EQ(
      written(*fresh()),
      R"({"flag":false,"i32":0,"i64":0,"u32":0,"u64":0,"s64":0,"f64":0,"real32":0,"real64":0,"text":"","data":"",)"
      R"("color":"COLOR_NONE","numbers":[],"texts":[],"leaves":[],"colors":[],"times":[],"blobs":[],"flags":[],)"
      R"("reals":[],"tags":{},"by_number":{},"by_flag":{}})");
}

TEST_F(Transcoder, leaves_out_empty_maps_and_lists_that_it_is_told_to) {
  Shapes others;
  others.omit_empty({"test.All.tags", "test.All.numbers"});
  const auto found = others.of(type);
  ASSERT_TRUE(found.ok());
  std::string text;
  write_json(*fresh(), **found, &text);
  EXPECT_THAT(text, Not(HasSubstr("tags")));
  EXPECT_THAT(text, Not(HasSubstr("numbers")));
  EXPECT_THAT(text, HasSubstr("by_number"));
}

TEST_F(Transcoder, reads_and_writes_what_is_no_number) {
  const auto message = fresh();
  ASSERT_EQ(read(R"({"real64":"NaN","real32":"NaN","reals":["NaN","Infinity","-Infinity"]})", message.get()), "");
  EXPECT_THAT(written(*message), HasSubstr(R"("real32":"NaN","real64":"NaN")"));
  EXPECT_THAT(written(*message), HasSubstr(R"("reals":["NaN","Infinity","-Infinity"])"));
}

TEST_F(Transcoder, writes_64_bit_numbers_as_numbers_and_maps_in_order) {
  const auto message = fresh();
  ASSERT_EQ(read(R"({"u64":18446744073709551615,"tags":{"b":"2","a":"1","c":"3"}})", message.get()), "");
  EXPECT_THAT(written(*message), HasSubstr(R"("u64":18446744073709551615)"));
  EXPECT_THAT(written(*message), HasSubstr(R"({"a":"1","b":"2","c":"3"})"));
}

TEST_F(Transcoder, names_the_field_and_what_would_be_right) {
  struct Case {
    const char *text, *problem;
  };
  for (const Case& c : {
           Case{R"({"nope":1})", "nope: there is no such field"},
           Case{R"({"leaf":{"nope":1}})", "leaf.nope: there is no such field"},
           Case{R"({"text":1})", "text: expected a string"},
           Case{R"({"text":true})", "text: expected a string"},
           Case{R"({"text":{}})", "text: expected a string"},
           Case{R"({"text":[]})", "text: expected a string"},
           Case{R"({"flag":"true"})", "flag: expected true or false"},
           Case{R"({"flag":0})", "flag: expected true or false"},
           Case{R"({"i32":2147483648})", "i32: expected a whole number between -2147483648 and 2147483647"},
           Case{R"({"u32":-1})", "u32: expected a whole number between 0 and 4294967295"},
           Case{R"({"u64":-1})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"u64":18446744073709551616})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"u64":1.5})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"u64":1e30})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"u64":"12x"})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"u64":""})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"u64":" 1"})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"u64":"+1"})", "u64: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"real32":1e300})", "real32: expected a number"},
           Case{R"({"real64":1e999})", "real64: expected a number"},
           Case{R"({"real64":"x"})", "real64: expected a number"},
           Case{R"({"data":"a*b="})", "data: expected base64 in a string"},
           Case{R"({"data":7})", "data: expected base64 in a string"},
           Case{R"({"color":"BLUE"})", "color: expected one of COLOR_NONE, RED, GREEN"},
           Case{R"({"color":true})", "color: expected one of COLOR_NONE, RED, GREEN"},
           Case{R"({"at":"yesterday"})", "at: expected a time such as \"2030-01-31T12:00:00Z\""},
           Case{R"({"at":5})", "at: expected a time such as \"2030-01-31T12:00:00Z\""},
           Case{R"({"at":{}})", "at: expected a time such as \"2030-01-31T12:00:00Z\""},
           Case{R"({"leaf":"x"})", "leaf: expected an object"},
           Case{R"({"leaf":[]})", "leaf: expected an object"},
           Case{R"({"numbers":5})", "numbers: expected an array"},
           Case{R"({"numbers":{}})", "numbers: expected an array"},
           Case{R"({"numbers":[1,[2]]})", "numbers[1]: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"numbers":[1,2,"x"]})", "numbers[2]: expected a whole number between 0 and 18446744073709551615"},
           Case{R"({"texts":["a",null]})", "texts[1]: expected a string"},
           Case{R"({"leaves":[{},{"text":1}]})", "leaves[1].text: expected a string"},
           Case{R"({"leaves":[1]})", "leaves[0]: expected an object"},
           Case{R"({"tags":{"password":1}})", "tags.password: expected a string"},
           Case{R"({"tags":{"password":null}})", "tags.password: expected a string"},
           Case{R"({"tags":{"password":{}}})", "tags.password: expected a string"},
           Case{R"({"tags":[]})", "tags: expected an object"},
           Case{R"({"tags":"x"})", "tags: expected an object"},
           Case{R"({"byNumber":{"x":{}}})",
                "by_number.x: expected a whole number between -2147483648 and 2147483647 as the key"},
           Case{R"({"by_flag":{"yes":1}})", "by_flag.yes: expected true or false as the key"},
           Case{R"({"byNumber":{"5":{"text":5}}})", "by_number.5.text: expected a string"},
           Case{R"({"text":"a","text":"b"})", "text: the field stands there twice"},
           Case{R"({"smallNumber":1})", "smallNumber: there is no such field"},
           Case{R"({"maybe_text":"a","maybeText":"b"})", "maybe_text: the field stands there twice"},
           Case{R"({"tags":{"a":"1","b":"2","a":"3"}})", "tags.a: the key stands there twice"},
           Case{R"({"chosen_text":"a","chosen_flag":true})",
                "chosen_flag: only one of chosen_text, chosen_leaf, chosen_flag may be given"},
           Case{R"([])", "the body: expected an object"},
           Case{R"("x")", "the body: expected an object"},
           Case{R"(5)", "the body: expected an object"},
           Case{R"(null)", "the body: expected an object"},
       }) {
    EXPECT_EQ(problem(c.text), c.problem) << c.text;
  }
}

TEST_F(Transcoder, says_where_text_stops_being_json) {
  EXPECT_EQ(problem(""), "the body is not JSON: it ends too early");
  EXPECT_EQ(problem("{\"text\":\"a"), "the body is not JSON: it ends too early");
  EXPECT_THAT(problem("{\"text\" \"a\"}"), testing::StartsWith("the body is not JSON: it is wrong at byte"));
  for (const char* text :
       {"{} {}", "{}x", "{,}", "{\"text\":\"a\",}", "{'text':'a'}", "{text:1}", "// c\n{}", "{\"u64\":01}",
        "{\"u64\":+1}", "{\"u64\":NaN}", "{\"text\":\"\n\"}", "{\"text\":\"\\x\"}", "{\"text\":\"\\ud800\"}", "nope"}) {
    EXPECT_THAT(problem(text), testing::StartsWith("the body is not JSON")) << text;
  }
}

TEST_F(Transcoder, refuses_text_that_is_not_utf8) {
  for (const char* text :
       {"{\"text\":\"\xff\"}", "{\"text\":\"\xc0\xaf\"}", "{\"text\":\"\xed\xa0\x80\"}", "{\"\xff\":1}"}) {
    EXPECT_EQ(problem(text), "the body is not UTF-8") << text;
  }
}

TEST_F(Transcoder, bounds_the_depth) {
  const auto nested = [](int levels) {
    std::string text = R"({"leaf":)";
    for (int i = 2; i < levels; ++i) text += R"({"leaf":)";
    text += "{}";
    for (int i = 1; i < levels; ++i) text += "}";
    return text;
  };
  EXPECT_EQ(problem(nested(5), 5), "");
  EXPECT_EQ(problem(nested(6), 5), "the body nests deeper than 5 levels");
}

TEST_F(Transcoder, shows_names_of_the_clients_making_in_no_length) {
  const auto text = problem("{\"" + std::string(100'000, 'x') + "\":1}");
  EXPECT_LT(text.size(), 200U);
}

TEST_F(Transcoder, refuses_types_that_it_does_not_carry) {
  Shapes others;
  const auto found =
      others.of(DescriptorPool::generated_pool()->FindMessageTypeByName("google.protobuf.MethodDescriptorProto"));
  EXPECT_FALSE(found.ok());
}

TEST(Times, are_written_in_utc_with_as_many_digits_as_needed) {
  struct Case {
    Instant instant;
    const char* text;
  };
  for (const Case& c :
       {Case{{0, 0}, "1970-01-01T00:00:00Z"}, Case{{-1, 999'999'999}, "1969-12-31T23:59:59.999999999Z"},
        Case{{1709210096, 120'000'000}, "2024-02-29T12:34:56.120Z"},
        Case{{1709210096, 1'000}, "2024-02-29T12:34:56.000001Z"}, Case{{-62135596800, 0}, "0001-01-01T00:00:00Z"},
        Case{{253402300799, 0}, "9999-12-31T23:59:59Z"}}) {
    std::string text;
    EXPECT_TRUE(append_time(c.instant, &text));
    EXPECT_EQ(text, c.text);
    EXPECT_EQ(parse_time(c.text), c.instant);
  }
  std::string text;
  EXPECT_FALSE(append_time({253402300800, 0}, &text));
  EXPECT_FALSE(append_time({0, 1'000'000'000}, &text));
  EXPECT_EQ(text, "");
}

TEST(Times, are_read_with_offsets_and_fractions) {
  EXPECT_EQ(parse_time("2024-01-01T00:00:00+02:00"), parse_time("2023-12-31T22:00:00Z"));
  EXPECT_EQ(parse_time("2024-01-01t00:00:00.5z"), (Instant{1704067200, 500'000'000}));
  EXPECT_EQ(parse_time("2024-01-01T00:00:00-00:30"), parse_time("2024-01-01T00:30:00Z"));
  for (const char* text : {"",
                           "2024",
                           "2024-01-01",
                           "2024-01-01T00:00:00",
                           "2024-01-01 00:00:00Z",
                           "2024-13-01T00:00:00Z",
                           "2023-02-29T00:00:00Z",
                           "2024-01-01T24:00:00Z",
                           "2024-01-01T00:60:00Z",
                           "2024-01-01T00:00:60Z",
                           "2024-01-01T00:00:00.Z",
                           "2024-01-01T00:00:00.1234567890Z",
                           "2024-01-01T00:00:00+2:00",
                           "2024-01-01T00:00:00+0200",
                           "2024-01-01T00:00:00+24:00",
                           "2024-01-01T00:00:00ZZ",
                           "0000-01-01T00:00:00Z",
                           "0001-01-01T00:00:00+01:00",
                           "-2024-01-01T00:00:00Z",
                           "24-01-01T00:00:00Z"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace coffer::net::rest
