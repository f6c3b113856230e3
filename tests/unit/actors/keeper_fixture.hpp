#pragma once
// What the tests of the keeper share: a whole node on LevelDB in a temporary directory, and calls that wait.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "actors/backup_restore.hpp"
#include "actors/node.hpp"
#include "crypto/file_key.hpp"
#include "crypto/seal.hpp"
#include "storage/keys.hpp"
#include "storage/open.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

namespace fs = std::filesystem;

class Waiting final : public Call {
 public:
  void complete() noexcept override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  model::Result<model::Reply> wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return done_; })) std::abort();
    return std::move(reply);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

/// A node in a directory of its own.
class Cluster {
 public:
  Cluster() {
    std::string pattern = (fs::temp_directory_path() / "coffer-keeper-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    EXPECT_TRUE(crypto::create_key_file(path + "/key", crypto::system_random()).ok());
  }
  ~Cluster() {
    node.reset();
    fs::remove_all(path);
  }

  static storage::LevelDbOptions at(const std::string& where) {
    storage::LevelDbOptions options;
    options.path = where;
    return options;
  }
  model::Status start(const std::function<void(NodeOptions&)>& change = {}) {
    node.reset();
    NodeOptions options;
    options.log_engine = std::move(*storage::open_leveldb(at(path + "/log")));
    options.state_engine = std::move(*storage::open_leveldb(at(path + "/state")));
    options.seal = std::move(*crypto::open_key_file_seal(path + "/key"));
    options.bootstrap = Bootstrap::allow;
    options.dev = true;
    options.data_groups = 2;
    options.keeper.round = std::chrono::milliseconds(200);
    options.log = [](std::string_view line) { std::fprintf(stderr, "node: %s\n", std::string(line).c_str()); };
    if (change) change(options);
    auto started = Node::start(std::move(options), std::chrono::seconds(30));
    if (!started) return started.error();
    node = std::move(*started);
    return {};
  }

  template <class Operation>
  model::Result<model::Reply> run(Operation operation, const std::string& tenant = {}) {
    Waiting call;
    call.request.tenant.name = tenant;
    call.request.tenant.create_at_first_use = true;
    call.request.credential.kind = model::CredentialKind::dev_root;
    call.request.operation = std::move(operation);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    call.request.info.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + 30'000;
    node->submit(&call);
    return call.wait();
  }
  model::Result<model::Reply> keep(model::KeeperOperation operation) { return run(std::move(operation)); }
  model::Result<model::Reply> direct(model::DirectoryOperation operation) { return run(std::move(operation)); }

  model::Status put(const std::string& tenant, const std::string& name, std::string_view value) {
    model::Put put;
    put.space = "kv";
    put.name = name;
    put.payload = model::Payload::of_text(value);
    auto reply = run(model::TenantOperation(std::move(put)), tenant);
    return reply ? model::Status() : model::Status(reply.error());
  }
  std::string get(const std::string& tenant, const std::string& name) {
    auto reply = run(model::TenantOperation(model::Get{"kv", name, 0, true}), tenant);
    if (!reply) return std::string(model::info(reply.error().code).name);
    return std::string(std::get<model::EntryReply>(reply->body).payload->content.expose());
  }
  bool disk_holds(const std::string& bytes) const {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  std::string path;
  std::unique_ptr<Node> node;
};

inline const model::SealReply& seal_of(const model::Result<model::Reply>& reply) {
  static const model::SealReply kNone;
  if (!reply) ADD_FAILURE() << reply.error().message();
  if (!reply) return kNone;
  return std::get<model::SealReply>(reply->body);
}

template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace coffer::actors
