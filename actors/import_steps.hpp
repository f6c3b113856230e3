#pragma once
// How the importing node's keeper and the directory talk about an import (directory_imports.cpp): AdoptTenant carries a
// TenantRecord, and what is wanted is in three of its fields. Values.
//
//   format  state     importing_node   id
//   step    reserve   node             tenant   its place is reserved, for a day
//   step    give_up   node             tenant   that node gives the import up
//   step    give_up   node             zero     the node has begun anew: it gives up one of those that it was at
//   1       1         0                tenant   all is there: it is a tenant

#include <cstdint>

namespace coffer::actors::import_steps {

/// A program that knows no steps takes the record for damaged, and not for a tenant.
inline constexpr std::uint32_t kFormat = 2;
inline constexpr std::uint32_t kReserve = 2, kGiveUp = 3;

}  // namespace coffer::actors::import_steps
