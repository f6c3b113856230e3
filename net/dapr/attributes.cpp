// See attributes.hpp.

#include "net/dapr/attributes.hpp"

#include "crypto/hash.hpp"
#include "model/payload.hpp"

namespace coffer::net::dapr {

bool Attributes::set(const model::Credential& owner, std::string key, std::string value) {
  if (key.empty() || key.size() > kKeyBytes || value.size() > kValueBytes) return false;
  if (!model::is_valid_utf8(key) || !model::is_valid_utf8(value)) return false;
  std::pair<std::string, std::string> place{owner.token_hash, std::move(key)};
  const std::lock_guard lock(mutex_);
  if (values_.size() >= kMost && !values_.contains(place)) return false;
  values_.insert_or_assign(std::move(place), std::move(value));
  return true;
}

StringMap Attributes::of(const model::Credential& owner) const {
  StringMap mine;
  const std::lock_guard lock(mutex_);
  for (auto it = values_.lower_bound({owner.token_hash, {}});
       it != values_.end() && crypto::equal_constant_time(it->first.first, owner.token_hash); ++it) {
    mine.emplace(it->first.second, it->second);
  }
  return mine;
}

}  // namespace coffer::net::dapr
