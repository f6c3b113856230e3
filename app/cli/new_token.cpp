// See new_token.hpp.

#include "app/cli/new_token.hpp"

#include "app/cli/files.hpp"

namespace coffer::app::cli {

Outcome print_new_token(const NewToken& token, const std::optional<std::string>& file, const OutputOption& output,
                        const google::protobuf::Message& reply, Io& io) {
  if (file) {
    const auto written = write_private_file(*file, token.secret + "\n", Existing::kept);
    if (!written.ok()) {
      return Failure(Exit::usage, written.error().detail, "the token is lost; revoke it: " + token.revoke);
    }
  } else if (output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  } else {
    io.out << token.secret << "\n";
  }
  io.err << token.about << (file ? "; the token is in " + *file : std::string("; the token is shown this once"))
         << "\n";
  return std::nullopt;
}

}  // namespace coffer::app::cli
