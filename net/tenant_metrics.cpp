// See tenant_metrics.hpp.

#include "net/tenant_metrics.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "net/passing_gateway.hpp"

namespace coffer::net {
namespace {

constexpr std::size_t kStatuses = 17;  // of gRPC, which the error catalogue's categories are
constexpr char kTheOthers[] = "(others)";

/// As Coffer names it; where a door came by its own name for the tenant, that one with the door's.
std::string shown_name(const model::TenantRef& tenant) {
  if (!tenant.name.empty()) return tenant.name;
  return std::string(to_string(tenant.door.door)) + ":" + tenant.door.external_id;
}

struct TenantCounts {
  model::TenantRef tenant;  // who has that name; nobody for the others
  std::array<std::atomic<std::uint64_t>, kStatuses> calls{};
  std::array<std::atomic<std::uint64_t>, model::kLimits> over_limit{};
  std::atomic<std::uint64_t> nanoseconds{0};
};

class CountingGateway final : public PassingGateway {
 public:
  CountingGateway(actors::Gateway& inner, std::size_t most_tenants, QuotaLookup quota_use)
      : PassingGateway(inner), most_(most_tenants), quota_use_(std::move(quota_use)) {}

  void submit(actors::Call* call) noexcept override;
  std::vector<actors::Sample> samples() const override;

  void count(const model::Request& request, const model::Result<model::Reply>& reply,
             std::chrono::steady_clock::duration took) noexcept;

 private:
  TenantCounts& counts_of(const model::TenantRef& tenant);

  void show_quota(const std::string& name, const TenantCounts& counts, std::vector<actors::Sample>& samples) const;

  const std::size_t most_;
  const QuotaLookup quota_use_;
  mutable std::shared_mutex mutex_;  // of the map; counts are atomic
  std::unordered_map<std::string, std::unique_ptr<TenantCounts>> tenants_;
  TenantCounts others_;
};

/// The client's call on its way through; gives everything back as it was.
class CountedCall final : public actors::Call {
 public:
  CountedCall(CountingGateway& gateway, actors::Call* client) : gateway_(gateway), client_(client) {
    request = std::move(client->request);
  }
  void complete() noexcept override {
    gateway_.count(request, reply, std::chrono::steady_clock::now() - begun_);
    client_->request = std::move(request);
    client_->reply = std::move(reply);
    client_->decided = decided;
    client_->audit.elsewhere = audit.elsewhere || audit.port != nullptr;  // it was noted with this call
    actors::Call* const client = client_;
    delete this;
    client->complete();
  }

 private:
  CountingGateway& gateway_;
  actors::Call* const client_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

void CountingGateway::submit(actors::Call* call) noexcept {
  if (std::holds_alternative<model::TenantOperation>(call->request.operation)) {
    if (auto* counted = new (std::nothrow) CountedCall(*this, call)) return inner_.submit(counted);
  }
  inner_.submit(call);
}

void CountingGateway::count(const model::Request& request, const model::Result<model::Reply>& reply,
                            std::chrono::steady_clock::duration took) noexcept {
  const model::Category category = reply ? model::Category::ok : reply.error().category();
  if (category == model::Category::unauthenticated) return;
  try {
    if (!inner_.find_tenant(request.tenant)) return;
    TenantCounts& counts = counts_of(request.tenant);
    counts.calls[static_cast<std::size_t>(category) % kStatuses].fetch_add(1, std::memory_order_relaxed);
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count();
    counts.nanoseconds.fetch_add(static_cast<std::uint64_t>(nanoseconds), std::memory_order_relaxed);
    if (reply) return;
    if (const auto limit = model::limit_reached(reply.error())) {
      counts.over_limit[static_cast<std::size_t>(*limit)].fetch_add(1, std::memory_order_relaxed);
    }
  } catch (const std::bad_alloc&) {
    // One call is not counted.
  }
}

TenantCounts& CountingGateway::counts_of(const model::TenantRef& tenant) {
  const std::string name = shown_name(tenant);
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = tenants_.find(name); found != tenants_.end()) return *found->second;
    if (tenants_.size() >= most_) return others_;
  }
  const std::unique_lock lock(mutex_);
  if (tenants_.size() >= most_ && !tenants_.contains(name)) return others_;
  auto& slot = tenants_[name];
  if (!slot) {
    slot = std::make_unique<TenantCounts>();
    slot->tenant = tenant;
  }
  return *slot;
}

/// What it holds and may hold while its shard runs here, and how often which of its limits refused it.
void CountingGateway::show_quota(const std::string& name, const TenantCounts& counts,
                                 std::vector<actors::Sample>& samples) const {
  const auto add = [&](const char* metric, const char* help, bool is_counter, model::Limit limit, std::uint64_t value) {
    samples.push_back({metric,
                       help,
                       is_counter,
                       {{"tenant", name}, {"limit", std::string(model::limit_name(limit))}},
                       static_cast<double>(value)});
  };
  for (const model::Limit limit : model::kAllLimits) {
    const std::uint64_t refused = counts.over_limit[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
    if (refused == 0) continue;
    add("coffer_tenant_quota_refused_total", "Requests refused by a limit, by tenant and limit.", true, limit, refused);
  }
  if (!quota_use_ || &counts == &others_) return;
  const auto tenant = inner_.find_tenant(counts.tenant);
  const auto use = tenant ? quota_use_(*tenant) : std::nullopt;
  if (!use) return;
  const char* const held = "What a tenant with a running shard holds.";
  add("coffer_tenant_quota_used", held, false, model::Limit::entries, use->entries);
  add("coffer_tenant_quota_used", held, false, model::Limit::bytes, use->bytes);
  for (const model::Limit limit : model::kAllLimits) {
    if (use->limits[limit] == 0) continue;
    add("coffer_tenant_quota_limit", "Limits of a tenant with a running shard.", false, limit, use->limits[limit]);
  }
}

std::vector<actors::Sample> CountingGateway::samples() const {
  std::vector<actors::Sample> samples = inner_.samples();
  const auto show = [&](const std::string& name, const TenantCounts& counts) {
    std::uint64_t all = 0;
    for (std::size_t status = 0; status < kStatuses; ++status) {
      const std::uint64_t calls = counts.calls[status].load(std::memory_order_relaxed);
      if (calls == 0) continue;
      all += calls;
      const auto category = static_cast<model::Category>(status);
      samples.push_back({"coffer_tenant_requests_total",
                         "Calls answered, by tenant and status.",
                         true,
                         {{"tenant", name}, {"status", std::string(model::category_name(category))}},
                         static_cast<double>(calls)});
    }
    if (all == 0) return;
    show_quota(name, counts, samples);
    samples.push_back({"coffer_tenant_request_seconds_total",
                       "Time that a tenant's calls took, all together.",
                       true,
                       {{"tenant", name}},
                       static_cast<double>(counts.nanoseconds.load(std::memory_order_relaxed)) / 1e9});
  };
  const std::shared_lock lock(mutex_);
  for (const auto& [name, counts] : tenants_) show(name, *counts);
  show(kTheOthers, others_);
  return samples;
}

}  // namespace

std::unique_ptr<actors::Gateway> count_by_tenant(actors::Gateway& inner, std::size_t most_tenants,
                                                 QuotaLookup quota_use) {
  return std::make_unique<CountingGateway>(inner, most_tenants, std::move(quota_use));
}

}  // namespace coffer::net
