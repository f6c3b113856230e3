// What the keeper does by itself, a slice at a time, so that operators' calls come in between. See key_keeper.hpp.

#include <algorithm>
#include <utility>

#include "actors/key_keeper.hpp"
#include "actors/records.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::uint32_t kSliceRows = 256;
constexpr std::uint32_t kPage = 1000;
constexpr std::chrono::seconds kAnswer{3};        // a node that stops waits for a question that nobody answers any more
constexpr int kLookShare = 50, kSliceShare = 20;  // looks and sweeps take at most that part of the keeper's time
constexpr std::chrono::milliseconds kShardsEnd{2000};  // a deleted tenant's shard has written its last by then

model::TimeMs wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

/// Does what is due and says when it wants to be called again.
KeyKeeper::Clock::time_point KeyKeeper::tend() {
  replace_worn_key();
  finish_purges();
  const auto tidied = backups_.tidy();
  backups_.read_ahead();
  const auto scheduled = backups_.run_schedule(settings_.backups, log_);
  if (Clock::now() >= (work_.empty() ? std::min(next_round_, next_sweep_) : next_round_)) {
    forget_purged();
    look_for_work();
  }
  const auto has_work = [this] { return (!work_.empty() || directory_due_) && !paused_; };
  if (has_work() && Clock::now() >= next_slice_) {
    if (work_.empty()) {
      directory_slice();
    } else {
      slice(work_.front());
    }
  }
  left_ = work_.size();
  const bool has_news = done_ != told_done_ || rows_ != told_rows_;
  if (has_news && (work_.empty() || Clock::now() >= next_news_)) tell_directory(false);
  auto until = std::min({next_round_, scheduled, tidied});
  if (work_.empty()) until = std::min(until, next_sweep_);
  if (has_work()) until = std::min(until, next_slice_);
  return until;
}

/// When that fails, the next commit of the directory says again that it is to be replaced.
void KeyKeeper::replace_worn_key() {
  std::uint32_t version = 0;
  {
    const std::lock_guard lock(mutex_);
    std::swap(version, worn_);
  }
  if (version == 0 || version != host_.ring()->current_version()) return;
  const auto status = rotate_cluster_key();
  log_("cluster key " + std::to_string(version) + " has sealed as often as it may" +
       (status ? " and is replaced" : ", but is not replaced yet: " + std::string(status.error().message())));
  if (status) next_round_ = Clock::now();
}

void KeyKeeper::look_for_work() {
  const auto begun = Clock::now();
  next_round_ = begun + settings_.round;
  next_sweep_ = begun + settings_.round;
  work_.clear();
  begin_looks();
  look_at_deleted();
  model::ListTenants list;
  list.limit = kPage;
  for (;;) {
    const auto page = ask(host_, {}, model::DirectoryOperation(list), kAnswer);
    if (!page) {  // the directory is on its way to another node; the next round sees
      look_failed_ = true;
      break;
    }
    const auto& tenants = std::get<model::TenantsReply>(page->body);
    for (const model::TenantInfo& tenant : tenants.tenants) {
      if (!looks_.contains(tenant.group)) continue;
      if (auto status = look_at(tenant); !status) {
        look_failed_ = true;
        log_("tenant " + to_string(tenant.id) + ": " + std::string(status.error().message()));
      }
    }
    if (!tenants.more || tenants.tenants.empty()) break;
    list.after = tenants.tenants.back().name;
  }
  tell_directory(!look_failed_);
  // There may be a tenant for whom something expires in every moment: who waits longest comes first, and the looks at all
  // of them leave time for the rest.
  std::stable_sort(work_.begin(), work_.end(), [](const auto& a, const auto& b) { return a.due < b.due; });
  const auto now = Clock::now();
  next_sweep_ = std::max(next_sweep_, now + kLookShare * (now - begun));
}

/// Purges those whose window is over. The others keep their keys for as long as they can come back.
void KeyKeeper::look_at_deleted() {
  model::ListTenants list;
  list.only_deleted = true;
  const auto deleted = ask(host_, {}, model::DirectoryOperation(list), kAnswer);
  if (!deleted) {
    look_failed_ = true;
    return;
  }
  const model::TimeMs now = wall_clock();
  for (const model::TenantInfo& tenant : std::get<model::TenantsReply>(deleted->body).tenants) {
    if (tenant.purge_at > now) {
      const auto wait = std::chrono::milliseconds(tenant.purge_at - now);
      next_round_ = std::min(next_round_, Clock::now() + wait);
    } else if (now - tenant.deleted_at < kShardsEnd.count()) {
      next_round_ = std::min(next_round_, Clock::now() + kShardsEnd);
    } else if (host_.leads(tenant.group)) {
      purge(tenant);
    }
    if (!looks_.contains(tenant.group)) continue;
    const auto wrapping = wrapping_of(tenant);
    if (!wrapping) {
      look_failed_ = true;
    } else if (*wrapping) {
      see_use(tenant.group, **wrapping, false);
    }
  }
}

/// On a node that follows: the one that leads has done so before it told.
void KeyKeeper::forget_purged() {
  std::set<model::GroupId> groups;
  {
    const std::lock_guard lock(mutex_);
    groups.swap(to_forget_);
  }
  for (const model::GroupId group : groups) {
    host_.forget_replaced(group, [this, group](const model::Status& status) {
      if (status) return;
      log_("purged rows of group " + std::to_string(group.value) +
           " may still be on this disk: " + std::string(status.error().message()));
      const std::lock_guard lock(mutex_);
      to_forget_.insert(group);  // the next round tries again
    });
  }
}

/// The cluster key under which the tenant's keys are wrapped; none: it has no keys.
model::Result<std::optional<std::uint32_t>> KeyKeeper::wrapping_of(const model::TenantInfo& tenant) const {
  const storage::TenantRows rows(host_.state(), tenant.group, host_.generation(tenant.group), tenant.id);
  auto keys = rows.get(storage::kKeysRow);
  if (!keys) return keys.error();
  if (!keys->has_value()) return std::optional<std::uint32_t>();
  const auto record = decode_keys(**keys);
  if (!record) return record.error();
  const auto wrapping = crypto::wrapping_version(*record);
  if (!wrapping) return wrapping.error();
  return std::optional(*wrapping);
}

/// By point lookups that start no shard and open nothing.
model::Status KeyKeeper::look_at(const model::TenantInfo& tenant) {
  const storage::TenantRows rows(host_.state(), tenant.group, host_.generation(tenant.group), tenant.id);
  auto keys = rows.get(storage::kKeysRow);
  if (!keys) return keys.error();
  if (!keys->has_value()) return {};  // never written to
  const auto record = decode_keys(**keys);
  if (!record) return record.error();
  const auto wrapping = crypto::wrapping_version(*record);
  if (!wrapping) return wrapping.error();
  Candidate candidate{tenant.id, tenant.name, false, false, tenant.group, 0};
  candidate.reseal = record->data_keys_size() > 1 || *wrapping != host_.ring()->current_version();
  see_use(tenant.group, *wrapping, candidate.reseal);
  auto header = rows.get(storage::kHeaderRow);
  if (!header) return header.error();
  if (!header->has_value()) return {};
  const auto numbers = decode_header(**header);
  if (!numbers) return numbers.error();
  const model::TimeMs sweep_at = numbers->sweep_at_ms();
  const model::TimeMs now = wall_clock();
  candidate.sweep = sweep_at != 0 && sweep_at <= now;
  candidate.due = candidate.reseal ? 0 : sweep_at;
  if (sweep_at > now) {
    next_sweep_ =
        std::min(next_sweep_, Clock::now() + std::chrono::milliseconds(std::max<model::TimeMs>(sweep_at - now, 1000)));
  }
  if (candidate.reseal || candidate.sweep) work_.push_back(std::move(candidate));
  return {};
}

/// One slice of the candidate's, and the pause that keeps the rate.
void KeyKeeper::slice(Candidate& candidate) {
  working_on_ = to_string(candidate.id);
  model::TenantRef ref;
  ref.name = candidate.name;
  const auto what = candidate.reseal ? model::Tending::reseal : model::Tending::sweep;
  const auto begun = Clock::now();
  const auto reply = ask(host_, std::move(ref), model::TenantOperation(model::TendTenant{what, kSliceRows}), kAnswer);
  const auto now = Clock::now();
  next_slice_ = now;
  if (!reply) {
    if (reply.error().code == Code::unavailable || reply.error().code == Code::overloaded) {
      next_slice_ = now + std::chrono::milliseconds(200);
      if (work_.size() > 1) std::rotate(work_.begin(), work_.begin() + 1, work_.end());
      return;
    }
    if (reply.error().code != Code::tenant_not_found) {
      log_("tenant " + working_on_ + " is not tended: " + std::string(reply.error().message()));
    }
    work_.pop_front();
    return;
  }
  const auto& slice = std::get<model::TenantKeysReply>(reply->body);
  (candidate.reseal ? rows_ : swept_) += slice.rows;
  next_slice_ = now + std::chrono::microseconds(slice.rows * 1'000'000 / std::max<std::uint64_t>(rate_, 1));
  // A slice of a sweep opens rows of which most stay as they are: they count by the time that they take.
  if (!candidate.reseal) next_slice_ = std::max(next_slice_, now + kSliceShare * (now - begun));
  if (slice.more) return;
  if (candidate.reseal && candidate.sweep) {
    candidate.reseal = false;
    return;
  }
  if (candidate.reseal) {
    ++done_;
    auto look = looks_.find(candidate.group);
    if (look != looks_.end() && look->second.left > 0) --look->second.left;
  }
  work_.pop_front();
  if (work_.empty()) working_on_.clear();
}

model::Status KeyKeeper::tell_purged(const model::TenantId& tenant, model::TimeMs deleted_at, bool done) {
  auto told = ask(host_, {}, model::DirectoryOperation(model::PurgeTenant{tenant, done, deleted_at}));
  return told ? model::Status() : model::Status(told.error());
}

/// First nothing can bring the tenant back, then its keys go, then its rows, then what the disk still holds of them. The last
/// takes as long as the slowest node needs, so it is not waited for.
void KeyKeeper::purge(const model::TenantInfo& tenant) {
  {
    const std::lock_guard lock(mutex_);
    if (purging_.contains(tenant.id)) return;
  }
  model::Status status;
  if (tenant.state != model::TenantState::purged) status = tell_purged(tenant.id, tenant.deleted_at, false);
  if (status) status = remove_tenant_rows(host_, tenant.group, tenant.id, "purge-tenant");
  std::set<model::GroupId> groups;
  if (status) {
    groups.insert(tenant.group);
    groups.insert(tenant.former_groups.begin(), tenant.former_groups.end());
  }
  {
    const std::lock_guard lock(mutex_);
    purging_[tenant.id] = {tenant.group, tenant.deleted_at, groups.size(), status};
    purge_ends_ = purge_ends_ || groups.empty();
  }
  for (const model::GroupId group : groups) {
    host_.forget_replaced(group,
                          [this, id = tenant.id, group](const model::Status& done) { forgotten(id, group, done); });
  }
}

/// A former group that nobody speaks for here does not hold the purge up: when the tenant is called purged, every node is
/// told to forget what it has of the group, this one too, and tries until it can.
void KeyKeeper::forgotten(const model::TenantId& tenant, model::GroupId group, const model::Status& status) {
  const std::lock_guard lock(mutex_);
  Purging& purging = purging_.at(tenant);
  const bool is_later = !status && status.error().code == Code::not_active && group != purging.group;
  if (!status && !is_later) purging.status = status;
  if (--purging.left != 0) return;
  purge_ends_ = true;
  changed_.notify_all();
}

/// Those whose rows are on this node's disk no more are purged; the others are begun anew.
void KeyKeeper::finish_purges() {
  std::map<model::TenantId, Purging> ended;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(purge_ends_, false)) return;
    for (const auto& [id, purging] : purging_) {
      if (purging.left == 0) ended.emplace(id, purging);
    }
    for (const auto& [id, purging] : ended) purging_.erase(id);
  }
  for (const auto& [id, purging] : ended) {
    const model::Status status = purging.status ? tell_purged(id, purging.deleted_at, true) : purging.status;
    if (status) {
      ++purged_;
      continue;
    }
    log_("tenant " + to_string(id) + " is not purged yet: " + std::string(status.error().message()));
    next_round_ = std::min(next_round_, Clock::now() + std::chrono::seconds(5));
  }
}

}  // namespace coffer::actors
