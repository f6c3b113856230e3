#pragma once
// This process's resident memory, for the Server service's Status. Any thread.

#include <cstdint>
#include <istream>

namespace coffer::net::admin {

/// Bytes; 0 when the system does not tell.
std::uint64_t resident_bytes();
/// From the text of /proc/self/statm (proc(5): the second number is in pages).
std::uint64_t resident_bytes(std::istream& statm, std::uint64_t page_bytes);

}  // namespace coffer::net::admin
