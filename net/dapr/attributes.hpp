#pragma once
// The attributes that clients set by PUT /v1.0/metadata/{key}: kept in this process only, bounded, and shown only to the
// credential that set them. Used by the Dapr door; thread-safe.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "model/access.hpp"
#include "net/dapr/go_json.hpp"

namespace coffer::net::dapr {

class Attributes {
 public:
  static constexpr std::size_t kMost = 1024, kMostOfOne = 64, kKeyBytes = 128, kValueBytes = 4096;

  /// When the process has kMost, the one that was set first makes room: a credential that nobody uses any more keeps
  /// nobody from setting his. False, and nothing set, when key or value is too long, is not UTF-8, or the owner has too many.
  bool set(const model::Credential& owner, std::string key, std::string value);
  StringMap of(const model::Credential& owner) const;

 private:
  using Place = std::pair<std::string, std::string>;  // token's hash, key
  struct Value {
    std::string text;
    std::uint64_t number = 0;
  };

  mutable std::mutex mutex_;
  std::map<Place, Value> values_;
  std::map<std::uint64_t, Place> oldest_;  // by number
  std::uint64_t next_ = 0;
};

}  // namespace coffer::net::dapr
