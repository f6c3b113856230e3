#pragma once
// The admin door's service Operators: who may call the admin API, and which of its calls. Made with the door; its functions
// run where rpc.hpp says.

#include <vector>

#include "net/admin/cluster.hpp"

namespace coffer::net::admin {

/// REQUIRES: the methods are guarded (capabilities.hpp), for Create compares with what its caller holds.
void add_operator_methods(const OpenCall& open, const Failure& fail, std::vector<Method>& methods);

}  // namespace coffer::net::admin
