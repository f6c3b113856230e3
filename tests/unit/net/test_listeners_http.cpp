// The HTTP listener over real sockets: how it frames, routes and answers calls.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_listener_fixture.hpp"

namespace coffer::net::test {
namespace {

using testing::HasSubstr;

TEST_F(HttpListener, answers_a_transcoded_call_that_completes_within_submit) {
  start();
  const auto answer = once("GET", std::string(kSecret) + "a%2Fb?version=3");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.headers.at("etag"), "\"7\"");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  EXPECT_THAT(answer.body, HasSubstr(R"("name":"a/b","space":"s","version":7)"));
  EXPECT_THAT(answer.body, Not(HasSubstr(R"("data")")));
  const auto request = gateway.last();
  const auto& get = std::get<model::Get>(std::get<model::TenantOperation>(request.operation));
  EXPECT_EQ(get.name, "a/b");
  EXPECT_EQ(get.version, 3U);
  EXPECT_THAT(request.info.address, testing::StartsWith("127.0.0.1:"));
}

TEST_F(HttpListener, answers_a_call_that_completes_on_another_thread) {
  start();
  gateway.set_mode(FakeGateway::Mode::other_thread);
  HttpClient client(server->port());
  for (int i = 0; i < 50; ++i) {
    const auto answer = client.call("GET", std::string(kSecret) + std::to_string(i));
    ASSERT_EQ(answer.status, 200);
    ASSERT_THAT(answer.body, HasSubstr("of " + std::to_string(i)));
  }
}

TEST_F(HttpListener, gives_a_call_the_default_deadline_and_takes_the_clients_request_id) {
  start();
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const auto answer = once("GET", std::string(kSecret) + "a", {}, "X-Request-Id: mine-1\r\n");
  EXPECT_EQ(answer.headers.at("x-request-id"), "mine-1");
  const auto info = gateway.last().info;
  EXPECT_EQ(info.request_id, "mine-1");
  EXPECT_GE(info.deadline, now + 15'000);
  EXPECT_LE(info.deadline, now + 60'000);
}

TEST_F(HttpListener, makes_an_id_up_for_the_answer_but_not_for_retries) {
  start();
  const auto answer = once("GET", std::string(kSecret) + "a");
  EXPECT_EQ(answer.headers.at("x-request-id").size(), 16U);
  EXPECT_EQ(gateway.last().info.request_id, "");
}

TEST_F(HttpListener, refuses_a_request_id_that_is_too_long) {
  start();
  const auto answer = once("GET", std::string(kSecret) + "a", {}, "x-request-id: " + std::string(129, 'x') + "\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("x-request-id"));
}

TEST_F(HttpListener, answers_failures_of_decode_of_the_actors_and_of_encode_in_the_doors_words) {
  start();
  auto answer = once("GET", std::string(kSecret) + "refused", {}, "x-request-id: id-1\r\n");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.headers.at("content-type"), "text/test");
  EXPECT_EQ(answer.body, "test door: PERMISSION_DENIED: not for you (id-1)");
  EXPECT_EQ(once("GET", std::string(kSecret) + "throws").status, 500);
  EXPECT_EQ(once("GET", std::string(kSecret) + "unencodable").status, 500);
  gateway.answer = [](const auto&) { return model::Error(model::Code::entry_not_found); };
  EXPECT_EQ(once("GET", std::string(kSecret) + "a").status, 404);
  gateway.answer = [](const auto&) { return model::Error(model::Code::tenant_not_found); };
  answer = once("GET", std::string(kSecret) + "a");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("recovered"));
}

TEST_F(HttpListener, refuses_bad_json_in_the_doors_words) {
  start();
  const auto answer = once("PUT", std::string(kSecret) + "a", R"({"data":{"password":1}})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("data.password: expected a string"));
}

TEST_F(HttpListener, shows_a_door_its_caller) {
  start();
  const auto answer = once("GET", std::string(kSecret) + "local", {}, "X-Extra:  seen \r\n");
  EXPECT_THAT(answer.body, HasSubstr(" seen "));
  EXPECT_THAT(answer.body, HasSubstr("plain loopback"));
}

TEST_F(HttpListener, sends_no_body_with_304_and_204) {
  start();
  HttpClient client(server->port());
  auto answer = client.call("GET", std::string(kSecret) + "a?view=none");
  EXPECT_EQ(answer.status, 304);
  EXPECT_FALSE(answer.headers.contains("content-length"));
  EXPECT_EQ(answer.headers.at("etag"), "\"7\"");
  answer = client.call("GET", "/t/store/bulk");
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.headers.contains("content-type"));
  EXPECT_EQ(client.call("GET", "/healthz").status, 200);
}

TEST_F(HttpListener, sends_a_large_body_whole) {
  start();
  const auto answer = once("GET", std::string(kSecret) + "a?view=large");
  EXPECT_THAT(answer.body, HasSubstr(std::string(100'000, 'x')));
}

TEST_F(HttpListener, answers_head_with_the_header_of_get) {
  start();
  HttpClient client(server->port());
  const auto head = client.call("HEAD", std::string(kSecret) + "a");
  EXPECT_EQ(head.status, 200);
  const auto whole = client.call("GET", std::string(kSecret) + "a");
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(whole.body.size()));
}

TEST_F(HttpListener, serves_a_doors_own_routes_with_decoded_words) {
  start();
  auto answer = once("GET", "/t/my%2Fstore/a+b%2Bc?metadata.x=1&y=a%20b+c&flag");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "my/store|a b+c|metadata.x=1|y=a b c|flag=");
  EXPECT_EQ(answer.headers.at("x-door"), "test");
  EXPECT_EQ(once("GET", "/t/s/submitted").body, "submitted");
  gateway.set_mode(FakeGateway::Mode::other_thread);
  EXPECT_EQ(once("GET", "/t/s/submitted").body, "submitted");
  gateway.answer = [](const auto&) { return model::Error(model::Code::internal); };
  EXPECT_EQ(once("GET", "/t/s/submitted").body, "failed");
  EXPECT_EQ(once("GET", "/t/s/refused").status, 403);
  EXPECT_EQ(once("POST", "/t/echo", "some body").body, "some body");
}

TEST_F(HttpListener, refuses_what_is_not_percent_encoded) {
  start();
  EXPECT_EQ(once("GET", "/t/s/a%2").status, 400);
  EXPECT_EQ(once("GET", "/t/s/a%zz").status, 400);
  EXPECT_EQ(once("GET", "/t/s/a?x=%").status, 400);
  EXPECT_EQ(once("GET", std::string(kSecret) + "%f").status, 400);
}

TEST_F(HttpListener, refuses_names_that_are_not_utf8) {
  start();
  const auto answer = once("GET", std::string(kSecret) + "%ff");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("UTF-8"));
}

TEST_F(HttpListener, answers_unknown_paths_in_the_words_of_the_door_with_that_prefix) {
  start();
  auto answer = once("GET", "/v1/nothing", {}, "x-request-id: id-2\r\n");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "test door: NOT_FOUND: there is nothing at this path (id-2)");
  answer = once("GET", "/other", {}, "x-request-id: id-2\r\n");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body,
            R"({"error":{"code":"NOT_FOUND","message":"there is nothing at this path","request_id":"id-2"}})");
}

TEST_F(HttpListener, names_the_methods_of_a_path_that_does_not_take_this_one) {
  start();
  const auto answer = once("DELETE", std::string(kSecret) + "a");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "GET, PUT, HEAD");
  EXPECT_THAT(answer.body, HasSubstr("test door"));
}

TEST_F(HttpListener, takes_a_custom_verb_and_refuses_an_unknown_one) {
  start();
  EXPECT_THAT(once("POST", std::string(kSecret) + "a%3Ab:undelete").body, HasSubstr("undeleted a:b"));
  EXPECT_THAT(once("POST", std::string(kSecret) + "a:undelete", "{}", "content-type: application/json\r\n").body,
              HasSubstr("undeleted a"));
  EXPECT_EQ(once("GET", std::string(kSecret) + "a:undelet").status, 404);
}

TEST_F(HttpListener, refuses_a_body_that_is_not_called_json) {
  start();
  const auto answer =
      once("PUT", std::string(kSecret) + "a", "value=x", "content-type: application/x-www-form-urlencoded\r\n");
  EXPECT_EQ(answer.status, 415);
  EXPECT_THAT(answer.body, HasSubstr("test door"));
  EXPECT_EQ(once("PUT", std::string(kSecret) + "a", "{}", "Content-Type: Application/JSON; charset=utf-8\r\n").status,
            200);
}

TEST_F(HttpListener, keeps_a_connection_and_closes_it_when_told) {
  start();
  HttpClient client(server->port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.call("GET", "/healthz").status, 200);
  const auto last = client.call("GET", "/healthz", {}, "Connection: close\r\n");
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpListener, tells_http_1_0_clients_whether_the_connection_stays) {
  start();
  HttpClient client(server->port());
  client.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.receive().headers.at("connection"), "keep-alive");
  client.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpListener, answers_pipelined_requests_in_their_order) {
  start();
  gateway.set_mode(FakeGateway::Mode::other_thread);
  HttpClient client(server->port());
  std::string all;
  for (int i = 0; i < 20; ++i) all += get(kSecret + std::to_string(i));
  client.send(all + "POST /t/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc" + get("/healthz"));
  for (int i = 0; i < 20; ++i) ASSERT_THAT(client.receive().body, HasSubstr("\"of " + std::to_string(i) + "\""));
  EXPECT_EQ(client.receive().body, "abc");
  EXPECT_THAT(client.receive().body, HasSubstr("alive"));
}

TEST_F(HttpListener, reads_a_request_that_comes_byte_by_byte) {
  start();
  HttpClient client(server->port());
  for (const char c : std::string("\r\nPOST /t/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")) {
    client.send(std::string_view(&c, 1));
  }
  EXPECT_EQ(client.receive().body, "hello");
}

TEST_F(HttpListener, reads_a_chunked_body_and_ignores_its_trailer) {
  start();
  HttpClient client(server->port());
  client.send(
      "PUT /v1/tenants/t/spaces/s/secrets/a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
      "9;x=y\r\n{\"value\":\r\n4\r\n\"v\"}\r\n0\r\nx-request-id: from-the-trailer\r\n\r\n" +
      get("/healthz"));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive().status, 200);
  const auto request = gateway.last();
  EXPECT_EQ(request.info.request_id, "");
  const auto& put = std::get<model::Put>(std::get<model::TenantOperation>(request.operation));
  EXPECT_EQ(put.payload, model::Payload::of_text("v"));
}

TEST_F(HttpListener, asks_for_the_body_of_a_client_that_waits) {
  start();
  HttpClient client(server->port());
  client.send("POST /t/echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.receive(true).status, 100);
  client.send("hello");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST_F(HttpListener, takes_a_target_in_absolute_form) {
  start();
  EXPECT_EQ(once("GET", "http://test:80/healthz?x=1").status, 200);
  EXPECT_EQ(once("OPTIONS", "*").status, 404);
}

TEST_F(HttpListener, answers_a_client_that_has_closed_its_half) {
  start();
  HttpClient client(server->port());
  client.send(get("/healthz"));
  client.close_writing();
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpListener, tells_whether_the_node_lives_and_is_ready) {
  start();
  EXPECT_EQ(once("GET", "/healthz").status, 200);
  EXPECT_EQ(once("GET", "/readyz").status, 200);
  gateway.set_ready(false);
  EXPECT_EQ(once("GET", "/healthz").status, 200);
  EXPECT_EQ(once("GET", "/readyz").status, 503);
  gateway.set_ready(false, true);
  EXPECT_THAT(once("GET", "/readyz").body, HasSubstr("sealed"));
}

TEST_F(HttpListener, shows_its_numbers) {
  start();
  once("GET", std::string(kSecret) + "very-secret-name");
  once("GET", "/v1/nothing");
  const auto answer = once("GET", "/metrics");
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4");
  EXPECT_THAT(answer.body, HasSubstr(R"(coffer_requests_total{door="test",method="Secrets/Get",status="OK"} 1)"));
  EXPECT_THAT(answer.body, HasSubstr(R"(coffer_requests_total{door="http",method="refused",status="404"} 1)"));
  EXPECT_THAT(answer.body, Not(HasSubstr("very-secret-name")));
}

}  // namespace
}  // namespace coffer::net::test
