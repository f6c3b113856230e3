// What several nodes promise together: written anywhere, read anywhere; a client of a surviving node sees only time pass.

#include <gmock/gmock.h>

#include <atomic>
#include <future>

#include "tests/unit/actors/cluster_fixture.hpp"

namespace coffer::actors {
namespace {

using testing::ClusterFixture;

class ClusterTest : public ClusterFixture {
 protected:
  /// Writers that each count up a name of their own, at the nodes they are told, until they are stopped.
  struct Writers {
    std::vector<std::thread> threads;
    std::atomic<bool> stop{false};
    std::vector<std::atomic<std::uint64_t>> written;
    std::atomic<int> failures{0};
    std::mutex mutex;
    std::string first_failure;
    explicit Writers(std::size_t n) : written(n) {}
  };
  void begin(Writers& writers, const std::vector<std::uint64_t>& nodes) {
    for (std::size_t w = 0; w < writers.written.size(); ++w) {
      writers.threads.emplace_back([&, w, node = nodes[w % nodes.size()]] {
        while (!writers.stop) {
          const std::string outcome =
              write(node, "t" + std::to_string(w % 4), "w" + std::to_string(w), std::to_string(writers.written[w] + 1));
          if (outcome == "ok") {
            ++writers.written[w];
          } else {
            ++writers.failures;
            const std::lock_guard lock(writers.mutex);
            if (writers.first_failure.empty()) writers.first_failure = outcome;
            return;
          }
        }
      });
    }
  }
  static void end(Writers& writers) {
    writers.stop = true;
    for (auto& thread : writers.threads) thread.join();
    EXPECT_EQ(writers.failures, 0) << writers.first_failure;
  }
  /// Each write made one version, though some were sent more than once.
  void expect_all(const Writers& writers, std::uint64_t at) {
    for (std::size_t w = 0; w < writers.written.size(); ++w) {
      const std::string tenant = "t" + std::to_string(w % 4), name = "w" + std::to_string(w);
      EXPECT_EQ(version(at, tenant, name), writers.written[w]) << tenant << " " << name;
      EXPECT_EQ(read(at, tenant, name), std::to_string(writers.written[w]));
    }
  }
  void wait_for_writes(const Writers& writers, std::uint64_t more) {
    std::vector<std::uint64_t> before;
    for (const auto& count : writers.written) before.push_back(count);
    EXPECT_TRUE(eventually([&] {
      for (std::size_t w = 0; w < before.size(); ++w) {
        if (writers.written[w] < before[w] + more && writers.failures == 0) return false;
      }
      return true;
    }));
  }
};

TEST_F(ClusterTest, WhatIsWrittenAtOneNodeIsReadAtEveryOther) {
  start_three();
  for (int round = 0; round < 5; ++round) {
    for (std::uint64_t writer = 1; writer <= 3; ++writer) {
      const std::string tenant = "t" + std::to_string(round);
      const std::string value = std::to_string(round) + "/" + std::to_string(writer);
      ASSERT_EQ(write(writer, tenant, "k", value), "ok");
      for (std::uint64_t reader = 1; reader <= 3; ++reader) {
        EXPECT_EQ(read(reader, tenant, "k"), value) << "written at " << writer << ", read at " << reader;
      }
    }
  }
  EXPECT_EQ(read(2, "nobody", "k"), "NOT_FOUND");
}

TEST_F(ClusterTest, AClientOfASurvivingNodeSeesNoErrorWhenAnotherNodeDies) {
  start_three();
  Writers writers(6);
  begin(writers, {2, 3});
  wait_for_writes(writers, 5);
  kill(1);
  wait_for_writes(writers, 10);
  end(writers);
  expect_all(writers, 2);
  expect_all(writers, 3);
}

TEST_F(ClusterTest, ANodeThatStopsHandsItsLeadershipsOverAndNobodySeesAnError) {
  start_three();
  Writers writers(4);
  begin(writers, {2});
  for (const std::uint64_t id : {3ULL, 1ULL}) {
    wait_for_writes(writers, 3);
    stop(id);
    wait_for_writes(writers, 3);
    start(id);
  }
  wait_for_writes(writers, 3);
  end(writers);
  expect_all(writers, 1);
}

TEST_F(ClusterTest, AfterARestartOfAllNodesEverythingIsThere) {
  start_three();
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(write(1 + i % 3, "t" + std::to_string(i % 5), "k" + std::to_string(i), "v"), "ok");
  for (std::uint64_t id = 1; id <= 3; ++id) kill(id);
  // A single node does not get ready alone, so they start together.
  std::vector<std::thread> starts;
  for (std::uint64_t id = 1; id <= 3; ++id) starts.emplace_back([this, id] { start(id); });
  for (auto& thread : starts) thread.join();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(read(1 + i % 3, "t" + std::to_string(i % 5), "k" + std::to_string(i)), "v");
}

TEST_F(ClusterTest, ALeaderThatIsCutOffAnswersNothingOld) {
  start_three();
  ASSERT_EQ(write(1, "t", "k", "old"), "ok");
  std::uint64_t group = 0;
  {
    auto listed = run(1, operate(model::GetTenant{"t"}));
    ASSERT_TRUE(listed.ok());
    group = std::get<model::TenantReply>(listed->body).tenant.group.value;
  }
  const std::uint64_t leader = leader_of(group, 1);
  const std::uint64_t other = leader == 1 ? 2 : 1;
  ASSERT_EQ(read(leader, "t", "k"), "old");
  network.isolate(model::NodeId{leader});
  ASSERT_EQ(write(other, "t", "k", "new"), "ok");
  auto request_at_old = request("t", model::Get{"kv", "k", 0, true});
  request_at_old.info.deadline = now() + 1'500;
  auto answer = run(leader, request_at_old);
  EXPECT_FALSE(answer.ok()) << "a leader without a majority knows nothing";
  network.heal();
  EXPECT_EQ(read(leader, "t", "k"), "new");
}

TEST_F(ClusterTest, RepliesThatGetLostAreAskedForAgainAndNothingIsDoneTwice) {
  start_three();
  network.set_delay(std::chrono::microseconds(0), std::chrono::microseconds(3000));
  network.set_loss(0.05);
  Writers writers(4);
  begin(writers, {1, 2, 3});
  // Calls and replies that were under way are lost with their connections.
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    network.isolate(model::NodeId{static_cast<std::uint64_t>(1 + i)});
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    network.heal();
  }
  network.set_loss(0);
  wait_for_writes(writers, 1);
  end(writers);
  expect_all(writers, 3);
}

TEST_F(ClusterTest, AFourthNodeTakesOverFromOneThatIsDrained) {
  start_three();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(write(1, "t" + std::to_string(i % 3), "k" + std::to_string(i), "v"), "ok");
  join(4, 2);
  Writers writers(3);
  begin(writers, {2, 3, 4});
  ASSERT_TRUE(run(2, operate(model::DrainNode{model::NodeId{1}, false})).ok());
  EXPECT_TRUE(eventually([&] {
    auto now = status(2);
    if (!now) return false;
    for (const auto& node : now->nodes) {
      if (node.info.id.value == 1) return node.replicas == 0;
    }
    return false;
  })) << text_of_status(2);
  auto removed = run(2, operate(model::RemoveNode{model::NodeId{1}, false}));
  EXPECT_TRUE(removed.ok()) << removed.error().message();
  wait_for_writes(writers, 2);
  kill(1);
  wait_for_writes(writers, 2);
  end(writers);
  expect_all(writers, 4);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(read(4, "t" + std::to_string(i % 3), "k" + std::to_string(i)), "v");
}

TEST_F(ClusterTest, ANodeThatComesWhenTheLogIsGoneGetsTheStateItself) {
  change = [](NodeOptions& options) { options.checkpoint_interval = std::chrono::milliseconds(100); };
  start(1);
  const std::string value(20'000, 'x');  // several chunks
  for (int i = 0; i < 60; ++i) ASSERT_EQ(write(1, "t" + std::to_string(i % 3), "k" + std::to_string(i), value), "ok");
  stop(1);  // its log begins behind all that now
  start(1);
  join(2);
  join(3);
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  double installed = 0;
  for (const Sample& sample : members[2].node->samples()) {
    if (sample.name == "coffer_snapshots_installed_total") installed = sample.value;
  }
  EXPECT_GE(installed, 1) << "the rows came as a snapshot";
  kill(1);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(read(2 + i % 2, "t" + std::to_string(i % 3), "k" + std::to_string(i)), value);
  ASSERT_EQ(write(3, "t0", "k0", "after"), "ok");
  EXPECT_EQ(read(2, "t0", "k0"), "after");
  // What was received is there after a restart, under its new generation.
  for (const std::uint64_t id : {2ULL, 3ULL}) kill(id);
  std::vector<std::thread> starts;
  for (std::uint64_t id = 1; id <= 3; ++id) starts.emplace_back([this, id] { start(id); });
  for (auto& thread : starts) thread.join();
  EXPECT_EQ(read(2, "t0", "k0"), "after");
  EXPECT_EQ(read(3, "t1", "k1"), value);
}

TEST_F(ClusterTest, AStatusNamesTheNodeThatWasAsked) {
  start_three();
  for (std::uint64_t at = 1; at <= 3; ++at) {
    EXPECT_EQ(status(at)->self.value, at);
    EXPECT_EQ(status(at)->meta_leader.value, leader_of(0, at));
  }
}

TEST_F(ClusterTest, AStatusRightAfterAFailoverTellsNothingOld) {
  start_three();
  const std::uint64_t dead = leader_of(0, 1), at = dead == 1 ? 2 : 1;
  kill(dead);
  auto now = status(at);
  ASSERT_TRUE(now.ok()) << now.error().message();
  EXPECT_NE(now->meta_leader.value, dead);
  EXPECT_EQ(now->groups.size(), now->data_groups + 1U) << "the leader has waited for the reports";
  for (const model::GroupInfo& group : now->groups) EXPECT_NE(group.leader.value, dead) << group.id.value;
  for (const auto& node : now->nodes) EXPECT_EQ(node.connected, node.info.id.value != dead) << node.info.id.value;
}

TEST_F(ClusterTest, ATenantThatOneNodeMadeIsKnownToAllAtOnce) {
  start_three();
  for (std::uint64_t id = 1; id <= 3; ++id) {
    model::CreateTenant create;
    create.name = "made-at-" + std::to_string(id);
    ASSERT_TRUE(run(id, operate(create)).ok());
    for (std::uint64_t at = 1; at <= 3; ++at) {
      auto found = run(at, request(create.name, model::Get{"kv", "k", 0, true}));
      ASSERT_FALSE(found.ok());
      EXPECT_EQ(found.error().code, model::Code::entry_not_found) << "made at " << id << ", asked at " << at;
    }
  }
}

TEST_F(ClusterTest, ANodeThatHoldsNoReplicaOfAGroupServesItsTenantsAllTheSame) {
  start_three();
  join(4);
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  for (std::uint64_t at = 1; at <= 4; ++at) {
    for (int t = 0; t < 4; ++t) {
      const std::string tenant = "t" + std::to_string(t), value = std::to_string(at);
      EXPECT_EQ(write(at, tenant, "k", value), "ok") << "at " << at << text_of_status(1);
      EXPECT_EQ(read(at, tenant, "k"), value);
    }
  }
}

TEST_F(ClusterTest, WhomATenantTrustsIsKnownOnEveryNodeAtOnceAlsoWithoutAReplicaAndStartsNoShard) {
  start_three();
  join(4);
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  const auto trust_at = [&](std::uint64_t at, const std::string& name, model::TimeMs patience = 30'000) {
    std::promise<model::Result<TenantTrust>> promise;
    auto answer = promise.get_future();
    members[at].node->ask_trust({.name = name, .door = {}}, now() + patience,
                                [&](model::Result<TenantTrust> trust) { promise.set_value(std::move(trust)); });
    return answer.get();
  };
  const auto sample = [&](std::uint64_t at, const std::string& name) {
    for (const Sample& one : members[at].node->samples()) {
      if (one.name == name) return static_cast<std::uint64_t>(one.value);
    }
    ADD_FAILURE() << name;
    return std::uint64_t{0};
  };
  const auto shards = [&] {
    std::uint64_t sum = 0;
    for (std::uint64_t at = 1; at <= 4; ++at) sum += sample(at, "coffer_shards_started_total");
    return sum;
  };
  for (int t = 0; t < 4; ++t) {
    const std::string tenant = "t" + std::to_string(t);
    for (std::uint64_t at = 1; at <= 4; ++at) {
      model::PutIssuer put;
      put.issuer.name = "corp-" + std::to_string(at);
      put.issuer.iss = "https://id.example";
      put.issuer.public_keys = {"pem"};
      put.issuer.algorithms = 1;
      ASSERT_TRUE(run(at, request(tenant, put)).ok());
      const std::uint64_t started = shards();
      for (std::uint64_t reader = 1; reader <= 4; ++reader) {
        auto trust = trust_at(reader, tenant);
        ASSERT_TRUE(trust.ok()) << trust.error().message() << " at " << reader;
        EXPECT_EQ(trust->issuers.size(), at) << "put at " << at << ", asked at " << reader;
        EXPECT_EQ(trust_at(reader, "invented").error().code, model::Code::tenant_not_found);
      }
      EXPECT_EQ(shards(), started);
    }
  }
  std::uint64_t asked = 0;
  for (std::uint64_t at = 1; at <= 4; ++at) asked += sample(at, "coffer_trust_questions_total");
  EXPECT_GT(asked, 0U);
  // A node that cannot be reached keeps nobody waiting longer than he wanted to.
  network.isolate(model::NodeId{4});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_FALSE(trust_at(4, "invented", 1'000).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(25));
  network.heal();
}

TEST_F(ClusterTest, ATenantMovesToAndFroWhileItIsWrittenToAndNobodySeesAnError) {
  start_three();
  Writers writers(6);
  begin(writers, {1, 2, 3});
  wait_for_writes(writers, 5);
  const auto place = [&](const std::string& tenant, std::uint64_t to) {
    auto reply = run(1, operate(model::MoveTenant{tenant, model::GroupId{to}}));
    if (!reply) return std::string(reply.error().message());
    const model::TenantInfo& info = std::get<model::TenantReply>(reply->body).tenant;
    const bool there = info.group.value == to && info.moving_to.value == 0 && info.moved_from.value == 0;
    return std::string(there ? "there" : "on its way");
  };
  for (std::uint64_t round = 0; round < 4; ++round) {
    const std::uint64_t to = 1 + round % 2;
    for (const char* tenant : {"t0", "t1"}) {
      ASSERT_TRUE(eventually([&] { return place(tenant, to) == "there"; })) << tenant << ": " << place(tenant, to);
    }
    wait_for_writes(writers, 5);
  }
  end(writers);
  for (std::uint64_t at = 1; at <= 3; ++at) expect_all(writers, at);
}

TEST_F(ClusterTest, AMoveGoesOnWhenTheLeadersOfBothItsGroupsDie) {
  start_three();
  Writers writers(4);
  begin(writers, {3});
  wait_for_writes(writers, 5);
  const auto moved = [&] {
    auto reply = run(3, operate(model::GetTenant{"t0"}));
    return reply.ok() && std::get<model::TenantReply>(reply->body).tenant.moving_to.value == 0;
  };
  auto now = run(3, operate(model::GetTenant{"t0"}));
  ASSERT_TRUE(now.ok());
  const std::uint64_t from = std::get<model::TenantReply>(now->body).tenant.group.value;
  ASSERT_TRUE(run(3, operate(model::MoveTenant{"t0", model::GroupId{3 - from}})).ok());
  kill(1);
  EXPECT_TRUE(eventually(moved));
  wait_for_writes(writers, 5);
  start(1);
  end(writers);
  expect_all(writers, 3);
  EXPECT_TRUE(eventually([&] { return read(1, "t0", "w0") == std::to_string(writers.written[0]); }));
}

TEST_F(ClusterTest, ATokenLetsOneNodeInAndNoMore) {
  start(1);
  auto token = run(1, operate(model::CreateJoinToken{}));
  ASSERT_TRUE(token.ok());
  auto parsed = crypto::parse_join_token(std::get<model::JoinTokenReply>(token->body).token.expose());
  const auto wish = [&](const crypto::NodeKey& key, model::Secret secret) {
    model::JoinNode join;
    join.token_id = parsed->id;
    join.secret = std::move(secret);
    join.address = "n:1";
    join.newest_format = cluster::kNewestFormat;
    join.certificate_request = key.certificate_request();
    auto made = operate(std::move(join));
    made.credential.kind = model::CredentialKind::node;
    return run(1, std::move(made));
  };
  const auto key = crypto::NodeKey::generate();
  EXPECT_EQ(wish(key, model::Secret("wrong")).error().code, model::Code::permission_denied);
  auto first = wish(key, parsed->secret);
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(std::get<model::JoinReply>(first->body).node.value, 2U);
  EXPECT_EQ(wish(crypto::NodeKey::generate(), parsed->secret).error().code, model::Code::permission_denied);
}

TEST_F(ClusterTest, AnOperatorIsKnownByEveryNodeWithWhatHeMayDoAndEndsEverywhere) {
  start(1);
  join(2);
  auto made = run(2, operate(model::CreateOperator{"auditor", {"audit"}, 0}));
  ASSERT_TRUE(made.ok()) << made.error().message();
  const auto& reply = std::get<model::OperatorReply>(made->body);
  const std::string token(reply.token.expose());
  const auto ask = [&](std::uint64_t at) { return members[at].node->authenticate(token, model::Door::admin); };
  for (const std::uint64_t at : {1, 2}) {
    ASSERT_TRUE(eventually([&] { return ask(at).ok(); })) << at;
    EXPECT_EQ(ask(at)->principal, "operator:auditor");
    EXPECT_EQ(ask(at)->roles, std::vector<std::string>{"audit"});
  }
  ASSERT_TRUE(run(1, operate(model::RevokeOperator{reply.info.id})).ok());
  for (const std::uint64_t at : {1, 2}) EXPECT_TRUE(eventually([&] { return !ask(at).ok(); })) << at;
}

}  // namespace
}  // namespace coffer::actors
