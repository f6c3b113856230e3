// A node's life: opens, starts, unseals, stops. See node.hpp and node_impl.hpp.

#include "actors/node.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "actors/node_impl.hpp"
#include "actors/operator_token.hpp"
#include "actors/own_request_id.hpp"
#include "actors/replica_count.hpp"
#include "storage/keys.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::chrono::milliseconds kPoll{10};
constexpr std::chrono::milliseconds kHandOver{1500};  // leaderships, at a stop
/// Then an actor gives its worker to the next one: a tenant's burst holds up the others for a few of its calls only, and
/// what a shard has decided is on its way to the disk while it decides the rest.
constexpr std::size_t kMessagesInTurn = 64;

model::TimeMs system_wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

NodeImpl::NodeImpl(NodeOptions options) : options_(std::move(options)), cache_(options_.cache_bytes) {
  if (!options_.wall_clock) options_.wall_clock = system_wall_clock;
  if (options_.random == nullptr) options_.random = &crypto::system_random();
  if (!options_.log) options_.log = [](std::string_view) {};
  if (!options_.fatal) {
    options_.fatal = [log = options_.log](const Error& error) {
      log("fatal: " + std::string(error.message()));
      std::fflush(nullptr);
      std::_Exit(70);
    };
  }
}

model::Status NodeImpl::run(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const Sealing sealing{options_.seal.get(), options_.start_sealed, options_.first_seals};
  auto identity = open_identity(*options_.log_engine, *options_.state_engine, sealing, *options_.random,
                                options_.data_groups, options_.bootstrap, options_.joined, options_.wall_clock());
  if (!identity) return identity.error();
  identity_ = identity->node;
  log_store_ = std::make_unique<storage::LogStore>(*options_.log_engine);
  prepare_context(*identity);
  prepare_views();
  start_keeper(*identity);
  const bool sealed = !identity->ring.has_value();
  if (!sealed) {
    if (auto status = unseal(std::move(*identity->ring)); !status) return status;
  } else if (audit_inbox_) {
    sealed_audit_ = std::make_unique<SealedAudit>(audit_inbox_);
    context_->audit = sealed_audit_.get();
  }
  spawn_actors(std::move(identity->groups));
  if (options_.link != nullptr) connect(*options_.link);
  const bool waits_for_a_person = sealed && (options_.seal == nullptr || !identity->sealed_because.empty());
  forgetter_->start();
  keeper_->start();
  movers_->start();
  if (waits_for_a_person) {
    caf::anon_send(context_->mirror, Reload{});
    return {};
  }
  if (sealed) {
    if (auto status = wait_for_keys(until); !status) return status;
    let_campaign();
  }
  caf::anon_send(context_->mirror, Reload{});
  return wait_until_ready(until);
}

model::Status NodeImpl::wait_until_ready(std::chrono::steady_clock::time_point until) {
  while (!is_ready()) {
    if (std::chrono::steady_clock::now() >= until)
      return Error(Code::unavailable, "the node did not get ready in time");
    std::unique_lock lock(context_->ready_mutex);
    context_->ready_changed.wait_for(lock, kPoll, [this] { return context_->directory_ready.load(); });
  }
  return {};
}

/// What does not depend on keys.
void NodeImpl::prepare_context(const Identity& identity) {
  if (!options_.audit.directory.empty()) {
    audit_inbox_ = std::make_shared<AuditInbox>(options_.audit.queue_bytes, options_.wall_clock);
  }
  if (options_.free_bytes) disk_ = std::make_unique<DiskWatch>(options_.disk, options_.free_bytes, options_.log);
  context_ = std::make_unique<Context>();
  Context& context = *context_;
  if (disk_) context.low_on_disk = &disk_->read_only();
  context.log_store = log_store_.get();
  context.state_engine = options_.state_engine.get();
  context.log = options_.log;
  context.fatal = options_.fatal;
  context.wall_clock = options_.wall_clock;
  context.shard_idle = options_.shard_idle;
  context.max_shards = options_.max_shards;
  context.checkpoint_bytes = options_.checkpoint_bytes;
  context.checkpoint_interval = options_.checkpoint_interval;
  context.create_at_first_use = options_.dev;
  context.undelivered = &NodeImpl::undelivered;
  context.resubmit = &NodeImpl::resubmit;
  context.router = this;
  context.boards.grow(identity.node.data_groups + 1);
  context.self = identity.node.id;
  context.cluster_id = identity.node.cluster_id;
  context.newest_format = options_.newest_format;
  context.peer_address = options_.peer_address;
  context.replicas = options_.replicas;
  context.placement_interval = options_.placement_interval;
  context.leave_after = options_.leave_after;
  context.load_window = options_.load_window;
  context.replace_after = options_.replace_after;
  context.snapshot_bytes_per_second = options_.snapshot_bytes_per_second;
  context.groups_added = [this](std::vector<GroupFounding> groups) { add_groups(std::move(groups)); };
  context.routing = &routing_;
  context.operators = &operators_;
  context.first_call_id = (storage::read_be64(options_.random->bytes(8)) >> 8) + 1;
  context.request_ids_start = start_of_request_ids(context.self.value, options_.random->bytes(8));
  for (const cluster::Peer& peer : options_.peers) {
    model::NodeInfo node;
    node.id = peer.id;
    node.address = peer.address;
    context.nodes.put(node);
  }
}

void NodeImpl::prepare_tenants(Context& context) {
  tenant_deps_.reset(
      new TenantDeps{*options_.state_engine, *ring_, *options_.random, authorizer_, options_.wall_clock, cache_, {}});
  tenant_deps_->trust_changed = [&context](const model::TenantId& tenant, model::GroupId group, model::Index index) {
    context.tenant_trust_applied(tenant, group, index);
  };
  tenant_deps_->quotas = options_.quotas;
  tenant_deps_->newer_quotas = &newer_quotas_;
  tenant_deps_->quota_refusals = &context.counters.quota_refusals;
  tenant_deps_->quota_board = &context.counters.quota_board;
  context.tenant_deps = tenant_deps_.get();
}

void NodeImpl::set_default_quotas(const model::QuotaLimits& quotas) {
  const std::lock_guard lock(quotas_mutex_);
  const model::QuotaLimits* const now = newer_quotas_.load();
  if ((now == nullptr ? options_.quotas : *now) == quotas) return;
  all_quotas_.push_back(std::make_unique<const model::QuotaLimits>(quotas));
  newer_quotas_.store(all_quotas_.back().get(), std::memory_order_release);
}

void NodeImpl::prepare_directory(Context& context) {
  directory_deps_.reset(new DirectoryDeps{*options_.state_engine, *ring_, *options_.random, options_.wall_clock,
                                          routing_, operators_, model::Generation{1}, identity_->data_groups});
  directory_deps_->cluster_id = identity_->cluster_id;
  directory_deps_->self = identity_->id;
  directory_deps_->peer_address = options_.peer_address;
  directory_deps_->keys_changed = [this](const KeyChanges& changes) { keys_committed(changes); };
  directory_deps_->keys_read = [this](KeyRows rows) { keys_read(std::move(rows)); };
  directory_deps_->tenants_changed = [this] { keeper_->hurry(); };
  directory_deps_->tenant_purged = context.tenant_purged;
  directory_deps_->max_seals = options_.keeper.max_cluster_seals;
  directory_deps_->cluster_key_worn = [this](std::uint32_t version) { keeper_->replace_cluster_key(version); };
  directory_deps_->tenant_moves = context.tenant_moves;
  // A group of which nobody has reported yet may have a replica there.
  directory_deps_->replicas_of = [&context](model::NodeId node) {
    const bool all_known = context.cluster_view.groups().size() >= context.boards.size();
    return all_known ? context.cluster_view.replicas_of(node) : kReplicasNotKnown;
  };
  directory_deps_->node_changed = [&context](const model::NodeInfo& node) {
    if (context.nodes.put(node)) context.publish_peers();
  };
  directory_deps_->complete_status = [&context](model::ClusterStatusReply& reply) {
    const auto now = ClusterView::Clock::now();
    if (context.link.load() != nullptr) {
      context.cluster_view.heard(context.self, context.reports.all(), now, context.is_low_on_disk());
    }
    context.cluster_view.complete(context.self, reply, now);
  };
  directory_deps_->is_informed = [&context] {
    if (context.link.load() == nullptr) return true;  // there is nobody to hear
    std::vector<model::NodeId> reporters;
    for (const model::NodeInfo& node : context.nodes.all()) {
      const bool reports = node.state == model::NodeState::up || node.state == model::NodeState::draining;
      if (reports && node.id != context.self) reporters.push_back(node.id);
    }
    const auto now = ClusterView::Clock::now();
    context.cluster_view.heard(context.self, context.reports.all(), now, context.is_low_on_disk());
    return context.cluster_view.is_informed(reporters, context.boards.size(), now, 2 * context.placement_interval);
  };
  directory_deps_->transfer = [&context](const model::TransferLeadership& transfer) {
    caf::anon_send(context.steward, Transfer{transfer.group, transfer.to});
  };
  directory_deps_->groups_added = context.groups_added;
  directory_deps_->is_led = [&context](model::GroupId group) { return context.boards[group.value].leader != 0; };
  directory_deps_->is_heard = [&context](model::NodeId node) {
    return context.cluster_view.hears(node, ClusterView::Clock::now());
  };
  directory_deps_->newest_format = options_.newest_format;
  directory_deps_->replicas = options_.replicas;
  directory_deps_->balance = [&context] { caf::anon_send(context.steward, Report{}); };
  context.directory_deps = directory_deps_.get();
}

/// The keys are open. Before the actors that need them, or before any of them has work: nothing is led while sealed.
model::Status NodeImpl::unseal(crypto::KeyRing ring) {
  ring_ = std::make_unique<crypto::KeyRing>(std::move(ring));
  tokens_ = std::make_unique<crypto::TokenVerifier>(*ring_);
  auto status = start_with_keys();
  if (!status) {  // sealed as before: it can be tried again, and nobody has used the keys
    tokens_.reset();
    ring_.reset();
  }
  return status;
}

model::Status NodeImpl::start_with_keys() {
  Context& context = *context_;
  std::optional<Operator> first_operator;
  if (!options_.operator_token_file.empty()) {
    auto op =
        operator_of_file(options_.operator_token_file, *ring_, *options_.random, options_.wall_clock(), options_.dev);
    if (!op) return op.error();
    first_operator = std::move(*op);
  }
  if (auto status = start_audit(); !status) return status;
  // Nothing fails from here on.
  context.audit = audit_.get();
  prepare_tenants(context);
  prepare_directory(context);
  tenant_deps_->audit = directory_deps_->audit = audit_.get();
  if (disk_) tenant_deps_->room = directory_deps_->room = {&disk_->read_only(), &disk_->full()};
  if (first_operator) context.new_operators.push_back(std::move(*first_operator));
  context.unsealed = true;
  context.accepting = true;
  return {};
}

/// The audit trail begins when the key ring is open, with what was noted before that.
model::Status NodeImpl::start_audit() {
  if (options_.audit.directory.empty()) return {};
  options_.audit.trail.cluster = crypto::hex(identity_->cluster_id);
  options_.audit.trail.node = identity_->id.value;
  options_.audit.trail.log_life = crypto::hex(identity_->log_life);
  options_.audit.trail.key_version = ring_->current_version();
  auto seed = ring_->audit_key(ring_->current_version());
  if (!seed) return seed.error();
  AuditLog::Hooks hooks{options_.wall_clock, options_.log, [this](std::uint32_t version) {
                          auto key = ring_->audit_key(version);
                          return key ? crypto::ChainSigner(*key).public_key() : std::string();
                        }};
  hooks.key_version = [this] { return ring_->current_version(); };
  hooks.signer = [this](std::uint32_t version) -> std::optional<crypto::ChainSigner> {
    auto key = ring_->audit_key(version);
    return key ? std::optional(crypto::ChainSigner(*key)) : std::nullopt;
  };
  auto log = AuditLog::start(std::move(options_.audit), crypto::ChainSigner(*seed), std::move(hooks), audit_inbox_);
  if (!log) return log.error();
  audit_ = std::move(*log);
  return {};
}

/// A node that was let in gets the wrapped keys by replication, and opens them with its own seal.
model::Status NodeImpl::wait_for_keys(std::chrono::steady_clock::time_point until) {
  const GroupBoard& meta = context_->boards[model::kMetaGroup.value];
  for (;;) {
    auto ring = open_replicated_keys(*options_.state_engine, *options_.seal, *identity_,
                                     model::Generation{meta.generation.load()});
    if (!ring) return ring.error();
    if (ring->has_value()) return unseal(std::move(**ring));
    if (std::chrono::steady_clock::now() >= until) {
      return Error(Code::unavailable, "the cluster's keys did not come: no other node was reached in time");
    }
    std::this_thread::sleep_for(kPoll);
  }
}

void NodeImpl::spawn_actors(std::vector<storage::Recovered> groups) {
  config_ = std::make_unique<caf::actor_system_config>();
  config_->set("scheduler.policy", caf::atom("sharing"));
  config_->set("scheduler.max-threads", static_cast<std::size_t>(std::max(1U, options_.scheduler_threads)));
  config_->set("scheduler.max-throughput", kMessagesInTurn);
  system_ = std::make_unique<caf::actor_system>(*config_);
  Context& context = *context_;
  context.front = spawn_front(*system_, context, routing_);
  context.forwarder = spawn_forwarder(*system_, context);
  context.mirror = spawn_mirror(*system_, context);
  context.steward = spawn_steward(*system_, context);
  context.snapshots = spawn_snapshots(*system_, context);
  views_ = spawn_views(*system_, context, *desk_);
  context.trust_desk = spawn_trust_desk(*system_, context);
  context.group_bell = spawn_group_bell(*system_, context);
  context.log_writer = spawn_log_writer(*system_, context);
  context.state_writer = spawn_state_writer(*system_, context);
  std::vector<bool> is_empty;
  for (std::size_t id = 0; id < groups.size(); ++id) {
    is_empty.push_back(!groups[id].snapshot && groups[id].entries.empty());
    context.groups[id] = spawn_one_group(model::GroupId{id}, std::move(groups[id]));
  }
  context.hosts.grow(groups.size());
  context.groups.grow(groups.size());
  for (std::size_t id = 0; id < groups.size(); ++id) {
    const bool had_rows = drop_old_generations(model::GroupId{id});
    const GroupActor& group = context.groups[id];
    if (id != model::kMetaGroup.value && is_empty[id] &&
        had_rows) {  // left behind when the node let go of the replica: they go before it begins anew
      caf::anon_send(context.state_writer, DropReplica{model::GroupId{id}, model::Generation{1}, group});
    } else {
      caf::anon_send(group, Tick{0});
    }
  }
}

/// Rows that an interrupted snapshot, or the state before a completed one, left behind. True: there are rows of the
/// generation that is in use.
bool NodeImpl::drop_old_generations(model::GroupId group) {
  Context& context = *context_;
  const auto found = storage::generations(*options_.state_engine, group);
  if (!found) {
    context.fatal(found.error());
    return false;
  }
  bool in_use = false;
  for (const model::Generation generation : *found) {
    in_use = in_use || generation.value == context.boards[group.value].generation;
    if (generation.value == context.boards[group.value].generation) continue;
    caf::anon_send(context.state_writer, DropGeneration{group, generation, false});
  }
  return in_use;
}

void NodeImpl::connect(cluster::PeerLink& link) {
  sink_ = std::make_unique<NodePeerSink>(*context_, views_);
  context_->link = &link;
  link.start(sink_.get());
  context_->publish_peers();
}

/// So that the others need not find out by a timeout.
void NodeImpl::hand_over() {
  Context& context = *context_;
  const auto leads = [&context](std::size_t group) {
    const GroupBoard& board = context.boards[group];
    return board.role == cluster::Role::leader && board.voters > 1;
  };
  const auto until = std::chrono::steady_clock::now() + kHandOver;
  for (const GroupActor& group : context.groups) caf::anon_send(group, Campaign{false});
  for (std::size_t group = 0; group < context.groups.size(); ++group) {
    while (leads(group) && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kPoll);
  }
}

void NodeImpl::stop() {
  if (!context_ || !system_ || stopped_.exchange(true)) return;
  movers_->stop();
  desk_->stop();
  keeper_->stop();
  forgetter_->stop();
  Context& context = *context_;
  if (context.link.load() != nullptr) hand_over();
  context.accepting = false;
  {
    const std::lock_guard lock(growth_mutex_);
    ended_ = true;
  }
  const auto finish = [](const auto& actor, auto message) {
    message.done = std::make_shared<std::promise<void>>();
    auto done = message.done->get_future();
    caf::anon_send(actor, std::move(message));
    done.wait_for(std::chrono::seconds(30));  // a writer that stopped for a disk error does not answer
  };
  finish(context.steward, Finish{});
  finish(context.front, Finish{});
  if (cluster::PeerLink* link = context.link.load()) link->stop();
  finish(context.trust_desk, Finish{});
  finish(context.forwarder, Finish{});
  finish(context.snapshots, Finish{});
  finish(views_, Finish{});
  finish(context.state_writer, Checkpoint{});
  for (const GroupActor& group : context.groups) finish(group, Finish{});
  finish(context.group_bell, Finish{});  // before the groups that it would wake go away
  finish(context.mirror, Finish{});
  finish(context.log_writer, Finish{});
  finish(context.state_writer, Finish{});
  context.front = nullptr;
  context.forwarder = nullptr;
  context.mirror = nullptr;
  context.steward = nullptr;
  context.snapshots = nullptr;
  views_ = nullptr;
  context.trust_desk = nullptr;
  context.group_bell = nullptr;
  context.log_writer = nullptr;
  context.state_writer = nullptr;
  system_.reset();
  context.groups.clear();  // shards that were still ending may have sent to them
  context.hosts.clear();
  audit_.reset();  // signs its end after the last answer
  disk_.reset();
}

model::Result<std::unique_ptr<Node>> Node::start(NodeOptions options, std::chrono::milliseconds timeout) {
  auto node = std::make_unique<NodeImpl>(std::move(options));
  if (auto status = node->run(timeout); !status) return status.error();
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace coffer::actors
