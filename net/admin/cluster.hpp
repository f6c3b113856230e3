#pragma once
// The admin door's service Cluster: status, join tokens, drain, remove, balance, transfer. Made with the door; its
// functions run where rpc.hpp says.

#include <functional>
#include <string>
#include <vector>

#include "coffer/admin/v1/cluster.pb.h"
#include "model/cluster_requests.hpp"
#include "net/rpc.hpp"

namespace coffer::net::admin {

/// Takes the credential and the request id of an operator's call; the door's.
using OpenCall = std::function<model::Status(Rpc&, std::string request_id)>;
using Failure = std::function<WireStatus(const model::Error&)>;

void add_cluster_methods(const OpenCall& open, const Failure& fail, std::vector<Method>& methods);

void to_message(const model::ClusterStatusReply& status, ::coffer::admin::v1::ClusterStatus* out);

}  // namespace coffer::net::admin
