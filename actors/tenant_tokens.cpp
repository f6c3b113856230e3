// Coffer tokens as the shard sees them: whether one is good, and what it may do to itself. See tenant_core.hpp.

#include <algorithm>

#include "actors/tenant_core.hpp"
#include "model/text.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kMaxCachedTokens = 1024;

model::Result<std::vector<model::AddressRange>> ranges_of(const model::TokenInfo& token) {
  std::vector<model::AddressRange> ranges;
  for (const std::string& text : token.addresses) {
    auto range = model::parse_address_range(text);
    if (!range) return Error(Code::data_loss, "a stored token has an address range that does not parse");
    ranges.push_back(*range);
  }
  return ranges;
}

/// An address that cannot be read is in no range.
bool is_in(const std::vector<model::AddressRange>& ranges, std::string_view peer) {
  const auto address = model::parse_peer(peer);
  return address && std::any_of(ranges.begin(), ranges.end(),
                                [&](const model::AddressRange& range) { return range.contains(*address); });
}

}  // namespace

/// Errors: unauthenticated (unknown, revoked, expired), permission_denied (another tenant's, or from the wrong place).
model::Result<TenantCore::Caller> TenantCore::authenticate_token(const model::Credential& credential,
                                                                 std::string_view address) {
  if (credential.tenant != identity_.tenant) return Error(Code::permission_denied);
  auto found = tokens_.find(credential.token_hash);
  if (found == tokens_.end()) {
    auto info = stored_token(credential.token_hash, false);
    if (!info) return info.error().code == Code::token_not_found ? Error(Code::unauthenticated) : info.error();
    auto ranges = ranges_of(*info);
    if (!ranges) return ranges.error();
    auto principal = resolve({"token:" + info->id, false, info->scopes, {}, {}});
    if (!principal) return principal.error();
    if (tokens_.size() >= kMaxCachedTokens) tokens_.clear();
    Token token{std::move(*info), std::move(*principal), std::move(*ranges)};
    found = tokens_.emplace(credential.token_hash, std::move(token)).first;
  }
  const Token& token = found->second;
  if (token.info.revoked_at != 0) return Error(Code::unauthenticated, "the token has been revoked");
  if (token.info.expires_at != 0 && token.info.expires_at <= now()) {
    return Error(Code::unauthenticated, "the token has expired");
  }
  if (!token.addresses.empty() && !is_in(token.addresses, address)) {
    return Error(Code::permission_denied, "the token does not work from the address " + model::in_quotes(address));
  }
  return Caller{token.principal, false};
}

/// Errors: token_not_found, data_loss, disk_error.
model::Result<model::TokenInfo> TenantCore::stored_token(const std::string& hash, bool latest) {
  if (hash.empty()) return Error(Code::token_not_found, "the caller's credential is not a token of this tenant");
  const std::string key = storage::token_row(hash);
  auto sealed = row(key, latest);
  if (!sealed) return sealed.error();
  if (!sealed->has_value()) return Error(Code::token_not_found);
  auto opened = sealer_.open(**sealed, crypto::row_identity(identity_.tenant.view(), key));
  if (!opened) return opened.error();
  return decode_token(opened->expose());
}

void TenantCore::store_token(const std::string& hash, const model::TokenInfo& token, Rows& rows) {
  std::string key = storage::token_row(hash);
  std::string sealed = sealer_.seal(encode_token(token), crypto::row_identity(identity_.tenant.view(), key));
  rows.push_back({std::move(key), std::move(sealed)});
}

model::Result<model::ReplyBody> TenantCore::lookup_self(const model::Credential& credential) {
  const bool is_token = credential.kind == model::CredentialKind::token;
  auto token = stored_token(is_token ? credential.token_hash : std::string(), false);
  if (!token) return token.error();
  return model::ReplyBody(model::TokenReply{std::move(*token), {}});
}

/// Never shortens a token's life, and never leads beyond its end of all renewals.
model::Result<model::ReplyBody> TenantCore::renew_self(const std::string& hash, const model::RenewSelf& renew,
                                                       model::TimeMs now, Rows& rows) {
  auto token = stored_token(hash, true);
  if (!token) return token.error();
  if (token->revoked_at != 0) return Error(Code::unauthenticated, "the token has been revoked");
  if (!token->renewable) return Error(Code::permission_denied, "the token is not renewable");
  const model::TimeMs ttl = renew.ttl != 0 ? renew.ttl : token->ttl;
  const model::TimeMs until = std::min(now + ttl, token->max_expires_at);
  if (until > token->expires_at) {
    token->expires_at = until;
    store_token(hash, *token, rows);
  }
  return model::ReplyBody(model::TokenReply{std::move(*token), {}});
}

model::Result<model::ReplyBody> TenantCore::revoke_self(const std::string& hash, model::TimeMs now, Rows& rows) {
  auto token = stored_token(hash, true);
  if (!token) return token.error();
  if (token->revoked_at == 0) {
    token->revoked_at = now;
    store_token(hash, *token, rows);
  }
  return model::ReplyBody(model::TokenReply{std::move(*token), {}});
}

}  // namespace coffer::actors
