// See trust_reader.hpp.

#include "net/identity/trust_reader.hpp"

#include <algorithm>

namespace coffer::net {
namespace {

constexpr model::TimeMs kTrustLifeMs = 5'000;      // a reading that nobody said is old heals by itself
constexpr model::TimeMs kMostPatienceMs = 10'000;  // with one reading

}  // namespace

std::string text_of_tenant(const model::TenantRef& tenant) {
  const model::Door door = tenant.name.empty() ? tenant.door.door : model::Door{};
  const std::string& name = tenant.name.empty() ? tenant.door.external_id : tenant.name;
  std::string text(1, static_cast<char>(door));
  text.append(tenant.name.empty() ? "d" : "n").append(std::to_string(name.size())).append(":").append(name);
  return text;
}

TrustReader::ReadingPtr TrustReader::find(const actors::TrustBasis& basis) {
  if (!basis.tenant) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(*basis.tenant);
  const bool holds = found != known_.end() && found->second->basis == basis && clock_() < found->second->until;
  return holds ? found->second : nullptr;
}

bool TrustReader::wait(const JobPtr& job, model::TimeMs deadline) {
  const model::TenantRef& tenant = job->call->request.tenant;
  const std::string name = text_of_tenant(tenant);
  {
    const std::lock_guard lock(mutex_);
    if (waiting_ >= most_waiting_) return false;
    ++waiting_;
    Lookup& lookup = lookups_[name];
    const bool joins = lookup.under_way && lookup.begun > job->came;
    (joins ? lookup.asked : lookup.next).push_back({job, deadline});
    if (lookup.under_way) return true;
    lookup.tenant = tenant;
    lookup.under_way = true;
  }
  begin(name);
  return true;
}

/// REQUIRES: the lookup is marked as under way, by this thread.
void TrustReader::begin(const std::string& name) {
  model::TenantRef tenant;
  model::TimeMs deadline = clock_() + kMostPatienceMs;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lookups_.find(name);
    if (found == lookups_.end()) return;  // cleared
    Lookup& lookup = found->second;
    lookup.asked.swap(lookup.next);
    for (const Waiter& waiter : lookup.asked) deadline = std::min(deadline, waiter.deadline);
    lookup.deadline = deadline;
    lookup.begun = inbox_->next_number();
    lookup.basis = inner_.trust_basis(lookup.tenant);
    tenant = lookup.tenant;
  }
  // May answer at once: into the inbox, which knows nothing of this object.
  inner_.ask_trust(tenant, deadline, [inbox = inbox_, name](model::Result<actors::TenantTrust> trust) {
    inbox->push(TrustAnswer{name, std::move(trust)});
  });
}

std::pair<TrustReader::ReadingPtr, std::vector<JobPtr>> TrustReader::take(TrustAnswer answer) {
  auto reading = std::make_shared<Reading>();
  const model::TimeMs now = clock_();
  if (answer.trust) {
    reading->trust = std::make_shared<const Trust>(make_trust(std::move(*answer.trust)));
  } else if (answer.trust.error().code == model::Code::tenant_not_found) {
    reading->trust = std::make_shared<const Trust>();  // nobody but the node's own issuers can vouch
  } else {
    reading->error = answer.trust.error();
  }
  std::vector<JobPtr> ready;
  bool another = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lookups_.find(answer.lookup);
    if (found == lookups_.end()) return {reading, {}};
    Lookup& lookup = found->second;
    reading->basis = lookup.basis;
    reading->begun = lookup.begun;
    reading->until = now + kTrustLifeMs;
    // It ended with the time of whoever had least; the others go on waiting.
    const bool out_of_time = !reading->trust && lookup.deadline <= now;
    for (Waiter& waiter : lookup.asked) {
      if (out_of_time && waiter.deadline > now) {
        lookup.next.push_back(std::move(waiter));
      } else {
        ready.push_back(std::move(waiter.job));
      }
    }
    lookup.asked.clear();
    waiting_ -= ready.size();
    another = !lookup.next.empty();
    if (!another) lookups_.erase(found);
    // Kept under the id that was looked at before: who was made meanwhile is read once more.
    if (reading->trust && reading->trust->tenant && reading->basis.tenant == reading->trust->tenant) {
      // Full: begin anew. Reading a tenant's issuers costs less than keeping an order of them.
      if (known_.size() >= most_tenants_) known_.clear();
      known_[*reading->trust->tenant] = reading;
    }
  }
  if (another) begin(answer.lookup);
  return {std::move(reading), std::move(ready)};
}

void TrustReader::forget() {
  const std::lock_guard lock(mutex_);
  known_.clear();
}

void TrustReader::clear() {
  std::unordered_map<std::string, Lookup> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(lookups_);
  waiting_ = 0;
}

}  // namespace coffer::net
