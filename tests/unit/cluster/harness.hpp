#pragma once
// A scripted cluster for the tests of this room: hosts that carry out GroupCore's actions on a real LogStore over
// memory, and a network that delivers what the script lets through. One thread, no clock but the script's.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/configuration.hpp"
#include "cluster/group_core.hpp"
#include "cluster/libraft.hpp"
#include "cluster/wire.hpp"
#include "storage/open.hpp"

namespace coffer::cluster::testing {

inline const model::GroupId kGroup{7};

inline std::vector<Voter> voters(std::uint64_t n) {
  std::vector<Voter> out;
  for (std::uint64_t id = 1; id <= n; ++id) {
    out.push_back({model::NodeId(id), "n" + std::to_string(id) + ":1"});
  }
  return out;
}

/// A node with one group.
class Host {
 public:
  explicit Host(std::uint64_t id, model::GroupId group = kGroup) : engine_(storage::open_memory()), store_(*engine_) {
    config.group = group;
    config.self = model::NodeId(id);
    config.seed = id * 1000003;
  }

  void bootstrap(const std::vector<Voter>& servers) { store_now(cluster::bootstrap(config.group, servers)); }
  /// Writes past the core, to set a scene.
  void store_now(DurableWrite write) {
    LogWriterCore once;
    once.enqueue(std::move(write));
    ASSERT_TRUE(store_.commit(*once.next()).ok());
  }
  void start(MonotonicMs now) {
    auto recovered = store_.recover(config.group);
    ASSERT_TRUE(recovered.ok()) << recovered.error().message();
    core.emplace(config, std::move(*recovered));
    core->start(now);
    collect();
  }
  void stop() {
    core.reset();
    writer = LogWriterCore();
    wake.reset();
    outbox.clear();
    committed.clear();
    reads_ready.clear();
    reads_refused.clear();
    lease_until = 0;
    leadership = {};
  }
  void collect() {
    Actions actions = core->take_actions();
    for (DurableWrite& write : actions.writes) {
      writes.push_back(write);
      writer.enqueue(std::move(write));
    }
    std::move(actions.messages.begin(), actions.messages.end(), std::back_inserter(outbox));
    std::move(actions.committed.begin(), actions.committed.end(), std::back_inserter(committed));
    std::move(actions.refused.begin(), actions.refused.end(), std::back_inserter(refused));
    std::move(actions.reads_ready.begin(), actions.reads_ready.end(), std::back_inserter(reads_ready));
    std::move(actions.reads_refused.begin(), actions.reads_refused.end(), std::back_inserter(reads_refused));
    lease_until = actions.lease_until.value_or(lease_until);
    wake = actions.wake_at ? actions.wake_at : wake;
    leadership = actions.leadership.value_or(leadership);
    install = actions.install ? actions.install : install;
    drop_state = drop_state || actions.drop_state;
    fatal = actions.fatal ? actions.fatal : fatal;
  }
  /// One fsync; false when nothing waited.
  bool flush(MonotonicMs now) {
    auto batch = writer.next();
    if (!batch) {
      return false;
    }
    EXPECT_TRUE(store_.commit(*batch).ok());
    for (const Durable& durable : writer.done()) {
      core->persisted(durable.ticket, now);
    }
    collect();
    return true;
  }
  void flush_all(MonotonicMs now) {
    while (flush(now)) {
    }
  }
  void tick(MonotonicMs now) {
    ++ticks;
    core->tick(now);
    collect();
  }
  void receive(Message message, MonotonicMs now) {
    core->receive(std::move(message), now);
    collect();
  }
  void propose(std::vector<std::string> values, std::uint64_t first_cookie, MonotonicMs now) {
    std::vector<Proposal> proposals;
    for (std::string& value : values) {
      proposals.push_back({first_cookie++, leadership.term, std::make_shared<const std::string>(std::move(value))});
    }
    core->propose(std::move(proposals), now);
    collect();
  }
  void read(const std::vector<std::uint64_t>& cookies, MonotonicMs now) {
    core->read(cookies, now);
    collect();
  }
  bool leads() const { return leadership.role == Role::leader; }
  storage::Recovered on_disk() const {
    auto recovered = store_.recover(config.group);
    EXPECT_TRUE(recovered.ok());
    return *recovered;
  }
  /// The commands among `committed`.
  std::vector<std::string> commands() const {
    std::vector<std::string> out;
    for (const Committed& c : committed) {
      if (c.entry.kind == storage::EntryKind::command) {
        out.push_back(*c.entry.data);
      }
    }
    return out;
  }
  std::map<std::uint64_t, std::string> cookies() const {
    std::map<std::uint64_t, std::string> out;
    for (const Committed& c : committed) {
      if (c.cookie != 0) {
        out[c.cookie] = *c.entry.data;
      }
    }
    return out;
  }

  GroupConfig config;
  std::optional<GroupCore> core;
  LogWriterCore writer;
  std::vector<DurableWrite> writes;
  std::vector<Message> outbox;
  std::vector<Committed> committed;
  std::vector<Refused> refused;
  std::vector<ReadReady> reads_ready;
  std::vector<Refused> reads_refused;
  MonotonicMs lease_until = 0;
  std::optional<MonotonicMs> wake;
  Leadership leadership;
  std::optional<storage::Snapshot> install;
  bool drop_state = false;
  std::optional<model::Error> fatal;
  int ticks = 0;

 private:
  std::unique_ptr<storage::Engine> engine_;
  storage::LogStore store_;
};

/// Several hosts, a clock and a network under the script's control.
class Net {
 public:
  explicit Net(std::uint64_t n, std::optional<std::vector<Voter>> servers = std::nullopt,
               model::GroupId group = kGroup) {
    for (std::uint64_t id = 1; id <= n; ++id) {
      hosts_.push_back(std::make_unique<Host>(id, group));
      hosts_.back()->bootstrap(servers.value_or(voters(n)));
    }
  }
  Host& operator[](std::uint64_t id) { return *hosts_[id - 1]; }
  std::size_t size() const { return hosts_.size(); }
  void start() {
    for (auto& host : hosts_) {
      host->start(now);
    }
    settle();
  }
  /// Delivers and flushes until nothing moves.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& host : hosts_) {
        if (host->core && !slow_disk.contains(host->config.self.value)) {
          moved = host->flush(now) || moved;
        }
        std::vector<Message> sent = std::exchange(host->outbox, {});
        for (Message& message : sent) {
          Host& to = *hosts_.at(message.to.value - 1);
          if (to.core && !(drop && drop(message))) {
            auto arrived = decode(message.group, message.from, message.to, encode(message).expose());
            ASSERT_TRUE(arrived.ok());
            to.receive(std::move(*arrived), now);
            moved = true;
          }
        }
      }
    }
  }
  void advance(MonotonicMs ms) {
    for (const MonotonicMs end = now + ms; now < end;) {
      ++now;
      for (auto& host : hosts_) {
        if (host->core && host->wake && *host->wake <= now) {
          host->wake.reset();
          host->tick(now);
        }
      }
      settle();
    }
  }
  /// The leader that is ready, after at most `patience` ms; null when there is none.
  Host* await_leader(MonotonicMs patience = 10000) {
    for (const MonotonicMs end = now + patience; now < end; advance(5)) {
      for (auto& host : hosts_) {
        if (host->core && host->leads() && host->leadership.ready) {
          return host.get();
        }
      }
    }
    return nullptr;
  }
  void isolate(std::uint64_t id) {
    drop = [id](const Message& m) { return m.from.value == id || m.to.value == id; };
  }

  MonotonicMs now = 0;
  std::function<bool(const Message&)> drop;
  std::set<std::uint64_t> slow_disk;  // flushed by the script only

 private:
  std::vector<std::unique_ptr<Host>> hosts_;
};

/// Counts what libraft holds, so that a wrong owner shows without a sanitizer, too.
class RaftMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    live().clear();
    static raft_heap heap{nullptr, &take, &give, &take_zeroed, &retake, nullptr, nullptr};
    raft_heap_set(&heap);
  }
  /// Not in TearDown(): the members of the derived fixture, which hold the cores, are gone only now.
  ~RaftMemoryTest() override {
    EXPECT_EQ(live().size(), 0U) << "libraft memory that nobody freed";
    raft_heap_set_default();
  }

 private:
  static std::set<void*>& live() {
    static std::set<void*> pointers;
    return pointers;
  }
  static void* track(void* p) {
    live().insert(p);
    return p;
  }
  static void* take(void*, size_t size) { return track(std::malloc(size)); }
  static void* take_zeroed(void*, size_t n, size_t size) { return track(std::calloc(n, size)); }
  static void give(void*, void* p) {
    if (p != nullptr) {
      EXPECT_EQ(live().erase(p), 1U) << "freed twice";
      std::free(p);
    }
  }
  static void* retake(void*, void* p, size_t size) {
    live().erase(p);
    return track(std::realloc(p, size));
  }
};

template <class Body>
Message make_message(std::uint64_t from, std::uint64_t to, Body body) {
  return {kGroup, model::NodeId(from), model::NodeId(to), std::move(body)};
}
inline storage::LogEntry command(std::uint64_t index, std::uint64_t term, std::string data) {
  return {model::Index(index), model::Term(term), storage::EntryKind::command,
          std::make_shared<const std::string>(std::move(data))};
}
inline storage::LogEntry configuration(std::uint64_t index, std::uint64_t term, const std::vector<Voter>& servers) {
  return {model::Index(index), model::Term(term), storage::EntryKind::configuration,
          std::make_shared<const std::string>(*encode_configuration(servers))};
}
inline AppendEntries append(std::uint64_t term, std::uint64_t prev, std::uint64_t prev_term, std::uint64_t commit,
                            std::vector<storage::LogEntry> entries) {
  return {model::Term(term), model::Index(prev), model::Term(prev_term), model::Index(commit), std::move(entries)};
}
/// The bodies of one type that a host has sent and that were not delivered yet.
template <class Body>
std::vector<Body> sent(const Host& host) {
  std::vector<Body> out;
  for (const Message& message : host.outbox) {
    if (const Body* body = std::get_if<Body>(&message.body)) {
      out.push_back(*body);
    }
  }
  return out;
}

}  // namespace coffer::cluster::testing
