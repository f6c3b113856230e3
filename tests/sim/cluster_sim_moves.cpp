// What the nodes of the simulated cluster ask of one another for a tenant's move: of the tenant itself and of the
// directory, by way of a network that loses questions and answers. See cluster_sim.hpp.

#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

/// What one node asks of the tenant by way of another.
class ClusterSim::NodeCall final : public actors::Call {
 public:
  using Done = std::function<void(model::Result<model::Reply>)>;
  NodeCall(ClusterSim& sim, std::uint64_t from, std::uint64_t at, std::shared_ptr<Done> done)
      : sim_(sim), from_(from), at_(at), life_(sim.node(at).life()), done_(std::move(done)) {}
  void complete() noexcept override {
    const std::unique_ptr<NodeCall> owned(this);
    if (!sim_.node(at_).is_up() || sim_.node(at_).life() != life_ || sim_.cut(at_, from_)) {
      return;
    }
    auto answer = std::make_shared<model::Result<model::Reply>>(std::move(reply));
    sim_.in_life(model::NodeId(from_), sim_.hops(from_), [done = done_, answer] {
      if (*done) {
        std::exchange(*done, nullptr)(std::move(*answer));
      }
    });
  }

 private:
  ClusterSim& sim_;
  const std::uint64_t from_, at_, life_;
  const std::shared_ptr<Done> done_;
};

std::uint64_t ClusterSim::hops(std::uint64_t) const {
  auto& rng = const_cast<Rng&>(rng_);
  return healed_ || !rng.chance(10) ? rng.between(1, 8) : rng.between(50, 1500);
}

/// 0: nobody.
std::uint64_t ClusterSim::who_leads(model::GroupId group) const {
  for (std::uint64_t id = 1; id <= size(); ++id) {
    if (const_cast<ClusterSim&>(*this).node(id).leads(group)) {
      return id;
    }
  }
  return 0;
}

void ClusterSim::ask(model::NodeId from, std::size_t tenant, Operation operation,
                     std::function<void(model::Result<model::Reply>)> done) {
  // Whoever asked in an earlier life is told nothing.
  auto once = std::make_shared<NodeCall::Done>(
      [this, from, life = node(from.value).life(), done = std::move(done)](model::Result<model::Reply> reply) {
        if (node(from.value).life() == life) {
          done(std::move(reply));
        }
      });
  in_life(from, rng_.between(300, 900), [once] {
    if (*once) {
      std::exchange(*once, nullptr)(model::Error(model::Code::outcome_unknown));
    }
  });
  std::uint64_t to = rng_.between(1, size());
  const auto group = tenant == kDirectory ? std::optional(model::kMetaGroup) : node(from.value).home_of(tenant);
  if (const std::uint64_t leader = group ? who_leads(*group) : 0; leader != 0 && rng_.chance(900)) {
    to = leader;
  }
  if (!healed_ && rng_.chance(20)) {
    return;
  }
  time_.after(hops(from.value), [this, from, to, tenant, operation = std::move(operation), once] {
    if (cut(from.value, to)) {
      return;
    }
    at(to, [this, from, to, tenant, operation, once] {
      if (!node(to).is_up()) {
        return;
      }
      auto call = std::make_unique<NodeCall>(*this, from.value, to, once);
      call->request.credential.kind = model::CredentialKind::operator_;
      call->request.credential.of_node = true;
      std::visit([&](const auto& asked) { call->request.operation = asked; }, operation);
      node(to).call(tenant, actors::CallHandle(call.release()));
    });
  });
}

void ClusterSim::attend() {
  for (std::uint64_t id = 1; id <= size(); ++id) {
    at(id, [this, id] { node(id).attend(); });
  }
}

/// The log says who owns a tenant: nobody from the fence in the old group on, until it is installed in the new one.
void ClusterSim::own(Tenant& tenant, model::GroupId group, std::string_view action, std::uint64_t revision) {
  if (action == "move-tenant-in") {
    require(tenant.owner.value == 0, "a tenant that is owned by a group is installed in another");
    tenant.owner = group;
  } else if (revision != 0) {
    require(tenant.owner == group, "a tenant is written to in a group that does not own it");
    tenant.owner = action == "move-tenant-fence" ? model::GroupId() : group;
  }
}

}  // namespace coffer::sim
