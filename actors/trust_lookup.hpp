#pragma once
// Whom a tenant trusts, read from the state database without its shard: what net verifies JWTs and certificates by. The
// shard compares versions with committed rows, so what is read here may be old without harm. Any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "actors/gateway.hpp"
#include "crypto/key_ring.hpp"
#include "crypto/random.hpp"
#include "model/result.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

/// Reads and opens a tenant's issuers and certificate rules; none when the tenant was never written to.
/// Errors: data_loss, key_mismatch, disk_error.
model::Result<TenantTrust> read_trust(const storage::Engine& state, const crypto::KeyRing& ring, crypto::Random& random,
                                      model::GroupId group, model::Generation generation,
                                      const model::TenantId& tenant);

/// A tenant's trust as bytes between nodes: issuers and rules, each behind its length.
model::Secret encode_trust(const TenantTrust& trust);
/// Errors: invalid_argument.
model::Result<TenantTrust> decode_trust(const model::TenantId& tenant, std::string_view bytes);

/// Somebody's wish to know whom a tenant trusts; whoever drops it answers `unavailable`. Answered by one thread.
class TrustQuestion {
 public:
  TrustQuestion(model::TenantRef asked, model::TimeMs until, TrustDone done)
      : tenant(std::move(asked)), deadline(until), done_(std::move(done)) {}
  TrustQuestion(const TrustQuestion&) = delete;
  TrustQuestion& operator=(const TrustQuestion&) = delete;
  ~TrustQuestion() {
    if (done_) done_(model::Error(model::Code::unavailable));
  }
  void answer(model::Result<TenantTrust> trust) {
    if (const TrustDone done = std::exchange(done_, nullptr)) done(std::move(trust));
  }
  const model::TenantRef tenant;
  const model::TimeMs deadline;

 private:
  TrustDone done_;
};

/// Counts changes of trust, for caches of what was read. Tenants share counters, so that it stays small however many
/// there are: a change makes some others' caches read again, too.
class TrustChanges {
 public:
  std::uint64_t count(const model::TenantId& tenant) const { return counter(tenant).load(std::memory_order_acquire); }
  void note(const model::TenantId& tenant) { counter(tenant).fetch_add(1, std::memory_order_release); }

 private:
  std::atomic<std::uint64_t>& counter(const model::TenantId& id) const {
    return counters_[std::hash<model::TenantId>{}(id) % counters_.size()];
  }
  mutable std::array<std::atomic<std::uint64_t>, 4096> counters_{};
};

}  // namespace coffer::actors
