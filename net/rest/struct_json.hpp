#pragma once
// google.protobuf.Struct, Value and ListValue as the JSON that they stand for. By descriptor and reflection, because a
// door may bring them in a pool of its own. Used by the JSON reader and writer; pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

namespace coffer::net::rest {

enum class JsonType : std::uint8_t { none, object, list, value };
/// Which of the three a message is.
JsonType json_type(const google::protobuf::Descriptor& type);

/// Takes the events of a JSON parser and fills the message. Each function is false when the value does not fit there.
class StructReader {
 public:
  bool active() const { return !open_.empty() || root_ != nullptr; }
  /// The next value goes into this message, which is one of the three.
  void begin(google::protobuf::Message* message);
  bool begin_object();
  bool begin_list();
  /// False: the name stands there twice.
  bool key(std::string_view name);
  bool end();
  bool null();
  bool boolean(bool value);
  bool number(double value);
  bool text(std::string_view value);

 private:
  struct Open {
    google::protobuf::Message* message;  // a Struct or a ListValue
    bool is_list;
    std::vector<std::string> names;
    google::protobuf::Message* member;  // the Value that a name was read for
  };
  google::protobuf::Message* slot();
  bool placed();

  google::protobuf::Message* root_ = nullptr;  // still to be filled
  std::vector<Open> open_;
};

/// Appends the JSON; names in order. A Value that holds nothing is null.
void write_struct(const google::protobuf::Message& message, std::string* out);
/// False when a number anywhere in it is infinite or none at all: JSON has no such numbers, so they are written as null.
bool is_finite(const google::protobuf::Message& message);

}  // namespace coffer::net::rest
