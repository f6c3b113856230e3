// What the keeper of keys asks of its node. See keeper_host.hpp and node_impl.hpp.

#include <future>
#include <thread>

#include "actors/kept_promise.hpp"
#include "actors/node_impl.hpp"
#include "storage/keys.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kPollState{5};
constexpr std::chrono::milliseconds kLookForTheEnd{50};  // of a leadership, while rows wait for it

}  // namespace

void NodeImpl::start_keeper(const Identity& identity) {
  key_rows_ = identity.key_rows;
  options_.keeper.reason = identity.sealed_because;
  marks_ = std::make_unique<CompactedMarks>(*options_.state_engine, *log_store_);
  forgetter_ = std::make_unique<Forgetter>(static_cast<Forgetter::Disk&>(*this));
  keeper_ =
      std::make_unique<KeyKeeper>(static_cast<KeeperHost&>(*this), *options_.random, options_.log, options_.keeper);
  context_->keys_changed = [this](const KeyChanges& changes) { keys_committed(changes); };
  context_->keys_read = [this](KeyRows rows) { keys_read(std::move(rows)); };
  context_->tenant_purged = [this](model::GroupId group, model::TimeMs at) {
    if (marks_->is_to_compact(group, at, generation(group))) keeper_->forget(group);
  };
  context_->replica_gone = [this](model::GroupId group) { keeper_->forget(group); };
  context_->tenant_to_purge = [this] { keeper_->hurry(); };
  movers_ = std::make_unique<MoveKeeper>(static_cast<KeeperHost&>(*this), *options_.random, options_.log);
  context_->tenant_moves = [this](const model::TenantInfo& tenant) { movers_->noticed(tenant); };
}

/// The directory's actor says it on the node that leads it, the mirror elsewhere.
void NodeImpl::keys_committed(const KeyChanges& changes) {
  KeyRows rows;
  {
    const std::lock_guard lock(key_rows_mutex_);
    for (const auto& [row, value] : changes) {
      if (value) {
        key_rows_[row] = *value;
      } else {
        key_rows_.erase(row);
      }
    }
    rows = key_rows_;
  }
  keeper_->keys_changed(rows);
}

/// A seal that was removed while this node heard nothing must open nothing here any more.
void NodeImpl::keys_read(KeyRows rows) {
  {
    const std::lock_guard lock(key_rows_mutex_);
    key_rows_ = rows;
  }
  keeper_->keys_changed(rows);
}

model::Result<KeyRows> NodeImpl::key_rows() const {
  const std::lock_guard lock(key_rows_mutex_);
  return key_rows_;
}

model::Status NodeImpl::open(crypto::KeyRing ring) {
  if (auto status = unseal(std::move(ring)); !status) return status;
  let_campaign();
  caf::anon_send(context_->mirror, Reload{});
  keeper_->keys_changed(*key_rows());
  return wait_until_ready(std::chrono::steady_clock::now() + kPatience);
}

/// Nothing that comes from here on is answered; the keys go when what is under way has ended.
void NodeImpl::seal() {
  context_->accepting = false;
  if (options_.request_seal) options_.request_seal();
}

model::Result<std::unique_ptr<crypto::Seal>> NodeImpl::device_seal(const std::string& name) {
  if (options_.device_seal) return options_.device_seal(name);
  return Error(Code::not_active, "this node's configuration names no PKCS#11 module: see [seal.pkcs11]");
}

bool NodeImpl::leads(model::GroupId group) const {
  return group.value < context_->boards.size() && context_->boards[group.value].role == cluster::Role::leader;
}

model::Generation NodeImpl::generation(model::GroupId group) const {
  return model::Generation{context_->boards[group.value].generation.load()};
}

/// Asks for the entry up to which everything is committed that was acknowledged before, on whatever node. Whoever answers
/// may go without a word: then the promise is broken.
std::future<model::Result<model::Index>> NodeImpl::ask_newest(model::GroupId group,
                                                              std::chrono::steady_clock::time_point until) {
  Context& context = *context_;
  auto promise = std::make_shared<std::promise<model::Result<model::Index>>>();
  auto answer = promise->get_future();
  const bool leads = context.boards[group.value].role == cluster::Role::leader;
  if (!context.accepting || (!leads && !context.is_clustered())) {
    promise->set_value(Error(Code::unavailable, "this node holds no replica of the group"));
    return answer;
  }
  auto told = std::make_shared<std::function<void(model::Result<model::Index>)>>(
      [promise](model::Result<model::Index> index) { promise->set_value(std::move(index)); });
  if (leads) {
    // Its commit index may be old: a new leader learns what is committed by committing something itself.
    caf::anon_send(context.groups[group.value], ConfirmLeadership{std::move(told)});
  } else {
    const auto patience =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    caf::anon_send(context.forwarder, Barrier{group, options_.wall_clock() + patience.count(), std::move(told)});
  }
  return answer;
}

/// The entry up to which everything is applied that was acknowledged before, on whatever node.
model::Result<model::Index> NodeImpl::newest_index(model::GroupId group, std::chrono::steady_clock::time_point until) {
  const GroupBoard& board = context_->boards[group.value];
  auto answer = ask_newest(group, until);
  if (answer.wait_until(until) != std::future_status::ready) return Error(Code::unavailable);
  const auto index = kept(answer, Code::unavailable);
  if (!index) return index.error();
  return model::Index{std::max(board.trust_changed_at.load(), index->value)};
}

/// Until rows here hold whatever was acknowledged before, on whatever node.
model::Status NodeImpl::bring_up_to_date(model::GroupId group) {
  const Context& context = *context_;
  const GroupBoard& board = context.boards[group.value];
  const auto until = std::chrono::steady_clock::now() + kPatience;
  // Waiting for rows that never come would only keep the keeper from its other work.
  if (context.accepting && board.role == cluster::Role::stopped) {
    return Error(Code::unavailable, "this node holds no replica of the group");
  }
  const auto newest = newest_index(group, until);
  if (!newest) return newest.error();
  while (board.applied < newest->value) {
    if (std::chrono::steady_clock::now() >= until || !context.accepting) return Error(Code::unavailable);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

bool NodeImpl::is_low_on_disk() {
  if (!disk_) return false;
  disk_->look();
  return disk_->read_only();
}

model::Status NodeImpl::write_rows(model::GroupId group, const model::TenantId& tenant,
                                   std::vector<storage::RowChange> rows, std::string_view action) {
  RowsOrder order;
  order.group = group;
  order.tenant = tenant;
  order.rows = std::make_shared<const std::vector<storage::RowChange>>(std::move(rows));
  order.action = action;
  return carry_out(std::move(order));
}

model::Status NodeImpl::write_marked(model::GroupId group, const model::TenantId& tenant,
                                     std::vector<storage::RowChange> rows, const MarkCondition& condition,
                                     std::string_view action) {
  RowsOrder order;
  order.group = group;
  order.tenant = tenant;
  order.rows = std::make_shared<const std::vector<storage::RowChange>>(std::move(rows));
  order.action = action;
  order.mark = condition;
  return carry_out(std::move(order));
}

/// Waits until the rows are written, here too, or certainly will not be.
model::Status NodeImpl::carry_out(RowsOrder order) {
  const model::GroupId group = order.group;
  order.fate = std::make_shared<std::atomic<RowsOrder::Fate>>(RowsOrder::Fate::waiting);
  order.done = std::make_shared<std::promise<model::Result<model::Index>>>();
  auto answer = order.done->get_future();
  if (!leads(group)) return Error(Code::unavailable, "another node leads the tenant's group");
  spawn_rows(*system_, *context_, order);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  const auto given_up = [&] {
    auto expected = RowsOrder::Fate::waiting;
    return order.fate->compare_exchange_strong(expected, RowsOrder::Fate::given_up);
  };
  while (answer.wait_for(kLookForTheEnd) != std::future_status::ready) {
    const bool lost = !leads(group) || !context_->accepting;
    if (!lost && std::chrono::steady_clock::now() < until) continue;
    // One that is forgotten in the group's queue would be carried out under a later leadership, over whatever is there then.
    if (given_up())
      return Error(Code::unavailable, "another node leads the tenant's group, or it does not come to this");
    if (!context_->accepting) return Error(Code::outcome_unknown);  // the node ends, and what it has not sent
  }
  const auto index = kept(answer, Code::outcome_unknown);
  if (!index) return index.error();
  while (context_->boards[group.value].applied < index->value) {
    if (std::chrono::steady_clock::now() >= until) return Error(Code::outcome_unknown);
    std::this_thread::sleep_for(kPollState);
  }
  return {};
}

void NodeImpl::forget_replaced(model::GroupId group, std::function<void(model::Status)> done) {
  const auto begun = marks_->begin(group, generation(group));
  forgetter_->forget(group, [this, group, begun, done = std::move(done)](const model::Status& status) {
    auto mark = status ? marks_->end(group, begun, generation(group)) : std::nullopt;
    if (mark) caf::anon_send(context_->state_writer, Note{std::make_shared<const storage::Batch>(std::move(*mark))});
    done(status);
  });
}

/// A node that never was a server of the group has nothing of it.
std::future<model::Result<model::Index>> NodeImpl::newest(model::GroupId group,
                                                          std::chrono::steady_clock::time_point until) {
  const auto logged = log_store_->first_entry(group);
  const auto stored = storage::generations(*options_.state_engine, group);
  if (!logged || logged->has_value() || !stored || !stored->empty()) return ask_newest(group, until);
  std::promise<model::Result<model::Index>> nothing;
  nothing.set_value(model::Index{0});
  return nothing.get_future();
}

model::Index NodeImpl::applied(model::GroupId group) const {
  return model::Index{context_->boards[group.value].applied.load()};
}

std::future<void> NodeImpl::flush_state() {
  Checkpoint checkpoint{std::make_shared<std::promise<void>>()};
  auto flushed = checkpoint.done->get_future();
  caf::anon_send(context_->state_writer, std::move(checkpoint));
  return flushed;
}

model::Result<std::optional<model::Index>> NodeImpl::first_logged(model::GroupId group) const {
  return log_store_->first_entry(group);
}

model::Status NodeImpl::compact_state(model::GroupId group) {
  std::string prefix = "g";
  storage::append_be64(prefix, group.value);
  return options_.state_engine->compact(prefix, storage::prefix_end(prefix));
}

model::Status NodeImpl::compact_log() { return options_.log_engine->compact({}, {}); }

}  // namespace coffer::actors
