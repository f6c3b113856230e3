// A SAX handler that walks messages by their shapes; see json_read.hpp.

#include "net/rest/json_read.hpp"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>

#include "model/utf8.hpp"
#include "net/rest/slot.hpp"
#include "net/rest/struct_json.hpp"

namespace coffer::net::rest {
namespace {

namespace json = boost::json;
using google::protobuf::Message;
using model::Code;
using model::Error;
using model::Status;

/// An object, a map or a list that has begun and not ended.
struct Frame {
  enum class Type : std::uint8_t { object, map, list } type = Type::object;
  Message* message = nullptr;           // object: itself; map, list: the message that holds it
  const Shape* shape = nullptr;         // object: its own; map: its entry's
  const FieldShape* field = nullptr;    // object: the member being read; map, list: the field that it is
  Message* entry = nullptr;             // map: the entry being read
  std::size_t index = 0;                // list: of the element being read
  std::bitset<Shape::kMaxFields> seen;  // object: members read
  std::vector<int> oneofs;              // object: oneofs set
  std::vector<std::string_view> keys;   // map: all so far, kept by their entries
  std::string key;                      // map: of the entry being read
};

class Reader {
 public:
  // What Boost.JSON asks of a handler.
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using ErrorCode = boost::system::error_code;

  Reader() { frames_.reserve(8); }
  void start(const Shape& shape, Message* message) {
    shape_ = &shape;
    message_ = message;
  }
  const std::string& problem() const { return problem_; }

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }

  bool on_object_begin(ErrorCode& ec) {
    if (struct_.active()) return struct_.begin_object();
    if (frames_.empty()) {
      push(Frame::Type::object, message_, shape_, nullptr);
      return true;
    }
    Slot slot;
    if (!open_value(&slot, ec)) return false;
    const FieldShape& field = *slot.field;
    if (field.kind == Kind::json && !field.is_list) {
      begin_struct(slot);
      return struct_.begin_object() || refuse(ec, expected(field));
    }
    if (field.is_map) {
      push(Frame::Type::map, slot.message, field.message, &field);
      return true;
    }
    if (field.is_list && frames_.back().type != Frame::Type::list) return refuse(ec, expected_container(field));
    if (field.kind != Kind::message) return refuse(ec, expected(field));
    const auto& reflection = *slot.message->GetReflection();
    Message* child = field.is_list ? reflection.AddMessage(slot.message, field.field)
                                   : reflection.MutableMessage(slot.message, field.field);
    push(Frame::Type::object, child, field.message, nullptr);
    return true;
  }

  bool on_object_end(std::size_t, ErrorCode& ec) {
    if (struct_.active()) return end_struct(ec);
    if (frames_.back().type == Frame::Type::map && !keys_differ(ec)) return false;
    frames_.pop_back();
    close_value();
    return true;
  }

  bool on_array_begin(ErrorCode& ec) {
    if (struct_.active()) return struct_.begin_list();
    if (frames_.empty()) return refuse(ec, "expected an object");
    Slot slot;
    if (!open_value(&slot, ec)) return false;
    if (slot.field->kind == Kind::json && !slot.field->is_list) {
      begin_struct(slot);
      return struct_.begin_list() || refuse(ec, expected(*slot.field));
    }
    if (!slot.field->is_list || frames_.back().type == Frame::Type::list) {
      return refuse(ec, slot.field->is_map ? expected_container(*slot.field) : expected(*slot.field));
    }
    push(Frame::Type::list, slot.message, nullptr, slot.field);
    return true;
  }

  bool on_array_end(std::size_t, ErrorCode& ec) {
    if (struct_.active()) return end_struct(ec);
    frames_.pop_back();
    close_value();
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, ErrorCode&) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool on_key(json::string_view part, std::size_t, ErrorCode& ec) {
    const std::string_view name = whole_text(part);
    if (struct_.active()) {
      const bool named = struct_.key(name);
      text_.clear();
      return named;
    }
    Frame& frame = frames_.back();
    const bool good = frame.type == Frame::Type::map ? open_entry(frame, name, ec) : open_member(frame, name, ec);
    text_.clear();
    return good;
  }

  bool on_string_part(json::string_view part, std::size_t, ErrorCode&) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool on_string(json::string_view part, std::size_t, ErrorCode& ec) {
    const std::string_view text = whole_text(part);
    const bool good = struct_.active() ? struct_.text(text) : scalar(ec, [&](const Slot& slot) {
      return slot.field->kind == Kind::json ? struct_.text(text) : set_string(slot, text);
    });
    text_.clear();
    return good;
  }

  bool on_number_part(json::string_view part, ErrorCode&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t n, json::string_view, ErrorCode& ec) { return number(n, ec); }
  bool on_uint64(std::uint64_t n, json::string_view, ErrorCode& ec) { return number(n, ec); }
  bool on_double(double rough, json::string_view part, ErrorCode& ec) {
    // Boost.JSON before 1.83 is off by a bit in the last place now and then; the library is not.
    const std::string_view text = whole_text(part);
    double exact = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), exact);
    return number(read.ec == std::errc() ? exact : rough, ec);  // rough: infinity or zero
  }
  bool on_bool(bool value, ErrorCode& ec) {
    if (struct_.active()) return struct_.boolean(value);
    return scalar(ec, [&](const Slot& slot) {
      return slot.field->kind == Kind::json ? struct_.boolean(value) : set_bool(slot, value);
    });
  }

  bool on_null(ErrorCode& ec) {
    if (struct_.active()) return struct_.null();
    if (frames_.empty()) return refuse(ec, "expected an object");
    Frame& frame = frames_.back();
    // As in protobuf's own mapping: a member that is null is a member that is absent; inside of lists and maps it is
    // an error.
    if (frame.type == Frame::Type::object) return true;
    return refuse(ec, expected(frame.type == Frame::Type::map ? frame.shape->value() : *frame.field));
  }

  bool on_comment_part(json::string_view, ErrorCode&) { return true; }
  bool on_comment(json::string_view, ErrorCode&) { return true; }

 private:
  void push(Frame::Type type, Message* message, const Shape* shape, const FieldShape* field) {
    Frame& frame = frames_.emplace_back();
    frame.type = type;
    frame.message = message;
    frame.shape = shape;
    frame.field = field;
  }

  std::string_view whole_text(json::string_view last_part) {
    if (text_.empty()) return {last_part.data(), last_part.size()};
    text_.append(last_part.data(), last_part.size());
    return text_;
  }

  bool open_member(Frame& frame, std::string_view name, ErrorCode& ec) {
    frame.field = frame.shape->find(name);
    if (!frame.field) return refuse(ec, "there is no such field", name);
    if (frame.seen.test(frame.field->number)) return refuse(ec, "the field stands there twice");
    frame.seen.set(frame.field->number);
    return true;
  }

  bool open_entry(Frame& frame, std::string_view name, ErrorCode& ec) {
    frame.key = name;
    frame.entry = frame.message->GetReflection()->AddMessage(frame.message, frame.field->field);
    const FieldShape& key = frame.shape->key();
    if (!set_word(Slot{frame.entry, &key}, name)) {
      return refuse(ec, expected(key) + " as the key");
    }
    if (key.kind == Kind::text) {
      std::string scratch;
      frame.keys.push_back(frame.entry->GetReflection()->GetStringReference(*frame.entry, key.field, &scratch));
    }
    return true;
  }

  bool keys_differ(ErrorCode& ec) {
    auto& keys = frames_.back().keys;
    std::ranges::sort(keys);
    const auto twice = std::ranges::adjacent_find(keys);
    if (twice == keys.end()) return true;
    frames_.back().key = *twice;
    return refuse(ec, "the key stands there twice");
  }

  /// Where the value that begins now goes to.
  bool open_value(Slot* slot, ErrorCode& ec) {
    Frame& frame = frames_.back();
    switch (frame.type) {
      case Frame::Type::map: *slot = {frame.entry, &frame.shape->value()}; return true;
      case Frame::Type::list: *slot = {frame.message, frame.field}; return true;
      case Frame::Type::object: break;
    }
    *slot = {frame.message, frame.field};
    const int oneof = frame.field->oneof;
    if (oneof < 0) return true;
    if (std::ranges::find(frame.oneofs, oneof) != frame.oneofs.end()) {
      const auto& type = *frame.field->field->containing_oneof();
      std::string names;
      for (int i = 0; i < type.field_count(); ++i) names += (i ? ", " : "") + type.field(i)->name();
      return refuse(ec, "only one of " + names + " may be given");
    }
    frame.oneofs.push_back(oneof);
    return true;
  }

  void close_value() {
    if (!frames_.empty() && frames_.back().type == Frame::Type::list) ++frames_.back().index;
  }

  template <class Set>
  bool scalar(ErrorCode& ec, const Set& set) {
    if (frames_.empty()) return refuse(ec, "expected an object");
    Slot slot;
    if (!open_value(&slot, ec)) return false;
    const bool in_list = frames_.back().type == Frame::Type::list;
    if (slot.field->is_map || (slot.field->is_list && !in_list)) return refuse(ec, expected_container(*slot.field));
    const FieldShape& field = *slot.field;
    if (field.kind == Kind::json) begin_struct(slot);
    if (!set(slot)) return refuse(ec, expected(field));
    close_value();
    return true;
  }

  void begin_struct(const Slot& slot) {
    const auto& reflection = *slot.message->GetReflection();
    struct_.begin(reflection.MutableMessage(slot.message, slot.field->field));
  }

  bool end_struct(ErrorCode& ec) {
    if (!struct_.end()) return refuse(ec, "a key stands there twice");
    if (!struct_.active()) close_value();
    return true;
  }

  template <class Int>
  bool number(Int n, ErrorCode& ec) {
    text_.clear();
    if (struct_.active()) return struct_.number(static_cast<double>(n));
    return scalar(ec, [&](const Slot& slot) {
      return slot.field->kind == Kind::json ? struct_.number(static_cast<double>(n)) : set_number(slot, Number(n));
    });
  }

  std::string path() const {
    std::string text;
    for (const Frame& frame : frames_) {
      if (frame.type == Frame::Type::list) {
        text += "[" + std::to_string(frame.index) + "]";
        continue;
      }
      const std::string name = frame.type == Frame::Type::map ? shown(frame.key)
                               : frame.field                  ? frame.field->name
                                                              : std::string();
      if (name.empty() && frame.type != Frame::Type::map) continue;
      if (!text.empty()) text += '.';
      text += name;
    }
    return text;
  }

  bool refuse(ErrorCode& ec, const std::string& reason, std::string_view unknown = {}) {
    std::string where = path();
    if (!unknown.empty()) where += (where.empty() ? "" : ".") + shown(unknown);
    problem_ = where.empty() ? "the body: " + reason : where + ": " + reason;
    ec = json::make_error_code(json::error::syntax);
    return false;
  }

  const Shape* shape_ = nullptr;
  Message* message_ = nullptr;
  std::vector<Frame> frames_;
  StructReader struct_;  // active while a Struct, Value or ListValue is read
  std::string text_;     // parts of a string or key that has escapes
  std::string problem_;
};

Error malformed(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

}  // namespace

Status read_json(std::string_view text, std::size_t depth, const Shape& shape, Message* message) {
  json::parse_options options;
  options.max_depth = depth;
  json::basic_parser<Reader> parser(options);
  parser.handler().start(shape, message);
  boost::system::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (!parser.handler().problem().empty()) return malformed(parser.handler().problem());
  if (!ec && used == text.size()) return {};
  if (ec == json::error::too_deep) return malformed("the body nests deeper than " + std::to_string(depth) + " levels");
  if (model::valid_utf8_prefix(text) != text.size()) return malformed("the body is not UTF-8");
  if (ec == json::error::incomplete) return malformed("the body is not JSON: it ends too early");
  return malformed("the body is not JSON: it is wrong at byte " + std::to_string(used));
}

}  // namespace coffer::net::rest
