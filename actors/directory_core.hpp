#pragma once
// The directory as a value: tenants, their doors and the operators' credentials, in the meta group. Calls in, write
// sets out, like TenantCore; everything is in memory, and what is committed is published in the routing table.
// The directory actor's only.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/bootstrap.hpp"
#include "actors/cluster_directory.hpp"
#include "actors/disk_watch.hpp"
#include "actors/key_use.hpp"
#include "actors/routing.hpp"
#include "actors/tenant_core.hpp"

namespace coffer::actors {

/// Rows of seals, of the key ring and of sealing anew, as they are stored; none: deleted.
using KeyChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;

struct DirectoryDeps {
  const storage::Engine& state;
  const crypto::KeyRing& ring;
  crypto::Random& random;
  std::function<model::TimeMs()> wall_clock;
  RoutingTable& routing;
  OperatorTable& operators;
  model::Generation generation;
  std::uint32_t data_groups = 16;
  std::size_t max_waiting = 4096;
  /// The keys' rows that a commit has changed; called before the change is answered.
  std::function<void(const KeyChanges&)> keys_changed;
  /// All of the keys' rows that there are; at the opening, before anything that may be sealed by them is read.
  std::function<void(KeyRows)> keys_read;
  std::function<void()> tenants_changed;                             // one was deleted
  std::function<void(model::GroupId, model::TimeMs)> tenant_purged;  // its rows are gone from the group, and when
  // What the cluster's part needs of the node; empty where there is no cluster (tests).
  std::string cluster_id;  // 16 bytes
  model::NodeId self;
  std::string peer_address;                                         // where others reach this node
  std::function<std::uint32_t(model::NodeId)> replicas_of;          // as groups report
  std::function<void(const model::NodeInfo&)> node_changed;         // after the commit
  std::function<void(model::ClusterStatusReply&)> complete_status;  // with what is not in rows
  std::function<void(const model::TransferLeadership&)> transfer;
  std::function<void()> balance;
  std::function<void(const std::vector<GroupFounding>&)> groups_added;  // after the commit, and at the opening
  std::function<bool(model::GroupId)> is_led;                           // has it a leader? empty: all have
  std::function<bool(model::NodeId)> is_heard;                          // does the node report?
  std::function<bool()> is_informed;  // have the nodes reported since this leadership began? empty: yes
  std::uint32_t newest_format = cluster::kNewestFormat;        // that this node announces
  std::uint32_t replicas = 3;                                  // of a data group
  std::function<void(const model::TenantInfo&)> tenant_moves;  // after each commit of a move's, and the last one's
  model::AuditPort* audit = nullptr;                           // null: nothing is noted
  DiskRoom room;
  /// Of rows under one cluster key. A tenant's creation is one such row and two boxes under the same cluster key's other
  /// half, which wraps tenants' keys: at 2^30 neither has reached the 2^32 of NIST SP 800-38D section 8.3.
  std::uint64_t max_seals = std::uint64_t{1} << 30;
  std::function<void(std::uint32_t version)>
      cluster_key_worn;  // it has sealed so often; after each commit until it is replaced
};

class DirectoryCore {
 public:
  /// Reads everything and publishes it. Errors: data_loss, key_mismatch, disk_error.
  static model::Result<std::unique_ptr<DirectoryCore>> open(const DirectoryDeps& deps);

  void handle(CallHandle call, std::vector<Submission>& out);
  /// Adds an operator's credential (the dev root token of a fresh node); published after its commit.
  void add_operator(const Operator& op, std::vector<Submission>& out);
  void committed(std::uint64_t sequence, std::vector<Submission>& out);
  void refused(std::uint64_t sequence, const model::Error& error);

  /// Called with each tenant that was deleted, after the commit: its shard must stop.
  std::function<void(const model::TenantId&)> on_deleted;

 private:
  struct Pending {
    std::uint64_t sequence = 0;
    CallHandle call;
    model::Reply reply;
    std::string name;     // the tenant that changes
    std::string details;  // of another change, for its audit record
    std::shared_ptr<const Operator> op;
    std::vector<std::string> revoked;              // token hashes of operators that end with this
    std::shared_ptr<const DirectoryTenant> purge;  // a deleted tenant, as it will be
    std::optional<std::string> ring;               // the key ring, as it will be stored
    KeyChanges keys;
    bool of_keys = false;                // `keys` without the key ring
    std::vector<model::NodeInfo> nodes;  // that change
    std::vector<GroupFounding> groups;   // that are added
    bool of_cluster = false;
    std::vector<std::pair<CallHandle, model::ReplyBody>> behind;  // answers that rest on it
  };
  struct Row {
    DirectoryTenant committed;  // meaningful when `exists`
    bool exists = false;
    std::unique_ptr<DirectoryTenant> next;  // decided, not committed; rare, so it is not in each of a million rows
  };

  static constexpr char kBackupNeedsKeys[] = "a backup is being taken, and no cluster key goes meanwhile";

  struct ResealPass {  // over the directory's rows: all tenants by name, deleted ones by id, then the others
    std::uint32_t key = 0;
    std::string name;
    bool past_tenants = false;
    model::TenantId deleted;
    bool is_clean = true, found = false;  // nothing but `key` was met; something older was
  };

  explicit DirectoryCore(const DirectoryDeps& deps);
  model::Status load();
  model::Result<std::string> authorize(const model::Request& request) const;
  model::Result<model::ReplyBody> read(const model::DirectoryOperation& operation) const;
  void create(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void remove(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void open_door(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  // directory_keys.cpp
  void undelete(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void purge(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void change_keys(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void adopt_operator(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  bool comes_back(const model::TenantId& deleted) const;
  model::TimeMs next_purged_at(model::TimeMs now) const;
  void order_purge(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  model::Status check_seals(const model::ChangeKeys& change) const;
  // directory_imports.cpp
  void adopt_tenant(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void reserve_import(CallHandle call, DirectoryTenant place, const std::string& principal,
                      std::vector<Submission>& out);
  void give_up_import(CallHandle call, const DirectoryTenant& which, const std::string& principal,
                      std::vector<Submission>& out);
  void finish_adoption(CallHandle call, DirectoryTenant tenant, std::vector<Submission>& out);
  void submit_deleted(CallHandle call, DirectoryTenant next, std::string_view action, const std::string& principal,
                      std::vector<Submission>& out);
  bool is_changing(const model::TenantId& deleted) const;
  // directory_reseal.cpp
  model::Status load_seals();
  model::Status load_resealing();
  void tend_keys(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  model::KeysReply key_numbers(model::TimeMs retire_after) const;
  bool is_backup_beginning() const;
  model::Result<bool> reseal_slice(std::uint32_t limit, std::vector<storage::RowChange>& rows);
  storage::RowChange sealed_row(std::string row, std::string_view plaintext);
  void committed_keys(Pending& done);
  void renew_sealer();
  std::uint64_t seals() const { return loaded_seals_ + sealer_.seals(); }

  // directory_operators.cpp
  static bool is_of_operators(const model::DirectoryOperation& operation);
  void run_operators(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  model::Status create_operator(const model::CreateOperator& create, const std::string& principal, Pending& pending,
                                std::vector<storage::RowChange>& rows);
  model::Status revoke_operator(const model::RevokeOperator& revoke, Pending& pending,
                                std::vector<storage::RowChange>& rows) const;

  // directory_moves.cpp
  static bool is_move(const model::DirectoryOperation& operation);
  static bool serves_backups(const model::DirectoryOperation& operation);
  void run_move(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void move_tenant(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void begin_move(Row& row, model::GroupId to, CallHandle call, const std::string& principal,
                  std::vector<Submission>& out);
  void submit_move(Row& row, DirectoryTenant next, CallHandle call, std::string_view action,
                   const std::string& principal, std::vector<Submission>& out,
                   std::vector<storage::RowChange> rows = {});
  void advance_move(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  void pause_moves(CallHandle call, std::uint64_t ms, const std::string& principal, std::vector<Submission>& out);
  void note_move(const DirectoryTenant& tenant);
  void balance_tenants(std::vector<Submission>& out);
  model::TimeMs directory_time() const;

  void run_cluster(CallHandle call, const std::string& principal, std::vector<Submission>& out);
  model::ClusterStatusReply cluster_status() const;
  void answer_behind_pending(CallHandle call, model::ReplyBody body);
  void settle(Pending& done);
  void know_groups(const std::vector<GroupFounding>& added);
  void change(CallHandle call, DirectoryTenant next, model::TenantReply reply, std::vector<Submission>& out);
  bool defer_if_changing(CallHandle& call, const std::string& name);
  const std::string* owner_of(const model::DoorName& door) const;
  std::string free_name_for(const model::DoorName& door) const;
  model::GroupId least_loaded_group() const;
  void submit(Pending pending, std::vector<storage::RowChange> rows, std::string_view action,
              const std::string& principal, std::vector<Submission>& out);

  const DirectoryDeps& deps_;
  storage::TenantRows rows_;
  crypto::Sealer sealer_;
  std::uint64_t loaded_seals_ = 0;  // under the sealer's current key, before this sealer
  store::v1::TenantHeader header_;
  std::map<std::string, Row, std::less<>> tenants_;  // by name
  std::map<model::TenantId, DirectoryTenant> deleted_;
  std::map<std::pair<model::Door, std::string>, std::string> doors_;  // -> name; decided ones, too
  std::map<model::TenantId, std::string> moving_;                     // -> name; decided ones, too
  std::vector<std::uint64_t> group_tenants_;                          // by group, 0 unused
  ClusterDirectory cluster_;
  std::map<model::NodeId, model::NodeInfo> nodes_;  // as committed
  std::deque<Pending> pending_;
  std::string ring_;                              // the key ring, as it is stored
  std::map<std::string, std::string> seal_rows_;  // likewise, as committed
  KeyUseTable key_use_;
  ResealPass pass_;
  store::v1::ResealRecord reseal_;  // as decided
  bool balancing_ = false;          // moves that are over are followed by others
  bool keys_change_ = false;        // a change of the keys' rows is under way
  std::deque<CallHandle> waiting_;  // for a pending change of the same tenant
  std::uint64_t next_sequence_ = 1;
};

}  // namespace coffer::actors
