#pragma once
// The attributes that clients set by PUT /v1.0/metadata/{key}: kept in this process only, bounded, and shown only to the
// credential that set them. Used by the Dapr door; thread-safe.

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "model/access.hpp"
#include "net/dapr/go_json.hpp"

namespace coffer::net::dapr {

class Attributes {
 public:
  static constexpr std::size_t kMost = 1024, kKeyBytes = 128, kValueBytes = 4096;

  /// False, and nothing set, when key or value is too long, is not UTF-8, or there are too many attributes.
  bool set(const model::Credential& owner, std::string key, std::string value);
  StringMap of(const model::Credential& owner) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> values_;  // by (token's hash, key)
};

}  // namespace coffer::net::dapr
