// Groups that come while the node runs: an operator adds them to the directory, and every node begins them when it learns
// of the row. The order makes a crash at any point harmless: first their boards, so that a tenant may be routed to them
// (it waits for a leader); then one synced batch with what a founder of a group must have stored before it starts
// (cluster::bootstrap) and the number of groups that this node has; then their actors. A node that dies before the batch
// is durable reads the rows again and begins anew; one that dies later finds the groups in its log. See node_impl.hpp.

#include <algorithm>
#include <utility>

#include "actors/node_impl.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

GroupActor NodeImpl::spawn_one_group(model::GroupId group, storage::Recovered recovered) {
  cluster::GroupConfig config;
  config.group = group;
  config.self = identity_->id;
  config.seed = storage::read_be64(options_.random->bytes(8));
  config.election_timeout = options_.election_timeout_ms;
  config.heartbeat = options_.heartbeat_ms;
  config.may_campaign = context_->unsealed;
  config.lease = options_.lease;
  config.room = log_room_;
  if (recovered.snapshot) {
    context_->boards[group.value].generation = recovered.snapshot->generation.value;
    // The state holds that much; where nothing new comes, whoever waits for it must not wait for the next entry.
    context_->boards[group.value].applied = recovered.snapshot->index.value;
  }
  return spawn_group(*system_, *context_, config, std::move(recovered));
}

/// Elections may be won here, now that the keys are open.
void NodeImpl::let_campaign() {
  const std::lock_guard lock(growth_mutex_);
  for (const GroupActor& group : context_->groups) caf::anon_send(group, Campaign{true});
}

/// The directory's rows name groups; those that are known already are left as they are. On the thread of whoever
/// publishes the directory: its actor where it is led, else the mirror.
void NodeImpl::add_groups(std::vector<GroupFounding> added) {
  std::sort(added.begin(), added.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const std::lock_guard lock(growth_mutex_);
  Context& context = *context_;
  FoundGroups order{std::make_shared<storage::LogBatch>(), {}};
  auto fresh = std::make_shared<std::vector<storage::Recovered>>();
  const std::size_t before = context.boards.size();
  for (const GroupFounding& group : added) {
    const std::size_t known = context.boards.size();
    if (group.id.value < known) continue;
    if (group.id.value > known || known == context.boards.most()) {
      return context.fatal(Error(Code::data_loss, "the directory's rows leave out group " + std::to_string(known)));
    }
    fresh->push_back(begin_replica(group, *order.batch));
    context.boards.grow(known + 1);
  }
  if (fresh->empty()) return;
  storage::Node node = *identity_;
  node.data_groups = static_cast<std::uint32_t>(context.boards.size() - 1);
  order.batch->node(node);
  order.done = std::make_shared<std::function<void()>>([this, before, fresh] { start_groups(before, *fresh); });
  options_.log("groups " + std::to_string(before) + " to " + std::to_string(node.data_groups) + " were added");
  caf::anon_send(context.log_writer, order);
}

/// What a replica of a new group starts from: a founder from the first configuration, everybody else from nothing.
storage::Recovered NodeImpl::begin_replica(const GroupFounding& group, storage::LogBatch& batch) const {
  storage::Recovered recovered;
  if (std::find(group.founders.begin(), group.founders.end(), identity_->id) == group.founders.end()) return recovered;
  std::vector<cluster::Voter> voters;
  voters.reserve(group.founders.size());
  for (const model::NodeId node : group.founders) voters.push_back({node, std::to_string(node.value)});
  const cluster::DurableWrite first = cluster::bootstrap(group.id, voters);
  batch.hard_state(group.id, *first.hard_state);
  batch.append(group.id, first.entries, first.last_stored);
  recovered.hard_state = *first.hard_state;
  recovered.entries = first.entries;
  return recovered;
}

/// On the log writer's thread, when what they start from is durable.
void NodeImpl::start_groups(std::size_t first, std::vector<storage::Recovered>& fresh) {
  const std::lock_guard lock(growth_mutex_);
  Context& context = *context_;
  if (ended_) return;
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    const std::size_t id = first + i;
    context.groups[id] = spawn_one_group(model::GroupId{id}, std::move(fresh[i]));
    context.hosts.grow(id + 1);
    context.groups.grow(id + 1);
    caf::anon_send(context.groups[id], Tick{0});
  }
}

}  // namespace coffer::actors
