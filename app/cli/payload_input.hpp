#pragma once
// How a value reaches the program: from a file, from stdin, or typed without echo; never from an argument, which the
// shell's history and the list of processes would keep. Main's thread.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/io.hpp"
#include "coffer/v1/secrets.pb.h"
#include "model/result.hpp"

namespace coffer::app::cli {

struct PayloadOptions {
  std::optional<std::string> file;  // "-" is stdin
  std::vector<std::string> data;    // "key=@file", "key=@-"
  bool stdin_json = false;          // an object of strings
};

/// Puts the payload into data, value (when it is UTF-8) or value_base64. Nothing given: stdin, or a prompt when that is
/// a terminal. Exact bytes; only what was typed loses its line end. Errors never show what was read: invalid_argument,
/// quota_exceeded (larger than a payload may be).
model::Status read_payload(const PayloadOptions& options, Io& io, v1::PutRequest& request);

/// A JSON object whose values are strings. Errors: invalid_argument, without a word of the text.
model::Result<std::map<std::string, std::string>> parse_string_object(std::string_view json);

}  // namespace coffer::app::cli
