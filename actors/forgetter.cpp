// See forgetter.hpp.

#include "actors/forgetter.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "actors/kept_promise.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::chrono::milliseconds kLookAtLog{5};
constexpr std::chrono::milliseconds kAskAgain{200};
constexpr int kForgetterNiceness = 10;  // as the keeper of keys

/// A writer that stopped for a disk error drops what it was asked.
bool is_kept(std::future<void>& promise) {
  if (promise.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
  try {
    promise.get();
  } catch (const std::future_error&) {
    return false;
  }
  return true;
}

}  // namespace

void Forgetter::start() {
  thread_ = std::thread([this] { run(); });
}

void Forgetter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  asked_.clear();
  jobs_.clear();
}

void Forgetter::forget(model::GroupId group, Done done) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  asked_[group].waiting.push_back(std::move(done));
  changed_.notify_all();
}

bool Forgetter::stopped() {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

/// False: it is to stop.
bool Forgetter::sleep_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopped_; });
}

void Forgetter::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kForgetterNiceness);
  for (;;) {
    if (jobs_.empty()) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !asked_.empty(); });
    }
    if (stopped()) return;
    begin();
    learn();
    flush();
    compact();
    if (!jobs_.empty() && !sleep_for(kLookAtLog)) return;
  }
}

/// One that is under way does not cover what came since: the next of the same group waits for its end.
void Forgetter::begin() {
  const std::lock_guard lock(mutex_);
  for (auto it = asked_.begin(); it != asked_.end();) {
    if (jobs_.contains(it->first)) {
      ++it;
      continue;
    }
    it->second.until = Clock::now() + patience_;
    jobs_.insert(asked_.extract(it++));
  }
}

/// How far each group has come, and whether the state here has. A leader that is just losing its group refuses: the next
/// one is asked.
void Forgetter::learn() {
  std::map<model::GroupId, Error> failed;
  for (auto& [group, job] : jobs_) {
    const auto now = Clock::now();
    if (job.asked.valid() && job.asked.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
      if (const auto newest = kept(job.asked, Code::unavailable)) job.newest = *newest;
      job.ask_again = now + kAskAgain;
    }
    if (!job.newest && !job.asked.valid() && now >= job.ask_again) job.asked = disk_.newest(group, job.until);
    if (now < job.until) continue;
    if (!job.newest) {
      failed.emplace(group, Error(Code::not_active, "nobody says how far the group has come"));
    } else if (!is_applied(group, job)) {
      failed.emplace(group, Error(Code::unavailable, "this node's replica is behind"));
    }
  }
  for (const auto& [group, error] : failed) end(group, error);
}

bool Forgetter::is_applied(model::GroupId group, const Job& job) const {
  return job.newest && disk_.applied(group) >= *job.newest;
}

/// Once for all that need it: the flush is the whole state's.
void Forgetter::flush() {
  std::vector<model::GroupId> ripe;
  for (const auto& [group, job] : jobs_) {
    if (!job.flushed && is_applied(group, job)) ripe.push_back(group);
  }
  if (ripe.empty()) return;
  auto flushed = disk_.flush_state();
  const auto until = Clock::now() + patience_;
  while (flushed.wait_for(kLookAtLog) != std::future_status::ready) {
    if (stopped()) return;
    if (Clock::now() >= until) break;
  }
  const bool is_done = is_kept(flushed);
  for (const model::GroupId group : ripe) {
    if (is_done) {
      jobs_.at(group).flushed = true;
    } else {
      end(group, Error(Code::unavailable, "the state is not flushed"));
    }
  }
}

void Forgetter::compact() {
  std::vector<model::GroupId> ripe, late;
  for (const auto& [group, job] : jobs_) {
    if (stopped()) return;
    if (!job.flushed) continue;
    const auto first = disk_.first_logged(group);
    if (first && first->has_value() && **first <= *job.newest) {
      if (Clock::now() >= job.until) late.push_back(group);
      continue;
    }
    ripe.push_back(group);
  }
  for (const model::GroupId group : late) {
    end(group, Error(Code::unavailable, "the log still keeps what other nodes may need"));
  }
  std::map<model::GroupId, model::Status> compacted;
  for (const model::GroupId group : ripe) {
    const auto first = disk_.first_logged(group);
    compacted[group] = first ? disk_.compact_state(group) : model::Status(first.error());
  }
  const model::Status log = ripe.empty() ? model::Status() : disk_.compact_log();
  for (const auto& [group, status] : compacted) end(group, status ? log : status);
}

void Forgetter::end(model::GroupId group, const model::Status& status) {
  for (const Done& done : jobs_.at(group).waiting) done(status);
  jobs_.erase(group);
}

}  // namespace coffer::actors
