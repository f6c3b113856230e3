// The directory of the simulated cluster, and tenants that move. Decides by the production's DirectoryCore, whose write sets
// are committed at once; nodes hear of them late, and what they say may be lost before or after it counts. See
// cluster_sim.hpp.

#include <algorithm>

#include "actors/write_set.hpp"
#include "storage/open.hpp"
#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

namespace {

class DirectoryCall final : public actors::Call {
 public:
  void complete() noexcept override { completed = true; }
  bool completed = false;
};

std::pair<std::uint32_t, int> how_far(const model::TenantInfo& tenant) {
  return {tenant.moves, tenant.moving_to.value != 0 ? 0 : tenant.moved_from.value != 0 ? 1 : 2};
}

std::string name_of_tenant(std::size_t index) { return "t" + std::to_string(index); }

}  // namespace

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

void ClusterSim::make_tenants() {
  directory_rows_ = storage::open_memory();
  directory_deps_.reset(new actors::DirectoryDeps{*directory_rows_, ring_, directory_random_,
                                                  [this] { return static_cast<model::TimeMs>(time_.now()); }, routing_,
                                                  operators_, model::Generation{1}, kDataGroups});
  directory_deps_->tenant_moves = [this](const model::TenantInfo& tenant) { publish(tenant); };
  auto core = actors::DirectoryCore::open(*directory_deps_);
  require(core.ok(), "the directory does not open");
  directory_ = std::move(*core);
  heard_.resize(1);
  for (std::size_t index = 0; index < kTenants; ++index) {
    model::CreateTenant create;
    create.name = name_of_tenant(index);
    auto made = ask_directory(create);
    require(made.ok(), "a tenant is not created");
    const model::TenantInfo& info = std::get<model::TenantReply>(made->body).tenant;
    heard_.front().push_back(info);
    tenants_.push_back({{info.id, info.group}, {}, 0, info.group});
  }
}

model::Result<model::Reply> ClusterSim::ask_directory(model::DirectoryOperation operation) {
  DirectoryCall call;
  call.request.credential.kind = model::CredentialKind::operator_;
  call.request.credential.of_node = true;
  call.request.operation = std::move(operation);
  std::vector<actors::Submission> out;
  directory_->handle(actors::CallHandle(&call), out);
  while (!out.empty()) {
    const std::vector<actors::Submission> now = std::exchange(out, {});
    for (const actors::Submission& submission : now) {
      actors::WriteSetView set;
      require(actors::decode_write_set(*submission.write_set, set).ok(), "the directory wrote no write set");
      storage::StateWriter writer(*directory_rows_);
      writer.apply(model::kMetaGroup, model::Generation{1}, set.head.tenant, set.rows);
      require(writer.write().ok(), "the directory's rows are not written");
      directory_->committed(submission.sequence, out);
    }
  }
  require(call.completed, "the directory answers nothing");
  return std::move(call.reply);
}

/// A node that is stopped, cut off or down hears of it when it can; none goes back to what it knew before.
void ClusterSim::publish(const model::TenantInfo& tenant) {
  for (std::uint64_t id = 1; id <= heard_.size(); ++id) {
    const std::uint64_t delay = healed_ || !rng_.chance(150) ? rng_.between(1, 20) : rng_.between(50, 3000);
    time_.after(delay, [this, id, tenant] {
      for (std::size_t index = 0; index < tenants_.size(); ++index) {
        model::TenantInfo& known = heard_[id - 1][index];
        if (known.id == tenant.id && how_far(known) < how_far(tenant)) {
          known = tenant;
        }
      }
    });
  }
}

std::uint64_t ClusterSim::hops(std::uint64_t) const {
  auto& rng = const_cast<Rng&>(rng_);
  return healed_ || !rng.chance(10) ? rng.between(1, 8) : rng.between(50, 1500);
}

void ClusterSim::ask(model::NodeId from, std::size_t tenant, model::TenantOperation operation,
                     std::function<void(model::Result<model::Reply>)> done) {
  auto once = std::make_shared<NodeCall::Done>(std::move(done));
  in_life(from, rng_.between(300, 900), [once] {
    if (*once) {
      std::exchange(*once, nullptr)(model::Error(model::Code::outcome_unknown));
    }
  });
  const model::GroupId group = heard_[from.value - 1][tenant].group;
  std::uint64_t to = rng_.between(1, size());
  for (std::uint64_t id = 1; id <= size() && rng_.chance(900); ++id) {
    to = node(id).leads(group) ? id : to;
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
      call->request.operation = operation;
      node(to).call(tenants_[tenant].is, actors::CallHandle(call.release()));
    });
  });
}

void ClusterSim::advance(model::NodeId from, const model::AdvanceMove& move, std::function<void(model::Status)> done) {
  const bool is_heard = healed_ || !rng_.chance(50), is_answered = healed_ || !rng_.chance(50);
  const std::uint64_t there = hops(from.value);
  if (is_heard) {  // also from a node that has died since
    time_.after(there, [this, move] { require(ask_directory(move).ok(), "the directory refuses a step of a move"); });
  }
  in_life(from, there + hops(from.value), [is_heard, is_answered, done = std::move(done)] {
    done(is_heard && is_answered ? model::Status() : model::Status(model::Error(model::Code::outcome_unknown)));
  });
}

void ClusterSim::begin_move() {
  if (healed_) {
    return;
  }
  const std::size_t index = rng_.below(kTenants);
  const auto now = ask_directory(model::GetTenant{name_of_tenant(index)});
  const model::TenantInfo& info = std::get<model::TenantReply>(now->body).tenant;
  if (info.moving_to.value == 0 && info.moved_from.value == 0) {
    const model::GroupId to(info.group.value % kDataGroups + 1);
    require(ask_directory(model::MoveTenant{name_of_tenant(index), to}).ok(), "a move does not begin");
  }
}

void ClusterSim::attend_moves() {
  for (std::uint64_t id = 1; id <= size(); ++id) {
    at(id, [this, id] { node(id).attend_moves(); });
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

/// Every move is over, and of each tenant the group that leads it alone has what makes it live there.
bool ClusterSim::is_settled() const {
  for (std::size_t index = 0; index < tenants_.size(); ++index) {
    auto& self = const_cast<ClusterSim&>(*this);
    const auto now = self.ask_directory(model::GetTenant{name_of_tenant(index)});
    const model::TenantInfo& info = std::get<model::TenantReply>(now->body).tenant;
    if (info.moving_to.value != 0 || info.moved_from.value != 0) {
      return false;
    }
    for (std::uint64_t group = 1; group <= kDataGroups; ++group) {
      for (std::uint64_t id = 1; id <= size(); ++id) {
        const model::GroupId other(group);
        const bool shows = self.node(id).leads(other) && self.node(id).owns(index, other) && other != info.group;
        require(!shows, "a tenant lives in two groups");
      }
    }
  }
  return true;
}

}  // namespace coffer::sim
