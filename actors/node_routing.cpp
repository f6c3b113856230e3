// A node's calls: to the shard, the directory, or the node that leads. See node_impl.hpp.

#include "actors/node_impl.hpp"
#include "actors/retrying_call.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::uint8_t kMaxReroutes = 8;

bool is_of_a_tenant(const model::Credential& credential) {
  return credential.kind == model::CredentialKind::token ||
         ((credential.kind == model::CredentialKind::jwt || credential.kind == model::CredentialKind::certificate) &&
          !credential.of_node);
}

}  // namespace

void NodeImpl::submit(Call* call) noexcept {
  CallHandle handle(call);
  if (std::holds_alternative<model::KeeperOperation>(call->request.operation)) {
    call->audit.port = context_->audit;
    return keeper_->submit(std::move(handle));
  }
  if (!context_->accepting) return handle.finish(Error(context_->unsealed ? Code::unavailable : Code::sealed));
  route(std::move(handle));
}

/// A call that was routed before: from another node, or after a wait.
void NodeImpl::resubmit(void* router, Call* call) {
  auto* self = static_cast<NodeImpl*>(router);
  CallHandle handle(call);
  if (!self->context_->accepting) return handle.finish(Error(Code::unavailable));
  self->route(std::move(handle));
}

void NodeImpl::undelivered(void* router, Call* call) {
  auto* self = static_cast<NodeImpl*>(router);
  CallHandle handle(call);
  if (!self->context_->accepting || ++call->reroutes > kMaxReroutes) return;  // the handle answers unavailable
  ++self->context_->counters.rerouted;
  caf::anon_send(self->context_->front, self->context_->parcel(std::move(handle)));
}

void NodeImpl::route(CallHandle call) noexcept {
  const model::CredentialKind kind = call.request().credential.kind;
  if (kind == model::CredentialKind::none || kind == model::CredentialKind::presented) {
    return call.finish(Error(Code::unauthenticated));
  }
  if (std::holds_alternative<model::TenantOperation>(call.request().operation)) {
    return route_to_tenant(std::move(call));
  }
  // A keeper's operation is the asked node's own affair and is never forwarded.
  if (!std::holds_alternative<model::DirectoryOperation>(call.request().operation)) {
    return call.finish(Error(Code::internal));
  }
  route_to_directory(std::move(call));
}

/// To an actor here or to the node that leads. On a node that has others the call is made to live through a failover, and
/// through a move of its tenant.
void NodeImpl::post(CallHandle call, const CallActor& shard, bool moves) noexcept {
  Context& context = *context_;
  const model::GroupId group = call.call().group;
  if ((context.is_clustered() || moves) && !call.call().survives) {
    auto* retrying = new RetryingCall(context, call.release());
    retrying->group = group;
    call = CallHandle(retrying);
  }
  const std::uint64_t leader = context.boards[group.value].leader.load(std::memory_order_relaxed);
  const bool elsewhere = !shard && leader != 0 && leader != context.self.value && !call.call().forwarded;
  const CallActor to = elsewhere ? CallActor(context.forwarder) : shard ? shard : CallActor(context.front);
  caf::anon_send(to, context.parcel(std::move(call)));
}

void NodeImpl::route_to_directory(CallHandle call) noexcept {
  call.call().group = model::kMetaGroup;
  post(std::move(call), context_->shards.find(model::TenantId{}).actor);
}

/// The directory here has no such tenant. If another node leads it, that may know better.
void NodeImpl::miss(CallHandle call, bool of_a_tenant) noexcept {
  Context& context = *context_;
  model::Request& request = call.request();
  if (call.call().forwarded) return call.finish(Error(Code::unavailable));
  call.call().group = model::kMetaGroup;
  // A node that has just been unsealed, or has begun to lead, may not have read its directory yet.
  const bool may_be_old =
      !context.directory_ready || (context.is_clustered() && !context.boards[model::kMetaGroup.value].holds_lease());
  if (may_be_old && !call.call().looked_up) {
    caf::anon_send(context.forwarder, Missing{context.parcel(std::move(call))});
    return;
  }
  call.call().confirmed = true;  // the answer "there is none" is as new as the directory
  call.audit().port = context.audit;
  // A token of one tenant learns nothing about others, not even whether they exist.
  if (of_a_tenant) return call.finish(Error(Code::permission_denied));
  request.tenant.create_at_first_use = request.tenant.create_at_first_use && context.create_at_first_use &&
                                       request.credential.kind != model::CredentialKind::operator_ &&
                                       model::is_mutation(std::get<model::TenantOperation>(request.operation));
  if (!request.tenant.create_at_first_use) return call.finish(Error(Code::tenant_not_found));
  call.call().confirmed = false;
  call.audit().port = nullptr;  // the shard will say
  caf::anon_send(context.front, context.parcel(std::move(call)));
}

void NodeImpl::route_to_tenant(CallHandle call) noexcept {
  const model::Request& request = call.request();
  const auto tenant = routing_.find(request.tenant);
  const bool of_a_tenant = is_of_a_tenant(request.credential);
  if (!tenant) return miss(std::move(call), of_a_tenant);
  if (of_a_tenant && request.credential.tenant != tenant->id) {
    call.call().confirmed = true;  // true on every node, at any time
    call.audit().port = context_->audit;
    return call.finish(Error(Code::permission_denied));
  }
  call.call().group = tenant->group;
  ShardTable::Shard shard = context_->shards.find(tenant->id);
  // A shard of the place that the tenant has left may not have heard of it, nor that another node leads there.
  if (shard.group != tenant->group) shard = {};
  if (shard.cell && shard.cell->try_get(request, call.reply(), &call.audit())) {
    // The lease is looked at after the reading, so that no pause in between can make the answer an old one.
    GroupBoard& board = context_->boards[tenant->group.value];
    if (board.holds_lease(shard.cell->life())) {
      board.count_request();
      call.call().confirmed = true;
      return call.finish();
    }
    call.reply() = Error(Code::unavailable);
  }
  post(std::move(call), shard.actor, tenant->moves);
}

model::Result<model::Credential> NodeImpl::authenticate(std::string_view token, model::Door door) const {
  if (!context_->unsealed) return Error(Code::sealed);
  auto claims = tokens_->verify(token);
  if (!claims) return claims.error();
  model::Credential credential;
  credential.door = door;
  credential.tenant = claims->tenant;
  credential.token_hash = claims->id_hash;
  credential.kind = model::CredentialKind::token;
  if (!claims->tenant.is_zero()) return credential;
  const auto op = operators_.find(claims->id_hash);
  if (!op) return Error(is_ready() ? Code::unauthenticated : Code::unavailable);  // else they are not read yet
  if (op->expires_at != 0 && op->expires_at <= options_.wall_clock()) return Error(Code::unauthenticated);
  credential.principal = "operator:" + op->name;
  credential.roles = op->capabilities;
  credential.expires_at = op->expires_at;
  credential.kind = op->dev_root && options_.dev ? model::CredentialKind::dev_root : model::CredentialKind::operator_;
  return credential;
}

std::optional<model::TenantId> NodeImpl::find_tenant(const model::TenantRef& tenant) const {
  const auto route = routing_.find(tenant);
  return route ? std::optional(route->id) : std::nullopt;
}

/// Looked at after a reading: then it was as new as anything acknowledged before.
bool NodeImpl::leads_surely(model::GroupId group) const {
  return !context_->is_clustered() || context_->boards[group.value].holds_lease();
}

TrustBasis NodeImpl::trust_basis(const model::TenantRef& tenant) const {
  const auto route = routing_.find(tenant);
  if (!route) {
    return {std::nullopt, 0, context_->directory_ready && leads_surely(model::kMetaGroup)};
  }
  return {route->id, context_->trust_changes.count(route->id), leads_surely(route->group)};
}

/// The answer when it is at hand: nobody has to be asked and nothing waited for.
std::optional<model::Result<TenantTrust>> NodeImpl::trust_at_once(const model::TenantRef& tenant) const {
  const auto route = routing_.find(tenant);
  if (!route) {
    const bool certain = context_->directory_ready && leads_surely(model::kMetaGroup);
    return certain ? std::optional<model::Result<TenantTrust>>(Error(Code::tenant_not_found)) : std::nullopt;
  }
  const GroupBoard& board = context_->boards[route->group.value];
  if (board.role != cluster::Role::leader) return std::nullopt;
  if (board.applied < std::max(board.trust_changed_at.load(), board.commit.load())) return std::nullopt;
  const model::Generation generation{board.generation};
  auto trust = read_trust(*options_.state_engine, *ring_, *options_.random, route->group, generation, route->id);
  // A tenant that moves has its rows somewhere else in a moment.
  if (!trust && trust.error().code == Code::unavailable) return std::nullopt;
  if (!leads_surely(route->group)) return std::nullopt;
  return trust;
}

void NodeImpl::ask_trust(const model::TenantRef& tenant, model::TimeMs deadline, TrustDone done) const {
  if (!context_->accepting) return done(Error(context_->unsealed ? Code::unavailable : Code::sealed));
  if (auto trust = trust_at_once(tenant)) return done(std::move(*trust));
  caf::anon_send(context_->trust_desk, AskTrust{std::make_shared<TrustQuestion>(tenant, deadline, std::move(done))});
}

}  // namespace coffer::actors
