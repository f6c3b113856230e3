#pragma once
// Dapr's secret stores as named views of a tenant's space, and their scopes. Used by the Dapr door, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/gateway.hpp"
#include "model/requests.hpp"
#include "net/live.hpp"
#include "net/settings.hpp"

namespace coffer::net::dapr {

/// What a store's name leads to.
struct View {
  model::TenantRef tenant;
  std::string space;
  bool multiple_values = false;
  /// Its scopes; null: everything is allowed. Points into Stores.
  const DaprStore* scopes = nullptr;
};

/// Dapr's rule (spec.secrets.scopes): a list of allowed names decides alone when it is not empty; else a name on the list
/// of denied ones is denied; else the default decides. Whole names, case-sensitive.
bool is_allowed(const View& view, std::string_view key);

class Stores {
 public:
  /// In --dev there are two more: "coffer" (tenant default, space kv) and "direktiv-<namespace>" for every namespace
  /// that exists. A configured store of the same name goes before them. There, the tenants that configuration names are
  /// made at first use.
  Stores(const Doors& settings, const actors::Gateway& gateway);

  /// Other configured stores from the next request on.
  void reload(const Doors& settings) { configured_.set(settings.dapr_stores); }

  std::optional<View> find(std::string_view name) const;
  /// True when no store can be found under any name.
  bool none() const { return !dev_ && configured_.get().empty(); }

  struct Component {
    std::string name;
    bool multiple_values = false;
  };
  /// The stores that can be listed, for the metadata endpoint; namespaces' stores are found by name only.
  std::vector<Component> components() const;

 private:
  const bool dev_;
  Live<std::vector<DaprStore>> configured_;
  const actors::Gateway& gateway_;
};

}  // namespace coffer::net::dapr
