// See tenant_move.hpp.

#include "actors/tenant_move.hpp"

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

TenantMover::TenantMover(std::uint32_t number, model::GroupId from, std::string attempt)
    : number_(number), from_(from), mark_(encode_mark({MoveMark::State::coming, number, from, std::move(attempt)})) {
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
  order_.after = last_;
}

void TenantMover::write(std::vector<storage::RowChange> rows, std::string_view action) {
  order_ = {};
  order_.kind = Kind::write;
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
  stage_ = Stage::fence;
  ask(Kind::fence);
}

void TenantMover::fenced(const model::Status& status) {
  if (!status) return fail(status.error());
  stage_ = Stage::mark;
  write({{storage::kMoveRow, mark_}});
}

void TenantMover::listed(std::vector<std::string> rows) {
  if (rows.empty()) {
    stage_ = Stage::copy;
    return ask(Kind::read);
  }
  std::vector<storage::RowChange> gone;
  for (std::string& row : rows) gone.push_back({std::move(row), std::nullopt});
  write(std::move(gone));
}

void TenantMover::read(model::Result<model::MovingReply> reply) {
  if (!reply) return fail(reply.error());
  std::vector<storage::RowChange> rows;
  for (auto& [row, value] : reply->rows) {
    if (row <= last_) return fail("the rows of a tenant that moves came out of order");
    last_ = row;
    if (row == storage::kHeaderRow) {
      header_ = std::move(value);
    } else if (row == storage::kKeysRow) {
      keys_ = std::move(value);
    } else if (row != storage::kMoveRow) {
      rows.push_back({std::move(row), std::move(value)});
    }
  }
  more_ = reply->more;
  if (reply->rows.empty() && more_) return fail("a tenant that moves has rows that are not shown");
  if (!rows.empty()) return write(std::move(rows));
  if (more_) return ask(Kind::read);
  install();
}

/// With this write set, and not before, the tenant lives here.
void TenantMover::install() {
  if (!header_ || !keys_) return fail("a tenant that moves has lost its header or its keys");
  auto header = decode_header(*header_);
  if (!header) return fail(header.error());
  stage_ = Stage::install;
  write({{storage::kKeysRow, std::move(*keys_)},
         {storage::kHeaderRow, moved_header(std::move(*header), number_).SerializeAsString()},
         {storage::kMoveRow, std::nullopt}},
        "move-tenant-in");
}

void TenantMover::wrote(const model::Status& status) {
  if (!status) return fail(status.error());
  switch (stage_) {
    case Stage::mark: stage_ = Stage::sweep; return ask(Kind::list);
    case Stage::sweep: return ask(Kind::list);
    case Stage::copy: return more_ ? ask(Kind::read) : install();
    case Stage::install: stage_ = Stage::tell; return ask(Kind::tell);
    default: return fail("a write was answered that nobody asked for");
  }
}

void TenantMover::told(const model::Status& status) {
  if (!status) return fail(status.error());
  order_ = {};
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
