#pragma once
// Which tenant a name or a door's external id leads to, for the front: looked up by every call on any thread, changed by
// the directory alone after its commits. Striped, so that a lookup takes a shared lock of one small map and a change
// copies nothing; a snapshot table would have to be copied for each of a million tenants.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/records.hpp"
#include "model/requests.hpp"

namespace coffer::actors {

struct TenantRoute {
  model::TenantId id;
  model::GroupId group;
  std::uint32_t epoch = 1;
  std::string owner_public_key;
  bool moves = false;  // it is on its way to another group
};

class RoutingTable {
 public:
  /// Null when there is no such tenant.
  std::shared_ptr<const TenantRoute> find(const model::TenantRef& tenant) const;
  void put(const DirectoryTenant& tenant);
  void remove(const DirectoryTenant& tenant);
  void clear();
  /// Takes out every name and door that is not to be kept.
  void retain(const std::function<bool(std::string_view name)>& keeps_name,
              const std::function<bool(const model::DoorName&)>& keeps_door);
  std::uint64_t tenants() const;

 private:
  struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Stripe {
    mutable std::shared_mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<const TenantRoute>, TransparentHash, std::equal_to<>> routes;
  };
  static std::string key_of(const model::DoorName& door);
  Stripe& stripe(std::string_view key) { return stripes_[std::hash<std::string_view>{}(key) % stripes_.size()]; }
  const Stripe& stripe(std::string_view key) const {
    return stripes_[std::hash<std::string_view>{}(key) % stripes_.size()];
  }
  std::array<Stripe, 256> stripes_;
  std::atomic<std::uint64_t> tenants_{0};
};

/// The operators' credentials that are in force; read by authenticate() on any thread.
class OperatorTable {
 public:
  std::shared_ptr<const Operator> find(std::string_view token_hash) const;
  /// Replaces the one of the same token.
  void put(const Operator& op);
  void remove(std::string_view token_hash);
  /// Takes out those of which it is false.
  void retain(const std::function<bool(std::string_view token_hash)>& keeps);
  void clear();
  std::vector<std::shared_ptr<const Operator>> all() const;

 private:
  mutable std::shared_mutex mutex_;
  std::vector<std::shared_ptr<const Operator>> operators_;
};

}  // namespace coffer::actors
