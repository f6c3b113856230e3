// Key servers that hang: whom they delay, and whom not.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <thread>

#include "net/jwt/key_sources.hpp"

namespace coffer::net::jwt {
namespace {

using namespace std::chrono_literals;

constexpr auto kSurely = 20s;
constexpr auto kAMoment = 100ms;  // for what must not happen

/// Fetches that are under way until they are told to fail.
class HeldFetches {
 public:
  explicit HeldFetches(unsigned threads) {
    KeySources::Settings settings;
    settings.fetch = [this](const std::string& url, const std::string&, const std::string&) { return fetch_one(url); };
    settings.clock = [this] { return now.load(); };
    settings.log = [](std::string_view) {};
    if (threads != 0) settings.threads = threads;
    sources = std::make_unique<KeySources>(settings);
  }
  ~HeldFetches() {
    fail_all();
    sources->stop();
  }
  void fail_all() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  void ask(const std::string& kind, int first, int end) {
    for (int i = first; i < end; ++i) {
      model::Issuer issuer;
      issuer.jwks_url = "https://" + kind + ".example/" + std::to_string(i);
      EXPECT_TRUE(sources->wait_for_newer(issuer, nullptr, [this] {
        ++answered;
        answered.notify_all();
      }));
    }
  }
  /// Those of the kind that are under way now.
  void fail(const std::string& kind) {
    const std::lock_guard lock(mutex_);
    for (Flight& one : flights_) one.over |= one.url.starts_with("https://" + kind);
    changed_.notify_all();
  }
  /// Do so many of the kind come to be under way at once?
  bool are_under_way(const std::string& kind, std::ptrdiff_t least, std::chrono::milliseconds patience = kSurely) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] {
      return std::ranges::count_if(flights_,
                                   [&](const Flight& one) { return one.url.starts_with("https://" + kind); }) >= least;
    });
  }
  void wait_for_answers(int count) {
    for (int seen = answered; seen < count; seen = answered) answered.wait(seen);
  }

  std::atomic<model::TimeMs> now{1'000'000};
  std::atomic<int> answered{0};
  std::unique_ptr<KeySources> sources;

 private:
  struct Flight {
    std::string url;
    bool over = false;
  };
  model::Result<std::string> fetch_one(const std::string& url) {
    std::unique_lock lock(mutex_);
    const auto flight = flights_.insert(flights_.end(), {url});
    changed_.notify_all();
    changed_.wait(lock, [&] { return flight->over || closing_; });
    flights_.erase(flight);
    changed_.notify_all();
    return model::Code::unavailable;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Flight> flights_;
  bool closing_ = false;
};

TEST(JwtHeldFetchesTest, ServersThatHangDelayNobodyElse) {
  HeldFetches held(0);
  held.ask("hangs", 0, 63);
  EXPECT_TRUE(held.are_under_way("hangs", 63));
  held.ask("other", 0, 1);
  EXPECT_TRUE(held.are_under_way("other", 1));
  held.ask("late", 0, 1);
  EXPECT_FALSE(held.are_under_way("late", 1, kAMoment)) << "there is a bound";
  held.fail("other");
  EXPECT_TRUE(held.are_under_way("late", 1));
}

TEST(JwtHeldFetchesTest, ThoseThatFailedWaitBehindTheOthersAndHaveHalfOfTheThreads) {
  HeldFetches held(4);
  held.ask("bad", 0, 3);
  ASSERT_TRUE(held.are_under_way("bad", 3));
  held.fail("bad");
  held.wait_for_answers(3);
  held.now += 1'000;

  held.ask("bad", 0, 3);
  EXPECT_TRUE(held.are_under_way("bad", 2));
  EXPECT_FALSE(held.are_under_way("bad", 3, kAMoment)) << "with a thread that is free";
  held.ask("good", 0, 4);
  EXPECT_TRUE(held.are_under_way("good", 2));
  held.fail("bad");
  EXPECT_TRUE(held.are_under_way("good", 4)) << "though the third bad one came before";
  EXPECT_FALSE(held.are_under_way("bad", 1, kAMoment));
  held.fail("good");
  EXPECT_TRUE(held.are_under_way("bad", 1));
}

TEST(JwtHeldFetchesTest, WhoeverWaitsAtTheEndIsAnsweredAlsoWhoseFetchDidNotBegin) {
  HeldFetches held(1);
  held.ask("any", 0, 5);
  EXPECT_TRUE(held.are_under_way("any", 1));
  std::thread stopping([&] { held.sources->stop(); });
  held.fail_all();
  stopping.join();
  EXPECT_EQ(held.answered, 5);
}

}  // namespace
}  // namespace coffer::net::jwt
