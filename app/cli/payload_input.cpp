// Reading payloads; see payload_input.hpp. What is read goes through model::Secret into the request message.

#include "app/cli/payload_input.hpp"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "app/cli/files.hpp"
#include "model/entry.hpp"
#include "model/utf8.hpp"

namespace coffer::app::cli {
namespace {

using model::Code;
using model::Error;

constexpr std::size_t kMost = model::Limits{}.payload_bytes;

void set_value(const model::Secret& bytes, v1::PutRequest& request) {
  const auto text = bytes.expose();
  if (model::is_valid_utf8(text)) {
    request.set_value(std::string(text));
  } else {
    request.set_value_base64(std::string(text));
  }
}

/// "key=@source" in two; the message never shows what stands behind '=', it may be a value.
model::Result<std::pair<std::string, std::string>> split_item(const std::string& item) {
  const auto equals = item.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error(Code::invalid_argument, "--data takes key=@FILE; what was given has no key and '='");
  }
  const auto key = item.substr(0, equals);
  if (item.size() < equals + 3 || item[equals + 1] != '@') {
    return Error(Code::invalid_argument,
                 "--data " + key +
                     "=...: a value on the command line stays in the shell's history and shows in the "
                     "list of processes. Write it to a file and give " +
                     key + "=@FILE, or " + key + "=@- for stdin");
  }
  return std::pair(key, item.substr(equals + 2));
}

model::Status read_items(const PayloadOptions& options, Io& io, v1::PutRequest& request) {
  bool stdin_used = false;
  for (const auto& item : options.data) {
    const auto split = split_item(item);
    if (!split.ok()) return split.error();
    const auto& [key, source] = *split;
    if (source == "-" && stdin_used) return Error(Code::invalid_argument, "--data: stdin can be read only once");
    stdin_used = stdin_used || source == "-";
    const auto bytes = source == "-" ? read_stream(io.in, kMost, "stdin") : read_file(source, kMost);
    if (!bytes.ok()) return bytes.error();
    if (!model::is_valid_utf8(bytes->expose())) {
      return Error(Code::invalid_argument, "--data " + key +
                                               ": the file is not UTF-8 text, which a map holds; put it "
                                               "as a secret of its own with --file");
    }
    if (!request.mutable_data()->insert({key, std::string(bytes->expose())}).second) {
      return Error(Code::invalid_argument, "--data " + key + " is given more than once");
    }
  }
  return {};
}

}  // namespace

model::Result<std::map<std::string, std::string>> parse_string_object(std::string_view json) {
  const Error error(Code::invalid_argument, "stdin is not a JSON object of strings, like {\"user\":\"...\"}");
  google::protobuf::Struct object;
  const auto parsed = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &object);
  if (!parsed.ok()) return error;
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : object.fields()) {
    if (value.kind_case() != google::protobuf::Value::kStringValue) return error;
    out.emplace(key, value.string_value());
  }
  if (out.empty()) return error;
  return out;
}

model::Status read_payload(const PayloadOptions& options, Io& io, v1::PutRequest& request) {
  if (!options.data.empty()) return read_items(options, io, request);
  if (options.file && *options.file != "-") {
    const auto bytes = read_file(*options.file, kMost);
    if (!bytes.ok()) return bytes.error();
    set_value(*bytes, request);
    return {};
  }
  if (io.in_is_terminal && !options.file && !options.stdin_json) {
    const auto typed = io.read_hidden("Value (not shown): ");
    if (!typed.ok()) return typed.error();
    set_value(*typed, request);
    return {};
  }
  const auto bytes = read_stream(io.in, options.stdin_json ? 2 * kMost : kMost, "stdin");
  if (!bytes.ok()) return bytes.error();
  if (!options.stdin_json) {
    set_value(*bytes, request);
    return {};
  }
  const auto object = parse_string_object(bytes->expose());
  if (!object.ok()) return object.error();
  request.mutable_data()->insert(object->begin(), object->end());
  return {};
}

}  // namespace coffer::app::cli
