#pragma once
// The operator's token of a node's first start, in a file. Called by the node before it takes calls.

#include <string>

#include "actors/records.hpp"
#include "crypto/key_ring.hpp"

namespace coffer::actors {

/// The token in the file, or a new one that is written there first (0600, synced). The credential to let in. Errors:
/// key_mismatch (the file holds another cluster's token), disk_error.
model::Result<Operator> operator_of_file(const std::string& path, const crypto::KeyRing& ring, crypto::Random& random,
                                         model::TimeMs now, bool dev);

}  // namespace coffer::actors
