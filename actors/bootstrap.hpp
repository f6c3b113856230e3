#pragma once
// The first start of a node, and the opening of its keys at every start. Called by Node::start before any actor runs.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/key_ring.hpp"
#include "model/result.hpp"
#include "storage/log_store.hpp"

namespace coffer::actors {

/// Rows of the meta group that hold keys, as stored: seals' records and the key ring; and how sealing anew stands.
using KeyRows = std::map<std::string, std::string>;

/// Those of a replica of the meta group. Errors: disk_error.
model::Result<KeyRows> read_key_rows(const storage::Engine& state, model::Generation generation);

struct Identity {
  storage::Node node;
  std::optional<crypto::KeyRing> ring;  // none: no seal opened it, or the meta group's replica does not hold it yet
  KeyRows key_rows;
  std::string sealed_because;              // of a node that has the keys and no seal that opens them by itself
  std::vector<storage::Recovered> groups;  // by id, the meta group first
};

/// What a node was told when it was let into a cluster (model::JoinReply).
struct JoinedNode {
  model::NodeId id;
  std::string cluster_id;  // 16 bytes
  std::uint32_t data_groups = 0;
};

/// How the root key is opened, and sealed first.
struct Sealing {
  crypto::Seal* seal = nullptr;  // opens by itself; null: a person will
  bool start_sealed = false;     // the seal is not asked
  /// The first records around a new root key. Default: the seal's own.
  std::function<model::Result<std::vector<store::v1::SealRecord>>(
      const crypto::Key& root, const std::string& cluster_id, crypto::Random& random)>
      first_seals;
};

/// What a start does with a pristine pair of databases.
enum class Bootstrap {
  refuse,   // a production start: `coffer admin init` makes the cluster
  allow,    // --dev
  require,  // `coffer admin init`: anything else than a pristine pair is refused; makes the cluster's CA, too
  join,     // a node that was let into a cluster: a pristine pair becomes its empty replicas
};

/// Reads what the node is and opens its keys. A pristine pair of databases becomes a cluster of one node first, when
/// it may: keys into the flushed state, then, as one synced batch, the node's record and every group's first
/// entry; a crash in between leaves a pristine pair.
/// Errors: invalid_argument (pristine where it must not be, or the reverse; another node's or cluster's directory),
/// key_mismatch (the seal does not open, and no passphrase or shares could), data_loss, disk_error.
model::Result<Identity> open_identity(storage::Engine& log, storage::Engine& state, const Sealing& sealing,
                                      crypto::Random& random, std::uint32_t data_groups, Bootstrap mode,
                                      const std::optional<JoinedNode>& joined, std::int64_t now_ms);

/// Opens the key ring from the rows that a joined node's replica holds by now; none: they have not come yet.
/// Errors: key_mismatch (this node's seal does not open them), data_loss, disk_error.
model::Result<std::optional<crypto::KeyRing>> open_replicated_keys(const storage::Engine& state, crypto::Seal& seal,
                                                                   const storage::Node& node,
                                                                   model::Generation generation);

}  // namespace coffer::actors
