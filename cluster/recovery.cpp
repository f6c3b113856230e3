// See recovery.hpp.

#include "cluster/recovery.hpp"

#include <algorithm>

#include "cluster/configuration.hpp"

namespace coffer::cluster {

namespace {

/// The bytes of the newest configuration; null: none.
const std::string* newest_configuration(const storage::Recovered& state) {
  const auto entry = std::find_if(state.entries.rbegin(), state.entries.rend(), [](const storage::LogEntry& e) {
    return e.kind == storage::EntryKind::configuration;
  });
  if (entry != state.entries.rend()) {
    return entry->data.get();
  }
  return state.snapshot ? &state.snapshot->configuration : nullptr;
}

}  // namespace

model::Result<DurableWrite> make_sole_voter(model::GroupId group, const storage::Recovered& state, model::NodeId self) {
  const std::string* newest = newest_configuration(state);
  if (newest == nullptr) {
    return model::Error(model::Code::invalid_argument, "this node holds nothing of the group");
  }
  auto servers = decode_configuration(*newest);
  if (!servers.ok()) {
    return servers.error();
  }
  if (is_sole_voter(*servers, self) && servers->size() == 1) {
    return model::Error(model::Code::invalid_argument, "this node is the group's only server already");
  }
  const auto known = std::find_if(servers->begin(), servers->end(), [self](const Voter& v) { return v.id == self; });
  Voter alone{self, known == servers->end() ? std::to_string(self.value) : known->address, ServerRole::voter};
  auto bytes = encode_configuration({alone});
  if (!bytes.ok()) {
    return bytes.error();
  }
  const std::uint64_t last = !state.entries.empty() ? state.entries.back().index.value : state.snapshot->index.value;
  // No other node can lead in this term: it takes a majority of the old configuration to learn of it, and there is none.
  const model::Term term(state.hard_state.term.value + 1);
  DurableWrite write;
  write.group = group;
  write.hard_state = storage::HardState{term, self};
  write.entries.push_back({model::Index(last + 1), term, storage::EntryKind::configuration,
                           std::make_shared<const std::string>(std::move(*bytes))});
  return write;
}

}  // namespace coffer::cluster
