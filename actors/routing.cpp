// See routing.hpp.

#include "actors/routing.hpp"

#include "crypto/hash.hpp"

namespace coffer::actors {

// A tenant's name never begins with a control character, so names and doors share one table.
std::string RoutingTable::key_of(const model::DoorName& door) {
  std::string key(1, static_cast<char>(door.door));
  key += door.external_id;
  return key;
}

std::shared_ptr<const TenantRoute> RoutingTable::find(const model::TenantRef& tenant) const {
  const auto look = [this](std::string_view key) -> std::shared_ptr<const TenantRoute> {
    const Stripe& s = stripe(key);
    std::shared_lock lock(s.mutex);
    auto found = s.routes.find(key);
    return found == s.routes.end() ? nullptr : found->second;
  };
  if (!tenant.name.empty()) return static_cast<unsigned char>(tenant.name[0]) < 0x20 ? nullptr : look(tenant.name);
  return look(key_of(tenant.door));
}

void RoutingTable::put(const DirectoryTenant& tenant) {
  auto route = std::make_shared<const TenantRoute>(TenantRoute{
      tenant.info.id, tenant.info.group, tenant.epoch, tenant.owner_public_key, tenant.info.moving_to.value != 0});
  const auto set = [&](const std::string& key) {
    Stripe& s = stripe(key);
    std::unique_lock lock(s.mutex);
    return s.routes.insert_or_assign(key, route).second;
  };
  if (set(tenant.info.name)) ++tenants_;
  for (const model::DoorName& door : tenant.info.doors) set(key_of(door));
}

void RoutingTable::remove(const DirectoryTenant& tenant) {
  const auto erase = [&](const std::string& key) {
    Stripe& s = stripe(key);
    std::unique_lock lock(s.mutex);
    auto found = s.routes.find(key);
    if (found == s.routes.end() || found->second->id != tenant.info.id) return false;  // another tenant has it now
    s.routes.erase(found);
    return true;
  };
  if (erase(tenant.info.name)) --tenants_;
  for (const model::DoorName& door : tenant.info.doors) erase(key_of(door));
}

void RoutingTable::clear() {
  for (Stripe& s : stripes_) {
    std::unique_lock lock(s.mutex);
    s.routes.clear();
  }
  tenants_ = 0;
}

void RoutingTable::retain(const std::function<bool(std::string_view name)>& keeps_name,
                          const std::function<bool(const model::DoorName&)>& keeps_door) {
  for (Stripe& s : stripes_) {
    std::unique_lock lock(s.mutex);
    std::erase_if(s.routes, [&](const auto& entry) {
      const auto kind = static_cast<unsigned char>(entry.first[0]);
      if (kind < 0x20) return !keeps_door({static_cast<model::Door>(kind), entry.first.substr(1)});
      if (keeps_name(entry.first)) return false;
      --tenants_;
      return true;
    });
  }
}

std::uint64_t RoutingTable::tenants() const { return tenants_; }

std::shared_ptr<const Operator> OperatorTable::find(std::string_view token_hash) const {
  std::shared_lock lock(mutex_);
  for (const auto& op : operators_) {
    if (crypto::equal_constant_time(op->token_hash, token_hash)) return op;
  }
  return nullptr;
}

void OperatorTable::put(const Operator& op) {
  std::unique_lock lock(mutex_);
  std::erase_if(operators_,
                [&](const auto& known) { return crypto::equal_constant_time(known->token_hash, op.token_hash); });
  operators_.push_back(std::make_shared<const Operator>(op));
}

void OperatorTable::remove(std::string_view token_hash) {
  std::unique_lock lock(mutex_);
  std::erase_if(operators_, [&](const auto& op) { return crypto::equal_constant_time(op->token_hash, token_hash); });
}

void OperatorTable::retain(const std::function<bool(std::string_view token_hash)>& keeps) {
  std::unique_lock lock(mutex_);
  std::erase_if(operators_, [&](const auto& op) { return !keeps(op->token_hash); });
}

void OperatorTable::clear() {
  std::unique_lock lock(mutex_);
  operators_.clear();
}

std::vector<std::shared_ptr<const Operator>> OperatorTable::all() const {
  std::shared_lock lock(mutex_);
  return operators_;
}

}  // namespace coffer::actors
