#pragma once
// A gateway in front of another one: everything passes through. Those who add something (net/identity verifies, net/tenant_metrics
// counts) derive from it and override what is theirs, so that what the gateway learns to do later needs no word here twice.
// Any thread.

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/gateway.hpp"

namespace coffer::net {

class PassingGateway : public actors::Gateway {
 public:
  void submit(actors::Call* call) noexcept override { inner_.submit(call); }
  model::Result<model::Credential> authenticate(std::string_view token, model::Door door) const override {
    return inner_.authenticate(token, door);
  }
  bool tenant_exists(const model::TenantRef& tenant) const override { return inner_.tenant_exists(tenant); }
  std::optional<model::TenantId> find_tenant(const model::TenantRef& tenant) const override {
    return inner_.find_tenant(tenant);
  }
  void ask_trust(const model::TenantRef& tenant, model::TimeMs deadline, actors::TrustDone done) const override {
    inner_.ask_trust(tenant, deadline, std::move(done));
  }
  actors::TrustBasis trust_basis(const model::TenantRef& tenant) const override { return inner_.trust_basis(tenant); }
  actors::NodeStatus status() const override { return inner_.status(); }
  std::vector<actors::Sample> samples() const override { return inner_.samples(); }
  model::AuditPort* audit() const override { return inner_.audit(); }

 protected:
  /// `inner` must outlive it.
  explicit PassingGateway(actors::Gateway& inner) : inner_(inner) {}

  actors::Gateway& inner_;
};

}  // namespace coffer::net
