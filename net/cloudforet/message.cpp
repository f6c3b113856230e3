// See message.hpp.

#include "net/cloudforet/message.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "net/rest/struct_json.hpp"

namespace coffer::net::cloudforet {
namespace {

namespace json = boost::json;
using google::protobuf::FieldDescriptor;

const FieldDescriptor* of_kind(const Message& message, std::string_view name, FieldDescriptor::CppType kind,
                               bool repeated = false) {
  const auto* field = field_of(message, name);
  return field && field->cpp_type() == kind && field->is_repeated() == repeated ? field : nullptr;
}

void feed(const json::value& value, rest::StructReader& reader) {
  switch (value.kind()) {
    case json::kind::null: reader.null(); return;
    case json::kind::bool_: reader.boolean(value.get_bool()); return;
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: reader.number(value.to_number<double>()); return;
    case json::kind::string: reader.text({value.get_string().data(), value.get_string().size()}); return;
    case json::kind::array:
      reader.begin_list();
      for (const json::value& one : value.get_array()) feed(one, reader);
      reader.end();
      return;
    case json::kind::object:
      reader.begin_object();
      for (const auto& member : value.get_object()) {
        reader.key({member.key().data(), member.key().size()});
        feed(member.value(), reader);
      }
      reader.end();
  }
}

json::value trim(const json::value& value) {
  if (const auto* text = value.if_string()) return json::string(trimmed({text->data(), text->size()}));
  if (const auto* list = value.if_array()) {
    json::array out;
    for (const json::value& one : *list) out.push_back(trim(one));
    return out;
  }
  if (const auto* object = value.if_object()) {
    json::object out;
    for (const auto& member : *object) {
      out.insert_or_assign(trimmed({member.key().data(), member.key().size()}), trim(member.value()));
    }
    return out;
  }
  return value;
}

json::value parse(std::string_view text) {
  boost::system::error_code ec;
  json::parse_options options;
  options.max_depth = 100;
  json::value value = json::parse(json::string_view(text.data(), text.size()), ec, {}, options);
  return ec ? json::value() : value;
}

}  // namespace

const FieldDescriptor* field_of(const Message& message, std::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name));
}

bool has(const Message& message, std::string_view name) {
  const auto* field = field_of(message, name);
  return field && !field->is_repeated() && message.GetReflection()->HasField(message, field);
}

std::string text(const Message& message, std::string_view name) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_STRING);
  return field ? message.GetReflection()->GetString(message, field) : std::string();
}

std::string text(const Message& message, std::string_view name, std::string_view alias) {
  return has(message, name) ? text(message, name) : text(message, alias);
}

bool flag(const Message& message, std::string_view name) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_BOOL);
  return field && message.GetReflection()->GetBool(message, field);
}

std::uint64_t number(const Message& message, std::string_view name) {
  if (const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_UINT32)) {
    return message.GetReflection()->GetUInt32(message, field);
  }
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_INT32);
  const std::int32_t value = field ? message.GetReflection()->GetInt32(message, field) : 0;
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

bool is_negative(const Message& message, std::string_view name) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_INT32);
  return field && message.GetReflection()->GetInt32(message, field) < 0;
}

std::string enumerator(const Message& message, std::string_view name) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_ENUM);
  const auto* value =
      field ? field->enum_type()->FindValueByNumber(message.GetReflection()->GetEnumValue(message, field)) : nullptr;
  return value && value->number() != 0 ? value->name() : std::string();
}

const Message* child(const Message& message, std::string_view name) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_MESSAGE);
  if (!field || !message.GetReflection()->HasField(message, field)) return nullptr;
  return &message.GetReflection()->GetMessage(message, field);
}

int count(const Message& message, std::string_view name) {
  const auto* field = field_of(message, name);
  return field && field->is_repeated() ? message.GetReflection()->FieldSize(message, field) : 0;
}

const Message& item(const Message& message, std::string_view name, int i) {
  return message.GetReflection()->GetRepeatedMessage(message, field_of(message, name), i);
}

std::string text_item(const Message& message, std::string_view name, int i) {
  return message.GetReflection()->GetRepeatedString(message, field_of(message, name), i);
}

void set_text(Message& message, std::string_view name, std::string_view value) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_STRING);
  if (field && !value.empty()) message.GetReflection()->SetString(&message, field, std::string(value));
}

void set_flag(Message& message, std::string_view name, bool value) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_BOOL);
  if (field) message.GetReflection()->SetBool(&message, field, value);
}

void set_number(Message& message, std::string_view name, std::int64_t value) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_INT32);
  if (field) message.GetReflection()->SetInt32(&message, field, static_cast<std::int32_t>(value));
}

void set_enumerator(Message& message, std::string_view name, std::string_view value) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_ENUM);
  const auto* found = field ? field->enum_type()->FindValueByName(std::string(value)) : nullptr;
  if (found) message.GetReflection()->SetEnum(&message, field, found);
}

Message* mutable_child(Message& message, std::string_view name) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_MESSAGE);
  return field ? message.GetReflection()->MutableMessage(&message, field) : nullptr;
}

Message* add_child(Message& message, std::string_view name) {
  const auto* field = of_kind(message, name, FieldDescriptor::CPPTYPE_MESSAGE, true);
  return field ? message.GetReflection()->AddMessage(&message, field) : nullptr;
}

bool is_finite(const Message& structure) { return rest::is_finite(structure); }

model::Secret json_of(const Message& structure) {
  std::string out;
  rest::write_struct(structure, &out);
  model::Secret secret(out);
  model::wipe(out.data(), out.size());
  return secret;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\r\f\v";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
}

std::string trimmed_json(const Message& structure) {
  std::string out;
  rest::write_struct(structure, &out);
  const json::value value = trim(parse(out));
  return json::serialize(value);
}

void fill_struct(std::string_view text, Message& structure) {
  json::value value = parse(text);
  if (!value.is_object()) value = json::object{{"value", std::move(value)}};
  rest::StructReader reader;
  reader.begin(&structure);
  feed(value, reader);
}

}  // namespace coffer::net::cloudforet
