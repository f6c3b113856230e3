// See move_keeper.hpp.

#include "actors/move_keeper.hpp"

#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;
using Kind = MoveOrder::Kind;

namespace {

constexpr std::chrono::milliseconds kLookAgain{100};  // for leaderships that came here, and after what did not work
constexpr std::chrono::seconds kPatience{3};          // of one question
constexpr std::size_t kAttemptBytes = 16;

}  // namespace

void MoveKeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void MoveKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void MoveKeeper::noticed(const model::TenantInfo& tenant) {
  const std::lock_guard lock(mutex_);
  if (tenant.moving_to.value == 0 && tenant.moved_from.value == 0) {
    moving_.erase(tenant.id);
    return;
  }
  moving_[tenant.id] = tenant;
  news_ = true;
  changed_.notify_all();
}

std::vector<Sample> MoveKeeper::samples() const {
  const std::lock_guard lock(mutex_);
  const auto counter = [](const char* name, const char* help, std::uint64_t value) {
    return Sample{name, help, true, {}, static_cast<double>(value)};
  };
  return {
      {"coffer_tenants_moving",
       "Tenants on their way to another group.",
       false,
       {},
       static_cast<double>(moving_.size())},
      counter("coffer_tenants_moved_in_total", "Tenants brought into a group that this node leads.", moved_in_),
      counter("coffer_tenants_moved_out_total", "Tenants whose old rows this node removed.", moved_out_),
      counter("coffer_tenant_moves_interrupted_total", "Steps of moves that were given up and begun anew.", failed_)};
}

void MoveKeeper::run() {
  bool busy = false;
  while (!stopped_) {
    std::vector<model::TenantInfo> moving;
    {
      std::unique_lock lock(mutex_);
      if (!busy && !moving_.empty()) changed_.wait_for(lock, kLookAgain, [this] { return stopped_ || news_; });
      changed_.wait(lock, [this] { return stopped_ || !moving_.empty(); });
      news_ = false;
      for (const auto& [id, tenant] : moving_) moving.push_back(tenant);
    }
    busy = false;
    for (const model::TenantInfo& tenant : moving) {
      if (stopped_) return;
      busy = (is_known(tenant) && attend(tenant)) || busy;
    }
  }
}

/// The one before may have taken minutes.
bool MoveKeeper::is_known(const model::TenantInfo& tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = moving_.find(tenant.id);
  return found != moving_.end() && found->second.moves == tenant.moves && found->second.moving_to == tenant.moving_to &&
         found->second.moved_from == tenant.moved_from;
}

/// What this node has heard of may be long over, for not every row of the directory passes here: one that comes with a state
/// does not. By then another tenant may bear the name, and the tenant is asked by that.
model::Result<bool> MoveKeeper::is_under_way(const model::TenantInfo& tenant) {
  const auto reply = ask(host_, {}, model::DirectoryOperation(model::GetTenant{tenant.name}), kPatience);
  if (!reply && reply.error().code != Code::tenant_not_found) return reply.error();
  const model::TenantInfo* now = reply ? &std::get<model::TenantReply>(reply->body).tenant : nullptr;
  if (now != nullptr && now->id == tenant.id && now->moves == tenant.moves && now->moving_to == tenant.moving_to) {
    return true;
  }
  const std::lock_guard lock(mutex_);
  const auto found = moving_.find(tenant.id);
  if (found != moving_.end() && found->second.moves == tenant.moves) moving_.erase(found);
  return false;
}

bool MoveKeeper::attend(const model::TenantInfo& tenant) {
  const std::uint64_t before = moved_in_ + moved_out_;
  if (tenant.moving_to.value != 0 && host_.leads(tenant.moving_to)) carry_in(tenant);
  if (tenant.moved_from.value != 0 && host_.leads(tenant.moved_from)) sweep_out(tenant);
  return moved_in_ + moved_out_ != before;
}

void MoveKeeper::carry_in(const model::TenantInfo& tenant) {
  const auto under_way = is_under_way(tenant);
  if (!under_way) return report(tenant, under_way.error());
  if (!*under_way) return;
  TenantMover mover(tenant.moves, tenant.group, tenant.moving_to, random_.bytes(kAttemptBytes));
  model::TenantRef ref;
  ref.name = tenant.name;
  const auto ask_tenant = [&](model::TenantOperation operation) {
    return ask(host_, ref, std::move(operation), kPatience);
  };
  while (!mover.is_done()) {
    if (stopped_) return;
    const MoveOrder& order = mover.order();
    switch (order.kind) {
      case Kind::look: {
        auto found = look(tenant.moving_to, tenant.id);
        if (!found) return report(tenant, found.error());
        mover.looked(*found);
        break;
      }
      case Kind::read: {
        auto rows = ask_tenant(order.read);
        if (rows) {
          mover.read(std::move(std::get<model::MovingReply>(rows->body)));
        } else {
          mover.read(rows.error());
        }
        break;
      }
      case Kind::show: {
        auto rows = show(tenant.moving_to, tenant.id, order);
        if (!rows) return report(tenant, rows.error());
        mover.shown(std::move(*rows));
        break;
      }
      case Kind::fence: {
        auto done = ask_tenant(order.fence);
        if (done) {
          mover.fenced(std::move(done->body));
        } else {
          mover.fenced(done.error());
        }
        break;
      }
      case Kind::write: mover.wrote(write(tenant.moving_to, tenant.id, order)); break;
      case Kind::tell: mover.told(tell(tenant, model::MoveStage::installed)); break;
      case Kind::list:
      case Kind::done: break;
    }
  }
  if (mover.failure() != nullptr) return report(tenant, *mover.failure());
  ++moved_in_;
}

void MoveKeeper::sweep_out(const model::TenantInfo& tenant) {
  TenantSweeper sweeper(tenant.moves, tenant.group);
  while (!sweeper.is_done()) {
    if (stopped_) return;
    const MoveOrder& order = sweeper.order();
    switch (order.kind) {
      case Kind::look: {
        auto found = look(tenant.moved_from, tenant.id);
        if (!found) return report(tenant, found.error());
        sweeper.looked(*found);
        break;
      }
      case Kind::list: {
        auto rows = list(tenant.moved_from, tenant.id);
        if (!rows) return report(tenant, rows.error());
        sweeper.listed(std::move(*rows));
        break;
      }
      case Kind::write: sweeper.wrote(write(tenant.moved_from, tenant.id, order)); break;
      default: sweeper.told(tell(tenant, model::MoveStage::cleaned)); break;
    }
  }
  if (sweeper.failure() != nullptr) return report(tenant, *sweeper.failure());
  ++moved_out_;
}

model::Result<MoveFindings> MoveKeeper::look(model::GroupId group, const model::TenantId& tenant) {
  if (auto status = host_.bring_up_to_date(group); !status) return status.error();
  const storage::TenantRows rows(host_.state(), group, host_.generation(group), tenant);
  auto mark = rows.get(storage::kMoveRow);
  if (!mark) return mark.error();
  auto header = rows.get(storage::kHeaderRow);
  if (!header) return header.error();
  return MoveFindings{std::move(*mark), header->has_value()};
}

model::Result<std::vector<std::string>> MoveKeeper::list(model::GroupId group, const model::TenantId& tenant) const {
  const storage::TenantRows rows(host_.state(), group, host_.generation(group), tenant);
  std::vector<std::string> found;
  auto scan = rows.scan("", "");
  for (; scan->valid() && found.size() < TenantSweeper::kListed; scan->next()) {
    std::string row(rows.row_of(scan->key()));
    if (row != storage::kMoveRow) found.push_back(std::move(row));
  }
  if (auto status = scan->status(); !status) return status.error();
  return found;
}

model::Result<model::MovingReply> MoveKeeper::show(model::GroupId group, const model::TenantId& tenant,
                                                   const MoveOrder& order) const {
  const storage::TenantRows rows(host_.state(), group, host_.generation(group), tenant);
  return rows_of_piece(rows, order, TenantMover::kShownRows, TenantMover::kShownBytes);
}

model::Status MoveKeeper::write(model::GroupId group, const model::TenantId& tenant, const MoveOrder& order) {
  return host_.write_marked(group, tenant, order.rows, order.condition, order.action);
}

model::Status MoveKeeper::tell(const model::TenantInfo& tenant, model::MoveStage stage) {
  auto done = ask(host_, {}, model::DirectoryOperation(model::AdvanceMove{tenant.id, tenant.moves, stage}), kPatience);
  return done ? model::Status() : model::Status(done.error());
}

/// A leadership that ends in the middle is nothing to tell anybody; the next leader goes on.
void MoveKeeper::report(const model::TenantInfo& tenant, const Error& error) {
  ++failed_;
  const bool passes = error.code == Code::unavailable || error.code == Code::outcome_unknown ||
                      error.code == Code::not_active || error.code == Code::overloaded;
  if (!passes) {
    log_("tenant " + to_string(tenant.id) + " does not move on: " + std::string(error.message()));
  }
}

}  // namespace coffer::actors
