#pragma once
// The first start of a node, and the opening of its keys at every start. Called by Node::start before any actor runs.

#include <memory>
#include <string>
#include <vector>

#include "crypto/key_ring.hpp"
#include "model/result.hpp"
#include "storage/log_store.hpp"

namespace coffer::actors {

struct Identity {
  storage::Node node;
  crypto::KeyRing ring;
  std::vector<storage::Recovered> groups;  // by id, the meta group first
};

/// What a start does with a pristine pair of databases.
enum class Bootstrap {
  refuse,   // a production start: `coffer admin init` makes the cluster
  allow,    // --dev
  require,  // `coffer admin init`: anything else than a pristine pair is refused
};

/// Reads what the node is and opens its keys. A pristine pair of databases becomes a cluster of one node first, when
/// it may: keys into the flushed state, then, as one synced batch, the node's record and every group's first
/// entry; a crash in between leaves a pristine pair.
/// Errors: invalid_argument (pristine where it must not be, or the reverse), key_mismatch, data_loss, disk_error.
model::Result<Identity> open_identity(storage::Engine& log, storage::Engine& state, crypto::Seal& seal,
                                      crypto::Random& random, std::uint32_t data_groups, Bootstrap mode,
                                      std::int64_t now_ms);

}  // namespace coffer::actors
