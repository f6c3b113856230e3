// Who waits for changes of a tenant, and how he is told: from the change rows that every write set leaves, never from a
// value. A watch is asked for by its next revision, so it is lost with no node and repeats nothing. See tenant_core.hpp.

#include <algorithm>

#include "actors/tenant_core.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

// Looked at for one answer; a watcher that is far behind asks again, and others get their turn in between.
constexpr std::uint64_t kRevisionsPerAnswer = 256;
// Kept opened while somebody watches: what has just been committed is opened once for all of them.
constexpr std::size_t kOpenedChanges = 64;

std::string text_of(model::Revision revision) { return std::to_string(model::to_number(revision)); }

}  // namespace

void TenantCore::start_watch(CallHandle call, const Caller& caller) {
  const auto& watch = std::get<model::Watch>(std::get<model::TenantOperation>(call.request().operation));
  const model::Revision newest{header_.epoch(), committed_revision_};
  model::Revision next = watch.from;
  if (next == model::Revision{}) next = {newest.epoch, newest.counter + 1};
  if (next.epoch == 0) next.epoch = newest.epoch;  // a person counts from 1
  // Of a life that a restore or a purge has ended.
  if (next.epoch > newest.epoch && model::is_exact_in_json(next)) return call.finish(compacted(next));
  if (next > model::Revision{newest.epoch, newest.counter + 1}) {
    return call.finish(Error(Code::invalid_argument, "from_revision: " + text_of(next) +
                                                         " lies ahead; the newest revision is " + text_of(newest)));
  }
  // A move raises the epoch and loses nothing: from the oldest epoch of the sequence on, a counter means the same change.
  const std::uint32_t oldest = header_.continuous_epoch() != 0 ? header_.continuous_epoch() : newest.epoch;
  if (next.epoch < oldest) return call.finish(compacted(next));
  model::TimeMs until = caller.at + watch.wait_ms;
  if (call.request().info.deadline != 0) until = std::min(until, call.request().info.deadline);
  WatchJob job{std::move(call), next.counter, until};
  if (answer_watch(job, caller)) return;
  if (until <= caller.at) return finish_watch(job);
  if (watches_.size() >= deps_.max_waiting_watches) return job.call.finish(Error(Code::overloaded));
  watches_.push_back(std::move(job));
}

Error TenantCore::compacted(model::Revision asked) const {
  return {Code::revision_compacted, "changes since revision " + text_of(asked) + " are not kept; the oldest is " +
                                        text_of({header_.epoch(), header_.oldest_change()}) +
                                        ": list the secrets and watch from revision " +
                                        text_of({header_.epoch(), committed_revision_ + 1})};
}

/// False: there is nothing to tell yet.
bool TenantCore::answer_watch(WatchJob& job, const Caller& caller) {
  const auto& watch = std::get<model::Watch>(std::get<model::TenantOperation>(job.call.request().operation));
  if (job.next < header_.oldest_change()) {
    job.call.finish(compacted({header_.epoch(), job.next}));
    return true;
  }
  const std::uint64_t end = std::min(committed_revision_ + 1, job.next + kRevisionsPerAnswer);
  std::vector<model::WatchedChange> told;
  for (; job.next < end && told.size() < watch.limit; ++job.next) {
    auto set = changes_at(job.next);
    if (!set) return job.call.finish(set.error()), true;
    if (*set == nullptr) continue;
    for (const Change& change : (*set)->changes) {
      auto shown = may_be_told(caller, watch, change);
      if (!shown) return job.call.finish(shown.error()), true;
      if (!*shown) continue;
      told.push_back({job.next, change.type, change.space, change.name, change.version, (*set)->time});
    }
  }
  if (told.empty() && job.next > committed_revision_) return false;
  finish_watch(job, std::move(told));
  return true;
}

void TenantCore::finish_watch(WatchJob& job, std::vector<model::WatchedChange> told) {
  job.call.finish(model::Reply{{header_.epoch(), committed_revision_},
                               model::ReplyBody(model::WatchReply{std::move(told), job.next})});
}

/// Only what a list would show, too.
model::Result<bool> TenantCore::may_be_told(const Caller& caller, const model::Watch& watch, const Change& change) {
  if (!watch.space.empty() && change.space != watch.space) return false;
  if (!std::string_view(change.name).starts_with(watch.prefix)) return false;
  auto entry = committed_entry(entry_hash(change.space, change.name));
  if (!entry) return entry.error();
  return judge(caller, model::Capability::list, change.space, change.name, entry->get()) == model::Verdict::allowed;
}

/// Null: that revision changed no entry.
model::Result<std::shared_ptr<const ChangeSet>> TenantCore::changes_at(std::uint64_t revision) {
  const auto known = std::ranges::find(opened_changes_, revision, [](const auto& opened) { return opened.first; });
  if (known != opened_changes_.end()) return known->second;
  const std::string key = storage::change_row(revision);
  auto sealed = row(key, false);
  if (!sealed) return sealed.error();
  std::shared_ptr<const ChangeSet> set;
  if (sealed->has_value()) {
    auto opened = sealer_.open(**sealed, crypto::row_identity(identity_.tenant.view(), key));
    if (!opened) return opened.error();
    auto decoded = decode_changes(opened->expose());
    if (!decoded) return decoded.error();
    set = std::make_shared<const ChangeSet>(std::move(*decoded));
  }
  if (opened_changes_.size() == kOpenedChanges) opened_changes_.pop_front();
  opened_changes_.emplace_back(revision, set);
  return set;
}

/// Who waits is asked anew who he is: a revoked credential ends a watch with the commit that revokes it.
void TenantCore::wake_watches() {
  std::deque<WatchJob> waiting = std::exchange(watches_, {});
  for (WatchJob& job : waiting) {
    const auto caller = admit(job.call.request());
    if (!caller) {
      job.call.finish(caller.error());
    } else if (!answer_watch(job, *caller)) {
      watches_.push_back(std::move(job));
    }
  }
  if (watches_.empty()) opened_changes_.clear();
}

void TenantCore::expire_watches() {
  const model::TimeMs at = deps_.wall_clock();
  std::erase_if(watches_, [&](WatchJob& job) {
    if (job.until > at) return false;
    finish_watch(job);
    return true;
  });
}

}  // namespace coffer::actors
