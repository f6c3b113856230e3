// See key_use.hpp.

#include "actors/key_use.hpp"

#include <algorithm>

namespace coffer::actors {

void KeyUseTable::look(Group& group, std::uint32_t oldest, model::TimeMs now) {
  if (group.oldest != oldest) group.since = now;
  group.oldest = oldest;
  group.looked_at = now;
}

void KeyUseTable::told(const model::TendKeys& told, model::TimeMs now) {
  if (told.node.value != 0) {
    NodeKey& node = nodes_[told.node];
    if (node.newest != told.newest_key) node = {told.newest_key, now};
  }
  for (const model::KeyUse& use : told.groups) {
    const auto known = groups_.find(use.group);
    if (use.group == model::kMetaGroup || (!use.looked && known == groups_.end())) continue;
    Group& group = groups_[use.group];
    group.left = use.left;
    if (use.looked) look(group, use.oldest, now);
  }
}

void KeyUseTable::told_directory(std::uint32_t oldest, model::TimeMs now) {
  if (oldest == 0) {
    groups_.erase(model::kMetaGroup);
  } else {
    look(groups_[model::kMetaGroup], oldest, now);
  }
}

KeyUseTable::Verdict KeyUseTable::judge(std::uint32_t data_groups, const std::vector<model::NodeId>& nodes,
                                        std::uint32_t current, model::TimeMs now, model::TimeMs retire_after) const {
  model::TimeMs since = 0;
  for (const model::NodeId node : nodes) {
    const auto known = nodes_.find(node);
    if (known == nodes_.end() || known->second.newest < current) {
      return {0, "node " + std::to_string(node.value) + " has not said yet that it uses the newest key"};
    }
    since = std::max(since, known->second.since);
  }
  std::uint32_t oldest = current;
  for (std::uint64_t number = 0; number <= data_groups; ++number) {
    const auto known = groups_.find(model::GroupId{number});
    const std::string name = number == 0 ? "the directory" : "group " + std::to_string(number);
    if (known == groups_.end()) return {0, name + " has not been looked through yet"};
    if (known->second.oldest < current)
      return {0, name + " still uses version " + std::to_string(known->second.oldest)};
    oldest = std::min(oldest, known->second.oldest);
    since = std::max(since, known->second.since);
  }
  for (const auto& [id, group] : groups_) {
    if (id.value <= data_groups && group.looked_at <= since && group.since != since) {
      return {0, "group " + std::to_string(id.value) + " is to be looked through once more"};
    }
  }
  if (now - since < retire_after) {
    return {0, "nothing has used it for " + std::to_string((now - since) / 1000) + " s; it goes after " +
                   std::to_string(retire_after / 1000)};
  }
  return {oldest - 1, {}};
}

std::uint64_t KeyUseTable::tenants_left() const {
  std::uint64_t left = 0;
  for (const auto& [id, group] : groups_) left += group.left;
  return left;
}

}  // namespace coffer::actors
