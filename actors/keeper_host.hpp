#pragma once
// What the keeper of keys needs of its node, so that it can be tested without one. Implemented by the node. Called by the
// keeper's thread, which may wait.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/bootstrap.hpp"
#include "actors/gateway.hpp"
#include "actors/group_view.hpp"
#include "actors/tenant_move.hpp"
#include "crypto/key_ring.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

class KeeperHost {
 public:
  virtual ~KeeperHost() = default;
  /// 16 bytes.
  virtual std::string cluster_id() const = 0;
  virtual model::NodeId self() const = 0;
  virtual std::uint32_t data_groups() const = 0;
  /// As this node's replica has them. Errors: disk_error, data_loss.
  virtual model::Result<KeyRows> key_rows() const = 0;
  /// Null while the node is sealed; then it stays the same object.
  virtual crypto::KeyRing* ring() = 0;
  /// The node takes calls from here on. REQUIRES: ring() is null.
  virtual model::Status open(crypto::KeyRing ring) = 0;
  /// Asks the process to wipe everything and start again sealed.
  virtual void seal() = 0;
  /// A seal by the device that this node's configuration names. Errors: not_active (it names none).
  virtual model::Result<std::unique_ptr<crypto::Seal>> device_seal(const std::string& name) = 0;
  /// Routes a call of the keeper's own.
  virtual void submit(Call* call) noexcept = 0;
  /// The node stops: nobody is to wait for an answer any more.
  virtual bool is_ending() const = 0;

  /// Does this node lead the group, so that it is the one to tend its tenants?
  virtual bool leads(model::GroupId group) const = 0;
  virtual model::Generation generation(model::GroupId group) const = 0;
  virtual const storage::Engine& state() const = 0;
  /// Too little room on this node's disk for what takes much of it, as of now.
  virtual bool is_low_on_disk() = 0;
  /// Waits until the state here holds all that was acknowledged before. Errors: unavailable (another node leads).
  virtual model::Status bring_up_to_date(model::GroupId group) = 0;
  /// The rows that are wished, of this node's replica or, where it has none, of another node's. Errors: unavailable (which
  /// group, and what became of each node that was asked).
  virtual model::Result<std::unique_ptr<GroupView>> open_view(RowWish wish) = 0;
  /// Proposes the rows as one write set beside the tenant's shard, and waits until it is applied here. Errors:
  /// unavailable (another node leads, or nobody), outcome_unknown.
  virtual model::Status write_rows(model::GroupId group, const model::TenantId& tenant,
                                   std::vector<storage::RowChange> rows, std::string_view action) = 0;
  /// The same, when the tenant's mark of a move is as expected; `action` may be empty: then nothing is noted of it. Answers
  /// when it is certain that nothing is proposed any more, except that with outcome_unknown the rows may be written.
  /// Errors: as above, and cas_mismatch (another mark).
  virtual model::Status write_marked(model::GroupId group, const model::TenantId& tenant,
                                     std::vector<storage::RowChange> rows, const MarkCondition& condition,
                                     std::string_view action) = 0;
  /// Makes sure that what the group's newest entries and rows replaced is not on this node's disk any more: flushes,
  /// cuts the log and compacts both databases. Returns at once; `done` is called by another thread, and not any more when the
  /// node stops. Errors: not_active (nobody says how far the group has come: it has no leader, or this node is none of its
  /// servers any more), unavailable (it takes too long), disk_error.
  virtual void forget_replaced(model::GroupId group, std::function<void(model::Status)> done) = 0;
};

/// Asks through the host and waits for the answer, as the node itself; not beyond the node's end: outcome_unknown then.
model::Result<model::Reply> ask(KeeperHost& host, model::TenantRef tenant,
                                std::variant<model::TenantOperation, model::DirectoryOperation> operation,
                                std::chrono::milliseconds patience = std::chrono::seconds(30));

/// Deletes every row of a tenant that has no shard, its keys first. Errors: those of the host.
model::Status remove_tenant_rows(KeeperHost& host, model::GroupId group, const model::TenantId& tenant,
                                 std::string_view action);

}  // namespace coffer::actors
