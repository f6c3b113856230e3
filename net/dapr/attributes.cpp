// See attributes.hpp.

#include "net/dapr/attributes.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "model/payload.hpp"

namespace coffer::net::dapr {

bool Attributes::set(const model::Credential& owner, std::string key, std::string value) {
  if (key.empty() || key.size() > kKeyBytes || value.size() > kValueBytes) return false;
  if (!model::is_valid_utf8(key) || !model::is_valid_utf8(value)) return false;
  const Place place{owner.token_hash, std::move(key)};
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(place);
  if (found != values_.end()) {
    found->second.text = std::move(value);
    return true;
  }
  const auto is_his = [&](const auto& one) { return crypto::equal_constant_time(one.first.first, owner.token_hash); };
  if (std::ranges::count_if(values_, is_his) >= static_cast<std::ptrdiff_t>(kMostOfOne)) return false;
  if (values_.size() >= kMost) {
    values_.erase(oldest_.begin()->second);
    oldest_.erase(oldest_.begin());
  }
  oldest_.emplace(next_, place);
  values_.emplace(place, Value{std::move(value), next_++});
  return true;
}

StringMap Attributes::of(const model::Credential& owner) const {
  StringMap mine;
  const std::lock_guard lock(mutex_);
  for (auto it = values_.lower_bound({owner.token_hash, {}});
       it != values_.end() && crypto::equal_constant_time(it->first.first, owner.token_hash); ++it) {
    mine.emplace(it->first.second, it->second.text);
  }
  return mine;
}

}  // namespace coffer::net::dapr
