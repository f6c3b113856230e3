// See cluster_records.hpp.

#include "actors/cluster_records.hpp"

#include "cluster/founders.hpp"

namespace coffer::actors {
namespace {

constexpr std::uint32_t kFormat = 1;

template <class Record>
model::Result<Record> parse(std::string_view bytes, const char* what) {
  Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return model::Error(model::Code::data_loss, std::string("a stored ") + what + " record does not parse");
  }
  if (record.format() != kFormat) {
    return model::Error(model::Code::data_loss, std::string("a stored ") + what + " record has format " +
                                                    std::to_string(record.format()) + "; this program knows format 1");
  }
  return record;
}

}  // namespace

std::string encode_node(const model::NodeInfo& node) {
  store::v1::ClusterNodeRecord record;
  record.set_format(kFormat);
  record.set_id(node.id.value);
  record.set_address(node.address);
  record.set_state(static_cast<std::uint32_t>(node.state));
  record.set_newest_format(node.newest_format);
  record.set_certificate_serial(node.certificate_serial);
  record.set_certificate_expires_at_ms(node.certificate_expires_at);
  record.set_joined_at_ms(node.joined_at);
  return record.SerializeAsString();
}

model::Result<model::NodeInfo> decode_node(std::string_view bytes) {
  auto record = parse<store::v1::ClusterNodeRecord>(bytes, "node");
  if (!record) return record.error();
  const auto removed = static_cast<std::uint32_t>(model::NodeState::removed);
  if (record->id() == 0 || record->state() == 0 || record->state() > removed) {
    return model::Error(model::Code::data_loss, "a stored node record has no id or an unknown state");
  }
  model::NodeInfo node;
  node.id = model::NodeId{record->id()};
  node.address = record->address();
  node.state = static_cast<model::NodeState>(record->state());
  node.newest_format = record->newest_format();
  node.certificate_serial = record->certificate_serial();
  node.certificate_expires_at = record->certificate_expires_at_ms();
  node.joined_at = record->joined_at_ms();
  return node;
}

model::Status check_format(const ClusterSettings& cluster, std::uint32_t newest) {
  if (cluster.active_format <= newest) return {};
  return model::Error(model::Code::unimplemented,
                      "the cluster speaks format " + std::to_string(cluster.active_format) +
                          ", and this node knows formats up to " + std::to_string(newest) +
                          ": start it with a newer program, or without [cluster] format if that is what holds it back");
}

std::string encode_cluster(const ClusterSettings& cluster) {
  store::v1::ClusterRecord record;
  record.set_format(kFormat);
  record.set_next_node(cluster.next_node.value);
  record.set_active_format(cluster.active_format);
  record.set_moves_paused_until_ms(cluster.moves_paused_until);
  return record.SerializeAsString();
}

model::Result<ClusterSettings> decode_cluster(std::string_view bytes) {
  auto record = parse<store::v1::ClusterRecord>(bytes, "cluster");
  if (!record) return record.error();
  return ClusterSettings{model::NodeId{record->next_node()}, record->active_format(), record->moves_paused_until_ms()};
}

std::string encode_founding(const GroupFounding& founding) {
  store::v1::ClusterGroupRecord record;
  record.set_format(kFormat);
  record.set_id(founding.id.value);
  for (const model::NodeId node : founding.founders) record.add_founders(node.value);
  return record.SerializeAsString();
}

model::Result<GroupFounding> decode_founding(std::string_view bytes) {
  auto record = parse<store::v1::ClusterGroupRecord>(bytes, "group");
  if (!record) return record.error();
  if (record->id() == 0 || record->id() > cluster::kMostDataGroups || record->founders().empty()) {
    return model::Error(model::Code::data_loss, "a stored group record has no possible id or nobody who begins it");
  }
  GroupFounding founding{model::GroupId{record->id()}, {}};
  for (const std::uint64_t node : record->founders()) founding.founders.push_back(model::NodeId{node});
  return founding;
}

std::string encode_join_permission(const JoinPermission& permission) {
  store::v1::JoinTokenRecord record;
  record.set_format(kFormat);
  record.set_secret_hash(permission.secret_hash);
  record.set_expires_at_ms(permission.expires_at);
  record.set_used_by(permission.used_by.value);
  record.set_request_hash(permission.request_hash);
  return record.SerializeAsString();
}

model::Result<JoinPermission> decode_join_permission(std::string_view bytes) {
  auto record = parse<store::v1::JoinTokenRecord>(bytes, "join token");
  if (!record) return record.error();
  return JoinPermission{record->secret_hash(), record->expires_at_ms(), model::NodeId{record->used_by()},
                        record->request_hash()};
}

}  // namespace coffer::actors
