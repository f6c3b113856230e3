// See node_sim.hpp.

#include "tests/sim/node_sim.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "cluster/group_core.hpp"
#include "storage/faulty_engine.hpp"
#include "storage/keys.hpp"
#include "storage/state_store.hpp"
#include "tests/sim/sim.hpp"

namespace coffer::sim {

namespace {

using cluster::GroupCore;
using storage::RowChange;

constexpr std::uint64_t kGroups = 4;
constexpr std::uint64_t kRows = 12;

storage::FaultyOptions disk(std::uint64_t seed) {
  storage::FaultyOptions options;
  options.seed = seed;
  options.file_bytes = 8 << 10;
  options.rotate_per_mille = 40;
  return options;
}

// A write set as bytes: lines of "row=value" and "row-" in order.
std::string encode(const std::vector<RowChange>& changes) {
  std::string out;
  for (const RowChange& change : changes) {
    out += change.row + (change.value ? "=" + *change.value : std::string("-")) + "\n";
  }
  return out;
}
std::vector<RowChange> decode(const std::string& data) {
  std::vector<RowChange> changes;
  std::istringstream lines(data);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find_first_of("=-");
    require(at != std::string::npos, "a committed write set is not one that was proposed");
    changes.push_back({line.substr(0, at), line[at] == '=' ? std::optional(line.substr(at + 1)) : std::nullopt});
  }
  return changes;
}

/// What the checker knows of a group, across all lives of the node.
struct Book {
  model::TenantId tenant;
  std::vector<std::string> log;             // data of committed entries by index - 1
  std::map<std::string, std::string> rows;  // what the log makes of them
  std::set<std::string> proposed;
  std::uint64_t acknowledged = 0;  // highest index
};

/// A group in one life of the node.
struct Group {
  std::unique_ptr<GroupCore> core;
  std::uint64_t committed = 0;  // last index handed out
  std::uint64_t applied = 0;    // written to the state
  std::uint64_t flushed = 0;
  std::map<std::uint64_t, std::string> waiting;  // cookie -> data
};

class NodeSim {
 public:
  explicit NodeSim(const NodeOptions& options)
      : options_(options), rng_(options.seed), log_disk_(disk(rng_.next())), state_disk_(disk(rng_.next())) {
    for (std::uint64_t g = 0; g < kGroups; ++g) {
      books_[g].tenant.bytes[0] = static_cast<std::uint8_t>(g + 1);
    }
  }
  NodeReport run();

 private:
  void bootstrap();
  void start();
  void stop(const char* why);
  void power_loss();
  void settle(std::uint64_t g);
  void take_committed(std::uint64_t g, const cluster::Committed& committed);
  void pump_log();
  void finish_log(const storage::LogBatch& batch, bool written);
  void write_log(const storage::LogBatch& batch);
  void pump_state();
  void propose();
  void flush_state();
  void verify(std::uint64_t g);
  void schedule(std::uint64_t ms, void (NodeSim::*work)());
  /// An event of this life: nothing happens when the life is over.
  void in_life(std::uint64_t ms, Timeline::Event event);

  const NodeOptions options_;
  Rng rng_;
  Timeline time_;
  Trace trace_;
  NodeReport report_;
  storage::FaultyEngine log_disk_, state_disk_;
  std::map<std::uint64_t, Book> books_;

  // One life.
  std::uint64_t life_ = 0;
  bool up_ = false;
  std::map<std::uint64_t, Group> groups_;
  std::unique_ptr<cluster::LogWriterCore> writer_;
  std::unique_ptr<storage::StateWriter> state_;
  std::deque<std::pair<std::uint64_t, storage::LogEntry>> to_apply_;
  bool state_busy_ = false;
  std::uint64_t next_cookie_ = 1;
};

void NodeSim::in_life(std::uint64_t ms, Timeline::Event event) {
  time_.after(ms, [this, life = life_, event = std::move(event)] {
    if (up_ && life == life_) {
      event();
    }
  });
}

void NodeSim::schedule(std::uint64_t ms, void (NodeSim::*work)()) {
  in_life(ms, [this, work] { (this->*work)(); });
}

void NodeSim::bootstrap() {
  storage::LogBatch batch;
  for (auto& [g, book] : books_) {
    const cluster::DurableWrite write = cluster::bootstrap(model::GroupId(g), {{model::NodeId(1), "node:1"}});
    batch.hard_state(write.group, *write.hard_state);
    batch.append(write.group, write.entries, write.last_stored);
  }
  require(storage::LogStore(log_disk_).commit(batch).ok(), "bootstrap");
}

void NodeSim::start() {
  ++life_;
  up_ = true;
  groups_.clear();
  to_apply_.clear();
  state_busy_ = false;
  writer_ = std::make_unique<cluster::LogWriterCore>(64 << 10);
  state_ = std::make_unique<storage::StateWriter>(state_disk_);
  for (auto& [g, book] : books_) {
    auto recovered = storage::LogStore(log_disk_).recover(model::GroupId(g));
    require(recovered.ok(), "recovery: " + std::string(recovered.ok() ? "" : recovered.error().message()));
    Group& group = groups_[g];
    group.committed = group.applied = group.flushed = recovered->snapshot ? recovered->snapshot->index.value : 0;
    cluster::GroupConfig config;
    config.group = model::GroupId(g);
    config.self = model::NodeId(1);
    config.seed = rng_.next();
    group.core = std::make_unique<GroupCore>(config, std::move(*recovered));
  }
  for (auto& [g, group] : groups_) {
    group.core->start(time_.now());
    settle(g);
  }
  while (const auto batch = writer_->next()) {  // the terms that they begin
    write_log(*batch);
    if (!up_) {
      return;
    }
    for (const cluster::Durable& durable : writer_->done()) {
      groups_[durable.group.value].core->persisted(durable.ticket, time_.now());
      settle(durable.group.value);
    }
  }
  for (const auto& [g, group] : groups_) {
    // A sole voter commits its whole log when its term is durable: all that was acknowledged is handed out, or lies at or
    // below D.
    require(group.committed >= books_[g].acknowledged, "an acknowledged write is not in the log after a start");
    require(group.committed >= books_[g].log.size(), "a committed write is not in the log after a start");
  }
  // The state catches up from D before anybody reads.
  while (!to_apply_.empty() && up_) {
    auto [g, entry] = std::move(to_apply_.front());
    to_apply_.pop_front();
    state_->apply(model::GroupId(g), groups_[g].core->generation(), books_[g].tenant, decode(*entry.data));
    groups_[g].applied = entry.index.value;
  }
  if (!state_->write().ok()) {
    stop("state disk");
    return;
  }
  for (auto& [g, group] : groups_) {
    verify(g);
  }
  schedule(rng_.between(1, 20), &NodeSim::propose);
  schedule(rng_.between(20, 400), &NodeSim::flush_state);
  pump_log();
}

void NodeSim::stop(const char* why) {
  trace_.add(why);
  up_ = false;
  const bool loses_power = rng_.chance(500);
  if (loses_power) {
    power_loss();
  }
  log_disk_.reopen();
  state_disk_.reopen();
  time_.after(rng_.between(1, 50), [this] { start(); });
}

void NodeSim::power_loss() {
  log_disk_.crash(rng_.next());
  state_disk_.crash(rng_.next());
}

void NodeSim::settle(std::uint64_t g) {
  Group& group = groups_[g];
  cluster::Actions actions = group.core->take_actions();
  require(!actions.fatal, "a group stopped: " + (actions.fatal ? std::string(actions.fatal->message()) : ""));
  require(actions.messages.empty(), "a group of one voter sent a message");
  for (cluster::DurableWrite& write : actions.writes) {
    writer_->enqueue(std::move(write));
  }
  for (const cluster::Committed& committed : actions.committed) {
    take_committed(g, committed);
  }
  for (const cluster::Refused& refused : actions.refused) {
    require(refused.error.code != model::Code::outcome_unknown, "a sole voter does not lose its leadership");
    group.waiting.erase(refused.cookie);
    trace_.add(refused.cookie);
  }
  if (actions.wake_at) {
    const std::uint64_t ms = *actions.wake_at > time_.now() ? *actions.wake_at - time_.now() : 0;
    in_life(ms, [this, g] {
      groups_[g].core->tick(time_.now());
      settle(g);
      pump_log();
    });
  }
}

void NodeSim::take_committed(std::uint64_t g, const cluster::Committed& committed) {
  Group& group = groups_[g];
  Book& book = books_[g];
  const storage::LogEntry& entry = committed.entry;
  require(entry.index.value == group.committed + 1, "committed entries are not handed out in order");
  group.committed = entry.index.value;
  const std::string data = entry.kind == storage::EntryKind::command ? *entry.data : std::string();
  if (entry.index.value <= book.log.size()) {
    require(book.log[entry.index.value - 1] == data, "a committed entry changed");
  } else {
    require(data.empty() || book.proposed.contains(data), "a value was committed that nobody proposed");
    book.log.push_back(data);
    for (const RowChange& change : decode(data)) {
      if (change.value) {
        book.rows[change.row] = *change.value;
      } else {
        book.rows.erase(change.row);
      }
    }
  }
  trace_.add(entry.index.value);
  trace_.add(data);
  storage::LogEntry applied = entry;
  applied.data = std::make_shared<const std::string>(data);
  to_apply_.emplace_back(g, std::move(applied));
  if (committed.cookie != 0) {
    require(group.waiting.at(committed.cookie) == data, "a cookie came back with another write");
    group.waiting.erase(committed.cookie);
    book.acknowledged = entry.index.value;
    ++report_.acknowledged;
  }
}

void NodeSim::pump_log() {
  if (!up_) {
    return;
  }
  auto batch = writer_->next();
  if (!batch) {
    return;
  }
  // The disk may take the batch at once or at the end of the delay: a crash in between finds either.
  const bool early = rng_.chance(500);
  if (options_.mutant == NodeMutant::ack_before_fsync) {
    for (const cluster::Durable& durable : writer_->done()) {
      groups_[durable.group.value].core->persisted(durable.ticket, time_.now());
      settle(durable.group.value);
    }
    in_life(rng_.between(0, 12), [this, batch = std::move(*batch)] { write_log(batch); });
    schedule(1, &NodeSim::pump_log);
    return;
  }
  if (early) {
    write_log(*batch);
  }
  if (up_) {
    in_life(rng_.chance(20) ? rng_.between(50, 500) : rng_.between(0, 12),
            [this, batch = std::move(*batch), early] { finish_log(batch, early); });
  }
}

void NodeSim::write_log(const storage::LogBatch& batch) {
  if (!storage::LogStore(log_disk_).commit(batch).ok() && options_.mutant != NodeMutant::ignore_disk_errors) {
    ++report_.disk_failures;
    stop("log disk");
  }
}

void NodeSim::finish_log(const storage::LogBatch& batch, bool written) {
  if (!written) {
    write_log(batch);
  }
  if (!up_) {
    return;
  }
  trace_.add("durable");
  for (const cluster::Durable& durable : writer_->done()) {
    groups_[durable.group.value].core->persisted(durable.ticket, time_.now());
    settle(durable.group.value);
  }
  schedule(rng_.between(0, 5), &NodeSim::pump_state);
  pump_log();
}

void NodeSim::pump_state() {
  if (to_apply_.empty()) {
    return;
  }
  for (std::uint64_t n = rng_.between(1, to_apply_.size()); n > 0; --n) {
    auto [g, entry] = std::move(to_apply_.front());
    to_apply_.pop_front();
    state_->apply(model::GroupId(g), groups_[g].core->generation(), books_[g].tenant, decode(*entry.data));
    groups_[g].applied = entry.index.value;
  }
  if (!state_->write().ok()) {
    ++report_.disk_failures;
    stop("state disk");
    return;
  }
  if (!to_apply_.empty()) {
    schedule(rng_.between(0, 5), &NodeSim::pump_state);
  }
}

void NodeSim::flush_state() {
  std::map<std::uint64_t, std::uint64_t> reached;
  for (auto& [g, group] : groups_) {
    reached[g] = group.applied;
  }
  model::Status status;
  if (options_.mutant == NodeMutant::synced_write_for_flush) {
    storage::Batch batch;
    batch.put("z", "z");
    status = state_disk_.write(batch, storage::Durability::synced);
  } else if (options_.mutant != NodeMutant::d_before_flush) {
    status = state_->flush();
  }
  if (!status.ok()) {
    ++report_.disk_failures;
    stop("state disk");
    return;
  }
  in_life(rng_.between(0, 20), [this, reached] {
    for (const auto& [g, index] : reached) {
      groups_[g].core->checkpoint(model::Index(index), time_.now());
      settle(g);
    }
    ++report_.checkpoints;
    pump_log();
  });
  schedule(rng_.between(20, 400), &NodeSim::flush_state);
}

void NodeSim::propose() {
  for (std::uint64_t n = rng_.between(0, 4); n > 0; --n) {
    const std::uint64_t g = rng_.below(kGroups);
    Group& group = groups_[g];
    std::vector<cluster::Proposal> proposals;
    for (std::uint64_t k = rng_.between(1, 3); k > 0; --k) {
      const std::uint64_t cookie = next_cookie_++;
      std::vector<RowChange> changes;
      for (std::uint64_t c = rng_.between(1, 3); c > 0; --c) {
        const std::string row = "r" + std::to_string(rng_.below(kRows));
        const bool del = rng_.chance(200);
        changes.push_back({row, del ? std::nullopt : std::optional("v" + std::to_string(cookie))});
      }
      std::string data = encode(changes) + "id=" + std::to_string(cookie) + "\n";
      books_[g].proposed.insert(data);
      group.waiting[cookie] = data;
      proposals.push_back(
          {cookie, group.core->leadership().term, std::make_shared<const std::string>(std::move(data))});
    }
    group.core->propose(std::move(proposals), time_.now());
    settle(g);
  }
  pump_log();
  if (up_) {
    schedule(rng_.between(1, 25), &NodeSim::propose);
  }
}

void NodeSim::verify(std::uint64_t g) {
  const Group& group = groups_[g];
  require(group.applied == books_[g].log.size(), "a start left entries unapplied");
  std::map<std::string, std::string> found;
  const storage::TenantRows rows(state_disk_, model::GroupId(g), group.core->generation(), books_[g].tenant);
  auto scan = rows.scan("", "");
  for (; scan->valid(); scan->next()) {
    found.emplace(rows.row_of(scan->key()), scan->value());
  }
  require(scan->status().ok(), "the state cannot be read");
  require(found == books_[g].rows, "the rows of a group are not what its log makes of them");
  trace_.add(found.size());
}

NodeReport NodeSim::run() {
  bootstrap();
  start();
  for (std::uint64_t step = 0; step < options_.steps; ++step) {
    if (up_ && rng_.chance(2)) {
      ++report_.crashes;
      stop("killed");
    } else if (up_ && rng_.chance(1)) {
      storage::FaultyEngine& victim = rng_.chance(500) ? log_disk_ : state_disk_;
      const auto fault = rng_.chance(500) ? storage::DiskFault::no_space : storage::DiskFault::io_error;
      victim.fail_write(rng_.between(1, 5), fault);
      if (rng_.chance(300)) {
        state_disk_.fail_flush(1, fault);
      }
    }
    require(time_.step(), "the simulation stands still");
  }
  // The last power loss: what was acknowledged must be there.
  up_ = false;
  power_loss();
  log_disk_.reopen();
  state_disk_.reopen();
  start();
  report_.trace = trace_.hash();
  return report_;
}

}  // namespace

std::string NodeReport::text() const {
  std::ostringstream out;
  out << acknowledged << " acknowledged, " << crashes << " kills, " << disk_failures << " disk failures, "
      << checkpoints << " checkpoints, trace " << std::hex << trace;
  return out.str();
}

NodeReport simulate_node(const NodeOptions& options) { return NodeSim(options).run(); }

}  // namespace coffer::sim
