#pragma once
// The inside of the cluster simulation: one object, of which cluster_sim.cpp is the world around the nodes,
// cluster_sim_clients.cpp and cluster_sim_watchers.cpp the clients and cluster_sim_trouble.cpp the faults and the course of a run.

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "actors/directory_core.hpp"
#include "crypto/key_ring.hpp"
#include "tests/sim/cluster_sim.hpp"
#include "tests/sim/group_checker.hpp"
#include "tests/sim/history.hpp"
#include "tests/sim/sim_node.hpp"

namespace coffer::sim {

inline constexpr std::uint64_t kClients = 8, kKeys = 5, kTenants = 3, kDataGroups = 2;

/// What a watcher was told of.
struct WatchedKey {
  std::uint64_t revision = 0;
  std::string name;
  bool is_delete = false;
  friend auto operator<=>(const WatchedKey&, const WatchedKey&) = default;
};

class ClusterSim final : public NodeWorld {
 public:
  explicit ClusterSim(const ClusterOptions& options);
  ClusterReport run();

  // NodeWorld
  Rng& rng() override { return rng_; }
  ClusterMutant mutant() const override { return options_.mutant; }
  bool is_healed() const override { return healed_; }
  cluster::MonotonicMs boot_clock(model::NodeId node) override;
  model::TimeMs wall_clock(model::NodeId node) override;
  void in_life(model::NodeId node, cluster::MonotonicMs ms, Timeline::Event event) override;
  void send(model::NodeId from, model::NodeId to, cluster::PeerChannel channel, model::GroupId group,
            model::Secret body) override;
  void failed(model::NodeId node) override;
  const crypto::KeyRing& ring() const override { return ring_; }
  void leads(model::NodeId node, model::GroupId group, model::Term term) override;
  void committed(model::GroupId group, const storage::LogEntry& entry) override;
  std::uint64_t newest_row_of(model::NodeId node, model::GroupId group) const override;
  model::TenantInfo tenant(model::NodeId node, std::size_t tenant) const override {
    return heard_[node.value - 1][tenant];
  }
  void ask(model::NodeId from, std::size_t tenant, model::TenantOperation operation,
           std::function<void(model::Result<model::Reply>)> done) override;
  void advance(model::NodeId from, const model::AdvanceMove& move, std::function<void(model::Status)> done) override;

 private:
  /// What a client hears.
  struct Answer {
    model::Code code = model::Code::ok;
    std::uint64_t revision = 0;
    std::vector<std::uint64_t> versions;
    std::vector<Seen> seen;
  };
  class ClientCall;
  class NodeCall;
  class WatchCall;
  struct Watcher {
    model::Revision next{0, 1};
    std::uint64_t attempt = 0;
    std::vector<WatchedKey> told;
    // Revisions [first, second) whose changes were not kept until it asked: a person would have listed the secrets.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
    bool is_late = false;  // asks where to begin anew
  };
  struct Client {
    std::optional<std::size_t> op;  // of tenants_[tenant].history
    std::size_t tenant = 0;
    std::uint64_t attempt = 0, attempts = 0;
    std::uint64_t deadline = 0, asks = 0;                                  // asks: the node
    bool has_doubt = false;                                                // an attempt may have been applied
    std::vector<std::uint64_t> known = std::vector<std::uint64_t>(kKeys);  // versions it saw
  };
  struct Tenant {
    ClusterTenant is;
    std::vector<Op> history;
    std::uint64_t revision = 0;  // of the log
    model::GroupId owner;        // of the log: zero while it moves
  };
  struct Machine {
    std::unique_ptr<SimNode> node;
    std::uint64_t rate = 1000;   // of its clocks, per mille
    std::int64_t wall_jump = 0;  // what was added to its wall clock
    bool is_failing = false;
    std::uint64_t stopped_until = 0;  // the process does not run, and its clocks go on
  };

  SimNode& node(std::uint64_t id) { return *machines_[id - 1].node; }
  const SimNode& node(std::uint64_t id) const { return *machines_[id - 1].node; }
  std::uint64_t size() const { return machines_.size(); }
  bool cut(std::uint64_t from, std::uint64_t to) const { return cut_[from * 8 + to]; }

  // cluster_sim.cpp
  /// Runs the event when the node's process runs.
  void at(std::uint64_t id, Timeline::Event event);
  void start(std::uint64_t id);
  void crash(std::uint64_t id, bool loses_power);
  void every(std::uint64_t low, std::uint64_t high, void (ClusterSim::*work)());

  // cluster_sim_moves.cpp
  void make_tenants();
  model::Result<model::Reply> ask_directory(model::DirectoryOperation operation);
  void publish(const model::TenantInfo& tenant);
  void begin_move();
  void attend_moves();
  void own(Tenant& tenant, model::GroupId group, std::string_view action, std::uint64_t revision);
  bool is_settled() const;
  std::uint64_t hops(std::uint64_t from) const;

  // cluster_sim_clients.cpp
  void think(std::size_t client);
  Op choose(Client& client, std::size_t tenant);
  void ask(std::size_t client);
  void arrive(std::size_t client, std::uint64_t attempt, std::uint64_t at);
  model::TenantOperation operation_of(const Op& op) const;
  void answered(std::size_t client, std::uint64_t attempt, Answer answer);
  void take(std::size_t client, const Answer& answer);
  void finish(std::size_t client, Outcome outcome);
  bool is_idle() const;

  // cluster_sim_watchers.cpp
  void watch(std::size_t number);
  void watch_later(std::size_t number, std::uint64_t ms);
  void told(std::size_t number, std::uint64_t attempt, const model::Result<model::Reply>& answer);
  bool is_watched() const;
  void check_watchers() const;

  // cluster_sim_trouble.cpp
  void trouble();
  void one_trouble(std::uint64_t id);
  void partition();
  void checkpoint();
  void change_members();
  void want_members();
  void compare();
  void compare(model::GroupId group, std::uint64_t id);
  void heal();
  void run_until(bool (ClusterSim::*done)() const, std::uint64_t ms, const std::string& what);
  std::string standing();  // for the message of a violation
  bool has_converged() const;
  void check_histories();

  const ClusterOptions options_;
  Rng rng_;
  crypto::SeededRandom key_random_;
  crypto::KeyRing ring_;
  Timeline time_;
  Trace trace_;
  ClusterReport report_;
  std::vector<Machine> machines_;
  std::vector<Tenant> tenants_;
  std::vector<Client> clients_;
  std::vector<Watcher> watchers_ = std::vector<Watcher>(kTenants);  // one for each
  std::map<model::GroupId, GroupChecker> checkers_;
  std::map<model::GroupId, std::map<std::uint64_t, std::uint64_t>> fingerprints_;
  std::map<model::GroupId, std::vector<cluster::Voter>> wanted_;
  std::vector<bool> cut_ = std::vector<bool>(64);
  bool healed_ = false, closing_ = false, storm_ = false;
  std::uint64_t next_op_ = 1;

  // The directory is linearizable and never away, only far; that its own group makes it so is checked like any other's.
  std::unique_ptr<storage::Engine> directory_rows_;
  crypto::SeededRandom directory_random_;
  actors::RoutingTable routing_;
  actors::OperatorTable operators_;
  std::unique_ptr<actors::DirectoryDeps> directory_deps_;
  std::unique_ptr<actors::DirectoryCore> directory_;
  std::vector<std::vector<model::TenantInfo>> heard_;  // by node: what it knows of the tenants
};

}  // namespace coffer::sim
