// A tenant that leaves its group: its rows for whoever takes it over, while it is used and behind the fence that ends its
// life here. See tenant_core.hpp; tenant_move.hpp says how a move goes.

#include <algorithm>

#include "actors/tenant_core.hpp"
#include "actors/tenant_mutation.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

/// Whoever asked is routed again, until his deadline: by then the tenant may be at its new place.
Error elsewhere() { return Error(Code::unavailable, "the tenant is on its way to another group", 1); }

constexpr std::size_t kTraceIdBytes = 16;
/// Of what changed since it was asked for last: more than this goes over before the fence, not with it.
constexpr std::size_t kTailBytes = 1 << 20;

}  // namespace

/// Is there a mark of a move? Errors: data_loss, disk_error.
model::Result<bool> TenantCore::load_mark() {
  auto stored = rows_.get(storage::kMoveRow);
  if (!stored) return stored.error();
  if (!stored->has_value()) return false;
  auto mark = decode_mark(**stored);
  if (!mark) return mark.error();
  moving_ = std::move(*mark);
  return true;
}

void TenantCore::answer_moving(CallHandle call, std::vector<Submission>& out) {
  const model::Request& request = call.request();
  const auto& operation = std::get<model::TenantOperation>(request.operation);
  const auto* ordered = std::get_if<model::FenceTenant>(&operation);
  const auto* reads = std::get_if<model::ReadMoving>(&operation);
  if (request.info.deadline != 0 && request.info.deadline < deps_.wall_clock()) {
    return call.finish(Error(Code::deadline_exceeded));
  }
  if (ordered == nullptr && reads == nullptr) return call.finish(elsewhere());
  if (request.credential.kind != model::CredentialKind::operator_ || !request.credential.of_node) {
    call.call().decided = true;
    return call.finish(Error(Code::permission_denied));
  }
  if (auto status = model::check_operation(operation, deps_.limits); !status) return call.finish(status.error());
  if (ordered != nullptr) return fence(std::move(call), *ordered, out);
  auto body = reads->live ? live_rows(*reads) : moving_rows(*reads);
  if (!body) return call.finish(body.error());
  call.finish(model::Reply{{}, std::move(*body)});
}

/// The tenant's last write set in this group. What waits for something to happen here is sent away at once, and so is
/// whoever comes from now on: also before the fence is committed, for what is decided behind it would be lost.
void TenantCore::fence(CallHandle call, const model::FenceTenant& fence, std::vector<Submission>& out) {
  if (moving_) {
    const bool repeated = moving_->state == MoveMark::State::leaving && moving_->number == fence.number;
    if (!repeated) return call.finish(Error(Code::not_active, "another move of the tenant has fenced it"));
    return answer_behind_pending(std::move(call), model::Reply{{}, model::ReplyBody(model::DoneReply{})});
  }
  if (fence.number <= header_.moves()) {
    call.call().decided = true;
    return call.finish(Error(Code::not_active, "this move of the tenant is over"));
  }
  auto refusal = not_to_be_fenced(fence);
  if (!refusal) return call.finish(refusal.error());
  if (*refusal) return call.finish(model::Reply{{}, model::ReplyBody(std::move(**refusal))});
  if (auto status = renew_unused_keys(); !status) return call.finish(status.error());
  Mutation mutation;
  mutation.header = header_;
  mutation.now = now();
  mutation.principal = "node";
  mutation.audit.set_action("move-tenant-fence");
  mutation.audit.set_details("move=" + std::to_string(fence.number) + " to=" + std::to_string(fence.to.value));
  const MoveMark mark{MoveMark::State::leaving, fence.number, fence.to, {}};
  mutation.rows.push_back({storage::kMoveRow, encode_mark(mark)});
  if (auto status = finish_rows(mutation); !status) return call.finish(status.error());
  moving_ = mark;
  for (ListJob& job : jobs_) job.call.finish(elsewhere());
  jobs_.clear();
  for (WatchJob& job : watches_) job.call.finish(elsewhere());
  watches_.clear();
  submit(std::move(call), std::move(mutation), model::ReplyBody(model::DoneReply{}), out);
  const MoveTrace::Place since{fence.since, fence.after};
  if (fence.trace.empty() || !trace_->knows(since)) return;
  // The answer waits for the commit, in the term in which all of this was decided: so nobody else has changed anything since
  // the trace began, and nothing changes any more.
  if (auto tail = changed_behind(since, SIZE_MAX, true)) {
    pending_.back().reply.body = std::move(*tail);
  }
}

/// With a trace: the answer that the tenant is not fenced yet, and why; none: it may be.
model::Result<std::optional<model::MovingReply>> TenantCore::not_to_be_fenced(const model::FenceTenant& fence) const {
  using Refusal = std::optional<model::MovingReply>;
  if (fence.trace.empty()) return Refusal();
  model::MovingReply refusal;
  refusal.more = true;
  const MoveTrace::Place since{fence.since, fence.after};
  if (!trace_ || trace_->id() != fence.trace || !trace_->knows(since)) return Refusal(std::move(refusal));
  auto tail = changed_behind(since, kTailBytes, true);
  if (!tail) return tail.error();
  if (!tail->more) return Refusal();
  refusal.trace = fence.trace;
  return Refusal(std::move(refusal));
}

/// Of a tenant that is used. Only what is committed and applied is shown; the trace has what is decided from its beginning
/// on, and what was decided before and cannot be seen yet.
model::Result<model::ReplyBody> TenantCore::live_rows(const model::ReadMoving& read) {
  if (moving_) return Error(Code::not_active, "the tenant is fenced");
  if (read.number <= header_.moves()) return Error(Code::not_active, "this move of the tenant is over");
  const bool goes_on = trace_ && trace_->id() == read.trace;
  if (read.changed) {
    const MoveTrace::Place since{read.since, read.after};
    if (!goes_on || !trace_->knows(since)) return model::ReplyBody(model::MovingReply{});
    trace_->forget(since);
    auto changed = changed_behind(since, read.bytes, false);
    if (!changed) return changed.error();
    return model::ReplyBody(std::move(*changed));
  }
  if (!goes_on || trace_->is_lost()) {
    trace_.emplace(deps_.random.bytes(kTraceIdBytes));
    overlay_.each_staged([this](std::uint64_t sequence, const std::string& row) { trace_->note(sequence, row); });
  }
  auto reply = rows_behind(read);
  if (!reply) return reply.error();
  reply->trace = trace_->id();
  return model::ReplyBody(std::move(*reply));
}

/// The rows that changed, and at the end of what changed the header and the keys. `latest`: as they are decided; else as they
/// are in the state, and only the changes that it holds.
model::Result<model::MovingReply> TenantCore::changed_behind(const MoveTrace::Place& since, std::size_t bytes,
                                                             bool latest) const {
  model::MovingReply reply;
  reply.trace = trace_->id();
  reply.since = since.first;
  reply.after = since.second;
  const std::uint64_t end = latest ? UINT64_MAX : overlay_.oldest_staged();
  std::size_t taken = 0;
  for (auto at = trace_->behind(since); at != trace_->end() && at->first < end; ++at) {
    if (taken >= bytes) {
      reply.more = true;
      return reply;
    }
    reply.since = at->first;
    reply.after = at->second;
    const std::string& name = at->second;
    taken += name.size();
    if (name == storage::kHeaderRow || name == storage::kKeysRow || name == storage::kMoveRow) continue;
    auto value = latest ? row(name, true) : rows_.get(name);
    if (!value) return value.error();
    if (value->has_value()) {
      taken += (*value)->size();
      reply.rows.emplace_back(name, std::move(**value));
    } else {
      reply.gone.push_back(name);
    }
  }
  for (const char* name : {storage::kHeaderRow, storage::kKeysRow}) {
    auto value = latest ? row(name, true) : rows_.get(name);
    if (!value) return value.error();
    if (value->has_value()) reply.rows.emplace_back(name, std::move(**value));
  }
  return reply;
}

/// Only what the state holds is complete, and it is complete when the fence is in it: the last of the tenant's write sets.
model::Result<model::ReplyBody> TenantCore::moving_rows(const model::ReadMoving& read) const {
  auto stored = rows_.get(storage::kMoveRow);
  if (!stored) return stored.error();
  const MoveMark::State leaving = MoveMark::State::leaving;
  if (!stored->has_value()) {
    const bool coming = moving_ && moving_->state == leaving && moving_->number == read.number;
    return coming ? Error(Code::unavailable, "the fence is not applied yet", 1)
                  : Error(Code::not_active, "the tenant is not leaving this group");
  }
  auto mark = decode_mark(**stored);
  if (!mark) return mark.error();
  if (mark->state != leaving || mark->number != read.number) {
    return Error(Code::not_active, "the tenant does not leave this group by this move");
  }
  auto reply = rows_behind(read);
  if (!reply) return reply.error();
  return model::ReplyBody(std::move(*reply));
}

/// As the state has them.
model::Result<model::MovingReply> TenantCore::rows_behind(const model::ReadMoving& read) const {
  model::MovingReply reply;
  std::size_t bytes = 0;
  auto scan = rows_.scan(read.after, "");
  for (; scan->valid() && bytes < read.bytes; scan->next()) {
    std::string row(rows_.row_of(scan->key()));
    if (row == read.after) continue;
    bytes += row.size() + scan->value().size();
    reply.rows.emplace_back(std::move(row), std::string(scan->value()));
  }
  if (auto status = scan->status(); !status) return status.error();
  reply.more = scan->valid();
  return reply;
}

}  // namespace coffer::actors
