// See node.hpp.

#include "actors/node.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "actors/bootstrap.hpp"
#include "actors/context.hpp"
#include "crypto/token.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::uint8_t kMaxReroutes = 8;

model::TimeMs system_wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string role_name(cluster::Role role) {
  switch (role) {
    case cluster::Role::leader: return "leader";
    case cluster::Role::candidate: return "candidate";
    case cluster::Role::follower: return "follower";
    case cluster::Role::stopped: break;
  }
  return "stopped";
}

/// The token in the file, or a new one that is written there first. The credential to let in.
model::Result<Operator> operator_of_file(const std::string& path, const crypto::KeyRing& ring, crypto::Random& random,
                                         model::TimeMs now, bool dev) {
  Operator op{dev ? "dev-root" : "first-operator", {}, now, dev};
  if (std::ifstream in(path); in) {
    std::string text;
    in >> text;
    auto claims = crypto::verify_token(ring, text);
    model::wipe(text.data(), text.size());
    if (!claims || !claims->tenant.is_zero()) {
      return Error(Code::key_mismatch, path + " holds no operator token of this cluster; remove it to get a new one");
    }
    op.token_hash = claims->id_hash;
    return op;
  }
  const crypto::MintedToken minted = crypto::mint_token(ring, model::TenantId{}, random);
  op.token_hash = minted.id_hash;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Error(Code::disk_error, "cannot create " + path + ": " + std::strerror(errno));
  model::Secret line(minted.text.expose());
  line.append("\n");
  const bool written =
      ::write(fd, line.expose().data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written) {
    ::unlink(path.c_str());
    return Error(Code::disk_error, "cannot write " + path);
  }
  return op;
}

class NodeImpl final : public Node {
 public:
  explicit NodeImpl(NodeOptions options) : options_(std::move(options)), cache_(options_.cache_bytes) {
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
  ~NodeImpl() override { stop(); }

  model::Status run(std::chrono::milliseconds timeout);
  void stop() override;
  void submit(Call* call) noexcept override;
  model::Result<model::Credential> authenticate(std::string_view token, model::Door door) const override;
  bool tenant_exists(const model::TenantRef& tenant) const override { return routing_.find(tenant) != nullptr; }
  std::optional<model::TenantId> find_tenant(const model::TenantRef& tenant) const override;
  model::Result<TenantTrust> trust_of(const model::TenantRef& tenant, model::TimeMs deadline) const override;
  std::uint64_t trust_changes(const model::TenantId& tenant) const override {
    return context_->trust_changes.count(tenant);
  }
  NodeStatus status() const override;
  std::vector<Sample> samples() const override;
  model::AuditPort* audit() const override { return audit_.get(); }

 private:
  model::Status start_audit();
  void spawn_actors(std::vector<storage::Recovered> groups);
  void submit_to_tenant(CallHandle call) noexcept;
  static void undelivered(void* router, Call* call);

  NodeOptions options_;
  std::optional<storage::Node> identity_;
  std::unique_ptr<crypto::KeyRing> ring_;
  std::unique_ptr<crypto::TokenVerifier> tokens_;
  std::unique_ptr<storage::LogStore> log_store_;
  model::PolicyAuthorizer authorizer_;
  CacheBudget cache_;
  RoutingTable routing_;
  OperatorTable operators_;
  std::unique_ptr<TenantDeps> tenant_deps_;
  std::unique_ptr<DirectoryDeps> directory_deps_;
  std::unique_ptr<DiskWatch> disk_;  // outlives the actors, who look at it
  std::unique_ptr<AuditLog> audit_;  // likewise
  std::unique_ptr<Context> context_;
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
  bool stopped_ = false;
};

model::Status NodeImpl::run(std::chrono::milliseconds timeout) {
  auto identity = open_identity(*options_.log_engine, *options_.state_engine, *options_.seal, *options_.random,
                                options_.data_groups, options_.bootstrap, options_.wall_clock());
  if (!identity) return identity.error();
  identity_ = identity->node;
  ring_ = std::make_unique<crypto::KeyRing>(std::move(identity->ring));
  tokens_ = std::make_unique<crypto::TokenVerifier>(*ring_);
  log_store_ = std::make_unique<storage::LogStore>(*options_.log_engine);
  tenant_deps_.reset(
      new TenantDeps{*options_.state_engine, *ring_, *options_.random, authorizer_, options_.wall_clock, cache_, {}});
  directory_deps_.reset(new DirectoryDeps{*options_.state_engine, *ring_, *options_.random, options_.wall_clock,
                                          routing_, operators_, model::Generation{1}, identity_->data_groups});
  if (options_.free_bytes) disk_ = std::make_unique<DiskWatch>(options_.disk, options_.free_bytes, options_.log);
  if (auto status = start_audit(); !status) return status;
  tenant_deps_->audit = directory_deps_->audit = audit_.get();
  if (disk_) tenant_deps_->read_only = directory_deps_->read_only = &disk_->read_only();
  context_ = std::make_unique<Context>();
  context_->audit = audit_.get();
  Context& context = *context_;
  tenant_deps_->trust_changed = [&context](const model::TenantId& tenant, model::GroupId group, model::Index index) {
    std::atomic<std::uint64_t>& newest = context.boards[group.value].trust_changed_at;
    std::uint64_t seen = newest.load();
    while (seen < index.value && !newest.compare_exchange_weak(seen, index.value)) continue;
    context.trust_changes.note(tenant);
  };
  tenant_deps_->quotas = options_.quotas;
  tenant_deps_->quota_refusals = &context.counters.quota_refusals;
  context.tenant_deps = tenant_deps_.get();
  context.directory_deps = directory_deps_.get();
  context.log_store = log_store_.get();
  context.state_engine = options_.state_engine.get();
  context.log = options_.log;
  context.fatal = options_.fatal;
  context.shard_idle = options_.shard_idle;
  context.max_shards = options_.max_shards;
  context.checkpoint_bytes = options_.checkpoint_bytes;
  context.checkpoint_interval = options_.checkpoint_interval;
  context.create_at_first_use = options_.dev;
  context.undelivered = &NodeImpl::undelivered;
  context.router = this;
  context.boards = std::vector<GroupBoard>(identity_->data_groups + 1);
  if (!options_.operator_token_file.empty()) {
    auto op =
        operator_of_file(options_.operator_token_file, *ring_, *options_.random, options_.wall_clock(), options_.dev);
    if (!op) return op.error();
    context.new_operators.push_back(std::move(*op));
  }
  context.accepting = true;
  spawn_actors(std::move(identity->groups));

  std::unique_lock lock(context.ready_mutex);
  const bool ready = context.ready_changed.wait_for(lock, timeout, [&] { return context.directory_ready.load(); });
  if (!ready) return Error(Code::unavailable, "the node did not get ready in time");
  return {};
}

/// The audit trail begins when the key ring is open and before anything is asked, so that it misses nothing.
model::Status NodeImpl::start_audit() {
  if (options_.audit.directory.empty()) return {};
  options_.audit.trail.cluster = crypto::hex(identity_->cluster_id);
  options_.audit.trail.node = identity_->id.value;
  options_.audit.trail.key_version = ring_->current_version();
  auto seed = ring_->audit_key(ring_->current_version());
  if (!seed) return seed.error();
  AuditLog::Hooks hooks{options_.wall_clock, options_.log, [this](std::uint32_t version) {
                          auto key = ring_->audit_key(version);
                          return key ? crypto::ChainSigner(*key).public_key() : std::string();
                        }};
  auto log = AuditLog::start(std::move(options_.audit), crypto::ChainSigner(*seed), std::move(hooks));
  if (!log) return log.error();
  audit_ = std::move(*log);
  return {};
}

void NodeImpl::spawn_actors(std::vector<storage::Recovered> groups) {
  config_ = std::make_unique<caf::actor_system_config>();
  config_->set("scheduler.policy", caf::atom("sharing"));
  config_->set("scheduler.max-threads", static_cast<std::size_t>(std::max(1U, options_.scheduler_threads)));
  system_ = std::make_unique<caf::actor_system>(*config_);
  Context& context = *context_;
  context.groups.resize(groups.size());
  context.front = spawn_front(*system_, context, routing_);
  context.log_writer = spawn_log_writer(*system_, context);
  context.state_writer = spawn_state_writer(*system_, context);
  for (std::size_t id = 0; id < groups.size(); ++id) {
    cluster::GroupConfig config;
    config.group = model::GroupId{id};
    config.self = identity_->id;
    config.seed = storage::read_be64(options_.random->bytes(8));
    config.election_timeout = options_.election_timeout_ms;
    config.heartbeat = options_.heartbeat_ms;
    context.groups[id] = spawn_group(*system_, context, config, std::move(groups[id]));
  }
  for (const GroupActor& group : context.groups) caf::anon_send(group, Tick{0});
}

void NodeImpl::stop() {
  if (stopped_ || !context_ || !system_) return;
  stopped_ = true;
  Context& context = *context_;
  context.accepting = false;
  const auto finish = [](const auto& actor, auto message) {
    message.done = std::make_shared<std::promise<void>>();
    auto done = message.done->get_future();
    caf::anon_send(actor, std::move(message));
    done.wait_for(std::chrono::seconds(30));  // a writer that stopped for a disk error does not answer
  };
  finish(context.front, Finish{});
  finish(context.state_writer, Checkpoint{});
  for (const GroupActor& group : context.groups) finish(group, Finish{});
  finish(context.log_writer, Finish{});
  finish(context.state_writer, Finish{});
  context.groups.clear();
  context.front = nullptr;
  context.log_writer = nullptr;
  context.state_writer = nullptr;
  system_.reset();
  audit_.reset();  // signs its end after the last answer
  disk_.reset();
}

void NodeImpl::undelivered(void* router, Call* call) {
  auto* self = static_cast<NodeImpl*>(router);
  CallHandle handle(call);
  if (!self->context_->accepting || ++call->reroutes > kMaxReroutes) return;  // the handle answers unavailable
  ++self->context_->counters.rerouted;
  caf::anon_send(self->context_->front, self->context_->parcel(std::move(handle)));
}

void NodeImpl::submit(Call* call) noexcept {
  CallHandle handle(call);
  if (!context_->accepting) return handle.finish(Error(Code::unavailable));
  const model::CredentialKind kind = call->request.credential.kind;
  if (kind == model::CredentialKind::none || kind == model::CredentialKind::presented) {
    return handle.finish(Error(Code::unauthenticated));
  }
  if (std::holds_alternative<model::TenantOperation>(call->request.operation))
    return submit_to_tenant(std::move(handle));
  const CallActor directory = context_->shards.find(model::TenantId{}).actor;
  if (!directory) return handle.finish(Error(Code::unavailable));
  caf::anon_send(directory, context_->parcel(std::move(handle)));
}

void NodeImpl::submit_to_tenant(CallHandle call) noexcept {
  model::Request& request = call.request();
  const auto route = routing_.find(request.tenant);
  const bool of_a_tenant = request.credential.kind == model::CredentialKind::token ||
                           ((request.credential.kind == model::CredentialKind::jwt ||
                             request.credential.kind == model::CredentialKind::certificate) &&
                            !request.credential.of_node);
  if (!route) {
    // A token of one tenant learns nothing about others, not even whether they exist.
    call.audit().port = audit_.get();
    if (of_a_tenant) return call.finish(Error(Code::permission_denied));
    request.tenant.create_at_first_use = request.tenant.create_at_first_use && context_->create_at_first_use &&
                                         request.credential.kind != model::CredentialKind::operator_ &&
                                         model::is_mutation(std::get<model::TenantOperation>(request.operation));
    if (!request.tenant.create_at_first_use) return call.finish(Error(Code::tenant_not_found));
    call.audit().port = nullptr;  // the shard will say
    return caf::anon_send(context_->front, context_->parcel(std::move(call)));
  }
  if (of_a_tenant && request.credential.tenant != route->id) {
    call.audit().port = audit_.get();
    return call.finish(Error(Code::permission_denied));
  }
  const ShardTable::Shard shard = context_->shards.find(route->id);
  if (shard.cell) {
    if (shard.cell->try_get(request, call.reply(), &call.audit())) return call.finish();
  }
  caf::anon_send(shard.actor ? shard.actor : CallActor(context_->front), context_->parcel(std::move(call)));
}

model::Result<model::Credential> NodeImpl::authenticate(std::string_view token, model::Door door) const {
  auto claims = tokens_->verify(token);
  if (!claims) return claims.error();
  model::Credential credential;
  credential.door = door;
  credential.tenant = claims->tenant;
  credential.token_hash = claims->id_hash;
  credential.kind = model::CredentialKind::token;
  if (!claims->tenant.is_zero()) return credential;
  const auto op = operators_.find(claims->id_hash);
  if (!op) return Error(Code::unauthenticated);
  credential.kind = op->dev_root && options_.dev ? model::CredentialKind::dev_root : model::CredentialKind::operator_;
  return credential;
}

std::optional<model::TenantId> NodeImpl::find_tenant(const model::TenantRef& tenant) const {
  const auto route = routing_.find(tenant);
  return route ? std::optional(route->id) : std::nullopt;
}

model::Result<TenantTrust> NodeImpl::trust_of(const model::TenantRef& tenant, model::TimeMs deadline) const {
  const auto route = routing_.find(tenant);
  if (!route) return Error(Code::tenant_not_found);
  const GroupBoard& board = context_->boards[route->group.value];
  if (!context_->accepting || board.role != cluster::Role::leader) return Error(Code::unavailable);
  // What a caller knows to be committed must be found. The state follows the log within milliseconds.
  const std::uint64_t newest = std::max(board.trust_changed_at.load(), board.commit.load());
  while (board.applied < newest) {
    if (options_.wall_clock() >= deadline || !context_->accepting) return Error(Code::unavailable);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return read_trust(*options_.state_engine, *ring_, *options_.random, route->group, model::Generation{board.generation},
                    route->id);
}

NodeStatus NodeImpl::status() const {
  NodeStatus status;
  status.read_only = disk_ && disk_->read_only();
  status.free_bytes = disk_ ? disk_->free_bytes() : 0;
  status.ready = context_->accepting && context_->directory_ready;
  status.node_id = identity_->id.value;
  status.cluster_id = crypto::hex(identity_->cluster_id);
  status.tenants = routing_.tenants();
  const std::uint64_t shards = context_->shards.size();
  status.active_shards = shards > 0 && context_->directory_ready ? shards - 1 : shards;  // the directory is no tenant
  for (std::size_t id = 0; id < context_->boards.size(); ++id) {
    const GroupBoard& board = context_->boards[id];
    status.groups.push_back(
        {model::GroupId{id}, role_name(board.role), board.term, board.commit, board.applied, board.durable});
  }
  return status;
}

std::vector<Sample> NodeImpl::samples() const {
  const NodeCounters& counters = context_->counters;
  std::vector<Sample> samples;
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    samples.push_back({name, help, true, {}, static_cast<double>(value)});
  };
  counter("coffer_log_batches_total", "Flushes of the log database (one fsync each).", counters.log_batches);
  counter("coffer_log_writes_total", "Durable writes that groups asked for.", counters.log_writes);
  counter("coffer_log_bytes_total", "Bytes written to the log database.", counters.log_bytes);
  counter("coffer_applied_entries_total", "Write sets applied to the state database.", counters.applied_entries);
  counter("coffer_checkpoints_total", "Flushes of the state database.", counters.checkpoints);
  counter("coffer_shards_started_total", "Tenant shards started.", counters.shards_started);
  counter("coffer_shards_stopped_total", "Tenant shards ended.", counters.shards_stopped);
  counter("coffer_calls_rerouted_total", "Calls that met an ending shard.", counters.rerouted);
  for (const model::Limit limit : model::kAllLimits) {
    if (model::is_burst(limit)) continue;
    const auto refused = counters.quota_refusals.by_limit[static_cast<std::size_t>(limit)].load();
    samples.push_back({"coffer_quota_refused_total",
                       "Requests refused by a limit of their tenant, by limit.",
                       true,
                       {{"limit", std::string(model::limit_name(limit))}},
                       static_cast<double>(refused)});
  }
  const NodeStatus now = status();
  samples.push_back({"coffer_ready", "1 when the node takes calls.", false, {}, now.ready ? 1.0 : 0.0});
  samples.push_back({"coffer_tenants", "Tenants in the directory.", false, {}, static_cast<double>(now.tenants)});
  samples.push_back(
      {"coffer_active_shards", "Tenants with a running shard.", false, {}, static_cast<double>(now.active_shards)});
  samples.push_back(
      {"coffer_cache_bytes", "Bytes held by the shards' caches.", false, {}, static_cast<double>(cache_.used)});
  for (const GroupStatus& group : now.groups) {
    const std::vector<std::pair<std::string, std::string>> labels{{"group", std::to_string(group.id.value)}};
    samples.push_back({"coffer_group_leader", "1 when this node leads the group.", false, labels,
                       group.role == "leader" ? 1.0 : 0.0});
    samples.push_back({"coffer_group_commit_index", "Highest committed index.", false, labels,
                       static_cast<double>(group.commit_index)});
    samples.push_back({"coffer_group_applied_index", "Highest applied index.", false, labels,
                       static_cast<double>(group.applied_index)});
    samples.push_back({"coffer_group_durable_index", "Durable index D: the log is truncated behind it.", false, labels,
                       static_cast<double>(group.durable_index)});
  }
  if (audit_) audit_->add_samples(samples);
  if (disk_) {
    const auto gauge = [&](const char* name, const char* help, double value) {
      samples.push_back({name, help, false, {}, value});
    };
    gauge("coffer_disk_free_bytes", "Room on the data's disk.", static_cast<double>(disk_->free_bytes()));
    gauge("coffer_read_only", "1 while the node is low on disk and takes no changes.", disk_->read_only() ? 1 : 0);
  }
  return samples;
}

}  // namespace

model::Result<std::unique_ptr<Node>> Node::start(NodeOptions options, std::chrono::milliseconds timeout) {
  auto node = std::make_unique<NodeImpl>(std::move(options));
  if (auto status = node->run(timeout); !status) return status.error();
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace coffer::actors
