// See rendering.hpp.

#include "net/rendering.hpp"

#include "crypto/random.hpp"
#include "net/flight.hpp"

namespace coffer::net {

using model::Code;
using model::Error;

model::TenantOperation ask_for_secrets(const std::string& space, const model::RenderInput& input, bool inject) {
  model::BatchGet batch;
  for (const std::string& id : model::secrets_needed(input)) {
    if (!inject) batch.items.push_back({.space = space, .name = id, .with_payload = false});
    batch.items.push_back({.space = space, .name = id, .inject = inject});
  }
  if (!batch.items.empty()) return batch;
  model::List list;
  list.space = space;
  list.limit = 1;
  return list;
}

model::Result<NeededSecrets> needed_secrets(const model::RenderInput& input, bool inject,
                                            const model::ReplyBody& reply) {
  NeededSecrets secrets;
  const auto* batch = std::get_if<model::BatchGetReply>(&reply);
  const auto needed = model::secrets_needed(input);
  const std::size_t looks = render_looks(inject);
  if (needed.empty()) return secrets;
  if (!batch || batch->results.size() != needed.size() * looks) {
    return Error(Code::internal, "the reply does not fit the request");
  }
  for (std::size_t i = 0; i < needed.size(); ++i) {
    const std::string name = "Secret '" + needed[i] + "'";
    const auto& described = batch->results[i * looks];
    const auto& read = batch->results[i * looks + looks - 1];
    if (inject && !read && read.error().code == Code::permission_denied) return read.error();
    NeededSecret secret;
    if (!described && described.error().code == Code::not_owned) {
      secret.value = described.error();
    } else if (!described || !described->entry.readable_at(wall_clock_ms())) {
      const bool denied = !described && described.error().code == Code::permission_denied;
      const bool failed = !described && described.error().category() != model::Category::not_found && !denied;
      secret.value = Error(Code::entry_not_found, name + (denied   ? " is not yours to read"
                                                          : failed ? ": " + std::string(described.error().message())
                                                                   : " not found"));
    } else {
      secret.is_there = true;
      secret.owner = described->entry.owner;
      secret.write_only = !read && read.error().code == Code::write_only;
      if (secret.write_only) {
        secret.value = model::Secret(kWriteOnlyMark);
      } else if (!read) {
        secret.value = Error(read.error().code, name + ": " + std::string(read.error().message()));
      } else {
        secret.value = as_text(*read->payload).text;
      }
    }
    secrets.emplace(needed[i], std::move(secret));
  }
  return secrets;
}

std::string make_password(std::size_t length) {
  static constexpr std::string_view kAlphabet =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#$%^&*";
  static_assert(kAlphabet.size() == 70);
  std::string password;
  while (password.size() < length) {
    unsigned char bytes[64];
    crypto::system_random().fill(bytes);
    for (const unsigned char byte : bytes) {
      // Of 256 values the first 210 are three times the alphabet.
      if (byte < 210 && password.size() < length) password.push_back(kAlphabet[byte % 70]);
    }
    model::wipe(bytes, sizeof bytes);
  }
  return password;
}

std::string username_of(std::string_view principal) {
  for (const std::string_view kind : {"user:", "service:"}) {
    if (principal.starts_with(kind)) return std::string(principal.substr(kind.size()));
  }
  return std::string(principal);
}

}  // namespace coffer::net
