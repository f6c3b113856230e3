// See cluster_directory.hpp.

#include "actors/cluster_directory.hpp"

#include <algorithm>

#include "actors/replica_count.hpp"
#include "cluster/founders.hpp"
#include "crypto/cluster_ca.hpp"
#include "crypto/hash.hpp"
#include "crypto/join_token.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr model::TimeMs kLongestTokenLife = 7LL * 24 * 3'600'000;
constexpr std::size_t kMostPermissions = 256;
constexpr std::size_t kLongestAddress = 255;

Error token_refused() { return {Code::permission_denied, "the join token is not valid: make a new one"}; }

template <class Record, class Add>
model::Status each_row(const storage::TenantRows& rows, std::string_view prefix,
                       model::Result<Record> (*decode)(std::string_view), const Add& add) {
  auto scan = rows.scan(prefix, storage::prefix_end(prefix));
  for (; scan->valid(); scan->next()) {
    auto record = decode(scan->value());
    if (!record) return record.error();
    add(rows.row_of(scan->key()), std::move(*record));
  }
  return scan->status();
}

}  // namespace

std::string node_principal(model::NodeId node) { return "node:" + std::to_string(node.value); }

model::Status ClusterDirectory::load(const storage::TenantRows& rows) {
  auto settings = rows.get(storage::kClusterRow);
  if (!settings) return settings.error();
  if (settings->has_value()) {
    auto decoded = decode_cluster(**settings);
    if (!decoded) return decoded.error();
    if (auto status = check_format(*decoded, deps_.newest_format); !status) return status;
    settings_ = *decoded;
  }
  auto authority = rows.get(storage::kClusterCaRow);
  if (!authority) return authority.error();
  authority_ = authority->value_or("");
  if (auto status = each_row(rows, storage::kNodeRows, &decode_node,
                             [this](std::string_view, model::NodeInfo node) { nodes_[node.id] = std::move(node); });
      !status) {
    return status;
  }
  if (auto status = each_row(rows, storage::kGroupRows, &decode_founding,
                             [this](std::string_view, GroupFounding group) { groups_[group.id] = std::move(group); });
      !status) {
    return status;
  }
  return each_row(rows, storage::kJoinTokenRows, &decode_join_permission,
                  [this](std::string_view row, JoinPermission permission) {
                    permissions_[std::string(row.substr(storage::kJoinTokenRows.size()))] = std::move(permission);
                  });
}

bool ClusterDirectory::is_of_cluster(const model::DirectoryOperation& operation) {
  return is_change(operation) || std::holds_alternative<model::GetClusterStatus>(operation) ||
         std::holds_alternative<model::BalanceCluster>(operation) ||
         std::holds_alternative<model::TransferLeadership>(operation);
}

bool ClusterDirectory::is_change(const model::DirectoryOperation& operation) {
  return std::holds_alternative<model::CreateJoinToken>(operation) ||
         std::holds_alternative<model::JoinNode>(operation) ||
         std::holds_alternative<model::RenewNodeCertificate>(operation) ||
         std::holds_alternative<model::AnnounceNode>(operation) ||
         std::holds_alternative<model::DrainNode>(operation) || std::holds_alternative<model::RemoveNode>(operation) ||
         std::holds_alternative<model::AddGroups>(operation);
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::decide(const model::DirectoryOperation& operation,
                                                                   const std::string& principal, model::TimeMs now) {
  const auto speaks_for = [&](model::NodeId node) { return principal == node_principal(node); };
  if (const auto* create = std::get_if<model::CreateJoinToken>(&operation)) return create_token(*create, now);
  if (const auto* newcomer = std::get_if<model::JoinNode>(&operation)) return join(*newcomer, now);
  if (const auto* renewal = std::get_if<model::RenewNodeCertificate>(&operation)) {
    if (!speaks_for(renewal->node)) return Error(Code::permission_denied);
    return renew(*renewal, now);
  }
  if (const auto* news = std::get_if<model::AnnounceNode>(&operation)) {
    if (!speaks_for(news->node)) return Error(Code::permission_denied);
    return announce(*news, now);
  }
  if (const auto* draining = std::get_if<model::DrainNode>(&operation)) return drain(*draining);
  if (const auto* removal = std::get_if<model::RemoveNode>(&operation)) return remove(*removal);
  if (const auto* add = std::get_if<model::AddGroups>(&operation)) return add_groups(*add);
  return Error(Code::internal);
}

std::string ClusterDirectory::cluster_name() const { return crypto::hex(deps_.cluster_id); }

/// The CA's row. `coffer admin init` has made it; else (--dev) the first who needs it does.
model::Result<crypto::ClusterCa> ClusterDirectory::authority(model::TimeMs now, Decision& decision) {
  if (!authority_.empty()) return crypto::ClusterCa::open(authority_, cluster_name(), deps_.ring);
  crypto::ClusterCa made = crypto::ClusterCa::make(cluster_name(), now, deps_.random);
  decision.authority = made.seal(deps_.ring, deps_.random);
  decision.rows.push_back({storage::kClusterCaRow, decision.authority});
  return made;
}

model::Result<std::optional<storage::RowChange>> ClusterDirectory::reseal_authority() {
  if (authority_.empty()) return std::optional<storage::RowChange>();
  const auto version = crypto::ClusterCa::key_version(authority_);
  if (!version) return version.error();
  if (*version == deps_.ring.current_version()) return std::optional<storage::RowChange>();
  const auto ca = crypto::ClusterCa::open(authority_, cluster_name(), deps_.ring);
  if (!ca) return ca.error();
  authority_ = ca->seal(deps_.ring, deps_.random);
  return std::optional(storage::RowChange{storage::kClusterCaRow, authority_});
}

ClusterDirectory::Decision ClusterDirectory::pause_moves(model::TimeMs until) {
  settings_.moves_paused_until = until;
  Decision decision;
  decision.rows.push_back({storage::kClusterRow, encode_cluster(settings_)});
  decision.action = "pause-moves";
  return decision;
}

void ClusterDirectory::keep(const model::NodeInfo& node, Decision& decision) {
  nodes_[node.id] = node;
  decision.rows.push_back({storage::node_row(node.id), encode_node(node)});
  decision.nodes.push_back(node);
}

/// Whoever is let in must learn whom to speak to, though the cluster's first node may not have announced itself yet.
void ClusterDirectory::keep_self(model::TimeMs now, Decision& decision) {
  if (deps_.self_address.empty() || nodes_.contains(deps_.self)) return;
  model::NodeInfo node;
  node.id = deps_.self;
  node.address = deps_.self_address;
  node.state = model::NodeState::up;
  node.newest_format = deps_.newest_format;
  node.joined_at = now;
  keep(node, decision);
  raise_format(decision);
}

/// New formats are for when every node knows them; it never goes back.
void ClusterDirectory::raise_format(Decision& decision) {
  std::uint32_t common = UINT32_MAX;
  for (const auto& [id, node] : nodes_) {
    if (node.state != model::NodeState::removed) common = std::min(common, node.newest_format);
  }
  if (common == UINT32_MAX || common <= settings_.active_format) return;
  settings_.active_format = common;
  decision.rows.push_back({storage::kClusterRow, encode_cluster(settings_)});
}

/// A node that is alone has announced itself to nobody: what it uses is active from then on.
model::Result<std::vector<storage::RowChange>> ClusterDirectory::use_format(std::uint32_t format) {
  std::vector<storage::RowChange> rows;
  if (settings_.active_format >= format) return rows;
  std::string wanting;
  for (const auto& [id, node] : nodes_) {
    if (node.state == model::NodeState::removed || node.newest_format >= format) continue;
    wanting += (wanting.empty() ? "node " : ", ") + std::to_string(id.value);
  }
  if (nodes_.empty() && deps_.newest_format < format) wanting = "this node";
  if (!wanting.empty() || !nodes_.empty()) {
    return Error(Code::not_active, "this needs format " + std::to_string(format) + ", and the cluster speaks " +
                                       std::to_string(settings_.active_format) + " until every node knows it" +
                                       (wanting.empty() ? "" : "; still older: " + wanting));
  }
  settings_.active_format = format;
  rows.push_back({storage::kClusterRow, encode_cluster(settings_)});
  return rows;
}

std::uint32_t ClusterDirectory::data_groups() const {
  const auto added = groups_.empty() ? 0 : static_cast<std::uint32_t>(groups_.rbegin()->first.value);
  return std::max(deps_.data_groups, added);
}

std::vector<GroupFounding> ClusterDirectory::added_groups() const {
  std::vector<GroupFounding> all;
  all.reserve(groups_.size());
  for (const auto& [id, group] : groups_) all.push_back(group);
  return all;
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::create_token(const model::CreateJoinToken& create,
                                                                         model::TimeMs now) {
  if (create.ttl <= 0 || create.ttl > kLongestTokenLife) {
    return Error(Code::invalid_argument, "ttl: a join token lives for up to a week");
  }
  Decision decision;
  decision.action = "create-join-token";
  for (auto it = permissions_.begin(); it != permissions_.end();) {
    if (it->second.expires_at > now) {
      ++it;
      continue;
    }
    decision.rows.push_back({storage::join_token_row(it->first), std::nullopt});
    it = permissions_.erase(it);
  }
  if (permissions_.size() >= kMostPermissions) {
    return Error(Code::quota_exceeded, "too many join tokens are waiting; use them, or let them expire");
  }
  auto ca = authority(now, decision);
  if (!ca) return ca.error();
  auto pin = crypto::certificate_hash(ca->certificate_pem());
  if (!pin) return pin.error();
  keep_self(now, decision);
  const crypto::JoinToken token = crypto::new_join_token(*pin, deps_.random);
  const JoinPermission permission{crypto::join_secret_hash(token.secret), now + create.ttl, {}, {}};
  permissions_[token.id] = permission;
  decision.rows.push_back({storage::join_token_row(token.id), encode_join_permission(permission)});
  if (!decision.authority.empty()) authority_ = decision.authority;
  decision.reply = model::JoinTokenReply{crypto::join_token_text(token), permission.expires_at};
  return decision;
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::certify(model::NodeInfo node, const std::string& request,
                                                                    model::TimeMs now, Decision decision) {
  auto ca = authority(now, decision);
  if (!ca) return ca.error();
  auto certificate = ca->sign(request, node.id, now, deps_.random);
  if (!certificate) return certificate.error();
  auto facts = crypto::read_certificate(*certificate);
  if (!facts) return facts.error();
  if (!decision.authority.empty()) authority_ = decision.authority;  // nothing fails from here on
  node.certificate_serial = facts->serial;
  node.certificate_expires_at = facts->not_after;
  keep(node, decision);
  model::JoinReply reply{node.id, deps_.cluster_id, data_groups(), std::move(*certificate), ca->certificate_pem(), {}};
  for (const auto& [id, known] : nodes_) {
    if (known.state != model::NodeState::removed) reply.nodes.push_back(known);
  }
  decision.reply = std::move(reply);
  return decision;
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::join(const model::JoinNode& join, model::TimeMs now) {
  auto found = permissions_.find(join.token_id);
  if (found == permissions_.end()) return token_refused();
  JoinPermission permission = found->second;
  if (!crypto::equal_constant_time(permission.secret_hash, crypto::join_secret_hash(join.secret)) ||
      permission.expires_at <= now) {
    return token_refused();
  }
  const std::string request_hash = crypto::sha256(join.certificate_request);
  const bool again = permission.used_by.value != 0;
  if (again && permission.request_hash != request_hash) return token_refused();
  if (join.address.empty() || join.address.size() > kLongestAddress) {
    return Error(Code::invalid_argument, "address: where others reach the new node's peer listener");
  }
  if (join.newest_format < settings_.active_format) {
    return Error(Code::invalid_argument, "the new node's program is older than what this cluster speaks: upgrade it");
  }
  Decision decision;
  decision.action = "join-node";
  model::NodeInfo node;
  if (again) {
    node = nodes_[permission.used_by];
    if (node.state == model::NodeState::removed) return token_refused();
  } else {
    node.id = settings_.next_node;
    node.joined_at = now;
  }
  node.address = join.address;
  node.newest_format = join.newest_format;
  // Signed first: a request that cannot be signed must not burn the token.
  auto certified = certify(node, join.certificate_request, now, std::move(decision));
  if (!certified || again) return certified;
  settings_.next_node = model::NodeId{node.id.value + 1};
  permission.used_by = node.id;
  permission.request_hash = request_hash;
  permissions_[join.token_id] = permission;
  certified->rows.push_back({storage::kClusterRow, encode_cluster(settings_)});
  certified->rows.push_back({storage::join_token_row(join.token_id), encode_join_permission(permission)});
  return certified;
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::renew(const model::RenewNodeCertificate& renew,
                                                                  model::TimeMs now) {
  Decision decision;
  decision.action = "renew-node-certificate";
  if (renew.node == deps_.self) keep_self(now, decision);
  auto found = nodes_.find(renew.node);
  if (found == nodes_.end()) return Error(Code::entry_not_found, "there is no such node");
  if (found->second.state == model::NodeState::removed) return Error(Code::not_active, "the node was removed");
  return certify(found->second, renew.certificate_request, now, std::move(decision));
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::announce(const model::AnnounceNode& announce,
                                                                     model::TimeMs now) {
  auto found = nodes_.find(announce.node);
  model::NodeInfo node;
  if (found != nodes_.end()) {
    node = found->second;
  } else if (announce.node < settings_.next_node) {  // the cluster's first node, which nobody let in
    node.id = announce.node;
    node.joined_at = now;
  } else {
    return Error(Code::entry_not_found, "there is no such node");
  }
  if (node.state == model::NodeState::removed) {
    return Error(Code::not_active, "this node was removed from the cluster; let it join again with an empty directory");
  }
  if (announce.newest_format < settings_.active_format) {
    return Error(Code::invalid_argument, "this node's program is older than what the cluster speaks: upgrade it");
  }
  const model::NodeInfo before = node;
  node.address = announce.address;
  node.newest_format = announce.newest_format;
  if (node.state == model::NodeState::joining) node.state = model::NodeState::up;
  Decision decision;
  decision.action = "announce-node";
  if (node != before || found == nodes_.end()) {
    keep(node, decision);
    raise_format(decision);
  }
  decision.reply = model::NodeReply{node};
  return decision;
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::drain(const model::DrainNode& drain) {
  auto found = nodes_.find(drain.node);
  if (found == nodes_.end()) return Error(Code::entry_not_found, "there is no such node");
  model::NodeInfo node = found->second;
  if (node.state == model::NodeState::removed) return Error(Code::not_active, "the node was removed");
  Decision decision;
  decision.action = drain.undo ? "undrain-node" : "drain-node";
  if (!drain.undo) {
    const bool another = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& n) {
      return n.first != node.id && n.second.state == model::NodeState::up;
    });
    if (!another) return Error(Code::invalid_argument, "it is the only node: nobody could take over what it holds");
  }
  const auto state = drain.undo ? model::NodeState::up : model::NodeState::draining;
  if (node.state != state) {
    node.state = state;
    keep(node, decision);
  }
  decision.reply = model::NodeReply{node};
  return decision;
}

model::Result<ClusterDirectory::Decision> ClusterDirectory::remove(const model::RemoveNode& remove) {
  auto found = nodes_.find(remove.node);
  if (found == nodes_.end()) return Error(Code::entry_not_found, "there is no such node");
  model::NodeInfo node = found->second;
  Decision decision;
  decision.action = "remove-node";
  if (node.state != model::NodeState::removed) {
    const std::uint32_t held = deps_.replicas_of ? deps_.replicas_of(node.id) : 0;
    if (held == kReplicasNotKnown && !remove.force) {
      return Error(Code::unavailable, "not every group has said yet which nodes hold it: ask again in a moment");
    }
    if (held != 0 && !remove.force) {
      return Error(Code::invalid_argument, "the node holds " + std::to_string(held) +
                                               " replicas: drain it first, or force its removal when it is dead");
    }
    node.state = model::NodeState::removed;
    keep(node, decision);
    raise_format(decision);
  }
  decision.reply = model::NodeReply{node};
  return decision;
}

/// They begin with voters that live now: a group whose first voters are away would have no leader until they come back.
model::Result<ClusterDirectory::Decision> ClusterDirectory::add_groups(const model::AddGroups& add) {
  const std::uint32_t known = data_groups();
  Decision decision;
  decision.action = "add-groups";
  if (add.count != 0 && add.expected + std::uint64_t{add.count} == known && groups_.contains(model::GroupId{known})) {
    return decision;  // that is what was done already
  }
  if (add.expected != known) {
    return Error(Code::invalid_argument, "expected: there are " + std::to_string(known) + " data groups now");
  }
  if (add.count == 0 || known + std::uint64_t{add.count} > cluster::kMostDataGroups) {
    return Error(Code::invalid_argument, "count: a cluster has at most " + std::to_string(cluster::kMostDataGroups) +
                                             " data groups, and this one has " + std::to_string(known));
  }
  auto rows = use_format(cluster::kMovesFormat);
  if (!rows) return rows.error();
  decision.rows = std::move(*rows);
  std::vector<cluster::FounderCandidate> candidates;
  for (const auto& [id, node] : nodes_) {
    const bool lives = id == deps_.self || !deps_.is_heard || deps_.is_heard(id);
    if (node.state != model::NodeState::up || !lives) continue;
    candidates.push_back({id, deps_.replicas_of ? deps_.replicas_of(id) : 0});
  }
  if (candidates.empty()) candidates.push_back({deps_.self, 0});
  const auto founders = cluster::plan_founders(std::move(candidates), add.count, deps_.replicas);
  for (std::uint32_t i = 0; i < add.count; ++i) {
    const GroupFounding group{model::GroupId{known + 1 + i}, founders[i]};
    decision.rows.push_back({storage::group_row(group.id), encode_founding(group)});
    groups_[group.id] = group;
    decision.groups.push_back(group);
  }
  decision.details = "groups=" + std::to_string(known + 1) + "-" + std::to_string(known + add.count);
  return decision;
}

}  // namespace coffer::actors
