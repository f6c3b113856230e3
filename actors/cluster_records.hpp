#pragma once
// Between the model's values and the stored records of proto/coffer/store/v1/cluster.proto. Pure, any thread.

#include <string>
#include <string_view>
#include <vector>

#include "coffer/store/v1/cluster.pb.h"
#include "model/cluster_requests.hpp"
#include "model/result.hpp"

namespace coffer::actors {

std::string encode_node(const model::NodeInfo& node);
/// Errors of every decode: data_loss.
model::Result<model::NodeInfo> decode_node(std::string_view bytes);

struct ClusterSettings {
  model::NodeId next_node{2};
  std::uint32_t active_format = 1;
  model::TimeMs moves_paused_until = 0;
};
/// Errors: unimplemented, when the cluster speaks a newer format than a node knows that knows them up to `newest`.
model::Status check_format(const ClusterSettings& cluster, std::uint32_t newest);
std::string encode_cluster(const ClusterSettings& cluster);
model::Result<ClusterSettings> decode_cluster(std::string_view bytes);

/// A data group that was added, and the nodes that begin it as its first voters.
struct GroupFounding {
  model::GroupId id;
  std::vector<model::NodeId> founders;
  friend bool operator==(const GroupFounding&, const GroupFounding&) = default;
};
std::string encode_founding(const GroupFounding& founding);
model::Result<GroupFounding> decode_founding(std::string_view bytes);

struct JoinPermission {
  std::string secret_hash;
  model::TimeMs expires_at = 0;
  model::NodeId used_by;     // 0: not used yet
  std::string request_hash;  // of the certificate request that it was used with
};
std::string encode_join_permission(const JoinPermission& permission);
model::Result<JoinPermission> decode_join_permission(std::string_view bytes);

}  // namespace coffer::actors
