// Shapes from descriptors; see shape.hpp.

#include "net/rest/shape.hpp"

#include <algorithm>

#include "net/rest/struct_json.hpp"

namespace coffer::net::rest {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using model::Code;
using model::Error;
using model::Result;

constexpr std::string_view kTimestamp = "google.protobuf.Timestamp";
constexpr std::string_view kEmpty = "google.protobuf.Empty";

/// Well-known types have JSON forms of their own; those that no door uses are refused rather than written wrongly.
bool has_own_json_form(const Descriptor& type) {
  return type.file()->package() == "google.protobuf" && type.full_name() != kEmpty && type.full_name() != kTimestamp;
}

Kind kind_of(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: return Kind::boolean;
    case FieldDescriptor::CPPTYPE_INT32: return Kind::int32;
    case FieldDescriptor::CPPTYPE_INT64: return Kind::int64;
    case FieldDescriptor::CPPTYPE_UINT32: return Kind::uint32;
    case FieldDescriptor::CPPTYPE_UINT64: return Kind::uint64;
    case FieldDescriptor::CPPTYPE_FLOAT: return Kind::float_number;
    case FieldDescriptor::CPPTYPE_DOUBLE: return Kind::double_number;
    case FieldDescriptor::CPPTYPE_ENUM: return Kind::enumeration;
    case FieldDescriptor::CPPTYPE_STRING: return field.type() == FieldDescriptor::TYPE_BYTES ? Kind::bytes : Kind::text;
    case FieldDescriptor::CPPTYPE_MESSAGE: break;
  }
  if (json_type(*field.message_type()) != JsonType::none) return Kind::json;
  return field.message_type()->full_name() == kTimestamp ? Kind::timestamp : Kind::message;
}

}  // namespace

const FieldShape* Shape::find(std::string_view name) const {
  for (const auto& field : fields) {
    if (field.name == name || field.camel == name) return &field;
  }
  return nullptr;
}

void Shapes::omit_empty(const std::vector<std::string>& full_names) {
  omit_empty_.insert(omit_empty_.end(), full_names.begin(), full_names.end());
}

Result<const Shape*> Shapes::of(const Descriptor* type) {
  if (const auto known = shapes_.find(type); known != shapes_.end()) return known->second.get();
  // It is entered before its fields are looked at, because a message may hold itself.
  Shape& shape = *(shapes_[type] = std::make_unique<Shape>());
  shape.type = type;
  if (json_type(*type) != JsonType::none) {  // it has no fields of its own for JSON
    shape.is_json = true;
    return &shape;
  }
  if (static_cast<std::size_t>(type->field_count()) > Shape::kMaxFields) {
    return Error(Code::unimplemented, type->full_name() + " has too many fields for REST");
  }
  shape.fields.resize(static_cast<std::size_t>(type->field_count()));
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    FieldShape& out = shape.fields[static_cast<std::size_t>(i)];
    out.field = &field;
    out.kind = kind_of(field);
    out.is_map = field.is_map();
    out.is_list = field.is_repeated() && !field.is_map();
    out.has_presence = field.has_presence();
    out.omit_empty = std::ranges::find(omit_empty_, field.full_name()) != omit_empty_.end();
    if (const auto* oneof = field.real_containing_oneof()) out.oneof = oneof->index();
    out.number = static_cast<std::uint32_t>(i);
    out.name = field.name();
    out.camel = field.json_name();
    out.quoted = "\"" + out.name + "\":";
    if (out.kind != Kind::message) continue;
    if (field.type() == FieldDescriptor::TYPE_GROUP || has_own_json_form(*field.message_type())) {
      return Error(Code::unimplemented, "REST does not carry the field " + field.full_name());
    }
    const auto message = of(field.message_type());
    if (!message) return message.error();
    out.message = *message;
  }
  return &shape;
}

}  // namespace coffer::net::rest
