#pragma once
// The key sets that issuers publish at URLs: fetched when first needed, again every few minutes while they are used, and
// at once (but not often) when a token names a key that is not there. While a URL fails the old keys stay. Verifiers ask
// from their threads; fetches run on this object's own.
//
// Threads are started when they are needed, up to a bound: a fetch takes one for as long as its server, or the resolver of
// its name, pleases. Sources whose last fetch failed wait behind the others and have half of the threads at most, so
// servers that hang delay nobody but themselves once each of them has failed.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/jwt/key_set.hpp"
#include "net/jwt/verify.hpp"

namespace coffer::net::jwt {

class KeySources {
 public:
  struct Settings {
    std::function<model::Result<std::string>(const std::string& url, const std::string& ca_pem,
                                             const std::string& trace)>
        fetch;
    std::function<model::TimeMs()> clock;
    std::function<void(std::string_view)> log;  // one line
    model::TimeMs refresh_ms = 300'000;         // keys older than this are fetched again
    model::TimeMs least_interval_ms = 10'000;   // between two fetches, whatever kids tokens name
    model::TimeMs first_backoff_ms = 1'000;     // after a failure; doubles
    model::TimeMs most_backoff_ms = 60'000;
    model::TimeMs keep_ms = 24LL * 3'600'000;  // while the URL fails
    std::size_t most_sources = 4096, most_waiters = 256;
    unsigned threads = 64;  // at most
  };
  explicit KeySources(Settings settings);
  ~KeySources() { stop(); }

  struct Keys {
    std::shared_ptr<const KeySet> keys;  // null: none were fetched yet
    model::TimeMs fresh_until = 0;       // what is verified by them should be verified again then
  };
  /// The keys as they are. REQUIRES (of all): the issuer has a URL. A fetch that begins takes `trace` along, the traceparent
  /// of the request that asks.
  Keys current(const model::Issuer& issuer, const std::string& trace = {});
  /// True when there are other keys than those that were `seen`, or a fetch is under way or could be begun: `done` is
  /// called once, on this thread, one of this object, or that of stop().
  bool wait_for_newer(const model::Issuer& issuer, const std::shared_ptr<const KeySet>& seen,
                      std::function<void()> done, const std::string& trace = {});
  /// Nothing that was fetched counts any more, and no failure keeps a URL from being asked at once.
  void forget();
  /// Ends the threads and calls all that wait. No call may follow.
  void stop();

  std::uint64_t fetches() const { return fetches_; }
  std::uint64_t failures() const { return failures_; }

 private:
  struct Source {
    std::string url, ca_pem;
    std::string trace;  // of the request that caused the fetch under way
    std::shared_ptr<const KeySet> keys;
    model::TimeMs fetched_at = 0, tried_at = 0, used_at = 0;
    unsigned failures = 0;  // in a row
    bool tried = false, fetching = false;
    std::vector<std::function<void()>> waiters;
  };
  using SourcePtr = std::shared_ptr<Source>;

  SourcePtr source(const model::Issuer& issuer, model::TimeMs now);
  bool may_fetch(const Source& source, model::TimeMs now) const;
  void begin(const SourcePtr& source, model::TimeMs now, const std::string& trace);
  std::size_t takeable() const;
  void make_room();
  void run();
  void finish(Source& source, model::Result<KeySet> keys);

  const Settings settings_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<std::string, SourcePtr> sources_;
  std::deque<SourcePtr> queue_, retries_;   // what is to be fetched; of retries_ the last fetch failed
  std::size_t waiting_ = 0, retrying_ = 0;  // threads without a fetch, and with one of `retries_`
  bool stopped_ = false;
  std::atomic<std::uint64_t> fetches_{0}, failures_{0};
  std::vector<std::thread> threads_;
};

}  // namespace coffer::net::jwt
