// See stores.hpp.

#include "net/dapr/stores.hpp"

#include <algorithm>

namespace coffer::net::dapr {
namespace {

constexpr std::string_view kDevStore = "coffer";
constexpr std::string_view kDirektivPrefix = "direktiv-";

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_allowed(const View& view, std::string_view key) {
  if (!view.scopes) return true;
  if (!view.scopes->allowed.empty()) return contains(view.scopes->allowed, key);
  return !contains(view.scopes->denied, key) && !view.scopes->default_deny;
}

Stores::Stores(const Doors& settings, const actors::Gateway& gateway)
    : dev_(settings.dev), configured_(settings.dapr_stores), gateway_(gateway) {}

std::optional<View> Stores::find(std::string_view name) const {
  for (const DaprStore& store : configured_.get()) {
    if (store.name != name) continue;
    return View{
        {.name = store.tenant, .door = {}, .create_at_first_use = dev_}, store.space, store.multiple_values, &store};
  }
  if (!dev_) return std::nullopt;
  if (name == kDevStore) {
    return View{{.name = "default", .door = {}, .create_at_first_use = true}, "kv", true, nullptr};
  }
  if (!name.starts_with(kDirektivPrefix)) return std::nullopt;
  model::TenantRef tenant{.name = {},
                          .door = {model::Door::direktiv, std::string(name.substr(kDirektivPrefix.size()))}};
  if (tenant.door.external_id.empty() || !gateway_.tenant_exists(tenant)) return std::nullopt;
  return View{std::move(tenant), "direktiv", false, nullptr};
}

std::vector<Stores::Component> Stores::components() const {
  std::vector<Component> all;
  for (const DaprStore& store : configured_.get()) all.push_back({store.name, store.multiple_values});
  const auto& configured = configured_.get();
  const bool taken =
      std::any_of(configured.begin(), configured.end(), [](const auto& s) { return s.name == kDevStore; });
  if (dev_ && !taken) all.push_back({std::string(kDevStore), true});
  return all;
}

}  // namespace coffer::net::dapr
