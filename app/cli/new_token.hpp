#pragma once
// A token that was just made, which is shown once: alone to stdout or into a file, so that `... create > token` is a token
// file, and what a person wants to know about it to stderr. Used by `coffer admin tokens|operators create`; main's thread.

#include <optional>
#include <string>

#include <google/protobuf/message.h>

#include "app/cli/io.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"

namespace coffer::app::cli {

struct NewToken {
  std::string secret;
  std::string about;   // "token 1f0c of tenant acme"
  std::string revoke;  // the command that revokes it, for when it cannot be written
};

/// Into `file` (mode 0600, never over another one) when it is given; else as text, or the whole reply as JSON.
Outcome print_new_token(const NewToken& token, const std::optional<std::string>& file, const OutputOption& output,
                        const google::protobuf::Message& reply, Io& io);

}  // namespace coffer::app::cli
