#pragma once
// What operators and nodes ask of the cluster itself: who is in it, who joins and leaves. They are operations of the
// directory (model/requests.hpp), which keeps the answers as rows of the meta group. Pure values, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/entry.hpp"
#include "model/ids.hpp"
#include "model/secret.hpp"

namespace coffer::model {

enum class NodeState : std::uint8_t {
  joining = 1,   // has its id and certificate and no replica yet
  up = 2,        // takes replicas and leaderships
  draining = 3,  // hands them over
  removed = 4,   // is refused by every other node, for ever
};

/// A node as the directory knows it.
struct NodeInfo {
  NodeId id;
  std::string address;  // host:port of its peer listener
  NodeState state = NodeState::joining;
  std::uint32_t newest_format = 1;  // that its program knows
  std::string certificate_serial;
  TimeMs certificate_expires_at = 0;
  TimeMs joined_at = 0;
  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

/// A node's part in a group. The numbers are those of the Raft configuration.
enum class ReplicaRole : std::uint8_t { standby = 0, voter = 1, spare = 2 };
struct ReplicaInfo {
  NodeId node;
  ReplicaRole role = ReplicaRole::voter;
  Index match;  // what the leader knows it to hold
  friend bool operator==(const ReplicaInfo&, const ReplicaInfo&) = default;
};
/// What a group's leader serves per second, smoothed over a minute (cluster/group_load.hpp).
struct GroupLoad {
  std::uint64_t requests = 0;  // of any kind, writes among them
  std::uint64_t writes = 0;    // committed write sets
  friend bool operator==(const GroupLoad&, const GroupLoad&) = default;
};
/// A group as its leader reports it.
struct GroupInfo {
  GroupId id;
  NodeId leader;  // zero: none is known
  Term term;
  Index commit;
  std::vector<ReplicaInfo> replicas;
  std::optional<GroupLoad> load = std::nullopt;  // none: not measured yet, or by an older program
  friend bool operator==(const GroupInfo&, const GroupInfo&) = default;
};

// ---- requests (operators, unless it says otherwise) ------------------------------------------------------------

struct GetClusterStatus {};
/// A token that lets one node in, once. The reply shows it; only a hash is stored.
struct CreateJoinToken {
  TimeMs ttl = 3'600'000;  // milliseconds; at most a week
};
/// By a node that has no certificate yet (CredentialKind::node, for the token is its credential).
struct JoinNode {
  std::string token_id;  // of the token: 8 bytes
  Secret secret;
  std::string address;              // where the others reach its peer listener
  std::string certificate_request;  // PKCS#10, DER
  std::uint32_t newest_format = 1;
};
/// By a node of the cluster for itself: a new certificate for the same id.
struct RenewNodeCertificate {
  NodeId node;
  std::string certificate_request;
};
/// By a node of the cluster for itself, at each start: where it is reached now, and what it knows.
struct AnnounceNode {
  NodeId node;
  std::string address;
  std::uint32_t newest_format = 1;
};
/// Takes the node's leaderships and replicas away, or (undo) gives it work again.
struct DrainNode {
  NodeId node;
  bool undo = false;
};
/// For ever: its id is not used again. Refused while it holds replicas, unless `force`: then it counts as dead and its
/// replicas are made elsewhere.
struct RemoveNode {
  NodeId node;
  bool force = false;
};
/// Spreads leaderships and replicas now, instead of when the next imbalance is found.
struct BalanceCluster {};
struct TransferLeadership {
  GroupId group;
  NodeId to;
};

/// Data groups beyond those that there are. Compare-and-set on their number, so that asking twice adds them once; the
/// answer is a status with the new number. They are never taken away again.
struct AddGroups {
  std::uint32_t count = 0;
  std::uint32_t expected = 0;  // how many there are
};

// ---- replies ---------------------------------------------------------------------------------------------------

struct ClusterStatusReply {
  std::string cluster_id;  // hexadecimal
  NodeId self, meta_leader;
  std::uint32_t active_format = 1;  // what all nodes know
  std::uint32_t data_groups = 0;
  struct Node {
    NodeInfo info;
    bool connected = false;  // with the meta group's leader
    TimeMs silent_ms = 0;    // since its last report; 0: it is this node
    std::uint32_t leads = 0, replicas = 0;
  };
  std::vector<Node> nodes;        // by id
  std::vector<GroupInfo> groups;  // by id
  std::vector<std::string> plan;  // what placement is about to do, in words
};
struct JoinTokenReply {
  Secret token;  // as text; it also pins the cluster's CA
  TimeMs expires_at = 0;
};
struct JoinReply {  // JoinNode, RenewNodeCertificate
  NodeId node;
  std::string cluster_id;  // 16 bytes
  std::uint32_t data_groups = 0;
  std::string certificate, ca;  // PEM
  std::vector<NodeInfo> nodes;  // whom it may dial
};
struct NodeReply {  // AnnounceNode, DrainNode, RemoveNode
  NodeInfo node;
};
struct DoneReply {};  // BalanceCluster, TransferLeadership: it has begun

}  // namespace coffer::model
