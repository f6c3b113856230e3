#pragma once
// A group's state from one node to another, as two values: the source that answers a request with chunks and the sink that
// asks for them. Messages in, orders and messages out; no threads, disk, clock or link. The host reads and writes the rows
// (storage/state_copy.hpp) on actors that may block.
//
// The sink pulls. A chunk is "the rows behind this key", read when it is sent; so the image is not of one moment, and it
// may be resumed at any key and from another node. That is right because log entries are puts and deletes of whole rows.
// Let I be the index of the snapshot that GroupCore announced. Each row is read at a node that has applied at least I. A row
// that no entry behind I touches is the same in all of them; any other gets its value again when the sink applies the
// entries behind I. All entries that a source had applied are committed, so whoever leads later has them, and reads
// begin only behind an entry of the own term (G1). So the state is exact before anybody reads it.
//
//   sink                          source
//   Request(after, window) ----->            rows behind `after`, at most `window` chunks without a credit
//                          <----- Chunk 1 .. n
//   Credit(k)              ----->            chunks up to k are written
//                          <----- Refusal    not that far, or busy: ask another, or later
//
// Bodies of the peer channel `snapshot`: format kind transfer fields. kind: 1 Request (index after window), 2 Chunk (number
// crc is_last last_key rows), 3 Credit (number), 4 Refusal. `transfer` is the sink's choice and tells attempts apart.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/types.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"
#include "storage/log_store.hpp"

namespace coffer::cluster {

inline constexpr std::uint32_t kSnapshotFormat = 1;
/// Of a chunk's rows; a larger row goes alone.
inline constexpr std::size_t kMaxChunkBytes = 256 << 10;
/// Chunks that may be under way.
inline constexpr std::uint64_t kChunkWindow = 8;

struct SnapshotRequest {
  std::uint64_t transfer = 0;
  model::Index index;  // the source must have applied this
  std::string after;   // the key behind which to begin; empty: the first
  std::uint64_t window = kChunkWindow;
};
struct SnapshotChunk {
  std::uint64_t transfer = 0;
  std::uint64_t number = 0;  // from 1
  std::uint32_t crc = 0;     // of number, is_last, last_key and rows
  bool is_last = false;
  std::string last_key;  // of the rows: where the next chunk, or another transfer, begins
  std::string rows;      // sealed, as they are stored
};
struct SnapshotCredit {
  std::uint64_t transfer = 0;
  std::uint64_t number = 0;
};
struct SnapshotRefusal {
  std::uint64_t transfer = 0;
};
using SnapshotMessage = std::variant<SnapshotRequest, SnapshotChunk, SnapshotCredit, SnapshotRefusal>;

model::Secret encode(const SnapshotMessage& message);
/// Errors: unimplemented (a format or kind of a newer version), data_loss.
model::Result<SnapshotMessage> decode_snapshot(std::string_view body);

/// The sending side of one transfer. The host drops it when it is finished() or the sink has been silent for long.
class SnapshotSource {
 public:
  /// The host has checked that it has applied `request.index`.
  explicit SnapshotSource(const SnapshotRequest& request);
  /// Rows to read now, when the sink has room and no reading is under way: those behind `after`, kMaxChunkBytes.
  struct Order {
    std::string after;
  };
  std::optional<Order> next();
  /// What the last order found.
  SnapshotChunk chunk(std::string rows, std::string last_key, bool is_last);
  void credit(const SnapshotCredit& credit);
  std::uint64_t transfer() const { return transfer_; }
  /// The last chunk is out and written.
  bool finished() const { return sent_last_ && credited_ == sent_; }

 private:
  std::uint64_t transfer_, window_;
  std::uint64_t sent_ = 0, credited_ = 0;
  std::string after_;
  bool reading_ = false, sent_last_ = false;
};

struct SinkOptions {
  MonotonicMs patience = 3000;  // without a chunk from a source before the next one is asked
  MonotonicMs pause = 200;      // after a refusal
  std::uint64_t window = kChunkWindow;
};

/// The receiving side of one snapshot, over as many transfers as it takes. The host has emptied the new generation
/// before it begins, writes chunks in order, and at the end flushes the state and calls GroupCore::installed().
class SnapshotSink {
 public:
  /// `sources` may be empty at first; `seed` tells this node's transfers apart from those of an earlier life.
  SnapshotSink(storage::Snapshot snapshot, std::vector<model::NodeId> sources, std::uint64_t seed, MonotonicMs now,
               SinkOptions options = {});

  struct Outgoing {
    model::NodeId to;
    SnapshotMessage message;
  };
  /// What is to be sent since it was asked last.
  std::vector<Outgoing> take_messages();
  /// Rows to write, in order; the number comes back in written().
  struct Rows {
    std::uint64_t number = 0;
    std::string rows;
  };
  /// Wrong checksums and gaps begin the transfer anew behind what was received.
  std::optional<Rows> chunk(model::NodeId from, SnapshotChunk chunk, MonotonicMs now);
  void refused(model::NodeId from, const SnapshotRefusal& refusal, MonotonicMs now);
  /// The rows with this number are in the database (not yet flushed). REQUIRES: in order.
  void written(std::uint64_t number);
  /// Whom to ask, the best first: the leader, then the other servers that are reachable.
  void set_sources(std::vector<model::NodeId> sources, MonotonicMs now);
  /// Asks another source when the present one is silent. To be called at wake_at().
  void tick(MonotonicMs now);
  MonotonicMs wake_at() const { return deadline_; }
  /// Everything is written.
  bool finished() const { return received_last_ && unwritten_.empty(); }
  const storage::Snapshot& snapshot() const { return snapshot_; }
  std::uint64_t restarts() const { return restarts_; }

 private:
  struct Unwritten {
    std::uint64_t number, of_transfer, transfer;
    model::NodeId from;
  };
  void ask(std::size_t source, MonotonicMs now);

  storage::Snapshot snapshot_;
  SinkOptions options_;
  std::vector<model::NodeId> sources_;
  std::size_t source_ = 0;
  std::uint64_t transfer_;
  std::uint64_t expected_ = 1;  // number of the transfer's next chunk
  std::uint64_t received_ = 0;  // of all transfers
  std::string after_;           // the last key that was received
  std::deque<Unwritten> unwritten_;
  bool asked_ = false, received_last_ = false;
  MonotonicMs deadline_;
  std::uint64_t restarts_ = 0;
  std::vector<Outgoing> outbox_;
};

}  // namespace coffer::cluster
