#pragma once
// The first start of a node, and the opening of its keys at every start. Called by Node::start before any actor runs.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/key_ring.hpp"
#include "model/result.hpp"
#include "storage/log_store.hpp"

namespace coffer::actors {

struct Identity {
  storage::Node node;
  std::optional<crypto::KeyRing> ring;     // none: this node's replica of the meta group does not hold the keys yet
  std::vector<storage::Recovered> groups;  // by id, the meta group first
};

/// What a node was told when it was let into a cluster (model::JoinReply).
struct JoinedNode {
  model::NodeId id;
  std::string cluster_id;  // 16 bytes
  std::uint32_t data_groups = 0;
};

/// What a start does with a pristine pair of databases.
enum class Bootstrap {
  refuse,   // a production start: `coffer admin init` makes the cluster
  allow,    // --dev
  require,  // `coffer admin init`: anything else than a pristine pair is refused
  join,     // a node that was let into a cluster: a pristine pair becomes its empty replicas
};

/// Reads what the node is and opens its keys. A pristine pair of databases becomes a cluster of one node first, when
/// it may: keys into the flushed state, then, as one synced batch, the node's record and every group's first
/// entry; a crash in between leaves a pristine pair.
/// Errors: invalid_argument (pristine where it must not be, or the reverse; another node's or cluster's directory),
/// key_mismatch, data_loss, disk_error.
model::Result<Identity> open_identity(storage::Engine& log, storage::Engine& state, crypto::Seal& seal,
                                      crypto::Random& random, std::uint32_t data_groups, Bootstrap mode,
                                      const std::optional<JoinedNode>& joined, std::int64_t now_ms);

/// Opens the key ring from the rows that a joined node's replica holds by now; none: they have not come yet.
/// Errors: key_mismatch (this node's seal does not open them), data_loss, disk_error.
model::Result<std::optional<crypto::KeyRing>> open_replicated_keys(const storage::Engine& state, crypto::Seal& seal,
                                                                   const storage::Node& node,
                                                                   model::Generation generation);

}  // namespace coffer::actors
