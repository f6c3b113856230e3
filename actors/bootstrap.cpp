// See bootstrap.hpp.

#include "actors/bootstrap.hpp"

#include "actors/records.hpp"
#include "actors/write_set.hpp"
#include "cluster/group_core.hpp"
#include "storage/keys.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr model::Generation kFirstGeneration{1};

/// A state database that holds more than an interrupted first start left behind has lost its log database: making new
/// keys would lock its tenants out for ever.
model::Status check_pristine(const storage::Engine& state) {
  const storage::TenantRows meta(state, model::kMetaGroup, kFirstGeneration, model::TenantId{});
  for (auto scan = state.scan("", "");; scan->next()) {
    if (!scan->valid()) return scan->status();
    const std::string prefix = storage::state_key(model::kMetaGroup, kFirstGeneration, model::TenantId{}, "");
    const bool first_start =
        scan->key().starts_with(prefix) &&
        (meta.row_of(scan->key()) == storage::kKeyRingRow || meta.row_of(scan->key()).starts_with(storage::kSealRows));
    if (!first_start) {
      return Error(Code::data_loss,
                   "there is a state database without its log database: restore the whole data directory");
    }
  }
}

model::Status bootstrap(storage::Engine& log, storage::Engine& state, crypto::Seal& seal, crypto::Random& random,
                        std::uint32_t data_groups, std::int64_t now_ms) {
  if (auto status = check_pristine(state); !status) return status;
  storage::Node node;
  const std::string id = random.bytes(8);
  node.id = model::NodeId{storage::read_be64(id) >> 16 | 1};
  node.cluster_id = random.bytes(16);
  node.data_groups = data_groups;

  crypto::Key root = crypto::Key::generate(random);
  auto sealed = seal.wrap(root, node.cluster_id, random);
  if (!sealed) return sealed.error();
  const crypto::KeyRing ring = crypto::KeyRing::generate(std::move(root), random, now_ms);
  storage::StateWriter writer(state);
  writer.apply(model::kMetaGroup, kFirstGeneration, model::TenantId{},
               {{storage::seal_row(sealed->name()), sealed->SerializeAsString()},
                {storage::kKeyRingRow, ring.record().SerializeAsString()}});
  if (auto status = writer.write(); !status) return status;
  if (auto status = writer.flush(); !status) return status;

  storage::LogBatch batch;
  batch.node(node);
  for (std::uint32_t group = 0; group <= data_groups; ++group) {
    const cluster::DurableWrite first =
        cluster::bootstrap(model::GroupId{group}, {{node.id, std::to_string(node.id.value)}});
    batch.hard_state(first.group, *first.hard_state);
    batch.append(first.group, first.entries, first.last_stored);
  }
  return storage::LogStore(log).commit(batch);
}

// The newest of the rows that hold keys: those of the state, overtaken by what the log holds beyond it. Every entry of
// a sole voter's log is committed, or will be when it starts.
model::Result<std::map<std::string, std::string>> key_rows(storage::Engine& state, const storage::Recovered& meta) {
  const model::Generation generation = meta.snapshot ? meta.snapshot->generation : kFirstGeneration;
  storage::TenantRows rows(state, model::kMetaGroup, generation, model::TenantId{});
  std::map<std::string, std::string> found;
  const std::string_view seals = storage::kSealRows;
  for (auto scan = rows.scan(seals, storage::prefix_end(seals));; scan->next()) {
    if (!scan->valid()) {
      if (auto status = scan->status(); !status) return status.error();
      break;
    }
    found[std::string(rows.row_of(scan->key()))] = std::string(scan->value());
  }
  auto ring = rows.get(storage::kKeyRingRow);
  if (!ring) return ring.error();
  if (ring->has_value()) found[storage::kKeyRingRow] = std::move(**ring);
  for (const storage::LogEntry& entry : meta.entries) {
    WriteSetView set;
    if (entry.kind != storage::EntryKind::command || !decode_write_set(*entry.data, set)) continue;
    for (const RowView& change : set.rows) {
      if (!change.row.starts_with(seals) && change.row != storage::kKeyRingRow) continue;
      if (change.value) {
        found[std::string(change.row)] = *change.value;
      } else {
        found.erase(std::string(change.row));
      }
    }
  }
  return found;
}

model::Result<crypto::KeyRing> open_keys(storage::Engine& state, crypto::Seal& seal, const storage::Node& node,
                                         const storage::Recovered& meta) {
  auto rows = key_rows(state, meta);
  if (!rows) return rows.error();
  auto ring_row = rows->find(storage::kKeyRingRow);
  store::v1::KeyRingRecord ring;
  if (ring_row == rows->end() || !ring.ParseFromString(ring_row->second)) {
    return Error(Code::data_loss, "the state database holds no key ring: it does not belong to this log database");
  }
  for (const auto& [key, value] : *rows) {
    store::v1::SealRecord record;
    if (key == storage::kKeyRingRow || !record.ParseFromString(value) || record.kind() != seal.kind()) continue;
    auto root = seal.unwrap(record, node.cluster_id);
    if (!root) return root.error();
    return crypto::KeyRing::open(std::move(*root), ring);
  }
  return Error(Code::key_mismatch, "this cluster has no seal of kind " + std::string(seal.kind()));
}

}  // namespace

model::Result<Identity> open_identity(storage::Engine& log, storage::Engine& state, crypto::Seal& seal,
                                      crypto::Random& random, std::uint32_t data_groups, Bootstrap mode,
                                      std::int64_t now_ms) {
  const storage::LogStore store(log);
  auto node = store.node();
  if (!node) return node.error();
  if (!node->has_value()) {
    if (mode == Bootstrap::refuse) {
      return Error(Code::invalid_argument, "the data directory is empty: run `coffer admin init` first");
    }
    if (auto status = bootstrap(log, state, seal, random, data_groups, now_ms); !status) return status.error();
    node = store.node();
    if (!node) return node.error();
  } else if (mode == Bootstrap::require) {
    return Error(Code::invalid_argument, "the data directory already belongs to a cluster; nothing was changed");
  }
  const storage::Node found = **node;
  std::vector<storage::Recovered> groups;
  for (std::uint32_t group = 0; group <= found.data_groups; ++group) {
    auto recovered = store.recover(model::GroupId{group});
    if (!recovered) return recovered.error();
    groups.push_back(std::move(*recovered));
  }
  auto ring = open_keys(state, seal, found, groups.front());
  if (!ring) return ring.error();
  return Identity{found, std::move(*ring), std::move(groups)};
}

}  // namespace coffer::actors
