#pragma once
// The inside of the group simulation: one object, of which group_sim.cpp is the nodes' life, disks and network, and
// group_sim_trouble.cpp the clients, the faults and the course of a run.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/configuration.hpp"
#include "cluster/departure.hpp"
#include "cluster/group_core.hpp"
#include "storage/faulty_engine.hpp"
#include "tests/sim/group_checker.hpp"
#include "tests/sim/group_sim.hpp"
#include "tests/sim/sim.hpp"

namespace coffer::sim {

inline const model::GroupId kGroup{1};

/// One node; its disk outlives its lives.
struct Member {
  explicit Member(std::uint64_t seed) : disk(storage::FaultyOptions{seed, 8 << 10, 40, 500}) {}

  storage::FaultyEngine disk;
  std::uint64_t spoken_term = 0;  // highest in a message that left
  std::uint64_t rate = 1000;      // of its clock, per mille
  bool sealed = false;
  std::uint64_t stands_still_until = 0;  // its timer; who reads under a lease goes on

  std::uint64_t life = 0;
  std::uint64_t timer = 0;  // only the newest one counts
  bool up = false;
  std::unique_ptr<cluster::GroupCore> core;
  std::unique_ptr<cluster::LogWriterCore> writer;
  std::uint64_t applied = 0, state = 1;
  std::map<std::uint64_t, std::string> waiting;  // cookie -> data
  struct Read {
    std::uint64_t floor = 0;  // acknowledged when it began
    std::uint64_t index = 0;  // what it may be answered from; 0: not confirmed yet
  };
  std::map<std::uint64_t, Read> reads;
  std::uint64_t lease_until = 0;
  cluster::Departure departure;
};

class GroupSim {
 public:
  explicit GroupSim(const GroupOptions& options) : options_(options), rng_(options.seed) {
    for (std::uint64_t id = 1; id <= options.nodes; ++id) {
      servers_.push_back({model::NodeId(id), "n" + std::to_string(id)});
      members_.push_back(std::make_unique<Member>(rng_.next()));
      members_.back()->rate = rng_.between(990, 1010);
    }
  }
  GroupReport run();

 private:
  Member& member(std::uint64_t id) { return *members_[id - 1]; }
  void bootstrap();
  void start(std::uint64_t id);
  void crash(std::uint64_t id);
  void settle(std::uint64_t id);
  void wake(std::uint64_t id, std::uint64_t timer);
  void take_committed(std::uint64_t id, const cluster::Committed& committed);
  void send(cluster::Message message);
  void pump_log(std::uint64_t id);
  void finish_log(std::uint64_t id, const storage::LogBatch& batch, bool written);
  void propose();
  void read();
  void inline_read(std::uint64_t id);
  void answer_reads(std::uint64_t id);
  void seal();
  std::uint64_t lease_of(const cluster::Actions& actions, std::uint64_t present) const;
  /// A node's own clock; never the simulation's, which is what the nodes' clocks are compared by.
  std::uint64_t clock(std::uint64_t id) { return 10'000 * id + time_.now() * member(id).rate / 1000; }
  void checkpoint();
  std::uint64_t victim();
  void trouble();
  void part(const std::set<std::uint64_t>& nodes, bool cut);
  void leave_unheard(std::uint64_t leader, std::uint64_t gone);
  void meet_believers(std::uint64_t gone);
  void change_member();
  void note_change(const cluster::GroupCore& leader, const std::vector<cluster::Voter>& before,
                   const std::vector<cluster::Voter>& after);
  void check_votes_kept(const cluster::Message& message);
  void tell();
  void hear(std::uint64_t id, const cluster::LeaderWord& word);
  void drop_state(std::uint64_t id);
  void restore_members();
  void recover_all();
  std::string standing() const;  // for the message of a violation
  void in_life(std::uint64_t id, std::uint64_t ms, Timeline::Event event);
  bool cut(std::uint64_t from, std::uint64_t to) const { return cut_[from * 8 + to]; }

  /// Every other seed: members come and go, and let go of what they had.
  bool is_moving() const { return options_.seed % 2 == 0; }
  /// The longest that a message is under way.
  std::uint64_t longest_delay() const { return is_moving() ? 400 : 2000; }

  const GroupOptions options_;
  Rng rng_;
  Timeline time_;
  Trace trace_;
  GroupReport report_;
  GroupChecker checker_;
  std::vector<cluster::Voter> servers_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<bool> cut_ = std::vector<bool>(64);
  std::uint64_t said_committed_ = 0;   // the highest index of which a leader has said so
  std::uint64_t known_committed_ = 0;  // the highest index that any node knew to be committed, if only before it died
  /// By term and index of a configuration's entry: whose vote it takes.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::set<std::uint64_t>> votes_taken_;
  bool healed_ = false;
  std::uint64_t next_cookie_ = 1;
};

}  // namespace coffer::sim
