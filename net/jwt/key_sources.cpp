// See key_sources.hpp.

#include "net/jwt/key_sources.hpp"

#include <algorithm>

namespace coffer::net::jwt {

using model::Issuer;
using model::Result;
using model::TimeMs;

KeySources::KeySources(Settings settings) : settings_(std::move(settings)) {
  for (unsigned i = 0; i < settings_.threads; ++i) threads_.emplace_back([this] { run(); });
}

void KeySources::stop() {
  std::vector<std::function<void()>> waiters;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queue_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
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
  queue_.push_back(source);
  changed_.notify_one();
}

void KeySources::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (stopped_) return;
    const SourcePtr source = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    ++fetches_;
    const auto text = settings_.fetch(source->url, source->ca_pem, source->trace);
    Result<KeySet> keys = text ? parse_jwks(*text) : Result<KeySet>(text.error());
    if (!keys) {
      ++failures_;
      settings_.log("cannot fetch keys from " + source->url + ": " + std::string(keys.error().message()));
    }
    lock.lock();
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
