#pragma once
// The inside of Node: node.cpp (its life), node_routing.cpp (its calls), node_status.cpp (what it says of itself),
// node_keeper.cpp (what the keeper of keys asks of it), node_growth.cpp (groups that are added to it), node_views.cpp
// (groups' rows for its backups).

#include <future>
#include <memory>
#include <mutex>
#include <optional>

#include "actors/audit_log.hpp"
#include "actors/bootstrap.hpp"
#include "actors/compacted_marks.hpp"
#include "actors/context.hpp"
#include "actors/disk_watch.hpp"
#include "actors/forgetter.hpp"
#include "actors/key_keeper.hpp"
#include "actors/move_keeper.hpp"
#include "actors/node.hpp"
#include "actors/peer_sink.hpp"
#include "actors/view_desk.hpp"
#include "actors/views.hpp"
#include "crypto/token.hpp"

namespace coffer::actors {

class NodeImpl final : public Node, private KeeperHost, private Forgetter::Disk {
 public:
  explicit NodeImpl(NodeOptions options);
  ~NodeImpl() override { stop(); }

  model::Status run(std::chrono::milliseconds timeout);
  void stop() override;
  void connect(cluster::PeerLink& link) override;
  void set_default_quotas(const model::QuotaLimits& quotas) override;
  void submit(Call* call) noexcept override;
  bool is_ending() const override { return stopped_; }
  model::Result<model::Credential> authenticate(std::string_view token, model::Door door) const override;
  bool tenant_exists(const model::TenantRef& tenant) const override { return routing_.find(tenant) != nullptr; }
  std::optional<model::TenantId> find_tenant(const model::TenantRef& tenant) const override;
  void ask_trust(const model::TenantRef& tenant, model::TimeMs deadline, TrustDone done) const override;
  TrustBasis trust_basis(const model::TenantRef& tenant) const override;
  NodeStatus status() const override;
  std::vector<Sample> samples() const override;
  std::optional<model::QuotaUse> quota_use(const model::TenantId& tenant) const override {
    return context_->counters.quota_board.use_of(tenant);
  }
  model::AuditPort* audit() const override { return context_->audit; }

 private:
  // For the keeper; on its thread.
  std::string cluster_id() const override { return identity_->cluster_id; }
  model::NodeId self() const override { return identity_->id; }
  std::uint32_t data_groups() const override { return static_cast<std::uint32_t>(context_->boards.size() - 1); }
  model::Result<KeyRows> key_rows() const override;
  crypto::KeyRing* ring() override { return context_->unsealed ? ring_.get() : nullptr; }
  model::Status open(crypto::KeyRing ring) override;
  void seal() override;
  model::Result<std::unique_ptr<crypto::Seal>> device_seal(const std::string& name) override;
  bool leads(model::GroupId group) const override;
  model::Generation generation(model::GroupId group) const override;
  const storage::Engine& state() const override { return *options_.state_engine; }
  bool is_low_on_disk() override;
  model::Status bring_up_to_date(model::GroupId group) override;
  model::Result<std::unique_ptr<GroupView>> open_view(RowWish wish) override;
  model::Status write_rows(model::GroupId group, const model::TenantId& tenant, std::vector<storage::RowChange> rows,
                           std::string_view action) override;
  model::Status write_marked(model::GroupId group, const model::TenantId& tenant, std::vector<storage::RowChange> rows,
                             const MarkCondition& condition, std::string_view action) override;
  model::Status carry_out(RowsOrder order);
  model::Result<model::Index> newest_index(model::GroupId group, std::chrono::steady_clock::time_point until);
  std::future<model::Result<model::Index>> ask_newest(model::GroupId group,
                                                      std::chrono::steady_clock::time_point until);
  std::unique_ptr<GroupView> view_here(const RowWish& wish) const;
  void prepare_views();
  void forget_replaced(model::GroupId group, std::function<void(model::Status)> done) override;
  // For the forgetter; on its thread.
  std::future<model::Result<model::Index>> newest(model::GroupId group,
                                                  std::chrono::steady_clock::time_point until) override;
  model::Index applied(model::GroupId group) const override;
  std::future<void> flush_state() override;
  model::Result<std::optional<model::Index>> first_logged(model::GroupId group) const override;
  model::Status compact_state(model::GroupId group) override;
  model::Status compact_log() override;
  void start_keeper(const Identity& identity);
  void keys_committed(const KeyChanges& changes);
  void keys_read(KeyRows rows);
  model::Status wait_until_ready(std::chrono::steady_clock::time_point until);

  model::Status start_audit();
  model::Status unseal(crypto::KeyRing ring);
  model::Status start_with_keys();
  model::Status wait_for_keys(std::chrono::steady_clock::time_point until);
  void prepare_context(const Identity& identity);
  void prepare_tenants(Context& context);
  void prepare_directory(Context& context);
  void spawn_actors(std::vector<storage::Recovered> groups);
  // node_growth.cpp
  void add_groups(std::vector<GroupFounding> added);
  storage::Recovered begin_replica(const GroupFounding& group, storage::LogBatch& batch) const;
  void start_groups(std::size_t first, std::vector<storage::Recovered>& fresh);
  GroupActor spawn_one_group(model::GroupId group, storage::Recovered recovered);
  void let_campaign();
  bool drop_old_generations(model::GroupId group);
  void hand_over();
  bool is_ready() const;

  void route(CallHandle call) noexcept;
  void route_to_directory(CallHandle call) noexcept;
  void route_to_tenant(CallHandle call) noexcept;
  void miss(CallHandle call, bool of_a_tenant) noexcept;
  void post(CallHandle call, const CallActor& shard, bool moves = false) noexcept;
  bool leads_surely(model::GroupId group) const;
  std::optional<model::Result<TenantTrust>> trust_at_once(const model::TenantRef& tenant) const;
  static void undelivered(void* router, Call* call);
  static void resubmit(void* router, Call* call);

  NodeOptions options_;
  const std::shared_ptr<cluster::LogRoom> log_room_ = std::make_shared<cluster::LogRoom>(options_.catch_up_memory);
  std::optional<storage::Node> identity_;
  std::unique_ptr<crypto::KeyRing> ring_;
  std::unique_ptr<crypto::TokenVerifier> tokens_;
  std::unique_ptr<storage::LogStore> log_store_;
  model::PolicyAuthorizer authorizer_;
  CacheBudget cache_;
  RoutingTable routing_;
  OperatorTable operators_;
  std::mutex quotas_mutex_;
  std::vector<std::unique_ptr<const model::QuotaLimits>> all_quotas_;  // of each reload; a shard may still look at one
  std::atomic<const model::QuotaLimits*> newer_quotas_{nullptr};       // the last of them
  std::unique_ptr<TenantDeps> tenant_deps_;
  std::unique_ptr<DirectoryDeps> directory_deps_;
  std::unique_ptr<DiskWatch> disk_;            // outlives the actors, who look at it
  std::shared_ptr<AuditInbox> audit_inbox_;    // likewise, these three; null: the node has no audit trail
  std::unique_ptr<SealedAudit> sealed_audit_;  // what is noted before the keys are open
  std::unique_ptr<AuditLog> audit_;            // null until the node is unsealed
  std::unique_ptr<Context> context_;
  std::unique_ptr<ViewDesk> desk_;  // outlives the keeper, who reads views of it
  ViewsActor views_;
  mutable std::mutex key_rows_mutex_;
  KeyRows key_rows_;  // as committed; under the mutex
  std::unique_ptr<CompactedMarks> marks_;
  std::unique_ptr<Forgetter> forgetter_;  // tells the keeper until it is stopped
  std::unique_ptr<KeyKeeper> keeper_;
  std::unique_ptr<MoveKeeper> movers_;
  std::unique_ptr<NodePeerSink> sink_;
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
  std::mutex growth_mutex_;  // over the tables of groups as they grow, and over who may campaign in them
  bool ended_ = false;       // no group is begun any more; under the mutex
  std::atomic<bool> stopped_{false};
};

}  // namespace coffer::actors
