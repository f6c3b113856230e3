// See offline.hpp.

#include "actors/offline.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "actors/cluster_records.hpp"
#include "actors/write_set.hpp"
#include "cluster/configuration.hpp"
#include "crypto/cluster_ca.hpp"
#include "crypto/hash.hpp"
#include "storage/keys.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::Error;
using model::Result;

/// A directory's row as the state has it, or as the log beyond the state does.
Result<std::optional<std::string>> newest_row(const storage::Engine& state, const storage::Recovered& meta,
                                              std::string_view row) {
  const model::Generation generation = meta.snapshot ? meta.snapshot->generation : model::Generation{1};
  auto found = storage::TenantRows(state, model::kMetaGroup, generation, model::TenantId{}).get(row);
  if (!found) return found.error();
  for (const storage::LogEntry& entry : meta.entries) {
    WriteSetView set;
    if (entry.kind != storage::EntryKind::command || !decode_write_set(*entry.data, set)) continue;
    for (const RowView& change : set.rows) {
      if (change.row != row) continue;
      *found = change.value ? std::optional<std::string>(*change.value) : std::nullopt;
    }
  }
  return *std::move(found);
}

}  // namespace

Result<Reissued> reissue_certificate(storage::Engine& log, storage::Engine& state, crypto::Seal& seal,
                                     crypto::Random& random, std::string_view request_der, std::int64_t now_ms) {
  auto identity =
      open_identity(log, state, Sealing{&seal, false, {}}, random, 0, Bootstrap::refuse, std::nullopt, now_ms);
  if (!identity) return identity.error();
  if (!identity->ring)
    return Error(Code::not_active, "this node has not received the cluster's keys yet: let it join anew");
  const storage::Recovered& meta = identity->groups.front();
  auto own = newest_row(state, meta, storage::node_row(identity->node.id));
  if (!own) return own.error();
  if (own->has_value()) {
    const auto info = decode_node(**own);
    if (!info) return info.error();
    if (info->state == model::NodeState::removed) {
      return Error(Code::not_active,
                   "this node was removed from its cluster: let it join anew, with an empty directory");
    }
  }
  const auto row = newest_row(state, meta, storage::kClusterCaRow);
  if (!row) return row.error();
  if (!row->has_value()) return Error(Code::not_active, "this node never had peers, so it needs no certificate");
  const auto ca = crypto::ClusterCa::open(**row, crypto::hex(identity->node.cluster_id), *identity->ring);
  if (!ca) return ca.error();
  auto certificate = ca->sign(request_der, identity->node.id, now_ms, random);
  if (!certificate) return certificate.error();
  return Reissued{identity->node.id, identity->node.cluster_id, identity->node.data_groups, *std::move(certificate),
                  ca->certificate_pem()};
}

Result<RecoveredQuorum> recover_quorum(storage::Engine& log, storage::Engine& state, crypto::Seal& seal,
                                       crypto::Random& random, std::int64_t now_ms) {
  const auto identity =
      open_identity(log, state, Sealing{&seal, false, {}}, random, 0, Bootstrap::refuse, std::nullopt, now_ms);
  if (!identity) return identity.error();
  RecoveredQuorum result{identity->node.id, {}, {}};
  const auto alone = cluster::encode_configuration({{result.node, std::to_string(result.node.value)}});
  if (!alone) return alone.error();
  const auto configuration = std::make_shared<const std::string>(*alone);
  storage::LogBatch batch;
  for (std::size_t id = 0; id < identity->groups.size(); ++id) {
    const model::GroupId group{id};
    const storage::Recovered& found = identity->groups[id];
    if (found.entries.empty() && !found.snapshot) {
      result.absent.push_back(group);
      continue;
    }
    model::Index last{found.snapshot ? found.snapshot->index.value : 0};
    model::Term term{std::max(found.hard_state.term.value, found.snapshot ? found.snapshot->term.value : 0)};
    if (!found.entries.empty()) {
      last = found.entries.back().index;
      term = std::max(term, found.entries.back().term);
    }
    // A term of its own, above every vote this node has given: nobody else can have led it.
    const model::Term next{term.value + 1};
    batch.hard_state(group, {next, model::NodeId{0}});
    batch.append(group, {{model::Index{last.value + 1}, next, storage::EntryKind::configuration, configuration}}, last);
    result.groups.push_back(group);
  }
  if (result.groups.empty()) return Error(Code::data_loss, "this node holds no replica of any group");
  if (auto status = storage::LogStore(log).commit(batch); !status) return status.error();
  return result;
}

}  // namespace coffer::actors
