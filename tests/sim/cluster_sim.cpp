// The world around the nodes: clocks, network, and what the checks see of the log. See cluster_sim.hpp.

#include "tests/sim/cluster_sim.hpp"

#include <charconv>
#include <sstream>

#include "actors/write_set.hpp"
#include "coffer/store/v1/records.pb.h"
#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

namespace {

constexpr model::TimeMs kEpoch = 1'700'000'000'000;

}  // namespace

ClusterSim::ClusterSim(const ClusterOptions& options)
    : options_(options),
      rng_(options.seed),
      key_random_(options.seed + 1),
      ring_(crypto::KeyRing::generate(crypto::Key::generate(key_random_), key_random_, 1)),
      tenants_(kTenants),
      clients_(kClients) {
  const std::uint64_t nodes = options.nodes == 0 ? rng_.between(3, 5) : options.nodes;
  machines_.resize(nodes);
  std::vector<cluster::Voter> voters, everybody;
  for (std::uint64_t id = 1; id <= nodes; ++id) {
    everybody.push_back(
        {model::NodeId(id), std::to_string(id), id <= 3 ? cluster::ServerRole::voter : cluster::ServerRole::standby});
    if (id <= 3) {
      voters.push_back(everybody.back());
    }
  }
  wanted_[model::kMetaGroup] = everybody;
  for (std::uint64_t group = 1; group <= kFirstGroups; ++group) {
    founded_.push_back({model::GroupId(group), {}});
    wanted_[model::GroupId(group)] = voters;
  }
  const auto directory = first_directory();
  for (std::uint64_t id = 1; id <= nodes; ++id) {
    Machine& machine = machines_[id - 1];
    machine.rate = rng_.between(990, 1010);
    machine.node = std::make_unique<SimNode>(*this, model::NodeId(id), rng_.next());
    machine.node->bootstrap(kFirstGroups, id <= 3 ? voters : std::vector<cluster::Voter>(), directory);
  }
}

cluster::MonotonicMs ClusterSim::boot_clock(model::NodeId id) {
  return 10'000 * id.value + time_.now() * machines_[id.value - 1].rate / 1000;
}

model::TimeMs ClusterSim::wall_clock(model::NodeId id) {
  return kEpoch + static_cast<model::TimeMs>(boot_clock(id)) + machines_[id.value - 1].wall_jump;
}

void ClusterSim::in_life(model::NodeId id, cluster::MonotonicMs ms, Timeline::Event event) {
  SimNode* of = machines_[id.value - 1].node.get();
  const std::uint64_t rate = machines_[id.value - 1].rate;
  time_.after(ms * 1000 / rate + (ms * 1000 % rate != 0 ? 1 : 0),
              [this, id, of, life = of->life(), event = std::move(event)] {
                at(id.value, [of, life, event] {
                  if (of->is_up() && of->life() == life) {
                    event();
                  }
                });
              });
}

void ClusterSim::at(std::uint64_t id, Timeline::Event event) {
  const std::uint64_t until = healed_ ? 0 : machines_[id - 1].stopped_until;
  if (until <= time_.now()) {
    event();
  } else {
    time_.after(until - time_.now(), [this, id, event = std::move(event)] { at(id, event); });
  }
}

void ClusterSim::send(model::NodeId from, model::NodeId to, cluster::PeerChannel channel, model::GroupId group,
                      model::Secret body) {
  if (to.value == 0 || to.value > size()) {
    return;
  }
  int copies = 1;
  if (!healed_) {
    copies = rng_.chance(storm_ ? 250 : 20) ? 0 : rng_.chance(20) ? 2 : 1;
  }
  report_.messages += static_cast<std::uint64_t>(copies);
  const auto shared = std::make_shared<const model::Secret>(std::move(body));
  for (; copies > 0; --copies) {
    const std::uint64_t delay = healed_                        ? rng_.between(1, 4)
                                : rng_.chance(storm_ ? 60 : 8) ? rng_.between(50, 2000)
                                                               : rng_.between(1, 12);
    time_.after(delay, [this, from, to, channel, group, shared] {
      if (!cut(from.value, to.value)) {
        trace_.add(from.value * 8 + to.value);
        trace_.add(shared->size());
        at(to.value, [this, from, to, channel, group, shared] {
          node(to.value).receive(from, channel, group, shared->expose());
        });
      }
    });
  }
}

void ClusterSim::failed(model::NodeId id) {
  if (!machines_[id.value - 1].is_failing) {
    machines_[id.value - 1].is_failing = true;
    in_life(id, 0, [this, id] { crash(id.value, rng_.chance(300)); });
  }
}

void ClusterSim::leads(model::NodeId id, model::GroupId group, model::Term term) {
  require(group.value <= data_groups(), "a group is led that nobody has founded");
  checkers_[group].leads(term, id);
  trace_.add(term.value);
}

std::uint64_t ClusterSim::newest_row_of(model::NodeId id, model::GroupId group) const {
  return node(id.value).newest_row(group);
}

// The log says what became of each write, also of those whose clients know nothing.
void ClusterSim::committed(model::GroupId group, const storage::LogEntry& entry) {
  GroupChecker& checker = checkers_[group];
  const bool is_new = entry.index.value > checker.last();
  try {
    checker.committed(entry);
  } catch (const Violation& violation) {
    throw Violation("group " + std::to_string(group.value) + ": " + violation.what());
  }
  if (!is_new || entry.kind != storage::EntryKind::command) {
    return;
  }
  actors::WriteSetView set;
  store::v1::AuditRecord audit;
  require(actors::decode_write_set(*entry.data, set).ok() &&
              audit.ParseFromArray(set.audit.data(), static_cast<int>(set.audit.size())),
          "a committed entry is no write set");
  if (group == model::kMetaGroup) {
    return directory_committed(set);
  }
  for (Tenant& tenant : tenants_) {
    if (!tenant.exists() || tenant.is().id != set.head.tenant) {
      continue;
    }
    own(tenant, group, audit.action(), set.head.revision);
    if (set.head.revision == 0) {  // of a move
      return;
    }
    require(set.head.revision == ++tenant.revision, "a tenant's revision is left out or used twice");
    if (audit.action() == "move-tenant-fence") {  // changes no key, and has a revision that reads show
      Op fence;
      fence.id = next_op_++;
      fence.kind = OpKind::transact;
      fence.invoked = time_.now();
      fence.committed_at = set.head.revision;
      tenant.history.push_back(std::move(fence));
      return;
    }
    const std::string& id = audit.request_id();
    std::uint64_t number = 0;
    std::from_chars(id.data(), id.data() + id.size(), number);
    require(number < tenant.history.size(), "a write was committed that nobody asked for");
    Op& op = tenant.history[number];
    require(op.committed_at == 0, "operation " + std::to_string(op.id) + " was applied twice");
    op.committed_at = set.head.revision;
    return;
  }
  throw Violation("a tenant is written to that the directory does not know");
}

void ClusterSim::start(std::uint64_t id) {
  if (!node(id).is_up()) {
    machines_[id - 1].is_failing = false;
    node(id).start(!healed_ && rng_.chance(100));
  }
}

void ClusterSim::crash(std::uint64_t id, bool loses_power) {
  if (!node(id).is_up()) {
    return;
  }
  ++report_.crashes;
  trace_.add(id);
  node(id).stop(loses_power);
  time_.after(rng_.between(1, 1500), [this, id] { start(id); });
}

void ClusterSim::every(std::uint64_t low, std::uint64_t high, void (ClusterSim::*work)()) {
  time_.after(rng_.between(low, high), [this, low, high, work] {
    (this->*work)();
    every(low, high, work);
  });
}

std::string ClusterReport::text() const {
  std::ostringstream out;
  out << operations << " operations (" << acknowledged << " writes acknowledged, " << unknown << " unknown, " << reads
      << " reads, " << failed_conditions << " failed conditions), " << elections << " elections, " << crashes
      << " crashes, " << disk_failures << " disk failures, " << installs << " snapshots, " << changes << " changes, "
      << placed << " steps of placement, " << transfers << " transfers, " << moves << " tenants moved, " << groups
      << " groups added, " << looks << " looks, " << seals << " seals, " << leased << " calls under a lease, " << asked
      << " confirmed, " << watched << " changes watched, " << compared << " states compared, " << messages
      << " messages, " << simulated_ms / 1000 << " s simulated, trace " << std::hex << trace;
  return out.str();
}

ClusterReport& ClusterReport::operator+=(const ClusterReport& other) {
  trace ^= other.trace;
  operations += other.operations;
  acknowledged += other.acknowledged;
  unknown += other.unknown;
  reads += other.reads;
  failed_conditions += other.failed_conditions;
  elections += other.elections;
  crashes += other.crashes;
  disk_failures += other.disk_failures;
  installs += other.installs;
  changes += other.changes;
  transfers += other.transfers;
  moves += other.moves;
  placed += other.placed;
  seals += other.seals;
  groups += other.groups;
  looks += other.looks;
  leased += other.leased;
  asked += other.asked;
  watched += other.watched;
  compared += other.compared;
  messages += other.messages;
  simulated_ms += other.simulated_ms;
  return *this;
}

ClusterReport simulate_cluster(const ClusterOptions& options) { return ClusterSim(options).run(); }

}  // namespace coffer::sim
