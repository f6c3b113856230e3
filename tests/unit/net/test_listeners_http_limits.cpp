// The HTTP listener over real sockets: its limits, and its manners when calls are late, clients rude or the server stops.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_listener_fixture.hpp"

namespace coffer::net::test {
namespace {

using testing::HasSubstr;

TEST_F(HttpListener, does_not_ask_for_a_body_that_nobody_wants) {
  start([](Listener& l) { l.limits.body_bytes = 100; });
  HttpClient unknown(server->port());
  unknown.send("POST /v1/nothing HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(unknown.receive().status, 404);
  EXPECT_TRUE(unknown.is_closed());
  HttpClient large(server->port());
  large.send("POST /t/echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
  EXPECT_EQ(large.receive().status, 413);
}

TEST_F(HttpListener, refuses_a_body_over_the_limit_also_when_it_comes_in_chunks) {
  start([](Listener& l) { l.limits.body_bytes = 1000; });
  auto answer = once("PUT", std::string(kSecret) + "a", std::string(1001, 'x'));
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("larger than 1000 bytes"));
  EXPECT_THAT(answer.body, HasSubstr("test door"));
  HttpClient client(server->port());
  client.send("POST /t/echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n320\r\n" + std::string(800, 'x') +
              "\r\n320\r\n" + std::string(800, 'x'));
  EXPECT_EQ(client.receive().status, 413);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpListener, takes_a_body_of_just_the_limit) {
  start([](Listener& l) { l.limits.body_bytes = 200'000; });
  EXPECT_EQ(once("POST", "/t/echo", std::string(200'000, 'x')).body.size(), 200'000U);
}

TEST_F(HttpListener, refuses_a_header_over_the_limit) {
  start([](Listener& l) { l.limits.header_bytes = 2048; });
  HttpClient one(server->port());
  const auto answer = one.call("GET", std::string(kSecret) + "a", {}, "x: " + std::string(3000, 'x') + "\r\n");
  EXPECT_EQ(answer.status, 431);
  EXPECT_THAT(answer.body, HasSubstr("test door"));
  EXPECT_TRUE(one.is_closed());
  HttpClient endless(server->port());
  std::string many = "GET /healthz HTTP/1.1\r\nHost: t\r\n";
  for (int i = 0; i < 200; ++i) many += "x-" + std::to_string(i) + ": some value\r\n";
  endless.send(many);
  EXPECT_EQ(endless.receive().status, 431);
  HttpClient target(server->port());
  target.send("GET /" + std::string(5000, 'x'));
  EXPECT_EQ(target.receive().status, 431);
}

TEST_F(HttpListener, refuses_json_that_is_too_deep) {
  start([](Listener& l) { l.limits.json_depth = 4; });
  const auto answer = once("PUT", std::string(kSecret) + "a", std::string(100'000, '['));
  EXPECT_EQ(answer.status, 400);
}

TEST_F(HttpListener, refuses_what_is_not_http) {
  start();
  const char* const wrong[] = {
      "\x16\x03\x01\x02garbage\r\n\r\n",
      "GET\r\n\r\n",
      "GET /healthz\r\n\r\n",
      "GET /healthz HTTP/2.0\r\n\r\n",
      "GET /healthz HTTP/1.1\r\n\r\n",  // no Host
      "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET /healthz HTTP/1.1\nHost: a\n\n",
      "GET /heal thz HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nHost: a\r\nNo-Colon\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nHost: a\r\nSpace : x\r\n\r\n",
      "POST /t/echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
      "POST /t/echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "POST /t/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "POST /t/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /t/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  };
  for (const char* bytes : wrong) {
    HttpClient client(server->port());
    client.send(bytes);
    EXPECT_EQ(client.receive().status, 400) << bytes;
    EXPECT_TRUE(client.is_closed()) << bytes;
  }
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "identity"}) {
    HttpClient client(server->port());
    client.send("POST /t/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n0\r\n\r\n");
    EXPECT_EQ(client.receive().status, 501) << coding;
    EXPECT_TRUE(client.is_closed()) << coding;
  }
}

TEST_F(HttpListener, cuts_a_slow_header_with_408_and_a_silent_connection_without_a_word) {
  start([](Listener& l) { l.limits.header_timeout = std::chrono::milliseconds(200); });
  HttpClient slow(server->port()), silent(server->port());
  slow.send("GET /healthz HT");
  EXPECT_EQ(slow.receive().status, 408);
  EXPECT_TRUE(slow.is_closed());
  EXPECT_TRUE(silent.is_closed());
}

TEST_F(HttpListener, cuts_a_slow_body_with_408) {
  start([](Listener& l) { l.limits.header_timeout = std::chrono::milliseconds(200); });
  HttpClient client(server->port());
  client.send("POST /t/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpListener, closes_an_idle_connection) {
  start([](Listener& l) { l.limits.idle_timeout = std::chrono::milliseconds(200); });
  HttpClient client(server->port());
  EXPECT_EQ(client.call("GET", "/healthz").status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpListener, bounds_its_connections_and_takes_new_ones_when_old_ones_end) {
  start([](Listener& l) { l.limits.connections = 20; });
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<HttpClient>(server->port()));
    ASSERT_EQ(clients.back()->call("GET", "/healthz").status, 200);
  }
  HttpClient refused(server->port());
  EXPECT_EQ(refused.call("GET", "/healthz").status, 0);
  clients.clear();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < end) status = once("GET", "/healthz").status;
  EXPECT_EQ(status, 200);
}

TEST_F(HttpListener, bounds_the_calls_in_flight) {
  start([](Listener& l) { l.limits.calls_in_flight = 2; });
  gateway.set_mode(FakeGateway::Mode::hold);
  HttpClient one(server->port()), two(server->port());
  one.send(get(kSecret + std::string("1")));
  two.send(get(kSecret + std::string("2")));
  ASSERT_TRUE(gateway.wait_for_held(2));
  const auto refused = once("GET", std::string(kSecret) + "3");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(once("GET", "/healthz").status, 200);
  gateway.set_mode(FakeGateway::Mode::at_once);
  gateway.release();
  EXPECT_EQ(one.receive().status, 200);
  EXPECT_EQ(two.receive().status, 200);
  EXPECT_EQ(once("GET", std::string(kSecret) + "4").status, 200);
}

TEST_F(HttpListener, answers_by_itself_when_nobody_does_and_survives_the_late_answer) {
  start([](Listener& l) { l.limits.default_deadline = std::chrono::milliseconds(100); });
  gateway.set_mode(FakeGateway::Mode::hold);
  auto answer = once("GET", std::string(kSecret) + "a");
  EXPECT_EQ(answer.status, 504);
  EXPECT_THAT(answer.body, HasSubstr("DEADLINE_EXCEEDED"));
  answer = once("PUT", std::string(kSecret) + "a", "{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("OUTCOME_UNKNOWN"));
  EXPECT_EQ(once("GET", "/t/s/submitted").status, 504);
  gateway.release();
  gateway.set_mode(FakeGateway::Mode::at_once);
  EXPECT_EQ(once("GET", std::string(kSecret) + "a").status, 200);
}

TEST_F(HttpListener, keeps_counting_a_late_call_until_it_is_completed) {
  start([](Listener& l) {
    l.limits.default_deadline = std::chrono::milliseconds(50);
    l.limits.calls_in_flight = 1;
  });
  gateway.set_mode(FakeGateway::Mode::hold);
  EXPECT_EQ(once("GET", std::string(kSecret) + "a").status, 504);
  EXPECT_EQ(once("GET", std::string(kSecret) + "a").status, 429);
  gateway.release();
  gateway.set_mode(FakeGateway::Mode::at_once);
  EXPECT_EQ(once("GET", std::string(kSecret) + "a").status, 200);
}

TEST_F(HttpListener, survives_clients_that_leave_before_their_answer) {
  start();
  gateway.set_mode(FakeGateway::Mode::hold);
  for (int i = 0; i < 10; ++i) HttpClient(server->port()).send(get(kSecret + std::to_string(i)));
  ASSERT_TRUE(gateway.wait_for_held(10));
  gateway.release();
  gateway.set_mode(FakeGateway::Mode::at_once);
  EXPECT_EQ(once("GET", std::string(kSecret) + "a").status, 200);
}

TEST_F(HttpListener, lets_calls_end_when_it_stops_and_takes_no_new_ones) {
  start([](Listener& l) { l.limits.drain = 5 * kPatience; });
  gateway.set_mode(FakeGateway::Mode::hold);
  HttpClient busy(server->port()), idle(server->port());
  EXPECT_EQ(idle.call("GET", "/healthz").status, 200);
  busy.send(get(std::string(kSecret) + "a"));
  ASSERT_TRUE(gateway.wait_for_held(1));
  const auto port = server->port();
  std::thread stopper([&] { server->stop(); });
  EXPECT_TRUE(idle.is_closed());
  gateway.release();
  const auto answer = busy.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  stopper.join();
  EXPECT_FALSE(HttpClient(port).send("x") && HttpClient(port).call("GET", "/healthz").status != 0);
}

TEST_F(HttpListener, cuts_calls_that_outlast_the_drain_and_survives_their_completion) {
  start([](Listener& l) { l.limits.drain = std::chrono::milliseconds(100); });
  gateway.set_mode(FakeGateway::Mode::hold);
  HttpClient client(server->port());
  client.send(get(std::string(kSecret) + "a"));
  ASSERT_TRUE(gateway.wait_for_held(1));
  server->stop();
  EXPECT_EQ(client.receive().status, 503);
  server.reset();
  gateway.release();
}

TEST_F(HttpListener, serves_with_several_threads_on_one_port) {
  start([](Listener& l) { l.threads = 3; });
  gateway.set_mode(FakeGateway::Mode::other_thread);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      HttpClient client(server->port());
      for (int k = 0; k < 50; ++k) good += client.call("GET", std::string(kSecret) + "a").status == 200;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

TEST_F(HttpListener, says_why_it_cannot_listen) {
  start();
  Listener taken = test_listener();
  taken.address = "127.0.0.1:" + std::to_string(server->port());
  taken.threads = 2;
  const auto status = make_http_server(taken, {&door}, gateway, metrics)->start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "cannot listen on " + taken.address + ": Address already in use");
  for (const char* address : {"nonsense", "127.0.0.1:x", "127.0.0.1:70000", "::1:80"}) {
    taken.address = address;
    const auto bad = make_http_server(taken, {&door}, gateway, metrics)->start();
    ASSERT_FALSE(bad.ok()) << address;
    EXPECT_THAT(std::string(bad.error().message()), HasSubstr(address));
  }
}

}  // namespace
}  // namespace coffer::net::test
