#pragma once
// The inside of the cluster simulation: one object, of which cluster_sim.cpp is the world around the nodes,
// cluster_sim_clients.cpp, cluster_sim_operators.cpp and cluster_sim_watchers.cpp the clients, cluster_sim_directory.cpp what
// the log says of the directory, cluster_sim_steward.cpp placement, and cluster_sim_trouble.cpp the faults and the course of
// a run.

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "actors/write_set.hpp"
#include "crypto/key_ring.hpp"
#include "tests/sim/cluster_sim.hpp"
#include "tests/sim/group_checker.hpp"
#include "tests/sim/history.hpp"
#include "tests/sim/sim_node.hpp"

namespace coffer::sim {

// Tenants and data groups: from the first, and the later ones with them.
inline constexpr std::uint64_t kClients = 8, kOperators = 2, kKeys = 5;
inline constexpr std::uint64_t kFirstTenants = 3, kTenants = 4, kFirstGroups = 2, kMostGroups = 4;

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
  cluster::MonotonicMs groups_stand_still(model::NodeId node) const override {
    const std::uint64_t until = healed_ ? 0 : machines_[node.value - 1].groups_stopped_until;
    return until > time_.now() ? until - time_.now() : 0;
  }
  void send(model::NodeId from, model::NodeId to, cluster::PeerChannel channel, model::GroupId group,
            model::Secret body) override;
  void failed(model::NodeId node) override;
  const crypto::KeyRing& ring() const override { return ring_; }
  void leads(model::NodeId node, model::GroupId group, model::Term term) override;
  void committed(model::GroupId group, const storage::LogEntry& entry) override;
  std::uint64_t newest_row_of(model::NodeId node, model::GroupId group) const override;
  void begins(model::NodeId node, const actors::GroupFounding& group) override;
  bool hears(model::NodeId at, model::NodeId other) const override {
    return node(other.value).is_up() && !cut(other.value, at.value);
  }
  actors::Placer::Settings placing() const override { return settings_of_placement(); }
  void ask(model::NodeId from, std::size_t tenant, Operation operation,
           std::function<void(model::Result<model::Reply>)> done) override;

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
  class OrderCall;
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
    bool is_asked_for = false, is_made = false;  // by an operator; so he was told
    std::vector<model::TenantInfo> states;       // of the directory's log, from its creation on
    std::size_t told = 0;                        // the newest of them that an operator was told of
    std::vector<Op> history;
    bool exists() const { return !states.empty(); }
    const model::TenantInfo& is() const { return states.back(); }
    std::uint64_t revision = 0;  // of the log
    model::GroupId owner;        // of the log: zero while it moves
  };
  struct Operator {
    bool is_busy = false;
    std::size_t tenant = kDirectory;  // that the operation is about
    model::DirectoryOperation operation;
    std::string request_id;
    std::uint64_t attempt = 0, deadline = 0, asks = 0;
    std::size_t told = 0;      // the tenant's newest state that anybody was told of when he asked
    std::uint64_t groups = 0;  // that anybody was told of, likewise
  };
  struct Machine {
    std::unique_ptr<SimNode> node;
    std::uint64_t rate = 1000;   // of its clocks, per mille
    std::int64_t wall_jump = 0;  // what was added to its wall clock
    bool is_failing = false;
    std::uint64_t stopped_until = 0;  // the process does not run, and its clocks go on
    std::uint64_t groups_stopped_until =
        0;  // of the process, its groups' timers do not; whoever reads under a lease goes on
    std::uint64_t placement_rests = 0;   // rounds of its placement since it last had something to say
    std::vector<std::string> placement;  // what it said last
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

  // cluster_sim_directory.cpp
  std::shared_ptr<const std::string> first_directory() const;
  void directory_committed(const actors::WriteSetView& set);
  void group_founded(const actors::GroupFounding& group);
  void tenant_committed(const model::TenantInfo& info);
  std::uint64_t data_groups() const { return founded_.size(); }
  bool is_settled() const;

  // cluster_sim_moves.cpp
  void attend();
  void own(Tenant& tenant, model::GroupId group, std::string_view action, std::uint64_t revision);
  std::uint64_t hops(std::uint64_t from) const;
  std::uint64_t who_leads(model::GroupId group) const;

  // cluster_sim_operators.cpp
  void operate();
  void begin_order(std::size_t number, std::uint64_t patience);
  model::DirectoryOperation choose_order(Operator& op);
  void order(std::size_t number);
  void send_order(std::size_t number, std::uint64_t to, std::uint64_t delay);
  void ordered(std::size_t number, std::uint64_t attempt, const model::Result<model::Reply>& answer);
  void check_order(Operator& op, const model::Result<model::Reply>& answer);

  // cluster_sim_steward.cpp
  /// Who decides on members: the stewards, or (in the other seeds) chance.
  bool is_steered() const { return options_.seed % 3 == 0; }
  actors::Placer::Settings settings_of_placement() const;
  void post(std::uint64_t from, std::uint64_t to, Timeline::Event event);
  void report();
  void place();
  model::DirectoryOperation choose_drain();
  std::optional<std::size_t> placed_on();
  bool is_placed();
  bool is_placed_on_all();
  void come_to_rest();
  std::vector<cluster::Voter> servers_of(model::GroupId group) const;

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
  template <class Done>
  void run_until(Done done, std::uint64_t ms, const std::string& what);
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

  // What the directory's log says, and what operators know of it.
  std::uint64_t directory_revision_ = 0;
  std::vector<actors::GroupFounding> founded_;  // the data groups; the first ones have no row
  std::uint64_t told_groups_ = kFirstGroups;
  std::vector<Operator> operators_ = std::vector<Operator>(kOperators);
};

template <class Done>
void ClusterSim::run_until(Done done, std::uint64_t ms, const std::string& what) {
  const std::uint64_t until = time_.now() + ms;
  while (!(this->*done)()) {
    require(time_.now() < until, time_.now() < until ? "" : what + ":" + standing());
    require(time_.step(), "the simulation stands still");
  }
}

}  // namespace coffer::sim
