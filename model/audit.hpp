#pragma once
// What the audit trail is told and what it answers: the border between whoever decides a request (the tenants' shards,
// the directory, the listeners' own refusals) and whoever writes the file. Values, and one interface; any thread.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/access.hpp"
#include "model/entry.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"

namespace coffer::model {

/// How a tenant wants to be audited; a sealed row of its partition.
struct AuditSettings {
  bool strict = false;       // an answer waits until its record is on disk
  bool clear_names = false;  // records name spaces and secrets instead of their keyed hashes
  std::uint64_t version = 0;
  TimeMs changed_at = 0;
  std::string changed_by;
  friend bool operator==(const AuditSettings&, const AuditSettings&) = default;
};

/// A keyed hash of space and name, as storage keys have it.
using NameHash = std::array<char, 32>;

/// One secret of a request that asks for several, or one token of a render.
struct AuditItem {
  NameHash entry{};
  bool has_entry = true;
  Code code = Code::ok;
  std::string
      action;  // "get", "inject", "describe"; of a token "resolve" or "validate" when no secret stands behind it
  std::string details;  // as AuditEvent's
};

/// One request that was decided. The views need not outlive the call that takes it. Never a value, a key or a token.
struct AuditEvent {
  Door door = Door::native;
  TenantId tenant;             // zero: the directory, or none
  std::string_view principal;  // empty: nobody who is known
  std::string_view action;     // "get", "create_tenant", ...
  Code code = Code::ok;
  const NameHash* entry = nullptr;  // null: not one secret
  std::uint64_t version = 0;
  std::string_view space, name;  // only of a tenant that wants its names in clear
  std::string_view address, request_id, trace;
  std::string_view details;                       // "key=value" words
  const std::vector<AuditItem>* items = nullptr;  // null: none
};

/// One committed write set: its audit record as the log carries it.
struct AuditedChange {
  GroupId group;
  Index index;
  TenantId tenant;
  Revision revision;
  std::string_view record;  // a serialized store.v1.AuditRecord
};

/// Which records are wanted; what is not set does not matter.
struct AuditQuery {
  std::optional<TenantId> tenant;
  std::string entry;                             // hexadecimal digits with which the entry's hash begins
  std::string principal, action, door, outcome;  // exact
  TimeMs from = 0, until = 0;                    // 0: open
  std::uint64_t after = 0;                       // sequence numbers above this one
  std::uint32_t limit = 100;                     // at most 1000
  bool newest = false;                           // the last `limit` ones instead of the first
};
struct AuditPage {
  std::vector<std::string> lines;  // JSON, in their order
  std::uint64_t last = 0;          // sequence number up to which the file was searched
  bool more = false;
};

/// What verifying found.
struct AuditVerdict {
  std::uint64_t files = 0, records = 0, checkpoints = 0;
  std::uint64_t first = 0, last = 0;  // sequence numbers
  std::vector<std::string> problems;  // each names file, line and sequence number; none: whole and in order
};

class AuditPort {
 public:
  virtual ~AuditPort() = default;
  /// Notes it; never waits. When the queue is full the record is dropped and counted.
  virtual void record(const AuditEvent& event) noexcept = 0;
  /// The same for a strict tenant: `done` is called once, from the audit's thread, when the record is on disk (true) or
  /// cannot be (false). Its queue is bounded by the calls that may be under way.
  virtual void record_strictly(const AuditEvent& event, void* context, void (*done)(void* context, bool on_disk)) = 0;
  /// A request without a credential that holds. Such are counted by source, credential and outcome, and written once a
  /// minute, so that nobody can fill the disk with them.
  virtual void refused(const AuditEvent& event) noexcept = 0;
  /// A write set that was applied; each only once, however often it is replayed.
  virtual void changed(const AuditedChange& change) noexcept = 0;

  /// Both answer from the audit's reading thread; errors: overloaded (too many ask), unavailable, disk_error.
  virtual void query(AuditQuery query, std::function<void(Result<AuditPage>)> answer) = 0;
  virtual void verify(std::function<void(Result<AuditVerdict>)> answer) = 0;
};

/// A further place that records go to, behind a bounded queue and on a thread of its own. write() may block.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  virtual std::string_view name() const = 0;  // "stdout", "syslog"
  /// One record without its line end. False: it could not be delivered.
  virtual bool write(std::string_view line) noexcept = 0;
  /// Ends a write() that hangs; called from another thread before the sink goes.
  virtual void cancel() noexcept {}
};

}  // namespace coffer::model
