#pragma once
// Which cluster keys are still in use, as the keepers of all nodes tell the directory's leader. A value of the directory's,
// in memory only: after a change of the leader everything is told again, and the waiting begins anew.
//
// A cluster key may be retired when for `retire_after` nothing was wrapped under it or an older one: no tenant's keys in any
// group, no row of the directory, and no node would use it for new ones. Somebody may have been on the way from one group
// to another between two looks, so every group must have been looked at again after the last one became free of it.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/requests.hpp"

namespace coffer::actors {

/// The change of the key ring by which a cluster key goes.
inline constexpr char kRetireClusterKey[] = "retire-cluster-key";

class KeyUseTable {
 public:
  /// What a node's keeper has found. Times are wall clock.
  void told(const model::TendKeys& told, model::TimeMs now);
  /// Every row of the directory is sealed by this version or a newer one; 0: that is not known any more.
  void told_directory(std::uint32_t oldest, model::TimeMs now);

  struct Verdict {
    std::uint32_t retirable = 0;  // versions up to this one; 0: none
    std::string waits_for;        // what is in the way of the next one; empty: nothing
  };
  /// `nodes`: everybody who is in the cluster. `current`: the newest cluster key.
  Verdict judge(std::uint32_t data_groups, const std::vector<model::NodeId>& nodes, std::uint32_t current,
                model::TimeMs now, model::TimeMs retire_after) const;
  /// Tenants that hold what an older key sealed.
  std::uint64_t tenants_left() const;

 private:
  struct Group {
    std::uint32_t oldest = 0;
    model::TimeMs since = 0, looked_at = 0;  // since when `oldest` is what it is; the newest look
    std::uint64_t left = 0;
  };
  struct NodeKey {
    std::uint32_t newest = 0;
    model::TimeMs since = 0;
  };
  void look(Group& group, std::uint32_t oldest, model::TimeMs now);

  std::map<model::GroupId, Group> groups_;  // the meta group: the directory's own rows
  std::map<model::NodeId, NodeKey> nodes_;
};

}  // namespace coffer::actors
