#pragma once
// Several whole nodes in one process, over links in memory that can be cut: what the cluster promises its clients.
// Real LevelDB in a temporary directory, so that nodes can be stopped and started again.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "actors/node.hpp"
#include "crypto/join_token.hpp"
#include "crypto/node_key.hpp"
#include "storage/open.hpp"
#include "tests/unit/actors/memory_link.hpp"

namespace coffer::actors::testing {

using model::Code;

class Waiting final : public Call {
 public:
  void complete() noexcept override {
    std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  model::Result<model::Reply> wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return done_; })) {
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

class ClusterFixture : public ::testing::Test {
 protected:
  struct Member {
    std::string path;
    std::optional<JoinedNode> joined;
    std::vector<cluster::Peer> peers;
    std::unique_ptr<test::MemoryLink> link;
    std::unique_ptr<Node> node;
  };

  ClusterFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coffer-cluster-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    EXPECT_TRUE(crypto::create_key_file(path_ + "/key", crypto::system_random()).ok());
  }
  ~ClusterFixture() override {
    for (auto& [id, member] : members) {
      if (member.link) member.link->stop();  // nobody waits for anybody's leaderships
    }
    members.clear();
    std::filesystem::remove_all(path_);
  }

  static std::string address(std::uint64_t id) { return "n" + std::to_string(id) + ":1"; }

  void start(std::uint64_t id) {
    Member& member = members[id];
    if (member.path.empty()) member.path = path_ + "/" + std::to_string(id);
    std::filesystem::create_directories(member.path);
    NodeOptions options;
    storage::LevelDbOptions log, state;
    log.path = member.path + "/log";
    state.path = member.path + "/state";
    state.paranoid = false;
    options.log_engine = std::move(*storage::open_leveldb(log));
    options.state_engine = std::move(*storage::open_leveldb(state));
    options.seal = std::move(*crypto::open_key_file_seal(path_ + "/key"));
    options.bootstrap = member.joined ? Bootstrap::join : Bootstrap::allow;
    options.joined = member.joined;
    options.peers = member.peers;
    options.dev = true;
    options.data_groups = 2;
    options.election_timeout_ms = 600;
    options.heartbeat_ms = 100;
    options.placement_interval = std::chrono::milliseconds(50);
    options.peer_address = address(id);
    options.fatal = [](const model::Error& error) { ADD_FAILURE() << "fatal: " << error.message(); };
    if (change) change(options);
    member.link = network.link(model::NodeId{id});
    options.link = member.link.get();
    auto started = Node::start(std::move(options), std::chrono::seconds(60));
    ASSERT_TRUE(started.ok()) << "node " << id << ": " << started.error().message();
    member.node = std::move(*started);
  }
  void stop(std::uint64_t id) {
    members[id].node.reset();
    members[id].link.reset();
  }
  /// Without a word to the others.
  void kill(std::uint64_t id) {
    members[id].link->stop();
    stop(id);
  }

  /// A token from one node, used at another.
  void join(std::uint64_t id, std::uint64_t at = 1) {
    ASSERT_TRUE(eventually([&] {
      auto known = status(at);
      return known.ok() && !known->nodes.empty();
    }));
    auto token = run(at, operate(model::CreateJoinToken{}));
    ASSERT_TRUE(token.ok()) << token.error().message();
    auto parsed = crypto::parse_join_token(std::get<model::JoinTokenReply>(token->body).token.expose());
    ASSERT_TRUE(parsed.ok());
    model::JoinNode wish;
    wish.token_id = parsed->id;
    wish.secret = parsed->secret;
    wish.address = address(id);
    wish.newest_format = announced;
    wish.certificate_request = crypto::NodeKey::generate().certificate_request();
    model::Request request = operate(std::move(wish));
    request.credential.kind = model::CredentialKind::node;
    auto let_in = run(at, std::move(request));
    ASSERT_TRUE(let_in.ok()) << let_in.error().message();
    const auto& reply = std::get<model::JoinReply>(let_in->body);
    ASSERT_EQ(reply.node.value, id);
    Member& member = members[id];
    member.joined = JoinedNode{reply.node, reply.cluster_id, reply.data_groups};
    for (const model::NodeInfo& node : reply.nodes) member.peers.push_back({node.id, node.address});
    start(id);
  }
  void start_three() {
    start(1);
    join(2);
    join(3);
    ASSERT_TRUE(settled(3)) << text_of_status(1);
  }

  model::Result<model::ClusterStatusReply> status(std::uint64_t at) {
    auto reply = run(at, operate(model::GetClusterStatus{}));
    if (!reply) return reply.error();
    return std::get<model::ClusterStatusReply>(reply->body);
  }
  /// Every group has so many voters, and no step is planned.
  bool settled(std::size_t voters, std::uint64_t at = 1) {
    return eventually([&] {
      auto now = status(at);
      if (!now || now->groups.size() != now->data_groups + 1U || !now->plan.empty()) return false;
      for (const model::GroupInfo& group : now->groups) {
        std::size_t count = 0;
        for (const auto& replica : group.replicas) count += replica.role == model::ReplicaRole::voter ? 1 : 0;
        if (count != voters) return false;
      }
      return true;
    });
  }
  std::string text_of_status(std::uint64_t at) {
    auto now = status(at);
    if (!now) return std::string(now.error().message());
    std::string text = "\n";
    for (const auto& node : now->nodes) {
      text += "node " + std::to_string(node.info.id.value) + " state " +
              std::to_string(static_cast<int>(node.info.state)) + (node.connected ? " connected" : " silent") +
              " leads " + std::to_string(node.leads) + " replicas " + std::to_string(node.replicas) + "\n";
    }
    for (const auto& group : now->groups) {
      text += "group " + std::to_string(group.id.value) + " led by " + std::to_string(group.leader.value) + " commit " +
              std::to_string(group.commit.value) + ":";
      for (const auto& r : group.replicas) {
        text += " " + std::to_string(r.node.value) + (r.role == model::ReplicaRole::voter ? "v" : "s") + "@" +
                std::to_string(r.match.value);
      }
      text += "\n";
    }
    for (const std::string& step : now->plan) text += "plan: " + step + "\n";
    return text;
  }
  static bool eventually(const std::function<bool()>& holds, std::chrono::seconds patience = std::chrono::seconds(40)) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < until) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  static model::TimeMs now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  }
  static model::Request operate(model::DirectoryOperation operation) {
    model::Request made;
    made.credential.kind = model::CredentialKind::dev_root;
    made.info.deadline = now() + 30'000;
    made.operation = std::move(operation);
    return made;
  }
  static model::Request request(std::string tenant, model::TenantOperation operation) {
    model::Request made;
    made.tenant.name = std::move(tenant);
    made.tenant.create_at_first_use = true;
    made.credential.kind = model::CredentialKind::dev_root;
    made.info.deadline = now() + 30'000;
    made.operation = std::move(operation);
    return made;
  }
  static model::Put put(std::string name, std::string_view value) {
    model::Put made;
    made.space = "kv";
    made.name = std::move(name);
    made.payload = model::Payload::of_text(value);
    return made;
  }
  model::Result<model::Reply> run(std::uint64_t at, model::Request made) {
    Waiting call;
    call.request = std::move(made);
    members[at].node->submit(&call);
    return call.wait();
  }
  std::string write(std::uint64_t at, const std::string& tenant, const std::string& name, std::string_view value) {
    auto reply = run(at, request(tenant, put(name, value)));
    return reply.ok() ? "ok"
                      : std::string(model::info(reply.error().code).name) + " " + std::string(reply.error().message());
  }
  std::string read(std::uint64_t at, const std::string& tenant, const std::string& name) {
    auto reply = run(at, request(tenant, model::Get{"kv", name, 0, true}));
    if (!reply) return std::string(model::info(reply.error().code).name);
    return std::string(std::get<model::EntryReply>(reply->body).payload->content.expose());
  }
  std::uint64_t version(std::uint64_t at, const std::string& tenant, const std::string& name) {
    auto reply = run(at, request(tenant, model::Get{"kv", name, 0, false}));
    return reply.ok() ? std::get<model::EntryReply>(reply->body).version : 0;
  }
  std::uint64_t leader_of(std::uint64_t group, std::uint64_t at) {
    return members[at].node->status().groups[group].leader;
  }

  std::string path_;
  test::MemoryNetwork network;
  std::map<std::uint64_t, Member> members;
  std::uint32_t announced = cluster::kNewestFormat;  // by a node that joins
  std::function<void(NodeOptions&)> change;
};

}  // namespace coffer::actors::testing
