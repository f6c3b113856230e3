#pragma once
// Between the model's values and the stored records of proto/coffer/store/v1/cluster.proto. Pure, any thread.

#include <string>
#include <string_view>

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
std::string encode_cluster(const ClusterSettings& cluster);
model::Result<ClusterSettings> decode_cluster(std::string_view bytes);

struct JoinPermission {
  std::string secret_hash;
  model::TimeMs expires_at = 0;
  model::NodeId used_by;     // 0: not used yet
  std::string request_hash;  // of the certificate request that it was used with
};
std::string encode_join_permission(const JoinPermission& permission);
model::Result<JoinPermission> decode_join_permission(std::string_view bytes);

}  // namespace coffer::actors
