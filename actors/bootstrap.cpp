// See bootstrap.hpp.

#include "actors/bootstrap.hpp"

#include <algorithm>
#include <map>

#include "actors/records.hpp"
#include "actors/write_set.hpp"
#include "cluster/group_core.hpp"
#include "crypto/cluster_ca.hpp"
#include "crypto/hash.hpp"
#include "crypto/seal.hpp"
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
        (meta.row_of(scan->key()) == storage::kKeyRingRow || meta.row_of(scan->key()) == storage::kClusterCaRow ||
         meta.row_of(scan->key()).starts_with(storage::kSealRows));
    if (!first_start) {
      return Error(Code::data_loss,
                   "there is a state database without its log database: restore the whole data directory");
    }
  }
}

model::Result<crypto::KeyRing> bootstrap(storage::Engine& log, storage::Engine& state, const Sealing& sealing,
                                         crypto::Random& random, std::uint32_t data_groups, bool with_authority,
                                         std::int64_t now_ms) {
  if (auto status = check_pristine(state); !status) return status.error();
  storage::Node node;
  node.id = model::NodeId{1};  // the next ones get theirs from the directory
  node.cluster_id = random.bytes(16);
  node.data_groups = data_groups;

  crypto::Key root = crypto::Key::generate(random);
  std::vector<store::v1::SealRecord> seals;
  if (sealing.first_seals) {
    auto made = sealing.first_seals(root, node.cluster_id, random);
    if (!made) return made.error();
    seals = std::move(*made);
  } else if (sealing.seal != nullptr) {
    auto made = sealing.seal->wrap(root, node.cluster_id, random);
    if (!made) return made.error();
    seals.push_back(std::move(*made));
  }
  if (seals.empty()) return Error(Code::invalid_argument, "a new cluster needs a seal for its root key");
  crypto::KeyRing ring = crypto::KeyRing::generate(std::move(root), random, now_ms);
  storage::StateWriter writer(state);
  std::vector<storage::RowChange> keys;
  for (store::v1::SealRecord& seal : seals) {
    seal.set_created_at_ms(now_ms);
    keys.push_back({storage::seal_row(seal.name()), seal.SerializeAsString()});
  }
  keys.push_back({storage::kKeyRingRow, ring.record().SerializeAsString()});
  if (with_authority) {
    const auto authority = crypto::ClusterCa::make(crypto::hex(node.cluster_id), now_ms, random);
    keys.push_back({storage::kClusterCaRow, authority.seal(ring, random)});
  }
  writer.apply(model::kMetaGroup, kFirstGeneration, model::TenantId{}, keys);
  if (auto status = writer.write(); !status) return status.error();
  if (auto status = writer.flush(); !status) return status.error();

  storage::LogBatch batch;
  node.log_life = random.bytes(16);
  batch.node(node);
  for (std::uint32_t group = 0; group <= data_groups; ++group) {
    const cluster::DurableWrite first =
        cluster::bootstrap(model::GroupId{group}, {{node.id, std::to_string(node.id.value)}});
    batch.hard_state(first.group, *first.hard_state);
    std::vector<storage::LogEntry> entries = first.entries;
    if (group == 0) {
      // Also into the log, from which a second node gets them.
      entries.push_back({model::Index{entries.back().index.value + 1}, entries.back().term, storage::EntryKind::command,
                         encode_write_set({model::TenantId{}, 1, 0, now_ms}, keys, {})});
    }
    batch.append(first.group, entries, first.last_stored);
  }
  if (auto status = storage::LogStore(log).commit(batch); !status) return status.error();
  return ring;
}

// What the log holds beyond the state. It may hold what is not committed; no key is lost by that, for a key that was
// replaced stays in the ring until nothing is sealed by it.
void overtake(KeyRows& found, const std::vector<storage::LogEntry>& entries) {
  for (const storage::LogEntry& entry : entries) {
    WriteSetView set;
    if (entry.kind != storage::EntryKind::command || !decode_write_set(*entry.data, set)) continue;
    for (const RowView& change : set.rows) {
      if (!storage::is_keepers_row(change.row)) continue;
      if (change.value) {
        found[std::string(change.row)] = *change.value;
      } else {
        found.erase(std::string(change.row));
      }
    }
  }
}

model::Result<crypto::KeyRing> open_keys(const KeyRows& rows, crypto::Seal& seal, const storage::Node& node) {
  auto ring_row = rows.find(storage::kKeyRingRow);
  store::v1::KeyRingRecord ring;
  if (ring_row == rows.end() || !ring.ParseFromString(ring_row->second)) {
    return Error(Code::data_loss, "the state database holds no key ring: it does not belong to this log database");
  }
  Error why(Code::key_mismatch, "this cluster has no seal of kind " + std::string(seal.kind()));
  for (const auto& [key, value] : rows) {
    store::v1::SealRecord record;
    if (!key.starts_with(storage::kSealRows) || !record.ParseFromString(value) || record.kind() != seal.kind())
      continue;
    auto root = seal.unwrap(record, node.cluster_id);
    if (root) return crypto::KeyRing::open(std::move(*root), ring);
    why = root.error();
  }
  return why;
}

/// Could a person open it, where no seal does so by itself?
bool has_manual_seal(const KeyRows& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const auto& row) {
    store::v1::SealRecord record;
    return row.first.starts_with(storage::kSealRows) && record.ParseFromString(row.second) &&
           (record.kind() == crypto::kPassphraseSeal || record.kind() == crypto::kShamirSeal);
  });
}

/// Opens what the seal opens; a node that a person can open starts sealed instead of not at all.
model::Status open_by_itself(const Sealing& sealing, Identity& identity) {
  if (sealing.start_sealed) {
    identity.sealed_because = "an operator sealed it";
    return {};
  }
  const Error no_seal(Code::key_mismatch, "no seal that opens by itself is configured: see [seal]");
  auto ring = sealing.seal == nullptr ? model::Result<crypto::KeyRing>(no_seal)
                                      : open_keys(identity.key_rows, *sealing.seal, identity.node);
  if (ring) {
    identity.ring = std::move(*ring);
    return {};
  }
  if (ring.error().code == Code::data_loss || !has_manual_seal(identity.key_rows)) return ring.error();
  identity.sealed_because = std::string(ring.error().message());
  return {};
}

/// An empty replica of every group, and who this node is.
model::Status join(storage::Engine& log, const storage::Engine& state, const JoinedNode& joined,
                   crypto::Random& random) {
  if (auto status = check_pristine(state); !status) return status;
  storage::LogBatch batch;
  batch.node({joined.id, joined.cluster_id, joined.data_groups, random.bytes(16)});
  return storage::LogStore(log).commit(batch);
}

}  // namespace

model::Result<KeyRows> read_key_rows(const storage::Engine& state, model::Generation generation) {
  storage::TenantRows rows(state, model::kMetaGroup, generation, model::TenantId{});
  KeyRows found;
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
  auto reseal = rows.get(storage::kResealRow);
  if (!reseal) return reseal.error();
  if (reseal->has_value()) found[storage::kResealRow] = std::move(**reseal);
  return found;
}

model::Result<std::optional<crypto::KeyRing>> open_replicated_keys(const storage::Engine& state, crypto::Seal& seal,
                                                                   const storage::Node& node,
                                                                   model::Generation generation) {
  auto rows = read_key_rows(state, generation);
  if (!rows) return rows.error();
  const bool has_seal = std::any_of(rows->begin(), rows->end(),
                                    [](const auto& row) { return row.first.starts_with(storage::kSealRows); });
  if (!has_seal || !rows->contains(storage::kKeyRingRow)) return std::optional<crypto::KeyRing>();
  auto ring = open_keys(*rows, seal, node);
  if (!ring) return ring.error();
  return std::optional<crypto::KeyRing>(std::move(*ring));
}

model::Result<Identity> open_identity(storage::Engine& log, storage::Engine& state, const Sealing& sealing,
                                      crypto::Random& random, std::uint32_t data_groups, Bootstrap mode,
                                      const std::optional<JoinedNode>& joined, std::int64_t now_ms) {
  const storage::LogStore store(log);
  auto node = store.node();
  if (!node) return node.error();
  std::optional<crypto::KeyRing> new_ring;
  if (!node->has_value()) {
    model::Status made;
    std::optional<crypto::KeyRing> first;
    switch (mode) {
      case Bootstrap::refuse:
        return Error(Code::invalid_argument, "the data directory is empty: run `coffer admin init` first");
      case Bootstrap::join:
        if (!joined)
          return Error(Code::invalid_argument, "the data directory is empty, and no cluster let this node in");
        made = join(log, state, *joined, random);
        break;
      case Bootstrap::allow:
      case Bootstrap::require: {
        auto ring = bootstrap(log, state, sealing, random, data_groups, mode == Bootstrap::require, now_ms);
        if (ring) {
          first = std::move(*ring);
        } else {
          made = ring.error();
        }
        break;
      }
    }
    if (!made) return made.error();
    node = store.node();
    if (!node) return node.error();
    new_ring = std::move(first);
  } else if (mode == Bootstrap::require) {
    return Error(Code::invalid_argument, "the data directory already belongs to a cluster; nothing was changed");
  }
  Identity identity{**node, std::nullopt, {}, {}, {}};
  const storage::Node& found = identity.node;
  if (joined && (joined->id != found.id || joined->cluster_id != found.cluster_id)) {
    return Error(Code::invalid_argument, "the data directory is another node's or of another cluster");
  }
  for (std::uint32_t group = 0; group <= found.data_groups; ++group) {
    auto recovered = store.recover(model::GroupId{group});
    if (!recovered) return recovered.error();
    identity.groups.push_back(std::move(*recovered));
  }
  const storage::Recovered& meta = identity.groups.front();
  auto rows = read_key_rows(state, meta.snapshot ? meta.snapshot->generation : kFirstGeneration);
  if (!rows) return rows.error();
  overtake(*rows, meta.entries);
  identity.key_rows = std::move(*rows);
  if (new_ring) {
    identity.ring = std::move(new_ring);
    return identity;
  }
  // Only a node that was let in may have none: they come by replication.
  if (identity.key_rows.empty() && found.id != model::NodeId{1}) return identity;
  if (auto status = open_by_itself(sealing, identity); !status) return status.error();
  return identity;
}

}  // namespace coffer::actors
