#pragma once
// What the load generator sends: for each door and operation a Source that makes calls from a number. Values; make() is
// called by the drivers' threads.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "app/bench/driver.hpp"
#include "model/result.hpp"

namespace coffer::app::bench {

enum class BenchDoor { native_grpc, native_http, direktiv, dapr_http };
enum class Operation { get, put, mixed };

struct Workload {
  BenchDoor door = BenchDoor::native_grpc;
  Operation operation = Operation::get;
  std::uint64_t tenants = 1;  // named <prefix>0, <prefix>1, ...
  std::uint64_t keys = 1000;  // in each tenant: key-0, key-1, ...
  std::size_t value_bytes = 256;
  std::string tenant_prefix = "bench-";
  std::string store = "coffer";          // Dapr
  std::string store_tenant = "default";  // the tenant that the store views
  std::string http_host;                 // of HTTP requests
  std::string token;
  std::uint64_t run = 0;  // distinguishes the names that Direktiv, which never overwrites, is given to store
};

/// Dapr's API only reads, and its store is one tenant. Errors: invalid_argument.
model::Status check(const Workload& workload);
/// True when the door speaks HTTP.
bool is_http(BenchDoor door);

/// The endless load itself. Mixed: one put to nine gets. Names are spread by a hash of the call's number.
std::unique_ptr<Source> make_load(const Workload& workload);
/// Puts of everything that the gets read, once; over gRPC. Ends.
std::unique_ptr<Source> make_preparation(const Workload& workload);

}  // namespace coffer::app::bench
