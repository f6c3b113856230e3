// See join_token.hpp.

#include "crypto/join_token.hpp"

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "crypto/openssl.hpp"

namespace coffer::crypto {
namespace {

constexpr std::string_view kJoinPrefix = "cfj_";
constexpr char kJoinFormat = 1;
constexpr std::size_t kJoinId = 8, kJoinSecret = 32, kJoinHash = 32;
constexpr std::size_t kJoinSize = 1 + kJoinId + kJoinSecret + kJoinHash;

}  // namespace

JoinToken new_join_token(std::string_view ca_hash, Random& random) {
  JoinToken token{random.bytes(kJoinId), model::Secret::of_size(kJoinSecret), std::string(ca_hash)};
  random.fill({as_bytes(token.secret.expose_mutable()), kJoinSecret});
  return token;
}

model::Secret join_token_text(const JoinToken& token) {
  model::Secret bytes(std::string_view(&kJoinFormat, 1));
  bytes.reserve(kJoinSize);
  bytes.append(token.id);
  bytes.append(token.secret.expose());
  bytes.append(token.ca_hash);
  model::Secret text(kJoinPrefix);
  text.resize(kJoinPrefix.size() + base64url_size(kJoinSize));
  base64url_into(bytes.expose(), text.expose_mutable() + kJoinPrefix.size());
  return text;
}

model::Result<JoinToken> parse_join_token(std::string_view text) {
  model::Secret bytes = model::Secret::of_size(kJoinSize);
  if (!text.starts_with(kJoinPrefix) || text.size() != kJoinPrefix.size() + base64url_size(kJoinSize) ||
      !from_base64url_into(text.substr(kJoinPrefix.size()), bytes.expose_mutable(), kJoinSize) ||
      bytes.expose()[0] != kJoinFormat) {
    return model::Error(model::Code::invalid_argument,
                        "it is not a join token; `coffer admin cluster join-token` makes one (cfj_...)");
  }
  const std::string_view view = bytes.expose();
  return JoinToken{std::string(view.substr(1, kJoinId)), model::Secret(view.substr(1 + kJoinId, kJoinSecret)),
                   std::string(view.substr(1 + kJoinId + kJoinSecret))};
}

std::string join_secret_hash(const model::Secret& secret) { return sha256(secret.expose()); }

}  // namespace coffer::crypto
