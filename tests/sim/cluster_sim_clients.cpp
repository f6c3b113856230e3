// Clients: one operation at a time, retried with its request id until its deadline. See cluster_sim.hpp.

#include <algorithm>

#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

namespace {

constexpr char kSpace[] = "kv";

std::string name_of(std::size_t key) { return "k" + std::to_string(key); }

std::uint64_t value_of(const std::optional<model::Payload>& payload) {
  return payload ? std::stoull(std::string(payload->content.expose())) : 0;
}

/// What an answer says before a request id protects it: nothing was applied.
bool is_refusal(model::Code code) {
  return code == model::Code::unavailable || code == model::Code::sealed || code == model::Code::overloaded;
}

}  // namespace

/// A call at one node. What a node that has ended says is never sent.
class ClusterSim::ClientCall final : public actors::Call {
 public:
  ClientCall(ClusterSim& sim, std::size_t client, std::uint64_t attempt, std::uint64_t at)
      : sim_(sim), client_(client), attempt_(attempt), at_(at), life_(sim.node(at).life()) {}
  void complete() noexcept override {
    const std::unique_ptr<ClientCall> owned(this);
    if (!sim_.node(at_).is_up() || sim_.node(at_).life() != life_) {
      return;
    }
    Answer answer;
    if (!reply.ok()) {
      answer.code = reply.error().code;
    } else {
      read(answer);
    }
    if (!sim_.healed_ && sim_.rng_.chance(15)) {
      return;  // lost on its way
    }
    sim_.time_.after(sim_.rng_.between(1, 8), [&sim = sim_, client = client_, attempt = attempt_,
                                               answer = std::move(answer)] { sim.answered(client, attempt, answer); });
  }

 private:
  void read(Answer& answer) const {
    answer.revision = reply->revision.counter;
    if (const auto* entry = std::get_if<model::EntryReply>(&reply->body)) {
      answer.versions = {entry->version};
      answer.seen = {{entry->version, value_of(entry->payload)}};
    } else if (const auto* several = std::get_if<model::TransactReply>(&reply->body)) {
      answer.versions = several->versions;
    } else if (const auto* batch = std::get_if<model::BatchGetReply>(&reply->body)) {
      for (const auto& result : batch->results) {
        answer.seen.push_back(result.ok() ? Seen{result->version, value_of(result->payload)} : Seen{});
      }
    }
  }

  ClusterSim& sim_;
  const std::size_t client_;
  const std::uint64_t attempt_, at_, life_;
};

bool ClusterSim::is_idle() const {
  for (const Client& client : clients_) {
    if (client.op) {
      return false;
    }
  }
  return std::none_of(operators_.begin(), operators_.end(), [](const Operator& op) { return op.is_busy; });
}

void ClusterSim::think(std::size_t number) {
  Client& client = clients_[number];
  if (closing_) {
    return;
  }
  client.tenant = rng_.below(tenants_.size());
  Tenant& tenant = tenants_[client.tenant];
  if (!tenant.is_made) {
    time_.after(rng_.between(5, 60), [this, number] { think(number); });
    return;
  }
  client.op = tenant.history.size();
  tenant.history.push_back(choose(client, client.tenant));
  client.deadline = time_.now() + 3000;
  client.attempts = 0;
  client.has_doubt = false;
  client.asks = rng_.between(1, size());
  ask(number);
}

Op ClusterSim::choose(Client& client, std::size_t tenant) {
  static_cast<void>(tenant);
  Op op;
  op.id = next_op_++;
  op.invoked = time_.now();
  const std::size_t key = rng_.below(kKeys);
  const std::uint64_t dice = rng_.below(100);
  const auto put = [&](std::size_t of) {
    Change change;
    change.key = of;
    change.value = op.id * 10 + op.changes.size();
    if (rng_.chance(400)) {
      change.expected = client.known[of];
    }
    op.changes.push_back(change);
  };
  if (dice < 30) {
    op.kind = OpKind::put;
    put(key);
  } else if (dice < 37) {
    op.kind = OpKind::del;
    op.changes.push_back({key, true, 0, std::nullopt});
  } else if (dice < 50) {
    op.kind = OpKind::transact;
    put(key);
    put((key + 1 + rng_.below(kKeys - 1)) % kKeys);
  } else if (dice < 70) {
    op.kind = OpKind::get;
    op.keys = {key};
  } else {
    op.kind = OpKind::batch;
    for (std::size_t each = 0; each < kKeys; ++each) {
      op.keys.push_back(each);
    }
  }
  return op;
}

void ClusterSim::ask(std::size_t number) {
  Client& client = clients_[number];
  ++client.attempt;
  ++client.attempts;
  const std::uint64_t attempt = client.attempt;
  const std::uint64_t where = client.asks;
  if (healed_ || !rng_.chance(15)) {
    const std::uint64_t delay = healed_ || !rng_.chance(10) ? rng_.between(1, 8) : rng_.between(50, 1500);
    time_.after(delay, [this, number, attempt, where] {
      at(where, [this, number, attempt, where] { arrive(number, attempt, where); });
    });
  }
  time_.after(rng_.between(300, 900), [this, number, attempt] {
    if (clients_[number].op && clients_[number].attempt == attempt) {
      clients_[number].has_doubt = true;
      answered(number, attempt, {model::Code::outcome_unknown, 0, {}, {}});
    }
  });
}

model::TenantOperation ClusterSim::operation_of(const Op& op) const {
  const auto put = [](const Change& change) {
    model::Put out;
    out.space = kSpace;
    out.name = name_of(change.key);
    out.payload = model::Payload::of_text(std::to_string(change.value));
    out.cas = change.expected;
    return out;
  };
  switch (op.kind) {
    case OpKind::put: return put(op.changes[0]);
    case OpKind::del: {
      model::Delete out;
      out.space = kSpace;
      out.name = name_of(op.changes[0].key);
      return out;
    }
    case OpKind::transact: {
      model::Transact out;
      for (const Change& change : op.changes) {
        out.operations.emplace_back(put(change));
      }
      return out;
    }
    case OpKind::get: return model::Get{kSpace, name_of(op.keys[0]), 0, true};
    case OpKind::batch: break;
  }
  model::BatchGet out;
  for (const std::size_t key : op.keys) {
    out.items.push_back({kSpace, name_of(key), 0, true});
  }
  return out;
}

// The request may come late: for an operation that its client has given up, or asked for again elsewhere.
void ClusterSim::arrive(std::size_t number, std::uint64_t attempt, std::uint64_t at) {
  const Client& client = clients_[number];
  if (!node(at).is_up() || !client.op || attempt + client.attempts <= client.attempt) {
    return;
  }
  const Op& op = tenants_[client.tenant].history[*client.op];
  auto call = std::make_unique<ClientCall>(*this, number, attempt, at);
  call->request.credential.kind = model::CredentialKind::dev_root;
  call->request.operation = operation_of(op);
  if (!op.is_read()) {
    call->request.info.request_id = std::to_string(*client.op);
  }
  node(at).call(client.tenant, actors::CallHandle(call.release()));
}

void ClusterSim::answered(std::size_t number, std::uint64_t attempt, Answer answer) {
  Client& client = clients_[number];
  if (!client.op || client.attempt != attempt) {
    return;
  }
  const model::Code code = answer.code;
  if (code == model::Code::ok) {
    take(number, answer);
  } else if (is_refusal(code) || code == model::Code::outcome_unknown) {
    client.has_doubt = client.has_doubt || code == model::Code::outcome_unknown;
    if (time_.now() < client.deadline) {
      client.asks = rng_.between(1, size());
      ++client.attempt;  // what is still under way is not waited for
      ++client.attempts;
      time_.after(rng_.between(5, 60), [this, number, at = client.attempt] {
        if (clients_[number].op && clients_[number].attempt == at) {
          ask(number);
        }
      });
    } else {
      finish(number, client.has_doubt ? Outcome::unknown : Outcome::refused);
    }
  } else {
    require(
        code == model::Code::cas_mismatch || code == model::Code::entry_not_found || code == model::Code::not_active,
        "an operation was answered with code " + std::to_string(static_cast<int>(code)));
    finish(number, Outcome::failed);
  }
}

void ClusterSim::take(std::size_t number, const Answer& answer) {
  Client& client = clients_[number];
  Op& op = tenants_[client.tenant].history[*client.op];
  op.revision = answer.revision;
  op.versions = answer.versions;
  op.seen = answer.seen;
  for (std::size_t i = 0; i < op.keys.size() && i < op.seen.size(); ++i) {
    client.known[op.keys[i]] = op.seen[i].version;
  }
  for (std::size_t i = 0; i < op.changes.size() && i < op.versions.size(); ++i) {
    client.known[op.changes[i].key] = op.versions[i];
  }
  finish(number, Outcome::ok);
}

void ClusterSim::finish(std::size_t number, Outcome outcome) {
  Client& client = clients_[number];
  Op& op = tenants_[client.tenant].history[*client.op];
  op.outcome = outcome;
  op.returned = time_.now();
  op.is_certain = !client.has_doubt;
  ++report_.operations;
  report_.acknowledged += outcome == Outcome::ok && !op.is_read() ? 1 : 0;
  report_.reads += outcome == Outcome::ok && op.is_read() ? 1 : 0;
  report_.unknown += outcome == Outcome::unknown ? 1 : 0;
  report_.failed_conditions += outcome == Outcome::failed ? 1 : 0;
  trace_.add(op.id);
  trace_.add(op.revision);
  client.op.reset();
  time_.after(rng_.between(0, 6), [this, number] { think(number); });
}

}  // namespace coffer::sim
