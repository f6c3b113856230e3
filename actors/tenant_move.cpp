// See tenant_move.hpp.

#include "actors/tenant_move.hpp"

#include <utility>

#include "actors/records.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;
using Kind = MoveOrder::Kind;

std::string encode_mark(const MoveMark& mark) {
  store::v1::MoveMarkRecord record;
  record.set_format(kRecordFormat);
  record.set_state(static_cast<std::uint32_t>(mark.state));
  record.set_number(mark.number);
  record.set_group(static_cast<std::uint32_t>(mark.group.value));
  record.set_attempt(mark.attempt);
  return record.SerializeAsString();
}

model::Result<MoveMark> decode_mark(std::string_view bytes) {
  store::v1::MoveMarkRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || record.format() != kRecordFormat ||
      record.state() < 1 || record.state() > 3) {
    return Error(Code::data_loss, "a stored mark of a move is none that this program knows");
  }
  return MoveMark{static_cast<MoveMark::State>(record.state()), record.number(), model::GroupId{record.group()},
                  record.attempt()};
}

store::v1::TenantHeader moved_header(store::v1::TenantHeader header, std::uint32_t number) {
  if (header.continuous_epoch() == 0) header.set_continuous_epoch(header.epoch());
  header.set_epoch(header.epoch() + 1);
  header.set_moves(number);
  return header;
}

// ---- into the new group

namespace {

constexpr int kPiecesAtATime = 16;   // then what changed is asked for: a shard notes no more than so much
constexpr int kMostInARow = 4;       // of those questions, between pieces
constexpr int kMostQuestions = 200;  // behind the last piece, however much the tenant changes
constexpr std::size_t kFewRows = 64;
constexpr int kMostPasses = 4;  // each leader of the old group begins to note anew

}  // namespace

TenantMover::TenantMover(std::uint32_t number, model::GroupId from, model::GroupId to, std::string attempt)
    : number_(number), to_(to), mark_(encode_mark({MoveMark::State::coming, number, from, std::move(attempt)})) {
  order_.kind = Kind::look;
}

void TenantMover::fail(const Error& error) {
  failure_ = error;
  order_ = {};
}

void TenantMover::fail(const char* what) { fail(Error(Code::data_loss, what)); }

void TenantMover::ask(Kind kind) {
  order_ = {};
  order_.kind = kind;
}

void TenantMover::write(Rows rows, std::string_view action) {
  ask(Kind::write);
  order_.rows = std::move(rows);
  order_.condition.value = stage_ == Stage::mark ? found_ : std::optional(mark_);
  order_.action = action;
}

void TenantMover::looked(const MoveFindings& findings) {
  if (!findings.mark && findings.has_header) {
    // Somebody has installed it and could not say so: only that is left.
    stage_ = Stage::tell;
    return ask(Kind::tell);
  }
  if (findings.mark) {
    auto mark = decode_mark(*findings.mark);
    if (!mark) return fail(mark.error());
    if (mark->number > number_) return fail(Error(Code::unavailable, "a later move of the tenant is under way"));
    if (mark->state == MoveMark::State::leaving) return fail("the tenant's rows are not gone since it left the group");
  }
  found_ = findings.mark;
  stage_ = Stage::mark;
  write({{storage::kMoveRow, mark_}});
}

/// From the first piece on. While the tenant is used, what changes is noted from here on.
void TenantMover::compare_all() {
  if (live_ && ++passes_ > kMostPasses) return fence(false);
  last_.clear();
  since_ = 0;
  after_.clear();
  all_compared_ = false;
  pieces_ = 0;
  ask_piece();
}

void TenantMover::ask_piece() {
  stage_ = Stage::compare;
  ask(Kind::read);
  order_.read.number = number_;
  order_.read.after = last_;
  order_.read.live = live_;
  order_.read.trace = trace_;
}

/// The shard that noted what changes is no more, or could not note all of it.
void TenantMover::compare_again() {
  trace_.clear();
  compare_all();
}

void TenantMover::read(model::Result<model::MovingReply> reply) {
  // It is fenced since an earlier attempt, or an older program leads its group.
  if (live_ && !reply && reply.error().code == Code::not_active) return fence(false);
  if (!reply) return fail(reply.error());
  if (stage_ == Stage::changes) return take_changes(*std::move(reply));
  if (live_ && reply->trace.empty()) return fence(false);
  if (live_ && reply->trace != std::exchange(trace_, reply->trace) && !last_.empty()) return compare_all();
  take_piece(*std::move(reply));
}

/// The header and the keys are of no use before the tenant is fenced, and are written last. False: it is one of them.
bool TenantMover::is_kept(std::pair<std::string, std::string>& row) {
  if (row.first == storage::kHeaderRow) {
    header_ = std::move(row.second);
  } else if (row.first == storage::kKeysRow) {
    keys_ = std::move(row.second);
  } else {
    return row.first != storage::kMoveRow;
  }
  return false;
}

void TenantMover::take_piece(model::MovingReply reply) {
  if (reply.rows.empty() && reply.more) return fail("a tenant that moves has rows that are not shown");
  std::string behind = last_;
  piece_.clear();
  for (auto& row : reply.rows) {
    if (row.first <= behind) return fail("the rows of a tenant that moves came out of order");
    behind = row.first;
    if (is_kept(row)) piece_.push_back(std::move(row));
  }
  at_ = 0;
  more_ = reply.more;
  until_ = more_ ? behind : std::string();
  show();
}

void TenantMover::show() {
  ask(Kind::show);
  order_.read.after = last_;
  order_.until = until_;
}

/// Both are in their order: what only the old group has, or has otherwise, is written, what only the new one has is removed.
void TenantMover::shown(model::MovingReply found) {
  if (found.more && found.rows.empty()) return fail("rows of a tenant that moves are not shown where they arrive");
  more_here_ = found.more;
  const std::string end = more_here_ ? found.rows.back().first : until_;
  const auto is_within = [&](const std::string& row) { return end.empty() || row <= end; };
  Rows rows;
  auto here = found.rows.begin();
  const auto remove_before = [&](const std::string* row) {
    for (; here != found.rows.end() && (row == nullptr || here->first < *row); ++here) {
      rows.push_back({std::move(here->first), std::nullopt});
    }
  };
  for (; at_ < piece_.size() && is_within(piece_[at_].first); ++at_) {
    auto& [row, value] = piece_[at_];
    remove_before(&row);
    const bool is_here = here != found.rows.end() && here->first == row;
    const bool is_same = is_here && here->second == value;
    if (is_here) ++here;
    if (!is_same) rows.push_back({std::move(row), std::move(value)});
  }
  remove_before(nullptr);
  last_ = end;
  if (rows.empty()) return compared();
  write(std::move(rows));
}

void TenantMover::compared() {
  if (more_here_) return show();
  if (!more_) {
    if (!live_) return install({});
    all_compared_ = true;
    return ask_changes();
  }
  if (live_ && ++pieces_ % kPiecesAtATime == 0) {
    in_a_row_ = 0;
    return ask_changes();
  }
  ask_piece();
}

void TenantMover::ask_changes() {
  stage_ = Stage::changes;
  ++in_a_row_;
  ask(Kind::read);
  order_.read.number = number_;
  order_.read.after = after_;
  order_.read.live = order_.read.changed = true;
  order_.read.trace = trace_;
  order_.read.since = since_;
}

TenantMover::Rows TenantMover::changes_of(model::MovingReply reply) {
  Rows rows;
  for (auto& row : reply.rows) {
    if (is_kept(row)) rows.push_back({std::move(row.first), std::move(row.second)});
  }
  for (std::string& row : reply.gone) rows.push_back({std::move(row), std::nullopt});
  return rows;
}

void TenantMover::take_changes(model::MovingReply reply) {
  if (reply.trace != trace_) return compare_again();
  more_changed_ = reply.more;
  since_ = reply.since;
  after_ = reply.after;
  Rows rows = changes_of(std::move(reply));
  few_ = !more_changed_ && rows.size() <= kFewRows;
  if (rows.empty()) return took_changes();
  write(std::move(rows));
}

void TenantMover::took_changes() {
  if (!all_compared_) {
    if (more_changed_ && in_a_row_ < kMostInARow) return ask_changes();
    return ask_piece();
  }
  if (few_ || ++questions_ >= kMostQuestions) return fence(true);
  ask_changes();
}

/// Without changes everything is compared behind the fence.
void TenantMover::fence(bool with_changes) {
  stage_ = Stage::fence;
  if (!with_changes) trace_.clear();
  ask(Kind::fence);
  order_.fence = {number_, to_, trace_, since_, after_};
}

void TenantMover::fenced(model::Result<model::ReplyBody> reply) {
  if (!reply) return fail(reply.error());
  auto* moving = std::get_if<model::MovingReply>(&*reply);
  if (moving != nullptr && moving->more) {  // it is not
    if (moving->trace.empty()) return compare_again();
    return ++questions_ >= kMostQuestions ? fence(false) : ask_changes();
  }
  live_ = false;
  header_.reset();
  keys_.reset();
  if (moving != nullptr) return install(changes_of(std::move(*moving)));
  compare_again();
}

/// With this write set, and not before, the tenant lives here.
void TenantMover::install(Rows rows) {
  if (!header_ || !keys_) return fail("a tenant that moves has lost its header or its keys");
  auto header = decode_header(*header_);
  if (!header) return fail(header.error());
  stage_ = Stage::install;
  rows.push_back({storage::kKeysRow, std::move(*keys_)});
  rows.push_back({storage::kHeaderRow, moved_header(std::move(*header), number_).SerializeAsString()});
  rows.push_back({storage::kMoveRow, std::nullopt});
  write(std::move(rows), "move-tenant-in");
}

void TenantMover::wrote(const model::Status& status) {
  if (!status) return fail(status.error());
  switch (stage_) {
    case Stage::mark: return compare_all();
    case Stage::compare: return compared();
    case Stage::changes: return took_changes();
    case Stage::install: stage_ = Stage::tell; return ask(Kind::tell);
    default: return fail("a write was answered that nobody asked for");
  }
}

void TenantMover::told(const model::Status& status) {
  if (!status) return fail(status.error());
  order_ = {};
}

model::Result<model::MovingReply> rows_of_piece(const storage::TenantRows& rows, const MoveOrder& order,
                                                std::size_t most, std::size_t most_bytes) {
  model::MovingReply found;
  std::size_t bytes = 0;
  auto scan = rows.scan(order.read.after, "");
  for (; scan->valid(); scan->next()) {
    std::string row(rows.row_of(scan->key()));
    if (!order.until.empty() && row > order.until) break;
    if (row == order.read.after || row == storage::kMoveRow) continue;
    found.more = found.rows.size() >= most || bytes >= most_bytes;
    if (found.more) break;
    bytes += row.size() + scan->value().size();
    found.rows.emplace_back(std::move(row), std::string(scan->value()));
  }
  if (auto status = scan->status(); !status) return status.error();
  return found;
}

// ---- out of the old group

void TenantSweeper::fail(const Error& error) {
  failure_ = error;
  order_ = {};
}

void TenantSweeper::looked(const MoveFindings& findings) {
  if (!findings.mark) return fail(Error(Code::data_loss, "a tenant that has moved has no mark in its old group"));
  auto mark = decode_mark(*findings.mark);
  if (!mark) return fail(mark.error());
  if (mark->number != number_ || mark->state == MoveMark::State::coming) {
    return fail(Error(Code::unavailable, "another move of the tenant is under way"));
  }
  mark_ = *findings.mark;
  marked_gone_ = mark->state == MoveMark::State::gone;
  order_ = {};
  order_.kind = Kind::list;
}

void TenantSweeper::listed(std::vector<std::string> rows) {
  order_ = {};
  if (rows.empty() && marked_gone_) {
    order_.kind = Kind::tell;
    return;
  }
  order_.kind = Kind::write;
  order_.condition.value = mark_;
  if (!rows.empty()) {
    // The keys first: from then on what is left of the others opens nowhere.
    if (!marked_gone_) {
      order_.rows.push_back({storage::kKeysRow, std::nullopt});
      order_.rows.push_back({storage::kHeaderRow, std::nullopt});
    }
    for (std::string& row : rows) order_.rows.push_back({std::move(row), std::nullopt});
  }
  if (!marked_gone_) {
    // From here on nobody may read what is left as if it were whole.
    mark_ = encode_mark({MoveMark::State::gone, number_, to_, {}});
    order_.rows.push_back({storage::kMoveRow, mark_});
    order_.action = "move-tenant-out";
  }
}

void TenantSweeper::wrote(const model::Status& status) {
  if (!status) return fail(status.error());
  marked_gone_ = true;
  order_ = {};
  order_.kind = Kind::list;
}

void TenantSweeper::told(const model::Status& status) {
  if (!status) return fail(status.error());
  order_ = {};
}

}  // namespace coffer::actors
