// See key_keeper.hpp.

#include "actors/key_keeper.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "actors/records.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kMostWaiting = 64;
constexpr int kNiceness = 10;  // a tenth of the requests' share when both want the whole CPU

model::TimeMs wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Who asks these proves himself by what he gives.
bool needs_no_token(const model::KeeperOperation& operation) {
  return std::holds_alternative<model::GetSeals>(operation) || std::holds_alternative<model::Unseal>(operation) ||
         std::holds_alternative<model::RegenerateToken>(operation);
}

bool is_operator(const model::Credential& credential) {
  return credential.kind == model::CredentialKind::operator_ || credential.kind == model::CredentialKind::dev_root;
}

}  // namespace

KeyKeeper::KeyKeeper(KeeperHost& host, crypto::Random& random, std::function<void(std::string_view)> log,
                     KeeperSettings settings)
    : host_(host),
      random_(random),
      log_(std::move(log)),
      settings_(std::move(settings)),
      seals_(host, random, settings_.reason, settings_.key_directory),
      backups_(host, random, settings_.program, settings_.backups.bytes_per_second),
      rate_(settings_.reseal_rows_per_second) {}

void KeyKeeper::start() {
  // Those of now: a new root key is found by the seals that were there before it.
  if (const auto rows = host_.key_rows(); rows) keys_changed(*rows);
  thread_ = std::thread([this] { run(); });
}

void KeyKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  queue_.clear();  // the handles answer unavailable
}

void KeyKeeper::submit(CallHandle call) {
  const auto& operation = std::get<model::KeeperOperation>(call.request().operation);
  if (!needs_no_token(operation) && !is_operator(call.request().credential)) {
    const bool unsealed = host_.ring() != nullptr;
    return call.finish(Error(unsealed ? Code::permission_denied : Code::sealed));
  }
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_ && queue_.size() < kMostWaiting) {
      queue_.push_back(std::move(call));
      changed_.notify_all();
      return;
    }
  }
  call.finish(Error(Code::overloaded));
}

/// Pause and rate are the cluster's: whichever node an operator asks, and whichever tends a tenant after a restart.
void KeyKeeper::follow_resealing(const KeyRows& rows) {
  const auto row = rows.find(storage::kResealRow);
  if (row == rows.end()) return;
  const auto record = decode_reseal(row->second);
  if (!record) return log_("how sealing anew stands is not known: " + std::string(record.error().message()));
  paused_ = record->paused();
  rate_ = record->rows_per_second() != 0 ? record->rows_per_second() : settings_.reseal_rows_per_second;
}

void KeyKeeper::keys_changed(const KeyRows& rows) {
  follow_resealing(rows);
  if (auto status = seals_.follow(rows); !status) {
    log_("the new keys are not used here: " + std::string(status.error().message()));
  }
}

void KeyKeeper::hurry() {
  const std::lock_guard lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
}

void KeyKeeper::replace_cluster_key(std::uint32_t version) {
  const std::lock_guard lock(mutex_);
  worn_ = version;
  hurry_ = true;
  changed_.notify_all();
}

void KeyKeeper::forget(model::GroupId group) {
  const std::lock_guard lock(mutex_);
  to_forget_.insert(group);
  hurry_ = true;
  changed_.notify_all();
}

void KeyKeeper::run() {
  // A backup or a pass of sealing anew takes what the requests leave. Linux keeps this value for each thread.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
  next_round_ = next_sweep_ = Clock::now() + std::chrono::seconds(1);
  for (;;) {
    Clock::time_point until = Clock::time_point::max();
    if (host_.ring() != nullptr) until = tend();
    CallHandle call;
    {
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return stopped_ || hurry_ || purge_ends_ || !queue_.empty(); };
      if (until == Clock::time_point::max()) {
        changed_.wait_for(lock, std::chrono::seconds(1), woken);
      } else {
        changed_.wait_until(lock, until, woken);
      }
      if (stopped_) return;
      if (hurry_) next_round_ = Clock::now();
      hurry_ = false;
      if (!queue_.empty()) {
        call = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    if (call) answer(std::move(call));
  }
}

void KeyKeeper::answer(CallHandle call) {
  const model::Request& request = call.request();
  if (request.info.deadline != 0 && request.info.deadline < wall_clock()) {
    return call.finish(Error(Code::deadline_exceeded));
  }
  if (sealing_) return call.finish(Error(Code::unavailable, "the node is being sealed; ask again when it is"));
  auto body = act(request);
  if (!body) return call.finish(body.error());
  sealing_ = std::holds_alternative<model::SealNode>(std::get<model::KeeperOperation>(request.operation));
  if (sealing_) host_.seal();  // first: whoever reads that the node is sealed gets nothing from it any more
  call.finish(model::Reply{{}, std::move(*body)});
}

model::Result<model::ReplyBody> KeyKeeper::act(const model::Request& request) {
  const auto& operation = std::get<model::KeeperOperation>(request.operation);
  if (std::holds_alternative<model::GetSeals>(operation)) return seals_.status(is_operator(request.credential));
  if (const auto* given = std::get_if<model::Unseal>(&operation)) return seals_.unseal(*given);
  if (const auto* given = std::get_if<model::RegenerateToken>(&operation)) return seals_.regenerate_token(*given);
  if (host_.ring() == nullptr) return Error(Code::sealed);
  if (std::holds_alternative<model::SealNode>(operation)) {
    model::SealReply reply;
    reply.sealed = true;
    return model::ReplyBody(std::move(reply));
  }
  if (const auto* add = std::get_if<model::AddSeal>(&operation)) return seals_.add(*add);
  if (const auto* share = std::get_if<model::VerifyShare>(&operation)) return seals_.verify(*share);
  if (const auto* remove = std::get_if<model::RemoveSeal>(&operation)) return seals_.remove(*remove);
  if (const auto* get = std::get_if<model::GetKeys>(&operation)) return key_status(get->tenant);
  if (const auto* turn = std::get_if<model::RotateKeys>(&operation)) return rotate(*turn);
  if (const auto* set = std::get_if<model::SetReseal>(&operation)) return set_reseal(*set);
  return backups_.act(operation);
}

model::Result<model::ReplyBody> KeyKeeper::key_status(const std::string& tenant) {
  const store::v1::KeyRingRecord record = host_.ring()->record();
  model::KeysReply reply;
  reply.root_version = std::max(1U, record.root_version());
  reply.root_created_at = record.root_created_at_ms();
  for (const auto& key : record.cluster_keys()) {
    reply.cluster_keys.push_back({key.version(), key.created_at_ms(), key.version() == record.current()});
    if (reply.root_created_at == 0) reply.root_created_at = key.created_at_ms();  // the first root: made with it
  }
  for (const auto& key : record.retired_keys()) {
    reply.cluster_keys.push_back({key.version(), key.created_at_ms(), false, key.retired_at_ms()});
  }
  std::ranges::sort(reply.cluster_keys, {}, &model::KeyVersionInfo::version);
  auto whole = tell(news());
  if (!whole) return whole.error();
  reply.paused = whole->paused;
  reply.rows_per_second = whole->rows_per_second != 0 ? whole->rows_per_second : settings_.reseal_rows_per_second;
  reply.tenants_left = whole->tenants_left;
  reply.tenants_done = whole->tenants_done;
  reply.rows_done = whole->rows_done;
  reply.working_on = working_on_;
  if (has_old_cluster_key()) reply.waits_for = std::move(whole->waits_for);
  if (!tenant.empty()) {
    model::TenantRef ref;
    ref.name = tenant;
    auto keys = ask(host_, std::move(ref), model::TenantOperation(model::TendTenant{}));
    if (!keys) return keys.error();
    reply.tenant = tenant;
    reply.tenant_keys = std::move(std::get<model::TenantKeysReply>(keys->body));
  }
  return model::ReplyBody(std::move(reply));
}

/// Every node knows the new key before any of them uses it.
model::Status KeyKeeper::rotate_cluster_key() {
  std::uint32_t version = 0;
  const auto added = seals_.change_ring("add-cluster-key", [&](const crypto::KeyRing& ring) {
    auto next = ring.with_cluster_key(random_, wall_clock());
    version = 0;
    for (const auto& key : next.cluster_keys()) version = std::max(version, key.version());
    return next;
  });
  if (!added) return added;
  if (auto status = host_.bring_up_to_date(model::kMetaGroup); !status) return status;
  using Next = model::Result<store::v1::KeyRingRecord>;
  return seals_.change_ring("rotate-cluster-key", [&](const crypto::KeyRing& ring) -> Next {
    auto next = ring.with_newest_current();
    if (next.current() < version) return Error(Code::cas_mismatch, "the new key is not in this node's ring yet");
    return next;
  });
}

model::Result<model::ReplyBody> KeyKeeper::rotate(const model::RotateKeys& rotate) {
  model::Status done;
  switch (rotate.level) {
    case model::KeyLevel::root: done = seals_.rotate_root(); break;
    case model::KeyLevel::cluster: done = rotate_cluster_key(); break;
    case model::KeyLevel::data: {
      model::TenantRef ref;
      ref.name = rotate.tenant;
      auto reply = ask(host_, std::move(ref), model::TenantOperation(model::TendTenant{model::Tending::rotate}));
      if (!reply) done = reply.error();
      break;
    }
  }
  if (!done) return done.error();
  next_round_ = Clock::now();
  return key_status(rotate.tenant);
}

model::Result<model::ReplyBody> KeyKeeper::set_reseal(const model::SetReseal& set) {
  if (set.rows_per_second && (*set.rows_per_second < 1 || *set.rows_per_second > 10'000'000)) {
    return Error(Code::invalid_argument, "rows_per_second: 1 to 10000000; to stop it, pause it");
  }
  model::TendKeys wish = news();
  wish.paused = set.paused;
  wish.rows_per_second = set.rows_per_second;
  if (auto done = tell(std::move(wish)); !done) return done.error();
  // What is committed comes here by itself, on a node that follows a moment later.
  if (set.paused) paused_ = *set.paused;
  if (set.rows_per_second) rate_ = *set.rows_per_second;
  return key_status({});
}

std::vector<Sample> KeyKeeper::samples() const {
  std::vector<Sample> samples;
  const auto add = [&](const char* name, const char* help, bool is_counter, std::uint64_t value) {
    samples.push_back({name, help, is_counter, {}, static_cast<double>(value)});
  };
  add("coffer_reseal_tenants_left", "Tenants that are known to hold what an older key sealed.", false, left_);
  add("coffer_reseal_rows_total", "Rows sealed anew.", true, rows_);
  add("coffer_reseal_paused", "1 while an operator has paused it.", false, paused_ ? 1 : 0);
  add("coffer_swept_entries_total", "Entries whose deleted versions were destroyed.", true, swept_);
  add("coffer_purged_tenants_total", "Deleted tenants whose keys and rows were removed.", true, purged_);
  return samples;
}

}  // namespace coffer::actors
