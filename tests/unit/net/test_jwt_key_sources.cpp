// Key sets at URLs: fetched over a real socket from a small server, and kept, refreshed and bounded by a clock that the
// test moves.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "jwt_support.hpp"
#include "net/jwt/fetch.hpp"
#include "net/jwt/key_sources.hpp"

namespace coffer::net::jwt {
namespace {

using model::Code;
using test::Signer;
using ::testing::HasSubstr;
using ::testing::Not;

/// Answers every connection with the same bytes, then closes it; without an answer it keeps silent until it ends.
class TinyServer {
 public:
  explicit TinyServer(std::string answer) : answer_(std::move(answer)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(socket_, 8);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TinyServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  std::string url(const std::string& path = "/jwks") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::string request() const { return request_; }

 private:
  void serve() {
    std::vector<int> silent;
    for (int peer; (peer = ::accept(socket_, nullptr, nullptr)) >= 0;) {
      char buffer[4096];
      const auto got = ::recv(peer, buffer, sizeof buffer, 0);
      if (got > 0) request_.assign(buffer, static_cast<std::size_t>(got));
      if (answer_.empty()) {
        silent.push_back(peer);
        continue;
      }
      (void)!::send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      ::close(peer);
    }
    for (const int peer : silent) ::close(peer);
  }
  const std::string answer_;
  std::string request_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

std::string http(const std::string& body, const std::string& status = "200 OK", const std::string& more = {}) {
  return "HTTP/1.1 " + status + "\r\n" + more + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string why_not_fetched(const std::string& url, const FetchLimits& limits = {}) {
  const auto text = fetch(url, "", limits);
  return text ? "" : std::string(text.error().message());
}

TEST(JwtFetchTest, ASetIsFetchedFromTheVeryUrl) {
  std::string request;
  {
    TinyServer server(http("{\"keys\":[]}"));
    const auto text = fetch(server.url("/a/jwks.json?tenant=x"), "");
    ASSERT_TRUE(text.ok()) << text.error().message();
    EXPECT_EQ(*text, "{\"keys\":[]}");
    request = server.request();
  }
  EXPECT_TRUE(request.starts_with("GET /a/jwks.json?tenant=x HTTP/1.1\r\n")) << request;
  EXPECT_THAT(request, HasSubstr("Host: 127.0.0.1:"));
  EXPECT_THAT(request, Not(HasSubstr("traceparent")));
}

TEST(JwtFetchTest, TheTraceGoesAlong) {
  std::string request;
  {
    TinyServer server(http("{\"keys\":[]}"));
    ASSERT_TRUE(fetch(server.url(), "", {}, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").ok());
    request = server.request();
  }
  EXPECT_THAT(request, HasSubstr("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
}

TEST(JwtFetchTest, NoRedirectIsFollowedAndNoOtherStatusTaken) {
  TinyServer target(http("stolen"));
  TinyServer redirecting(http("", "302 Found", "location: " + target.url() + "\r\n"));
  EXPECT_THAT(why_not_fetched(redirecting.url()), HasSubstr("302"));
  TinyServer failing(http("{}", "500 Internal Server Error"));
  EXPECT_THAT(why_not_fetched(failing.url()), HasSubstr("500"));
}

TEST(JwtFetchTest, ALargeAnswerAndASilentServerAreCutOff) {
  TinyServer large(http(std::string(70'000, ' ')));
  EXPECT_THAT(why_not_fetched(large.url()), HasSubstr("whole answer"));
  TinyServer endless("HTTP/1.1 200 OK\r\nx: " + std::string(40'000, 'a'));
  EXPECT_THAT(why_not_fetched(endless.url()), HasSubstr("whole answer"));
  TinyServer silent("");
  EXPECT_THAT(why_not_fetched(silent.url(), {.time = std::chrono::milliseconds(100)}), HasSubstr("in time"));
  TinyServer garbage("garbage\r\n\r\n");
  EXPECT_THAT(why_not_fetched(garbage.url()), HasSubstr("whole answer"));
}

TEST(JwtFetchTest, UrlsThatCannotBeMeantAreRefused) {
  for (const char* url : {"", "ftp://x/", "http://", "http:///jwks", "http://user:password@x/", "http://x/#part",
                          "http://x y/", "file:///etc/passwd"}) {
    const auto text = fetch(url, "");
    ASSERT_FALSE(text.ok()) << url;
    EXPECT_EQ(text.error().code, Code::invalid_argument) << url;
  }
}

TEST(JwtFetchTest, APlaintextServerIsNotTakenForATlsOne) {
  TinyServer server(http("{}"));
  const auto text = fetch("https" + server.url().substr(4), "");
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(std::string(text.error().message()), HasSubstr("TLS"));
}

class KeySourcesTest : public ::testing::Test {
 protected:
  KeySourcesTest() {
    KeySources::Settings settings;
    settings.fetch = [this](const std::string& url, const std::string&, const std::string& trace) {
      return fetch_one(url, trace);
    };
    settings.clock = [this] { return now.load(); };
    settings.log = [](std::string_view) {};
    sources = std::make_unique<KeySources>(settings);
    issuer.jwks_url = "https://issuer.example/jwks";
  }
  ~KeySourcesTest() override { sources.reset(); }
  model::Result<std::string> fetch_one(const std::string& url, const std::string& trace) {
    const std::lock_guard lock(mutex);
    urls.push_back(url);
    traces.push_back(trace);
    return answer;
  }
  void answer_with(model::Result<std::string> next) {
    const std::lock_guard lock(mutex);
    answer = std::move(next);
  }
  /// Waits for the fetch that is under way, or is begun by asking; false when none may be.
  bool refresh() {
    auto done = std::make_shared<std::promise<void>>();
    if (!sources->wait_for_newer(issuer, seen, [done] { done->set_value(); })) return false;
    EXPECT_EQ(done->get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    if (answer) seen = sources->current(issuer).keys;
    return true;
  }

  std::atomic<model::TimeMs> now{1'000'000};
  std::mutex mutex;
  std::vector<std::string> urls, traces;
  model::Result<std::string> answer{Code::unavailable};
  model::Issuer issuer;
  std::shared_ptr<const KeySet> seen;
  std::unique_ptr<KeySources> sources;
};

TEST_F(KeySourcesTest, KeysAreFetchedWhenFirstAskedForAndThenKept) {
  const Signer signer = Signer::eddsa();
  answer_with(R"({"keys":[)" + signer.jwk() + "]}");
  EXPECT_EQ(sources->current(issuer).keys, nullptr);
  ASSERT_TRUE(refresh());
  const auto keys = sources->current(issuer);
  ASSERT_NE(keys.keys, nullptr);
  EXPECT_EQ(keys.keys->size(), 1U);
  EXPECT_EQ(keys.fresh_until, now + 300'000);
  EXPECT_EQ(urls.size(), 1U);
}

TEST_F(KeySourcesTest, AFetchCarriesTheTraceOfTheRequestThatCausedIt) {
  const std::string first = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(sources->current(issuer, first).keys, nullptr);
  auto done = std::make_shared<std::promise<void>>();
  (void)sources->wait_for_newer(
      issuer, nullptr, [done] { done->set_value(); }, "of who only waits");
  for (int i = 0; i < 2'000; ++i) {
    const std::lock_guard lock(mutex);
    if (!traces.empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  sources->stop();
  EXPECT_EQ(traces, std::vector<std::string>{first});
}

TEST_F(KeySourcesTest, AUrlThatFailsIsAskedLessAndLessOften) {
  ASSERT_TRUE(refresh());
  for (const model::TimeMs pause : {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
    now += pause - 1;
    EXPECT_FALSE(refresh()) << pause;
    now += 1;
    EXPECT_TRUE(refresh()) << pause;
  }
}

TEST_F(KeySourcesTest, OldKeysStayWhileTheUrlFailsButNotForEver) {
  const Signer signer = Signer::eddsa();
  answer_with(R"({"keys":[)" + signer.jwk() + "]}");
  ASSERT_TRUE(refresh());
  for (const auto& bad : {model::Result<std::string>(Code::unavailable), model::Result<std::string>("{}"),
                          model::Result<std::string>("<html>")}) {
    answer_with(bad);
    now += 100'000;
    ASSERT_TRUE(refresh());
    EXPECT_NE(sources->current(issuer).keys, nullptr);
  }
  now += 24 * 3'600'000;
  EXPECT_EQ(sources->current(issuer).keys, nullptr);
}

TEST_F(KeySourcesTest, StaleKeysServeWhileNewOnesAreFetched) {
  const Signer old = Signer::eddsa(), young = Signer::es256();
  answer_with(R"({"keys":[)" + old.jwk() + "]}");
  ASSERT_TRUE(refresh());
  answer_with(R"({"keys":[)" + young.jwk() + "]}");
  now += 300'000;
  const auto stale = sources->current(issuer);
  ASSERT_NE(stale.keys, nullptr);
  EXPECT_LE(stale.fresh_until, now + 10'000) << "what they verify is to be verified again soon";
  for (int i = 0; i < 2'000 && sources->current(issuer).keys == stale.keys; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(sources->current(issuer).keys->front().key.algorithm(), model::JwsAlgorithm::es256);
}

TEST_F(KeySourcesTest, WhatIsForgottenIsFetchedAtOnceAlsoFromAUrlThatHasFailed) {
  const Signer signer = Signer::eddsa();
  answer_with(R"({"keys":[)" + signer.jwk() + "]}");
  ASSERT_TRUE(refresh());
  EXPECT_FALSE(refresh()) << "a moment later nobody is asked again";
  sources->forget();
  seen = nullptr;
  ASSERT_TRUE(refresh());
  EXPECT_EQ(urls.size(), 2U);
  answer_with(model::Result<std::string>(Code::unavailable));
  sources->forget();
  EXPECT_EQ(sources->current(issuer).keys, nullptr) << "the old keys do not count any more";
}

TEST_F(KeySourcesTest, OneFetchServesEverybodyWhoWaits) {
  std::promise<void> release;
  auto released = release.get_future().share();
  KeySources::Settings settings;
  std::atomic<int> fetched{0}, served{0};
  settings.fetch = [&](const std::string&, const std::string&, const std::string&) -> model::Result<std::string> {
    ++fetched;
    released.wait();
    return Code::unavailable;
  };
  settings.clock = [this] { return now.load(); };
  settings.log = [](std::string_view) {};
  settings.most_waiters = 10;
  KeySources slow(settings);
  int waiting = 0;
  for (int i = 0; i < 15; ++i) waiting += slow.wait_for_newer(issuer, nullptr, [&] { ++served; }) ? 1 : 0;
  EXPECT_EQ(waiting, 10) << "the others are not kept";
  release.set_value();
  slow.stop();
  EXPECT_EQ(served, 10);
  EXPECT_LE(fetched, 1);
}

}  // namespace
}  // namespace coffer::net::jwt
