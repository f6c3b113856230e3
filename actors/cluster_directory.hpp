#pragma once
// The nodes' part of the directory as a value: who is a node, who may become one, which certificate says so, which groups
// there are and what all nodes understand. Decides on the newest decided rows, as the directory does; the rows go into its
// write sets. DirectoryCore's only.
//
// Principals are "node:<id>" for a node whose certificate the peer link has verified. A join token works once; the same
// certificate request that used it may ask again, for its answer may have been lost with a leader.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/cluster_records.hpp"
#include "cluster/formats.hpp"
#include "crypto/cluster_ca.hpp"
#include "crypto/key_ring.hpp"
#include "model/requests.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

struct ClusterDeps {
  const crypto::KeyRing& ring;
  crypto::Random& random;
  std::string cluster_id;         // 16 bytes
  std::uint32_t data_groups = 0;  // that this node knows; the rows may add to them
  model::NodeId self;             // this node, and where others reach it; empty: unknown
  std::string self_address = {};
  /// Replicas that the node holds, as the leaders of groups report.
  std::function<std::uint32_t(model::NodeId)> replicas_of;
  std::uint32_t newest_format = cluster::kNewestFormat;  // that this node announces
  std::uint32_t replicas = 3;                            // of a new group, as far as there are nodes
  std::function<bool(model::NodeId)> is_heard = {};      // does the node report? empty: all do
};

class ClusterDirectory {
 public:
  explicit ClusterDirectory(ClusterDeps deps) : deps_(std::move(deps)) {}

  /// Reads the rows that are there. Errors: unimplemented (a newer format is active), data_loss, disk_error.
  model::Status load(const storage::TenantRows& rows);

  struct Decision {
    std::vector<storage::RowChange> rows;  // none: nothing changes
    model::ReplyBody reply;
    std::vector<model::NodeInfo> nodes;  // as they will be, for whoever publishes them after the commit
    const char* action = "";             // for the audit record
    std::string authority;               // a new CA's row, when there was none
    std::vector<GroupFounding> groups;   // that are added, likewise
    std::string details;                 // for the audit record
  };
  static bool is_of_cluster(const model::DirectoryOperation& operation);
  static bool is_change(const model::DirectoryOperation& operation);
  /// Errors: permission_denied (token, or a node that speaks for another), entry_not_found (no such node),
  /// invalid_argument, not_active (a removed node), unavailable.
  model::Result<Decision> decide(const model::DirectoryOperation& operation, const std::string& principal,
                                 model::TimeMs now);

  /// No tenant begins a move before `until`, wall clock.
  Decision pause_moves(model::TimeMs until);

  /// What a decision that only this format can express adds to its rows. Errors: not_active, with the sentence that says
  /// which node does not know the format yet.
  model::Result<std::vector<storage::RowChange>> use_format(std::uint32_t format);
  std::uint32_t data_groups() const;
  std::vector<GroupFounding> added_groups() const;
  /// The CA's row under the newest cluster key, when an older one seals it. Errors: data_loss, key_mismatch.
  model::Result<std::optional<storage::RowChange>> reseal_authority();

  const std::map<model::NodeId, model::NodeInfo>& nodes() const { return nodes_; }
  const ClusterSettings& settings() const { return settings_; }

 private:
  model::Result<Decision> create_token(const model::CreateJoinToken& create, model::TimeMs now);
  model::Result<Decision> join(const model::JoinNode& join, model::TimeMs now);
  model::Result<Decision> renew(const model::RenewNodeCertificate& renew, model::TimeMs now);
  model::Result<Decision> announce(const model::AnnounceNode& announce, model::TimeMs now);
  model::Result<Decision> drain(const model::DrainNode& drain);
  model::Result<Decision> remove(const model::RemoveNode& remove);
  model::Result<Decision> add_groups(const model::AddGroups& add);
  model::Result<Decision> certify(model::NodeInfo node, const std::string& request, model::TimeMs now,
                                  Decision decision);
  model::Result<crypto::ClusterCa> authority(model::TimeMs now, Decision& decision);
  void keep(const model::NodeInfo& node, Decision& decision);
  void keep_self(model::TimeMs now, Decision& decision);
  void raise_format(Decision& decision);
  std::string cluster_name() const;

  ClusterDeps deps_;
  ClusterSettings settings_;
  std::map<model::NodeId, model::NodeInfo> nodes_;
  std::map<model::GroupId, GroupFounding> groups_;  // that were added
  std::map<std::string, JoinPermission> permissions_;
  std::string authority_;  // the CA's row; empty: none yet
};

/// "node:7"
std::string node_principal(model::NodeId node);

}  // namespace coffer::actors
