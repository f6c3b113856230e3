// A tenant that leaves its group: the fence that ends its life here, and its rows for whoever takes it over. See
// tenant_core.hpp; tenant_move.hpp says how a move goes.

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
  auto body = moving_rows(*reads);
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
  return model::ReplyBody(std::move(reply));
}

}  // namespace coffer::actors
