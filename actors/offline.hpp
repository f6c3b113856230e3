#pragma once
// What an operator does to a stopped node's databases: a new certificate when the old one has expired, and, when most of
// the others are lost for ever, a cluster of this node alone. Called by app/ on main's thread, with the data directory
// locked and no actor running.

#include <string>
#include <vector>

#include "actors/bootstrap.hpp"
#include "crypto/key_ring.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"
#include "storage/engine.hpp"

namespace coffer::actors {

struct Reissued {
  model::NodeId node;
  std::string cluster_id;  // 16 bytes
  std::uint32_t data_groups = 0;
  std::string certificate, ca;  // PEM
};

/// Signs the request for the node that the databases belong to, with the cluster's authority as the replicated rows have
/// it. Changes nothing. Errors: not_active (this node's rows say that it was removed, or there is no authority), and
/// those of open_identity.
model::Result<Reissued> reissue_certificate(storage::Engine& log, storage::Engine& state, crypto::Seal& seal,
                                            crypto::Random& random, std::string_view request_der, std::int64_t now_ms);

struct RecoveredQuorum {
  model::NodeId node;
  std::vector<model::GroupId> groups;  // of which this node is the only voter now
  std::vector<model::GroupId> absent;  // of which it held nothing
};

/// Makes this node the only voter of every group that it holds a replica of. What its logs hold counts as committed from
/// then on; what only other nodes held is lost. The other nodes must never run again with the data that they have: they
/// would be a second cluster of the same name. Synced as one batch. Errors: those of open_identity; disk_error.
model::Result<RecoveredQuorum> recover_quorum(storage::Engine& log, storage::Engine& state, crypto::Seal& seal,
                                              crypto::Random& random, std::int64_t now_ms);

}  // namespace coffer::actors
