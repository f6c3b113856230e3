// Prepared calls for each door; see sources.hpp.

#include "app/bench/sources.hpp"

#include "app/text.hpp"
#include "coffer/v1/secrets.pb.h"
#include "pkg/secrets/protocol.pb.h"

namespace coffer::app::bench {
namespace {

/// Vigna's splitmix64: a number's fixed, evenly spread image.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

/// Printable, so that every door can carry it as it is.
std::string make_value(std::size_t bytes) {
  std::string value(bytes, 'v');
  for (std::size_t i = 0; i < bytes; ++i) value[i] = static_cast<char>('a' + mix(i) % 26);
  return value;
}

struct Target {
  std::string tenant, key;
};

/// The calls of one door.
class Calls {
 public:
  explicit Calls(const Workload& workload) : w_(workload), value_(make_value(workload.value_bytes)) {}

  void get(const Target& target, Item& out) const {
    switch (w_.door) {
      case BenchDoor::native_grpc: return native_get(target, out);
      case BenchDoor::direktiv: return direktiv_get(target, out);
      case BenchDoor::native_http:
        out.bytes =
            "GET /v1/tenants/" + target.tenant + "/spaces/kv/secrets/" + target.key + " HTTP/1.1\r\n" + head() + "\r\n";
        return;
      case BenchDoor::dapr_http:
        out.bytes = "GET /v1.0/secrets/" + w_.store + "/" + target.key + " HTTP/1.1\r\n" + head() + "\r\n";
        return;
    }
  }

  void put(const Target& target, Item& out) const {
    switch (w_.door) {
      case BenchDoor::direktiv: return direktiv_put(target, out);
      case BenchDoor::native_http: {
        const auto body = "{\"value\":" + json_quote(value_) + "}";
        out.bytes = "PUT /v1/tenants/" + target.tenant + "/spaces/kv/secrets/" + target.key + " HTTP/1.1\r\n" + head() +
                    "content-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
                    body;
        return;
      }
      case BenchDoor::native_grpc:
      case BenchDoor::dapr_http: return native_put(target, out);  // a store's secrets are put through the native door
    }
  }

 private:
  std::string head() const {
    std::string lines = "host: " + w_.http_host + "\r\n";
    if (!w_.token.empty()) {
      lines += w_.door == BenchDoor::dapr_http ? "dapr-api-token: " + w_.token : "authorization: Bearer " + w_.token;
      lines += "\r\n";
    }
    return lines;
  }

  void native_get(const Target& target, Item& out) const {
    v1::GetRequest request;
    request.set_tenant(target.tenant);
    request.set_space("kv");
    request.set_name(target.key);
    out.method = "/coffer.v1.Secrets/Get";
    request.SerializeToString(&out.bytes);
  }

  void native_put(const Target& target, Item& out) const {
    v1::PutRequest request;
    request.set_tenant(target.tenant);
    request.set_space("kv");
    request.set_name(target.key);
    request.set_value(value_);
    out.method = "/coffer.v1.Secrets/Put";
    request.SerializeToString(&out.bytes);
  }

  void direktiv_get(const Target& target, Item& out) const {
    secrets::SecretsRetrieveRequest request;
    request.set_namespace_(target.tenant);
    request.set_name(target.key);
    out.method = "/secrets.SecretsService/RetrieveSecret";
    request.SerializeToString(&out.bytes);
  }

  void direktiv_put(const Target& target, Item& out) const {
    secrets::SecretsStoreRequest request;
    request.set_namespace_(target.tenant);
    request.set_name(target.key);
    request.set_data(value_);
    request.set_stype(secrets::SECRET);
    out.method = "/secrets.SecretsService/StoreSecret";
    request.SerializeToString(&out.bytes);
  }

  const Workload& w_;
  std::string value_;
};

std::string tenant_name(const Workload& w, std::uint64_t tenant) {
  return w.door == BenchDoor::dapr_http ? w.store_tenant : w.tenant_prefix + std::to_string(tenant);
}

class Load final : public Source {
 public:
  explicit Load(const Workload& workload) : w_(workload), calls_(w_) {}

  bool make(std::uint64_t number, Item& out) const override {
    const auto random = mix(number + w_.run);
    Target target{tenant_name(w_, random % w_.tenants), "key-" + std::to_string(mix(random) % w_.keys)};
    const bool puts = w_.operation == Operation::put || (w_.operation == Operation::mixed && number % 10 == 0);
    if (!puts) {
      calls_.get(target, out);
      return true;
    }
    if (w_.door == BenchDoor::direktiv) target.key = "put-" + std::to_string(w_.run) + "-" + std::to_string(number);
    calls_.put(target, out);
    return true;
  }

 private:
  Workload w_;
  Calls calls_;
};

class Preparation final : public Source {
 public:
  explicit Preparation(const Workload& workload) : w_(workload), calls_(w_) {
    if (w_.door == BenchDoor::native_http) w_.door = BenchDoor::native_grpc;
  }

  bool make(std::uint64_t number, Item& out) const override {
    if (number >= w_.tenants * w_.keys) return false;
    calls_.put({tenant_name(w_, number / w_.keys), "key-" + std::to_string(number % w_.keys)}, out);
    return true;
  }

  /// Direktiv never overwrites; what an earlier run stored serves as well.
  bool forgives(std::string_view error) const override {
    return w_.door == BenchDoor::direktiv && error.find("already exists") != std::string_view::npos;
  }

 private:
  Workload w_;
  Calls calls_;
};

}  // namespace

bool is_http(BenchDoor door) { return door == BenchDoor::native_http || door == BenchDoor::dapr_http; }

model::Status check(const Workload& w) {
  if (w.door != BenchDoor::dapr_http) return {};
  if (w.operation != Operation::get) {
    return model::Error(model::Code::invalid_argument, "Dapr's secrets API only reads: use --op get with dapr-http");
  }
  if (w.tenants != 1) {
    return model::Error(model::Code::invalid_argument, "a Dapr store views one tenant: use --tenants 1 with dapr-http");
  }
  return {};
}

std::unique_ptr<Source> make_load(const Workload& workload) { return std::make_unique<Load>(workload); }

std::unique_ptr<Source> make_preparation(const Workload& workload) { return std::make_unique<Preparation>(workload); }

}  // namespace coffer::app::bench
