#pragma once
// What the transcoder knows of a message type, found out once when a listener is made: for each field its JSON names,
// its kind and the shape of its message, so that no descriptor is searched while a request is read or written.
// Made on main's thread, then constant.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "model/result.hpp"

namespace coffer::net::rest {

enum class Kind : std::uint8_t {
  boolean,
  int32,
  int64,
  uint32,
  uint64,
  float_number,
  double_number,
  text,
  bytes,
  enumeration,
  timestamp,
  json,  // Struct, Value or ListValue
  message,
};

struct Shape;

struct FieldShape {
  const google::protobuf::FieldDescriptor* field = nullptr;
  Kind kind = Kind::text;
  bool is_map = false;
  bool is_list = false;  // repeated and no map
  bool has_presence = false;
  bool omit_empty = false;
  int oneof = -1;                  // index of the oneof that a writer of proto sees
  std::uint32_t number = 0;        // position in Shape::fields
  std::string name, camel;         // the JSON names that are understood; `name` is written
  std::string quoted;              // "\"name\":"
  const Shape* message = nullptr;  // of kind message; of a map: of its entry
};

struct Shape {
  static constexpr std::size_t kMaxFields = 128;
  const google::protobuf::Descriptor* type = nullptr;
  std::vector<FieldShape> fields;
  bool is_json = false;  // the message itself is a Struct, Value or ListValue
  /// By either name; null when there is none.
  const FieldShape* find(std::string_view name) const;
  /// Of a map's entry.
  const FieldShape& key() const { return fields[0]; }
  const FieldShape& value() const { return fields[1]; }
};

/// Owns the shapes of all messages that are reachable from those asked for.
class Shapes {
 public:
  /// Full names of maps and lists that are left out when empty. REQUIRES: called before of().
  void omit_empty(const std::vector<std::string>& full_names);
  /// Errors: unimplemented, naming the field, when a message holds what this transcoder does not carry (groups, Any,
  /// wrappers, more than kMaxFields fields).
  model::Result<const Shape*> of(const google::protobuf::Descriptor* type);

 private:
  std::map<const google::protobuf::Descriptor*, std::unique_ptr<Shape>> shapes_;
  std::vector<std::string> omit_empty_;
};

}  // namespace coffer::net::rest
