#pragma once
// A write set's bytes: store.v1.WriteSet of proto/coffer/store/v1/records.proto, written and read without an object for
// each of its rows, because every committed write of the node passes here twice. Pure, any thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

/// What a write set says besides its rows.
struct WriteSetHead {
  model::TenantId tenant;  // zero: the directory
  std::uint32_t epoch = 0;
  std::uint64_t revision = 0;
  model::TimeMs leader_time = 0;
};

/// `audit` is a serialized AuditRecord.
std::shared_ptr<const std::string> encode_write_set(const WriteSetHead& head,
                                                    const std::vector<storage::RowChange>& rows,
                                                    std::string_view audit);

/// A row in somebody else's bytes.
struct RowView {
  std::string_view row;
  std::optional<std::string_view> value;  // nullopt: delete
};
struct WriteSetView {
  WriteSetHead head;
  std::vector<RowView> rows;  // into the bytes that were decoded
  std::string_view audit;
};
/// Replaces `out`, whose memory is used again. Errors: data_loss (no write set of a format that this program knows).
model::Status decode_write_set(std::string_view bytes, WriteSetView& out);

}  // namespace coffer::actors
