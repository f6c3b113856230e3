// See key_sources.hpp.

#include "net/jwt/key_sources.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace coffer::net::jwt {

using model::Issuer;
using model::Result;
using model::TimeMs;

KeySources::KeySources(Settings settings) : settings_(std::move(settings)) {
  threads_.emplace_back([this] { run(); });  // at least one, or there is no server
}

void KeySources::stop() {
  std::vector<std::function<void()>> waiters;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queue_.clear();
    retries_.clear();
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
  for (auto& [key, source] : sources_) {
    for (auto& waiter : source->waiters) waiters.push_back(std::move(waiter));
    source->waiters.clear();
  }
  for (const auto& waiter : waiters) waiter();
}

void KeySources::forget() {
  const std::lock_guard lock(mutex_);
  for (auto it = sources_.begin(); it != sources_.end();) {
    it->second->keys = nullptr;
    it = it->second->fetching ? std::next(it) : sources_.erase(it);  // what is being fetched is new enough
  }
}

KeySources::Keys KeySources::current(const Issuer& issuer, const std::string& trace) {
  const TimeMs now = settings_.clock();
  const std::lock_guard lock(mutex_);
  const SourcePtr found = source(issuer, now);
  if (found->keys && now - found->fetched_at > settings_.keep_ms) found->keys = nullptr;
  const bool stale = !found->keys || now - found->fetched_at >= settings_.refresh_ms;
  if (stale && may_fetch(*found, now)) begin(found, now, trace);
  const TimeMs due = found->fetched_at + settings_.refresh_ms;
  return {found->keys, stale ? now + settings_.least_interval_ms : due};
}

bool KeySources::wait_for_newer(const Issuer& issuer, const std::shared_ptr<const KeySet>& seen,
                                std::function<void()> done, const std::string& trace) {
  const TimeMs now = settings_.clock();
  std::unique_lock lock(mutex_);
  if (stopped_) return false;
  const SourcePtr found = source(issuer, now);
  if (found->keys && found->keys != seen) {  // the fetch ended since the caller looked
    lock.unlock();
    done();
    return true;
  }
  if (!found->fetching) {
    if (!may_fetch(*found, now)) return false;
    begin(found, now, trace);
  }
  if (found->waiters.size() >= settings_.most_waiters) return false;
  found->waiters.push_back(std::move(done));
  return true;
}

/// Two tenants with the same URL and CA share what was fetched; the CA is part of it, because it says whom to believe.
KeySources::SourcePtr KeySources::source(const Issuer& issuer, TimeMs now) {
  std::string key = issuer.jwks_url;
  key.append("\n").append(issuer.jwks_ca);
  auto found = sources_.find(key);
  if (found == sources_.end()) {
    if (sources_.size() >= settings_.most_sources) make_room();
    auto made = std::make_shared<Source>();
    made->url = issuer.jwks_url;
    made->ca_pem = issuer.jwks_ca;
    found = sources_.emplace(std::move(key), std::move(made)).first;
  }
  found->second->used_at = now;
  return found->second;
}

void KeySources::make_room() {
  auto oldest = sources_.end();
  for (auto it = sources_.begin(); it != sources_.end(); ++it) {
    if (it->second->fetching) continue;
    if (oldest == sources_.end() || it->second->used_at < oldest->second->used_at) oldest = it;
  }
  if (oldest != sources_.end()) sources_.erase(oldest);
}

bool KeySources::may_fetch(const Source& source, TimeMs now) const {
  if (source.fetching || stopped_) return false;
  if (!source.tried || now < source.tried_at) return true;  // never, or the clock was set back
  TimeMs wait = settings_.least_interval_ms;
  if (source.failures > 0) {
    wait = std::min(settings_.most_backoff_ms, settings_.first_backoff_ms << std::min(source.failures - 1, 20U));
  }
  return now - source.tried_at >= wait;
}

void KeySources::begin(const SourcePtr& source, TimeMs now, const std::string& trace) {
  source->trace = trace;
  source->fetching = true;
  source->tried = true;
  source->tried_at = now;
  (source->failures == 0 ? queue_ : retries_).push_back(source);
  changed_.notify_one();
  if (waiting_ >= takeable() || threads_.size() >= settings_.threads) return;
  try {
    threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    // Those that run will come to it.
  }
}

/// How many of those that are queued may be fetched now, if there is a thread.
std::size_t KeySources::takeable() const {
  const std::size_t most_retries = std::max(1U, settings_.threads / 2);
  return queue_.size() + std::min(retries_.size(), most_retries - retrying_);
}

void KeySources::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++waiting_;
    changed_.wait(lock, [this] { return stopped_ || takeable() > 0; });
    --waiting_;
    if (stopped_) return;
    const bool is_retry = queue_.empty();
    std::deque<SourcePtr>& queue = is_retry ? retries_ : queue_;
    const SourcePtr source = std::move(queue.front());
    queue.pop_front();
    retrying_ += is_retry ? 1 : 0;
    lock.unlock();
    ++fetches_;
    const auto text = settings_.fetch(source->url, source->ca_pem, source->trace);
    Result<KeySet> keys = text ? parse_jwks(*text) : Result<KeySet>(text.error());
    if (!keys) {
      ++failures_;
      settings_.log("cannot fetch keys from " + source->url + ": " + std::string(keys.error().message()));
    }
    lock.lock();
    retrying_ -= is_retry ? 1 : 0;
    finish(*source, std::move(keys));
    std::vector<std::function<void()>> waiters;
    waiters.swap(source->waiters);
    lock.unlock();
    for (const auto& waiter : waiters) waiter();
    lock.lock();
  }
}

void KeySources::finish(Source& source, Result<KeySet> keys) {
  source.fetching = false;
  if (!keys) {
    ++source.failures;
    return;
  }
  source.failures = 0;
  source.fetched_at = settings_.clock();
  source.keys = std::make_shared<const KeySet>(std::move(*keys));
}

}  // namespace coffer::net::jwt
