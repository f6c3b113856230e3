#pragma once
// Credentials that were verified already, by a hash of what was presented and for which tenant: bounded, least recently
// used ones leave. Any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/gateway.hpp"
#include "model/access.hpp"

namespace coffer::net {

class CredentialCache {
 public:
  explicit CredentialCache(std::size_t entries) : most_(std::max<std::size_t>(1, entries / kStripes)) {}

  /// What a credential was verified under: when any of it is different, it must be verified again.
  struct Basis {
    actors::TrustBasis tenant;
    std::uint64_t node = 0;  // changes of the node's own
    friend bool operator==(const Basis&, const Basis&) = default;
  };
  /// `key` is a SHA-256.
  std::optional<model::Credential> find(const std::string& key, const Basis& basis, model::TimeMs now) {
    Stripe& s = stripe(key);
    const std::lock_guard lock(s.mutex);
    const auto found = s.entries.find(key);
    if (found == s.entries.end()) return std::nullopt;
    Entry& entry = *found->second;
    if (entry.basis != basis || (entry.until != 0 && entry.until <= now)) {
      s.order.erase(found->second);
      s.entries.erase(found);
      return std::nullopt;
    }
    s.order.splice(s.order.begin(), s.order, found->second);
    return entry.credential;
  }
  /// `until` 0: for ever.
  void put(const std::string& key, const Basis& basis, const model::Credential& credential, model::TimeMs until) {
    Stripe& s = stripe(key);
    const std::lock_guard lock(s.mutex);
    if (const auto found = s.entries.find(key); found != s.entries.end()) {
      s.order.erase(found->second);
      s.entries.erase(found);
    }
    s.order.push_front({key, basis, credential, until});
    s.entries.emplace(key, s.order.begin());
    while (s.order.size() > most_) {
      s.entries.erase(s.order.back().key);
      s.order.pop_back();
    }
  }
  void forget(const std::string& key) {
    Stripe& s = stripe(key);
    const std::lock_guard lock(s.mutex);
    const auto found = s.entries.find(key);
    if (found == s.entries.end()) return;
    s.order.erase(found->second);
    s.entries.erase(found);
  }
  std::size_t size() const {
    std::size_t sum = 0;
    for (const Stripe& s : stripes_) {
      const std::lock_guard lock(s.mutex);
      sum += s.order.size();
    }
    return sum;
  }

 private:
  static constexpr std::size_t kStripes = 16;
  struct Entry {
    std::string key;
    Basis basis;
    model::Credential credential;
    model::TimeMs until = 0;
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::list<Entry> order;  // newest use first
    std::unordered_map<std::string, std::list<Entry>::iterator> entries;
  };
  Stripe& stripe(const std::string& key) { return stripes_[static_cast<unsigned char>(key.front()) % kStripes]; }

  const std::size_t most_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace coffer::net
