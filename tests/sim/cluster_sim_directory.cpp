// What the log of the simulated meta group says: which tenants and groups there are, and where they live. Each step must
// follow from the one before, whichever leader decided it, and agree with the logs of the groups. See cluster_sim.hpp.

#include <algorithm>

#include "cluster/formats.hpp"
#include "storage/keys.hpp"
#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

/// Its rows at the cluster's birth: all nodes have joined, and know the newest format.
std::shared_ptr<const std::string> ClusterSim::first_directory() const {
  std::vector<storage::RowChange> rows;
  actors::ClusterSettings settings;
  settings.next_node = model::NodeId(size() + 1);
  settings.active_format = cluster::kNewestFormat;
  rows.push_back({storage::kClusterRow, actors::encode_cluster(settings)});
  for (std::uint64_t id = 1; id <= size(); ++id) {
    model::NodeInfo node;
    node.id = model::NodeId(id);
    node.state = model::NodeState::up;
    node.newest_format = cluster::kNewestFormat;
    rows.push_back({storage::node_row(node.id), actors::encode_node(node)});
  }
  return actors::encode_write_set({model::TenantId{}, 1, 0, 0}, rows, {});
}

void ClusterSim::directory_committed(const actors::WriteSetView& set) {
  if (set.head.revision == 0) {  // the first rows
    return;
  }
  ++directory_revision_;
  require(set.head.revision == directory_revision_, "the directory's revision " + std::to_string(set.head.revision) +
                                                        " comes where " + std::to_string(directory_revision_) +
                                                        " was due");
  for (const actors::RowView& row : set.rows) {
    if (!row.value) {
      continue;
    }
    if (row.row.starts_with(storage::kGroupRows)) {
      const auto group = actors::decode_founding(*row.value);
      require(group.ok(), "a group's row cannot be read");
      group_founded(*group);
    } else if (row.row.starts_with(storage::kTenantRows)) {
      const auto opened =
          ring_.directory_sealer(key_random_).open(*row.value, crypto::row_identity(model::TenantId{}.view(), row.row));
      require(opened.ok(), "a tenant's row does not open");
      const auto tenant = actors::decode_tenant(opened->expose());
      require(tenant.ok(), "a tenant's row cannot be read");
      tenant_committed(tenant->info);
    }
  }
}

void ClusterSim::group_founded(const actors::GroupFounding& group) {
  require(group.id.value == data_groups() + 1, "a group is founded twice, or one is left out");
  require(!group.founders.empty(), "a group is founded by nobody");
  founded_.push_back(group);
  ++report_.groups;
  for (const model::NodeId node : group.founders) {
    wanted_[group.id].push_back({node, std::to_string(node.value)});
  }
}

/// A replica of a group that was added begins.
void ClusterSim::begins(model::NodeId, const actors::GroupFounding& group) {
  require(group.id.value <= data_groups(), "a group begins whose creation is not committed");
  require(founded_[group.id.value - 1] == group, "a group begins with other founders than those of its row");
}

/// From nowhere to a group; then, for each move: on its way, arrived, over.
void ClusterSim::tenant_committed(const model::TenantInfo& info) {
  Tenant& tenant = tenants_[tenant_of_name(info.name)];
  const auto exists = [this](model::GroupId group) { return group.value != 0 && group.value <= data_groups(); };
  require(exists(info.group) && (info.moving_to.value == 0 || exists(info.moving_to)),
          "a tenant lives in a group that nobody has founded");
  if (!tenant.exists()) {
    require(info.moves == 0 && info.moving_to.value == 0 && info.moved_from.value == 0, "a new tenant has moved");
    tenant.owner = info.group;
  } else {
    const model::TenantInfo& old = tenant.is();
    require(old.id == info.id, "two tenants have one name");
    const bool rests = old.moving_to.value == 0 && old.moved_from.value == 0;
    const bool begins = rests && info.moves == old.moves + 1 && info.group == old.group && info.moving_to.value != 0 &&
                        info.moving_to != old.group && info.moved_from.value == 0;
    const bool arrives = old.moving_to.value != 0 && info.moves == old.moves && info.group == old.moving_to &&
                         info.moving_to.value == 0 && info.moved_from == old.group;
    const bool ends = old.moved_from.value != 0 && info.moves == old.moves && info.group == old.group &&
                      info.moving_to.value == 0 && info.moved_from.value == 0;
    require(begins || arrives || ends, "a tenant's row does not follow from the one before");
    require(!arrives || tenant.owner == info.group, "a tenant has arrived, says the directory, and the group does not");
  }
  tenant.states.push_back(info);
}

/// Everybody knows of every tenant where it lives, every move is over, every group is led, and of each tenant the group that it
/// lives in alone has what makes it live there.
bool ClusterSim::is_settled() const {
  auto& self = const_cast<ClusterSim&>(*this);
  for (std::uint64_t group = 0; group <= data_groups(); ++group) {
    const std::uint64_t leader = who_leads(model::GroupId(group));
    if (leader == 0 || !self.node(leader).group(model::GroupId(group))->leadership().ready) {
      return false;
    }
  }
  for (std::uint64_t id = 1; id <= size(); ++id) {
    if (node(id).data_groups() != data_groups()) {
      return false;
    }
  }
  for (std::size_t index = 0; index < kTenants; ++index) {
    if (!tenants_[index].exists()) {
      continue;
    }
    const model::TenantInfo& info = tenants_[index].is();
    if (info.moving_to.value != 0 || info.moved_from.value != 0) {
      return false;
    }
    for (std::uint64_t id = 1; id <= size(); ++id) {
      if (node(id).home_of(index) != info.group) {
        return false;
      }
    }
    for (std::uint64_t group = 1; group <= data_groups(); ++group) {
      const std::uint64_t leader = who_leads(model::GroupId(group));
      const bool shows = model::GroupId(group) != info.group && node(leader).owns(info.id, model::GroupId(group));
      require(!shows, "a tenant lives in two groups");
    }
  }
  return true;
}

}  // namespace coffer::sim
