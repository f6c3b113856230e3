#pragma once
// The file that makes a process a node of its cluster again after a restart: its id, its key and certificate, the
// cluster's CA, and what it was told when it was let in. Read and written by the server's start and by the thread that
// renews the certificate, one at a time.
//
//   coffer-peer-identity 1
//   node 4
//   cluster 00112233445566778899aabbccddeeff
//   data_groups 16
//   peer 1 host:7783            (one line for each)
//   key, certificate and CA in PEM, in this order

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/peer_link.hpp"
#include "net/peer/link.hpp"

namespace coffer::app {

struct PeerIdentity {
  model::NodeId node;
  std::string cluster_id;  // 32 hexadecimal digits
  std::uint32_t data_groups = 0;
  std::vector<cluster::Peer> peers;
  net::PeerCredentials credentials;
};

/// "<data>/peer/identity.pem"
std::string peer_identity_path(const std::string& data_dir);
/// None: there is no such file. Errors: data_loss (not such a file), disk_error; both name it.
model::Result<std::optional<PeerIdentity>> read_peer_identity(const std::string& path);
/// Replaces the file at once or not at all; mode 0600, synced, its directory made when it is missing.
/// Errors: disk_error.
model::Status write_peer_identity(const std::string& path, const PeerIdentity& identity);

}  // namespace coffer::app
