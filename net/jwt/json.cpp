// A first pass finds what Boost.JSON's own parser lets pass (repeated members: the last one wins there), a second one
// builds the values. See json.hpp.

#include "net/jwt/json.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

namespace coffer::net::jwt {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;

class Inspector {
 public:
  // What Boost.JSON asks of a handler.
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Failure = boost::system::error_code;

  explicit Inspector(std::size_t members) : members_left_(members) {}
  const char* problem() const { return problem_; }

  bool on_document_begin(Failure&) { return true; }
  bool on_document_end(Failure&) { return true; }
  bool on_object_begin(Failure& ec) { return count(ec) && (objects_.emplace_back(), true); }
  bool on_object_end(std::size_t, Failure&) { return objects_.pop_back(), true; }
  bool on_array_begin(Failure& ec) { return count(ec); }
  bool on_array_end(std::size_t, Failure&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, Failure&) {
    return key_.append(part.data(), part.size()), true;
  }
  bool on_key(json::string_view part, std::size_t, Failure& ec) {
    key_.append(part.data(), part.size());
    std::vector<std::string>& keys = objects_.back();
    if (std::find(keys.begin(), keys.end(), key_) != keys.end()) return refuse(ec, "a member is repeated");
    keys.push_back(std::move(key_));
    key_.clear();
    return true;
  }
  bool on_string_part(json::string_view, std::size_t, Failure&) { return true; }
  bool on_string(json::string_view, std::size_t, Failure& ec) { return count(ec); }
  bool on_number_part(json::string_view, Failure&) { return true; }
  bool on_int64(std::int64_t, json::string_view, Failure& ec) { return count(ec); }
  bool on_uint64(std::uint64_t, json::string_view, Failure& ec) { return count(ec); }
  bool on_double(double, json::string_view, Failure& ec) { return count(ec); }
  bool on_bool(bool, Failure& ec) { return count(ec); }
  bool on_null(Failure& ec) { return count(ec); }
  bool on_comment_part(json::string_view, Failure&) { return true; }
  bool on_comment(json::string_view, Failure&) { return true; }

 private:
  bool refuse(Failure& ec, const char* why) {
    problem_ = why;
    ec = boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
    return false;
  }
  bool count(Failure& ec) { return members_left_-- > 0 || refuse(ec, "there are too many members"); }

  std::ptrdiff_t members_left_;
  std::vector<std::vector<std::string>> objects_;  // the names read so far, of each object that has begun
  std::string key_;
  const char* problem_ = nullptr;
};

}  // namespace

model::Result<json::object> parse_object(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) return Error(Code::invalid_argument, "the JSON is too large");
  json::parse_options options;
  options.max_depth = limits.depth;
  json::basic_parser<Inspector> parser(options, static_cast<std::ptrdiff_t>(limits.members));
  boost::system::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (const char* problem = parser.handler().problem()) return Error(Code::invalid_argument, problem);
  if (ec || used != text.size()) return Error(Code::invalid_argument, "it is not JSON, or nested too deeply");
  json::value value = json::parse({text.data(), text.size()}, ec, {}, options);
  if (ec || !value.is_object()) return Error(Code::invalid_argument, "it is not a JSON object");
  return std::move(value.get_object());
}

}  // namespace coffer::net::jwt
