// What a decision about one entry puts into a write set. See tenant_mutation.hpp.

#include "actors/tenant_mutation.hpp"

#include <algorithm>

#include "storage/keys.hpp"

namespace coffer::actors {

namespace {

std::uint64_t stored_payload_bytes(const model::Entry& entry) {
  std::uint64_t sum = 0;
  for (const model::Version& version : entry.versions) {
    if (version.state != model::State::destroyed) sum += version.payload_bytes;
  }
  return sum;
}

/// Counts as an entry of the tenant: what may be read is held, what is deleted makes room.
bool is_held(const model::Entry& entry) {
  return std::any_of(entry.versions.begin(), entry.versions.end(),
                     [](const model::Version& version) { return version.state == model::State::active; });
}

}  // namespace

/// What was decided about an entry, into the write set: it becomes `next`. Seals its new row and its payload, and counts
/// what is held. `current` may be null; `payload` is needed when the decision adds one.
void TenantCore::record_change(const EntryPtr& current, const EntryPtr& next, const model::Decision& decision,
                               const std::string& hash, model::Payload* payload, Mutation& mutation) {
  const std::string_view tenant = identity_.tenant.view();
  std::string key = storage::entry_row(hash);
  std::string sealed = sealer_.seal(encode_entry(*next), crypto::row_identity(tenant, key));
  mutation.rows.push_back({std::move(key), std::move(sealed)});
  if (decision.adds_payload) {
    key = storage::payload_row(hash, decision.version);
    sealed = sealer_.seal(model::encode_payload(*payload).expose(), crypto::row_identity(tenant, key));
    mutation.rows.push_back({std::move(key), std::move(sealed)});
  }
  for (const std::uint64_t version : decision.dropped_payloads) {
    mutation.rows.push_back({storage::payload_row(hash, version), std::nullopt});
  }
  const std::uint64_t before = current ? stored_payload_bytes(*current) : 0;
  mutation.header.set_bytes(mutation.header.bytes() + stored_payload_bytes(*next) - before);
  const bool held = current && is_held(*current);
  if (!held && is_held(*next)) mutation.header.set_entries(mutation.header.entries() + 1);
  if (held && !is_held(*next)) mutation.header.set_entries(mutation.header.entries() - 1);
  mutation.changes.push_back({decision.change, next->space, next->name, decision.version});
  if (mutation.audit.entry_hash().empty()) {
    mutation.audit.set_space_hash(space_hash(next->space));
    mutation.audit.set_entry_hash(hash);
  }
  if (mutation.audit.entry_hash() == hash) mutation.audit.set_version(decision.version);
  mutation.entry_hashes.push_back(hash);
  mutation.entries.push_back(next);
  if (const model::TimeMs ends = model::next_sweep(*next, deps_.limits); ends != 0) {
    const model::TimeMs due = mutation.header.sweep_at_ms(), at = sweep_time(ends, mutation);
    mutation.header.set_sweep_at_ms(due == 0 ? at : std::min(due, at));
    if (!sweep_after_.empty()) next_sweep_ = next_sweep_ == 0 ? ends : std::min(next_sweep_, ends);
  }
}

/// When the next sweep is for what ends at `ends`. A sweep looks at every entry, so it leaves the tenant in peace for a
/// hundred times as long as it takes, about a millisecond for each, however often something expires.
model::TimeMs TenantCore::sweep_time(model::TimeMs ends, const Mutation& mutation) {
  constexpr std::uint64_t kShortest = 1'000, kLongest = 3'600'000;
  const std::uint64_t pause = std::clamp<std::uint64_t>(mutation.header.entries(), kShortest, kLongest);
  return std::max(ends, mutation.now + static_cast<model::TimeMs>(pause));
}

/// Answers the entry as it will be; what changes nothing is not recorded.
EntryPtr TenantCore::store_decision(const std::string& hash, const EntryPtr& current, model::Decision decision,
                                    model::Payload* payload, Mutation& mutation) {
  auto next = std::make_shared<const model::Entry>(std::move(decision.entry));
  if (decision.writes) record_change(current, next, decision, hash, payload, mutation);
  return next;
}

}  // namespace coffer::actors
