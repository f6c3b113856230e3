// A whole node without its listeners: actors, groups, both databases. Real LevelDB in a temporary directory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include <sys/stat.h>

#include "actors/node.hpp"
#include "crypto/key_ring.hpp"
#include "storage/faulty_engine.hpp"
#include "storage/open.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class WaitingCall final : public Call {
 public:
  void complete() noexcept override {
    std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  model::Result<model::Reply> wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return done_; })) {
      ADD_FAILURE() << "a call was never completed";
      std::abort();
    }
    return std::move(reply);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

model::Result<TenantTrust> ask_trust(const Gateway& node, const model::TenantRef& tenant, model::TimeMs deadline) {
  std::promise<model::Result<TenantTrust>> promise;
  auto answer = promise.get_future();
  node.ask_trust(tenant, deadline,
                 [&promise](model::Result<TenantTrust> trust) { promise.set_value(std::move(trust)); });
  return answer.get();
}

class NodeTest : public ::testing::Test {
 protected:
  NodeTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coffer-node-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    EXPECT_TRUE(crypto::create_key_file(path_ + "/key", crypto::system_random()).ok());
  }
  ~NodeTest() override {
    node.reset();
    std::filesystem::remove_all(path_);
  }

  model::Result<std::unique_ptr<Node>> try_start(std::function<void(NodeOptions&)> change = {}) {
    NodeOptions options;
    storage::LevelDbOptions log, state;
    log.path = path_ + "/log";
    state.path = path_ + "/state";
    state.paranoid = false;
    auto log_engine = storage::open_leveldb(log);
    auto state_engine = storage::open_leveldb(state);
    if (!log_engine) return log_engine.error();
    if (!state_engine) return state_engine.error();
    options.log_engine = std::move(*log_engine);
    options.state_engine = std::move(*state_engine);
    auto seal = crypto::open_key_file_seal(path_ + "/key");
    if (!seal) return seal.error();
    options.seal = std::move(*seal);
    options.bootstrap = Bootstrap::allow;
    options.dev = true;
    options.data_groups = 4;
    options.operator_token_file = path_ + "/root.token";
    if (change) change(options);
    return Node::start(std::move(options), std::chrono::seconds(20));
  }
  void start(std::function<void(NodeOptions&)> change = {}) {
    auto started = try_start(std::move(change));
    ASSERT_TRUE(started.ok()) << started.error().message();
    node = std::move(*started);
  }

  static model::Request request(std::string tenant, model::TenantOperation operation) {
    model::Request made;
    made.tenant.name = std::move(tenant);
    made.tenant.create_at_first_use = true;
    made.credential.kind = model::CredentialKind::dev_root;
    made.operation = std::move(operation);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    made.info.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + 15'000;
    return made;
  }
  static model::Put put(std::string name, std::string_view value) {
    model::Put made;
    made.space = "kv";
    made.name = std::move(name);
    made.payload = model::Payload::of_text(value);
    return made;
  }
  model::Result<model::Reply> run(model::Request made) {
    WaitingCall call;
    call.request = std::move(made);
    node->submit(&call);
    return call.wait();
  }
  std::string read(const std::string& tenant, const std::string& name) {
    auto reply = run(request(tenant, model::Get{"kv", name, 0, true}));
    if (!reply) return std::string(model::info(reply.error().code).name);
    return std::string(std::get<model::EntryReply>(reply->body).payload->content.expose());
  }

  std::string path_;
  std::unique_ptr<Node> node;
};

TEST_F(NodeTest, WhomATenantTrustsIsReadAsCommittedAndWithoutItsShard) {
  start([](NodeOptions& options) { options.shard_idle = std::chrono::milliseconds(50); });
  const auto deadline = request("t", put("a", "1")).info.deadline;
  model::TenantRef tenant;
  tenant.name = "t";
  const auto trust_of = [&] { return ask_trust(*node, tenant, deadline); };
  EXPECT_EQ(trust_of().error().code, model::Code::tenant_not_found);
  EXPECT_FALSE(node->find_tenant(tenant).has_value());
  ASSERT_TRUE(run(request("t", put("a", "1"))).ok());
  const auto id = node->find_tenant(tenant);
  ASSERT_TRUE(id.has_value());
  model::PutIssuer issuer;
  issuer.issuer.name = "corp";
  issuer.issuer.iss = "https://id.example";
  issuer.issuer.public_keys = {"pem"};
  issuer.issuer.algorithms = 1;
  for (int i = 0; i < 50; ++i) {
    // What was answered is found, though the state database follows the log.
    const auto before = node->trust_basis(tenant);
    ASSERT_TRUE(run(request("t", issuer)).ok());
    EXPECT_NE(node->trust_basis(tenant), before);
    EXPECT_TRUE(before.led_here);
    auto trust = trust_of();
    ASSERT_TRUE(trust.ok()) << trust.error().message();
    EXPECT_EQ(trust->tenant, *id);
    ASSERT_EQ(trust->issuers.size(), 1U);
    ASSERT_TRUE(run(request("t", model::DeleteIssuer{"corp"})).ok());
    EXPECT_TRUE(trust_of()->issuers.empty());
  }
  ASSERT_TRUE(run(request("t", issuer)).ok());
  for (int i = 0; i < 2'000 && node->status().active_shards > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_EQ(node->status().active_shards, 0U);
  EXPECT_EQ(trust_of()->issuers.size(), 1U);
  EXPECT_EQ(node->status().active_shards, 0U);
}

TEST_F(NodeTest, APresentedCredentialIsRefusedByTheNodeItself) {
  start();
  auto made = request("t", put("a", "1"));
  made.credential.kind = model::CredentialKind::presented;
  made.credential.token = model::Secret("a.b.c");
  EXPECT_EQ(run(made).error().code, model::Code::unauthenticated);
  EXPECT_FALSE(node->find_tenant(made.tenant).has_value());
}

TEST_F(NodeTest, WritesAreThereAfterARestart) {
  start();
  ASSERT_TRUE(run(request("t", put("a", "1"))).ok());
  node.reset();
  start();
  EXPECT_EQ(read("t", "a"), "1");
}

TEST_F(NodeTest, WritesAreThereAfterAStartThatFindsNoCheckpoint) {
  start([](NodeOptions& options) { options.checkpoint_bytes = 1 << 30; });
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(run(request("t" + std::to_string(i % 7), put("k" + std::to_string(i), "v"))).ok());
  // A copy of both directories while the node runs is what a power cut leaves, at most less of the state.
  std::filesystem::copy(path_ + "/log", path_ + "/log.copy");
  node.reset();
  std::filesystem::remove_all(path_ + "/log");
  std::filesystem::rename(path_ + "/log.copy", path_ + "/log");
  start();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(read("t" + std::to_string(i % 7), "k" + std::to_string(i)), "v");
}

TEST_F(NodeTest, ATenantIsMadeAtFirstUseByAWriteAndNotByARead) {
  start();
  EXPECT_FALSE(run(request("new", model::Get{"kv", "a", 0, true})).ok());
  EXPECT_EQ(node->status().tenants, 0U);
  ASSERT_TRUE(run(request("new", put("a", "1"))).ok());
  EXPECT_EQ(node->status().tenants, 1U);
}

TEST_F(NodeTest, ManyFirstWritesToOneNewTenantAllSucceed) {
  start();
  std::vector<std::unique_ptr<WaitingCall>> calls;
  for (int i = 0; i < 64; ++i) {
    calls.push_back(std::make_unique<WaitingCall>());
    calls.back()->request = request("new", put("k" + std::to_string(i), "v"));
    node->submit(calls.back().get());
  }
  for (auto& call : calls) EXPECT_TRUE(call->wait().ok());
  EXPECT_EQ(node->status().tenants, 1U);
}

TEST_F(NodeTest, OutsideDevNothingIsMadeAtFirstUse) {
  start([](NodeOptions& options) { options.dev = false; });
  EXPECT_EQ(run(request("new", put("a", "1"))).error().code, Code::tenant_not_found);
}

TEST_F(NodeTest, ShardsEndWhenIdleAndStartAgainWithoutAnError) {
  start([](NodeOptions& options) { options.shard_idle = std::chrono::milliseconds(2); });
  // Writers that pause around the idle time meet shards in every phase of their end.
  std::atomic<int> failures{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 150; ++i) {
        auto reply = run(request("t" + std::to_string(i % 3), put("w" + std::to_string(w), std::to_string(i))));
        if (!reply.ok()) ++failures;
        std::this_thread::sleep_for(std::chrono::milliseconds(i % 5));
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(failures, 0);
  // 50 writes of each of 4 names in each of 3 tenants: each made exactly one version.
  for (int t = 0; t < 3; ++t) {
    for (int w = 0; w < 4; ++w) {
      auto reply = run(request("t" + std::to_string(t), model::Get{"kv", "w" + std::to_string(w), 0, false}));
      ASSERT_TRUE(reply.ok());
      EXPECT_EQ(std::get<model::EntryReply>(reply->body).version, 50U);
    }
  }
}

TEST_F(NodeTest, WithoutACredentialNothingStarts) {
  start();
  auto made = request("new", put("a", "1"));
  made.credential.kind = model::CredentialKind::none;
  EXPECT_EQ(run(made).error().code, Code::unauthenticated);
  EXPECT_EQ(node->status().tenants, 0U);
  EXPECT_EQ(node->status().active_shards, 0U);
}

TEST_F(NodeTest, ATokenLearnsNothingOfOtherTenants) {
  start();
  ASSERT_TRUE(run(request("a", put("x", "1"))).ok());
  ASSERT_TRUE(run(request("b", put("x", "1"))).ok());
  model::CreateToken create;
  create.scopes = {{model::kAllCapabilities, {"*"}, {"*"}}};
  auto token = run(request("a", create));
  ASSERT_TRUE(token.ok());
  auto credential = node->authenticate(std::get<model::TokenReply>(token->body).secret.expose(), model::Door::native);
  ASSERT_TRUE(credential.ok());
  const auto as_token = [&](std::string tenant) {
    auto made = request(std::move(tenant), model::Get{"kv", "x", 0, true});
    made.credential = *credential;
    return run(made);
  };
  EXPECT_TRUE(as_token("a").ok());
  EXPECT_EQ(as_token("b").error(), as_token("missing").error());
}

TEST_F(NodeTest, TheRootTokenIsWrittenPrivatelyAndLetIn) {
  start();
  struct stat info {};
  ASSERT_EQ(::stat((path_ + "/root.token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  std::ifstream in(path_ + "/root.token");
  std::string token;
  in >> token;
  auto credential = node->authenticate(token, model::Door::native);
  ASSERT_TRUE(credential.ok());
  EXPECT_EQ(credential->kind, model::CredentialKind::dev_root);
  token.back() = token.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(node->authenticate(token, model::Door::native).ok());
}

TEST_F(NodeTest, AnotherKeyFileDoesNotOpenTheNode) {
  start();
  node.reset();
  std::filesystem::remove(path_ + "/key");
  ASSERT_TRUE(crypto::create_key_file(path_ + "/key", crypto::system_random()).ok());
  auto started = try_start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, Code::key_mismatch);
}

TEST_F(NodeTest, APristineDirectoryIsRefusedUnlessTheNodeMayBootstrap) {
  auto started = try_start([](NodeOptions& options) { options.bootstrap = Bootstrap::refuse; });
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(std::string(started.error().message()), ::testing::HasSubstr("coffer admin init"));
}

TEST_F(NodeTest, InitRefusesADirectoryThatIsInUse) {
  start();
  ASSERT_TRUE(run(request("t", put("a", "1"))).ok());
  node.reset();
  EXPECT_FALSE(try_start([](NodeOptions& options) { options.bootstrap = Bootstrap::require; }).ok());
  start();
  EXPECT_EQ(read("t", "a"), "1");
}

TEST_F(NodeTest, AStateDatabaseThatLostItsLogIsNotTakenForANewNode) {
  start();
  ASSERT_TRUE(run(request("t", put("a", "1"))).ok());
  node.reset();
  std::filesystem::rename(path_ + "/log", path_ + "/log.away");
  auto started = try_start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, Code::data_loss);
  std::filesystem::remove_all(path_ + "/log");
  std::filesystem::rename(path_ + "/log.away", path_ + "/log");
  start();
  EXPECT_EQ(read("t", "a"), "1") << "nothing was overwritten";
}

TEST_F(NodeTest, CallsThatComeBeforeTheirGroupOpenedWaitForIt) {
  start();
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(run(request("t" + std::to_string(i), put("a", "1"))).ok());
  for (int round = 0; round < 5; ++round) {
    node.reset();
    start();
    for (int i = 0; i < 8; ++i) ASSERT_EQ(read("t" + std::to_string(i), "a"), "1") << "round " << round;
  }
}

TEST_F(NodeTest, AfterADiskErrorNothingIsAcknowledged) {
  std::atomic<bool> fatal{false};
  storage::FaultyEngine* log_engine = nullptr;
  start([&](NodeOptions& options) {
    auto faulty = std::make_unique<storage::FaultyEngine>();
    log_engine = faulty.get();
    options.log_engine = std::move(faulty);
    options.state_engine = storage::open_memory();
    options.fatal = [&](const model::Error&) { fatal = true; };
  });
  ASSERT_TRUE(run(request("t", put("a", "1"))).ok());
  log_engine->fail_write(1, storage::DiskFault::no_space);
  WaitingCall call;
  call.request = request("t", put("a", "2"));
  node->submit(&call);
  for (int i = 0; i < 2000 && !fatal; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(fatal);
  node->stop();
  EXPECT_FALSE(call.wait().ok());
}

TEST_F(NodeTest, StoppingANodeAnswersEveryCall) {
  start();
  std::vector<std::unique_ptr<WaitingCall>> calls;
  for (int i = 0; i < 500; ++i) {
    calls.push_back(std::make_unique<WaitingCall>());
    calls.back()->request = request("t" + std::to_string(i % 5), put("k", "v"));
    node->submit(calls.back().get());
  }
  node->stop();
  for (auto& call : calls) (void)call->wait();
}

}  // namespace
}  // namespace coffer::actors
