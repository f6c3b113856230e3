// TLS on both listeners: with and without client certificates, and what is said of files that cannot be used.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <ctime>

#include "coffer/v1/secrets.grpc.pb.h"
#include "net/certificate.hpp"
#include "transport_support.hpp"

namespace coffer::net::test {
namespace {

using testing::HasSubstr;

class TlsListeners : public testing::Test {
 protected:
  std::unique_ptr<Server> start_http(const TlsFiles& files) {
    Listener listener = test_listener();
    listener.tls = files;
    auto server = make_http_server(listener, {&door}, gateway, metrics);
    const auto status = server->start();
    EXPECT_TRUE(status.ok());
    return server;
  }
  std::unique_ptr<Server> start_grpc(const TlsFiles& files) {
    Listener listener = test_listener();
    listener.tls = files;
    auto server = make_grpc_server(listener, {&door}, gateway, metrics);
    const auto status = server->start();
    EXPECT_TRUE(status.ok());
    return server;
  }

  /// What the test door says of its caller over HTTPS; empty when there is no connection.
  std::string http_caller(const Server& server, const std::string& identity) {
    HttpClient client(server.port());
    if (!client.start_tls(certificates, identity)) return {};
    return client.call("GET", "/v1/tenants/t/spaces/s/secrets/local").body;
  }
  std::string grpc_caller(const Server& server, const std::string& identity) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = certificates.read("ca.pem");
    if (!identity.empty()) {
      options.pem_cert_chain = certificates.read(identity + ".pem");
      options.pem_private_key = certificates.read(identity + ".key");
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server.port()),
                                             grpc::SslCredentials(options), arguments);
    auto stub = coffer::v1::Secrets::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    coffer::v1::GetRequest request;
    request.set_name("local");
    coffer::v1::Secret secret;
    return stub->Get(&context, request, &secret).ok() ? secret.value() : std::string();
  }

  FakeGateway gateway;
  Metrics metrics{gateway};
  TestDoor door;
  Certificates certificates;
};

TEST_F(TlsListeners, serve_over_tls) {
  const auto http = start_http(certificates.server_files(false));
  EXPECT_THAT(http_caller(*http, ""), HasSubstr("tls loopback"));
  const auto grpc = start_grpc(certificates.server_files(false));
  EXPECT_THAT(grpc_caller(*grpc, ""), HasSubstr("tls loopback"));
}

TEST_F(TlsListeners, show_a_door_the_name_in_a_client_certificate) {
  const auto http = start_http(certificates.server_files(true));
  EXPECT_THAT(http_caller(*http, "client"), HasSubstr("spiffe://test/client tls"));
  EXPECT_THAT(http_caller(*http, ""), Not(HasSubstr("spiffe")));
  EXPECT_THAT(http_caller(*http, ""), HasSubstr("tls"));
  const auto grpc = start_grpc(certificates.server_files(true));
  EXPECT_THAT(grpc_caller(*grpc, "client"), HasSubstr("spiffe://test/client tls"));
  EXPECT_THAT(grpc_caller(*grpc, ""), HasSubstr("tls"));
}

TEST_F(TlsListeners, read_alternative_names_of_every_kind_and_never_the_common_name) {
  EXPECT_EQ(certificate_names(certificates.read("server.pem")), "uri:x:y\ndns:localhost\nemail:ops@example");
  EXPECT_EQ(certificate_names(certificates.read("ca.pem")), "");
  EXPECT_EQ(certificate_names(certificates.read("broken.pem")), "");
}

TEST_F(TlsListeners, show_a_door_when_the_client_certificate_ends) {
  const std::int64_t ends = client_certificate(certificates.read("client.pem")).not_after;
  const std::int64_t in_a_day = std::time(nullptr) * std::int64_t{1000} + 24 * 3'600'000;
  EXPECT_LE(ends, in_a_day);
  EXPECT_GT(ends, in_a_day - 600'000);
  EXPECT_EQ(client_certificate(certificates.read("broken.pem")).not_after, 0);
  const auto until = HasSubstr(" until " + std::to_string(ends));
  EXPECT_THAT(http_caller(*start_http(certificates.server_files(true)), "client"), until);
  EXPECT_THAT(grpc_caller(*start_grpc(certificates.server_files(true)), "client"), until);
}

TEST_F(TlsListeners, resume_no_session_where_a_certificate_may_have_been_shown) {
  for (const bool asks : {false, true}) {
    const auto server = start_http(certificates.server_files(asks));
    HttpClient first(server->port());
    ASSERT_TRUE(first.start_tls(certificates, "client"));
    EXPECT_EQ(first.call("GET", "/healthz").status, 200);
    SSL_SESSION* session = first.session();
    HttpClient second(server->port());
    ASSERT_TRUE(second.start_tls(certificates, "client", session));
    EXPECT_EQ(second.has_resumed(), !asks);
    EXPECT_EQ(second.call("GET", "/healthz").status, 200);
    SSL_SESSION_free(session);
  }
}

TEST_F(TlsListeners, refuse_a_client_certificate_that_does_not_verify) {
  const auto http = start_http(certificates.server_files(true));
  EXPECT_EQ(http_caller(*http, "other"), "");
  const auto grpc = start_grpc(certificates.server_files(true));
  EXPECT_EQ(grpc_caller(*grpc, "other"), "");
}

TEST_F(TlsListeners, survive_plaintext_and_broken_handshakes) {
  const auto http = start_http(certificates.server_files(false));
  HttpClient plain(http->port());
  plain.send(get("/healthz"));
  EXPECT_EQ(plain.receive().status, 0);
  HttpClient(http->port()).send("\x16\x03\x01");
  EXPECT_THAT(http_caller(*http, ""), HasSubstr("tls"));
}

TEST_F(TlsListeners, cut_a_handshake_that_does_not_end) {
  Listener listener = test_listener();
  listener.tls = certificates.server_files(false);
  listener.limits.header_timeout = std::chrono::milliseconds(200);
  auto server = make_http_server(listener, {&door}, gateway, metrics);
  ASSERT_TRUE(server->start().ok());
  HttpClient silent(server->port());
  EXPECT_TRUE(silent.is_closed());
}

TEST_F(TlsListeners, keep_a_connection_and_send_large_answers) {
  const auto http = start_http(certificates.server_files(false));
  gateway.set_mode(FakeGateway::Mode::other_thread);
  HttpClient client(http->port());
  ASSERT_TRUE(client.start_tls(certificates));
  for (int i = 0; i < 5; ++i) {
    EXPECT_GT(client.call("GET", "/v1/tenants/t/spaces/s/secrets/a?view=large").body.size(), 100'000U);
    EXPECT_EQ(client.call("POST", "/t/echo", std::string(50'000, 'x')).body.size(), 50'000U);
  }
}

TEST_F(TlsListeners, say_which_file_is_wrong) {
  struct Case {
    TlsFiles files;
    std::string words;
  };
  const auto path = [&](const char* name) { return certificates.path(name); };
  const Case cases[] = {
      {{path("none.pem"), path("server.key"), {}},
       "cannot read the TLS certificate '" + path("none.pem") + "': No such"},
      {{path("server.pem"), path("none.key"), {}}, "cannot read the TLS key"},
      {{path("broken.pem"), path("server.key"), {}}, "'" + path("broken.pem") + "' is not a PEM certificate"},
      {{path("server.pem"), path("broken.pem"), {}}, "is not an unencrypted PEM key"},
      {{path("server.pem"), path("client.key"), {}}, "does not belong to the certificate"},
      {{path("server.pem"), path("server.key"), path("broken.pem")}, "TLS client CA '" + path("broken.pem")},
  };
  for (const Case& c : cases) {
    Listener listener = test_listener();
    listener.tls = c.files;
    for (const bool http : {true, false}) {
      auto server = http ? make_http_server(listener, {&door}, gateway, metrics)
                         : make_grpc_server(listener, {&door}, gateway, metrics);
      const auto status = server->start();
      ASSERT_FALSE(status.ok());
      EXPECT_THAT(std::string(status.error().message()), HasSubstr(c.words));
    }
  }
}

}  // namespace
}  // namespace coffer::net::test
