// See holder_input.hpp.

#include "app/cli/holder_input.hpp"

#include "app/cli/files.hpp"

namespace coffer::app::cli {

using model::Code;
using model::Error;

namespace {
constexpr std::size_t kMost = 4096;
}  // namespace

void add_holder(CLI::App* command, HolderOptions& options) {
  command->add_option("--share-file", options.share_file, "File with a share (- is stdin); without one it is asked for")
      ->type_name("FILE");
  command->add_option("--passphrase-file", options.passphrase_file, "File with a passphrase (- is stdin)")
      ->type_name("FILE");
}

model::Result<model::Secret> read_line_of(const std::string& path, Io& io) {
  auto bytes = path == "-" ? read_stream(io.in, kMost, "stdin") : read_file(path, kMost);
  if (!bytes) return Error(Code::invalid_argument, std::string(bytes.error().message()));
  std::string_view text = bytes->expose();
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.empty()) {
    return Error(Code::invalid_argument, (path == "-" ? std::string("stdin") : path) +
                                             (bytes->empty() ? " is empty" : " begins with an empty line") +
                                             ", and its first line is to be what is asked for");
  }
  return model::Secret(text);
}

model::Result<HolderInput> read_holder(const HolderOptions& options, Io& io) {
  if (!options.share_file.empty() && !options.passphrase_file.empty()) {
    return Error(Code::invalid_argument, "give a share or a passphrase, not both");
  }
  HolderInput input;
  if (!options.share_file.empty() || !options.passphrase_file.empty()) {
    const bool is_share = !options.share_file.empty();
    auto line = read_line_of(is_share ? options.share_file : options.passphrase_file, io);
    if (!line) return line.error();
    (is_share ? input.share : input.passphrase) = std::move(*line);
    return input;
  }
  if (!io.in_is_terminal) {
    return Error(Code::invalid_argument, "give a share with --share-file or a passphrase with --passphrase-file");
  }
  auto typed = io.read_hidden("Share or passphrase: ");
  if (!typed) return typed.error();
  (typed->expose().starts_with("cfs_") ? input.share : input.passphrase) = std::move(*typed);
  return input;
}

}  // namespace coffer::app::cli
