// Operators: they create tenants, move them, add groups and look at how things are, one after the other, and ask again
// until they are answered, sometimes twice at once. What they are told must hold. See cluster_sim.hpp.

#include <algorithm>
#include <utility>

#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

namespace {

bool is_asked_again(model::Code code) {
  return code == model::Code::unavailable || code == model::Code::outcome_unknown || code == model::Code::sealed ||
         code == model::Code::overloaded;
}

bool is_same(const model::TenantInfo& a, const model::TenantInfo& b) {
  return a.id == b.id && a.group == b.group && a.moves == b.moves && a.moving_to == b.moving_to &&
         a.moved_from == b.moved_from;
}

}  // namespace

class ClusterSim::OrderCall final : public actors::Call {
 public:
  OrderCall(ClusterSim& sim, std::size_t number, std::uint64_t attempt, std::uint64_t at)
      : sim_(sim), number_(number), attempt_(attempt), at_(at), life_(sim.node(at).life()) {}
  void complete() noexcept override {
    const std::unique_ptr<OrderCall> owned(this);
    const bool is_sent = sim_.node(at_).is_up() && sim_.node(at_).life() == life_;
    if (!is_sent || (!sim_.healed_ && sim_.rng_.chance(15))) {
      return;
    }
    auto answer = std::make_shared<model::Result<model::Reply>>(std::move(reply));
    sim_.time_.after(sim_.rng_.between(1, 8), [&sim = sim_, number = number_, attempt = attempt_, answer] {
      sim.ordered(number, attempt, *answer);
    });
  }

 private:
  ClusterSim& sim_;
  const std::size_t number_;
  const std::uint64_t attempt_, at_, life_;
};

void ClusterSim::operate() {
  const std::size_t number = rng_.below(kOperators);
  Operator& op = operators_[number];
  if (closing_ || op.is_busy) {
    return;
  }
  op.tenant = kDirectory;
  op.operation = choose_order(op);
  begin_order(number, 3000);
}

void ClusterSim::begin_order(std::size_t number, std::uint64_t patience) {
  Operator& op = operators_[number];
  op.is_busy = true;
  op.request_id = std::to_string(next_op_++);
  op.deadline = time_.now() + patience;
  op.told = op.tenant == kDirectory ? 0 : tenants_[op.tenant].told;
  op.groups = told_groups_;
  order(number);
}

model::DirectoryOperation ClusterSim::choose_order(Operator& op) {
  for (std::size_t index = 0; index < kTenants; ++index) {
    const bool is_due = index < kFirstTenants || told_groups_ > kFirstGroups;
    if (!tenants_[index].is_asked_for && is_due) {
      tenants_[index].is_asked_for = true;
      op.tenant = index;
      model::CreateTenant create;
      create.name = name_of_tenant(index);
      return create;
    }
  }
  const std::uint64_t dice = rng_.below(100);
  if (dice < 12 && told_groups_ < kMostGroups) {
    return model::AddGroups{1, static_cast<std::uint32_t>(told_groups_)};
  }
  if (dice < 22) {
    return model::GetClusterStatus{};
  }
  if (is_steered() && dice < 28) {
    return choose_drain();
  }
  const std::size_t index = rng_.below(kTenants);
  if (!tenants_[index].is_made) {
    return model::GetClusterStatus{};
  }
  op.tenant = index;
  if (dice < 85) {
    return model::GetTenant{name_of_tenant(index)};
  }
  return model::MoveTenant{name_of_tenant(index), model::GroupId(rng_.between(1, told_groups_))};
}

void ClusterSim::order(std::size_t number) {
  Operator& op = operators_[number];
  ++op.attempt;
  std::uint64_t to = rng_.between(1, size());
  if (const std::uint64_t leader = who_leads(model::kMetaGroup); leader != 0 && rng_.chance(800)) {
    to = leader;  // whoever does not lead passes it on
  }
  if (healed_ || !rng_.chance(15)) {
    send_order(number, to, hops(to));
  }
  if (!healed_ && rng_.chance(150)) {
    send_order(number, to, hops(to));
  }
  time_.after(rng_.between(300, 900), [this, number, attempt = op.attempt] {
    ordered(number, attempt, model::Error(model::Code::outcome_unknown));
  });
}

void ClusterSim::send_order(std::size_t number, std::uint64_t to, std::uint64_t delay) {
  const Operator& op = operators_[number];
  time_.after(delay, [this, number, to, attempt = op.attempt, operation = op.operation, id = op.request_id] {
    at(to, [this, number, to, attempt, operation, id] {
      if (!node(to).is_up()) {
        return;
      }
      auto call = std::make_unique<OrderCall>(*this, number, attempt, to);
      call->request.credential.kind = model::CredentialKind::dev_root;
      call->request.info.request_id = id;
      call->request.operation = operation;
      node(to).call(kDirectory, actors::CallHandle(call.release()));
    });
  });
}

void ClusterSim::ordered(std::size_t number, std::uint64_t attempt, const model::Result<model::Reply>& answer) {
  Operator& op = operators_[number];
  if (!op.is_busy || op.attempt != attempt) {
    return;
  }
  ++op.attempt;
  if (answer.ok() || !is_asked_again(answer.error().code)) {
    check_order(op, answer);
    op.is_busy = false;
    trace_.add(op.attempt);
    return;
  }
  if (time_.now() > op.deadline && !std::holds_alternative<model::CreateTenant>(op.operation)) {
    op.is_busy = false;
    return;
  }
  time_.after(rng_.between(5, 60), [this, number, next = op.attempt] {
    if (operators_[number].is_busy && operators_[number].attempt == next) {
      order(number);
    }
  });
}

/// What he is told is committed, and no older than what others had been told when he asked. (What a follower knows to be
/// committed may be newer: the leader answers it when its own disk has it.)
void ClusterSim::check_order(Operator& op, const model::Result<model::Reply>& answer) {
  const model::Code code = answer.ok() ? model::Code::ok : answer.error().code;
  const auto refused = [&] {
    return "an operator is refused: " + std::string(answer.error().message()) + " " + answer.error().detail;
  };
  if (std::holds_alternative<model::DrainNode>(op.operation)) {
    const auto& drain = std::get<model::DrainNode>(op.operation);
    const bool is_last =
        !drain.undo && code == model::Code::invalid_argument;  // the last one that stays is not drained
    require(code == model::Code::ok || is_last, answer.ok() ? "" : refused());
    require(is_last || std::get<model::NodeReply>(answer->body).node.id == drain.node,
            "an operator is told of another node than he drained");
    return;
  }
  if (op.tenant == kDirectory) {
    // Somebody else may have added one in the meantime.
    const bool adds = std::holds_alternative<model::AddGroups>(op.operation);
    require(code == model::Code::ok || (adds && code == model::Code::invalid_argument), answer.ok() ? "" : refused());
    if (code == model::Code::ok) {
      // An addition is also answered with how many there are from then on.
      const std::uint64_t told = std::get<model::ClusterStatusReply>(answer->body).data_groups;
      require(told <= data_groups(), "an operator is told of a group whose creation is not committed");
      require(told >= op.groups, "an operator is told of fewer groups than others were before he asked");
      told_groups_ = std::max(told_groups_, told);
      ++report_.looks;
    }
    return;
  }
  Tenant& tenant = tenants_[op.tenant];
  if (std::holds_alternative<model::MoveTenant>(op.operation) && code == model::Code::not_active) {
    return;  // its last move is not over
  }
  require(code == model::Code::ok, answer.ok() ? "" : refused());
  const model::TenantInfo& told = std::get<model::TenantReply>(answer->body).tenant;
  const auto is = std::find_if(tenant.states.begin() + static_cast<std::ptrdiff_t>(op.told), tenant.states.end(),
                               [&](const auto& state) { return is_same(state, told); });
  require(is != tenant.states.end(), "an operator is told of a tenant what is not committed, or what was over");
  tenant.told = std::max(tenant.told, static_cast<std::size_t>(is - tenant.states.begin()));
  tenant.is_made = true;
  ++report_.looks;
}

}  // namespace coffer::sim
