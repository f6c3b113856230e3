// The load generator: quantiles, the calls of each door, both drivers against small servers in this process.

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/bench/http_socket.hpp"
#include "app/bench/process_sample.hpp"
#include "app/bench/sources.hpp"
#include "cli_fixture.hpp"
#include "pkg/secrets/protocol.pb.h"

namespace coffer::app::bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Histogram, AnswersQuantilesToTwoPercent) {
  Histogram h;
  for (std::uint64_t i = 1; i <= 100'000; ++i) h.record(i * 1000);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.5)), 50e6, 1e6);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.99)), 99e6, 2e6);
  EXPECT_EQ(h.quantile(1), 100'000'000U);
  EXPECT_EQ(h.max(), 100'000'000U);
  EXPECT_EQ(h.count(), 100'000U);
}

TEST(Histogram, TakesAnyValueAndNone) {
  Histogram h;
  EXPECT_EQ(h.quantile(0.5), 0U);
  h.record(0);
  h.record(~0ULL);
  EXPECT_EQ(h.quantile(0.5), 0U);
  EXPECT_EQ(h.quantile(1), ~0ULL);
}

TEST(Histogram, TellsItsBucketsWithWhatTheyHold) {
  using Buckets = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  Histogram h;
  EXPECT_TRUE(h.buckets().empty());
  for (const std::uint64_t value : {7U, 100'000U, 7U, 1'000'000U}) h.record(value);
  const Buckets held = h.buckets();
  ASSERT_EQ(held.size(), 3U);
  EXPECT_EQ(held[0], Buckets::value_type(7, 2));
  EXPECT_NEAR(static_cast<double>(held[1].first), 100e3, 2e3);
  EXPECT_EQ(held[2], Buckets::value_type(1'000'000, 1)) << "no longer than the longest";
}

TEST(Histogram, MergesAsIfAllHadBeenRecordedInOne) {
  Histogram a, b;
  for (std::uint64_t i = 0; i < 100; ++i) (i % 2 == 0 ? a : b).record(i);
  a.merge(b);
  EXPECT_EQ(a.count(), 100U);
  EXPECT_EQ(a.quantile(0.5), 49U);
  EXPECT_EQ(a.max(), 99U);
}

Item made(const Source& source, std::uint64_t number) {
  Item item;
  EXPECT_TRUE(source.make(number, item));
  return item;
}

TEST(Load, SpreadsOverTenantsAndKeysThatWerePrepared) {
  Workload w;
  w.tenants = 3;
  w.keys = 5;
  std::set<std::string> read, stored;
  const auto load = make_load(w);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    v1::GetRequest request;
    ASSERT_TRUE(request.ParseFromString(made(*load, i).bytes));
    read.insert(request.tenant() + "/" + request.name());
  }
  const auto preparation = make_preparation(w);
  Item item;
  for (std::uint64_t i = 0; preparation->make(i, item); ++i) {
    v1::PutRequest request;
    ASSERT_TRUE(request.ParseFromString(item.bytes));
    EXPECT_EQ(request.value().size(), 256U);
    stored.insert(request.tenant() + "/" + request.name());
  }
  EXPECT_EQ(stored.size(), 15U);
  EXPECT_EQ(read, stored);
}

TEST(Load, MixesOnePutToNineGets) {
  Workload w;
  w.operation = Operation::mixed;
  const auto load = make_load(w);
  int puts = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) puts += made(*load, i).method == "/coffer.v1.Secrets/Put" ? 1 : 0;
  EXPECT_EQ(puts, 100);
}

TEST(Load, StoresThroughDirektivUnderANewNameEachTime) {
  Workload w;
  w.door = BenchDoor::direktiv;
  w.operation = Operation::put;
  std::set<std::string> names;
  const auto load = make_load(w);
  for (std::uint64_t i = 0; i < 100; ++i) {
    secrets::SecretsStoreRequest request;
    ASSERT_TRUE(request.ParseFromString(made(*load, i).bytes));
    EXPECT_TRUE(request.has_stype());
    names.insert(request.name());
  }
  EXPECT_EQ(names.size(), 100U);
}

TEST(Load, MakesWholeHttpRequests) {
  Workload w;
  w.door = BenchDoor::native_http;
  w.operation = Operation::put;
  w.keys = 1;
  w.value_bytes = 4;
  w.http_host = "h:1";
  w.token = "cft_x";
  EXPECT_THAT(made(*make_load(w), 0).bytes,
              StartsWith("PUT /v1/tenants/bench-0/spaces/kv/secrets/key-0 HTTP/1.1\r\n"
                         "host: h:1\r\nauthorization: Bearer cft_x\r\n"
                         "content-type: application/json\r\ncontent-length: 16\r\n\r\n{"));
  w.door = BenchDoor::dapr_http;
  w.operation = Operation::get;
  EXPECT_EQ(made(*make_load(w), 0).bytes,
            "GET /v1.0/secrets/coffer/key-0 HTTP/1.1\r\nhost: h:1\r\ndapr-api-token: cft_x\r\n\r\n");
}

TEST(Load, RefusesWhatDaprCannot) {
  Workload w;
  w.door = BenchDoor::dapr_http;
  EXPECT_TRUE(check(w).ok());
  w.operation = Operation::put;
  EXPECT_FALSE(check(w).ok());
  w.operation = Operation::get;
  w.tenants = 2;
  EXPECT_FALSE(check(w).ok());
}

TEST(ParseHead, ReadsStatusLengthAndClose) {
  const auto head = parse_head("HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close");
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->length, 12U);
  EXPECT_TRUE(head->closes);
  EXPECT_TRUE(parse_head("HTTP/1.1 204 No Content\r\ndate: x").ok());
  for (const auto* bad : {"HTTP/2 200", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\ncontent-length: x",
                          "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", "garbage"}) {
    EXPECT_FALSE(parse_head(bad).ok()) << bad;
  }
}

TEST(ProcessSample, SeesThisProcess) {
  const auto sample = sample_process(getpid());
  ASSERT_TRUE(sample.ok());
  EXPECT_GT(sample->resident_bytes, 1U << 20);
  EXPECT_FALSE(sample_process(0x7FFFFFFF).ok());
}

TEST(BenchCommand, LoadsThroughGrpcAndCountsEveryPut) {
  test::FakeSecrets fake;
  test::FakeServer server{{&fake}};
  test::Shell shell;
  const auto ran = shell.run({"bench", "load", "--tenants", "20", "--secrets", "3", "--concurrency", "4", "--server",
                              server.address, "--output", "json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(fake.calls, 60);
  EXPECT_THAT(ran.out, HasSubstr("\"requests\": 60,"));
  EXPECT_THAT(ran.out, HasSubstr("\"errors\": 0,"));
}

TEST(BenchCommand, MeasuresGetsAfterStoringThem) {
  test::FakeSecrets fake;
  test::FakeServer server{{&fake}};
  test::Shell shell;
  const auto ran = shell.run({"bench", "--connections", "2", "--streams", "2", "--duration", "1s", "--warmup", "0s",
                              "--keys", "7", "--server", server.address, "--pid", std::to_string(getpid())});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("native-grpc get, 2 connections, 1 x 7 secrets of 256 bytes"));
  EXPECT_THAT(ran.out, HasSubstr("us per request"));
  EXPECT_THAT(fake.get.name(), StartsWith("key-"));
}

TEST(BenchCommand, KeepsToTheRate) {
  test::FakeSecrets fake;
  test::FakeServer server{{&fake}};
  test::Shell shell;
  const auto ran = shell.run({"bench", "--op", "put", "--connections", "4", "--duration", "500ms", "--warmup", "0s",
                              "--rate", "100", "--server", server.address});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_GT(fake.calls, 0);
  EXPECT_LE(fake.calls, 50);
}

TEST(BenchCommand, ReportsErrorsByReasonAndFailsWhenNothingSucceeded) {
  test::FakeSecrets fake;
  fake.always = {grpc::StatusCode::PERMISSION_DENIED, "no"};
  test::FakeServer server{{&fake}};
  test::Shell shell;
  const auto ran = shell.run({"bench", "--op", "put", "--connections", "1", "--duration", "500ms", "--warmup", "0s",
                              "--server", server.address});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("7 no"));
}

/// Larger than what the socket reads at once.
const std::string kBody(40'000, 'b');

/// Answers every request on each connection with kBody.
class TinyHttpServer {
 public:
  TinyHttpServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 16);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    acceptor_ = std::thread([this] {
      for (int client = 0; (client = accept(listener_, nullptr, nullptr)) >= 0;) {
        clients_.emplace_back([this, client] { serve(client); });
      }
    });
  }
  ~TinyHttpServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& client : clients_) client.join();
    close(listener_);
  }
  std::uint16_t port = 0;
  std::atomic<int> requests{0};

 private:
  void serve(int client) {
    std::string received;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = recv(client, buffer.data(), buffer.size(), 0)) > 0;) {
      received.append(buffer.data(), static_cast<std::size_t>(n));
      for (auto end = received.find("\r\n\r\n"); end != std::string::npos; end = received.find("\r\n\r\n")) {
        received.erase(0, end + 4);
        ++requests;
        for (const std::string& piece : {std::string("HTTP/1.1 200 OK\r\nContent-Le"), "ngth: 40000\r\n\r\n" + kBody}) {
          send(client, piece.data(), piece.size(), MSG_NOSIGNAL);
        }
      }
    }
    close(client);
  }
  int listener_;
  std::thread acceptor_;
  std::vector<std::thread> clients_;
};

TEST(BenchCommand, DrivesHttpOverKeptConnections) {
  TinyHttpServer server;
  test::Shell shell;
  const auto ran =
      shell.run({"bench", "--door", "native-http", "--connections", "2", "--duration", "1s", "--warmup", "0s",
                 "--no-prepare", "--http", "127.0.0.1:" + std::to_string(server.port), "-o", "json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("\"requests\": " + std::to_string(server.requests) + ","));
  EXPECT_GT(server.requests, 0);
}

TEST(HttpSocket, ReadsAnswersToTheirEndThatComeInPieces) {
  TinyHttpServer server;
  HttpSocket socket("127.0.0.1", std::to_string(server.port), std::chrono::seconds(5));
  for (int i = 0; i < 3; ++i) {
    const auto status = socket.exchange("GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(status.ok()) << status.error().detail;
    EXPECT_EQ(*status, 200);
    EXPECT_EQ(socket.body(), kBody);
  }
}

TEST(HttpSocket, SaysWhyItCannotConnect) {
  HttpSocket socket("127.0.0.1", "1", std::chrono::seconds(1));
  EXPECT_THAT(socket.exchange("x").error().detail, HasSubstr("refused"));
}

}  // namespace
}  // namespace coffer::app::bench
