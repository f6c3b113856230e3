#pragma once
// A group's rows as they are at one moment, read at another node: what a backup asks for where its own node has no replica.
// Unlike a snapshot's image (snapshot_transfer.hpp) all its rows are of one moment, for the source keeps one scan open while
// they are read; so it cannot be resumed at another node, only begun anew. The messages alone; actors/views.hpp and
// actors/view_desk.hpp speak them. Pure, any thread. Nodes that announce kViewsFormat know them.
//
//   collector                     source
//   Request ----->                        when `index` is applied there, a scan is opened
//           <----- Opened                 from here on the view is of that moment
//   More(k) ----->                        chunks up to k may be sent; whatever k is, the view is still wanted
//           <----- Chunk 1 .. k
//   End     <---->                        it is not wanted any more; or there is none, and why
//
// Bodies of the peer channel `snapshot`, whose kinds they continue: format kind view fields. kind: 5 Request (index within
// after), 6 Opened, 7 More (number), 8 Chunk (number crc is_last rows), 9 End (reason). `view` is the collector's choice.

#include <cstdint>
#include <string>
#include <variant>

#include "cluster/snapshot_transfer.hpp"

namespace coffer::cluster {

struct ViewRequest {
  std::uint64_t view = 0;
  model::Index index;  // the source must have applied this
  std::string within;  // only rows whose keys (tenant:16 row) begin so; empty: all
  std::string after;   // and that stand behind all that begin so; empty: from the first
  friend bool operator==(const ViewRequest&, const ViewRequest&) = default;
};
struct ViewOpened {
  std::uint64_t view = 0;
  friend bool operator==(const ViewOpened&, const ViewOpened&) = default;
};
struct ViewMore {
  std::uint64_t view = 0;
  std::uint64_t number = 0;
  friend bool operator==(const ViewMore&, const ViewMore&) = default;
};
struct ViewChunk {
  std::uint64_t view = 0;
  std::uint64_t number = 0;  // from 1
  std::uint32_t crc = 0;     // checksum_of() it
  bool is_last = false;
  std::string rows;  // sealed, as they are stored: a block of storage/state_copy.hpp
  friend bool operator==(const ViewChunk&, const ViewChunk&) = default;
};
/// The numbers go over the wire; one that is not known reads as `failed`.
enum class ViewEnded : std::uint8_t {
  not_wanted = 0,
  no_replica = 1,
  behind = 2,  // the replica there did not come so far in time
  busy = 3,    // as many views as a node keeps are open
  failed = 4,
};
struct ViewEnd {
  std::uint64_t view = 0;
  ViewEnded reason = ViewEnded::not_wanted;
  friend bool operator==(const ViewEnd&, const ViewEnd&) = default;
};
using ViewMessage = std::variant<ViewRequest, ViewOpened, ViewMore, ViewChunk, ViewEnd>;

/// Is a body of the channel `snapshot` one of these?
bool is_view_message(std::string_view body);
model::Secret encode(const ViewMessage& message);
/// Errors: unimplemented (a format or kind of a newer version), data_loss.
model::Result<ViewMessage> decode_view(std::string_view body);
std::uint32_t checksum_of(const ViewChunk& chunk);

}  // namespace coffer::cluster
