#pragma once
// What the peer channel `calls` carries: calls, replies and barriers, cut into frames. Used by the forwarder and by the
// calls that it makes; pure, any thread. A golden file of tests/unit/actors fixes the bytes.
//
//   body    = format:1 (=1) kind:1 id fields              id: the asking node's, of its life
//   call    = flags text      kind 1    flags bit 0: the last piece; bit 1: not the first one (older programs neither set
//                                       nor read it). The pieces' texts together are:
//                                       remaining_ms tenant:16 request    (model/forward_codec.hpp)
//   reply   = flags text      kind 2    flags as above, together: decided:1 reply (the same)
//   barrier = group           kind 3
//   answer  = code index      kind 4    code 0: the group's commit index as its leader found it
//   trust question = group tenant:16 remaining_ms    kind 5    whom does the tenant trust?
//   trust answer   = code trust                      kind 6    code 0: encode_trust() of actors/trust_lookup.hpp
// Numbers are varints. Pieces of one message come in order; those of several may be mixed. Calls begin in the order of their
// ids while a connection lasts. An empty last piece says that the reply is lost, whatever came of it before.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <variant>

#include "model/entry.hpp"
#include "model/errors.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::actors {

inline constexpr std::uint32_t kCallFormat = 1;
inline constexpr std::size_t kPieceBytes = 512 << 10;
/// What a node takes of one message before it refuses it: a list with payloads, and something around it.
inline constexpr std::size_t kMaxMessageBytes = 80 << 20;

enum class FrameKind : std::uint8_t {
  call = 1,
  reply = 2,
  barrier = 3,
  answer = 4,
  trust_question = 5,
  trust_answer = 6
};

struct Piece {  // of a call or a reply
  bool last = false;
  std::string_view text;   // into the bytes that were decoded
  bool continues = false;  // something of its message came before; an older program does not say so
};
struct BarrierQuestion {
  model::GroupId group;
};
struct BarrierAnswer {
  model::Code code = model::Code::ok;
  model::Index index;
};
struct TrustAsked {
  model::GroupId group;
  model::TenantId tenant;
  model::TimeMs remaining_ms = 0;
};
struct TrustAnswered {
  model::Code code = model::Code::ok;
  std::string_view trust;  // into the bytes that were decoded
};
struct CallFrame {
  FrameKind kind = FrameKind::call;
  std::uint64_t id = 0;
  std::variant<Piece, BarrierQuestion, BarrierAnswer, TrustAsked, TrustAnswered> body;
};

/// Errors: unimplemented (a format or kind of a newer program), invalid_argument (malformed).
model::Result<CallFrame> decode_call_frame(std::string_view bytes);
model::Secret encode_barrier(std::uint64_t id, model::GroupId group);
model::Secret encode_answer(std::uint64_t id, const BarrierAnswer& answer);
model::Secret encode_trust_question(std::uint64_t id, const TrustAsked& question);
model::Secret encode_trust_answer(std::uint64_t id, const TrustAnswered& answer);
/// The piece of a message that begins at `at`, and how much of the message it takes.
model::Secret encode_piece(FrameKind kind, std::uint64_t id, std::string_view message, std::size_t at);
constexpr std::size_t piece_size(std::size_t message, std::size_t at) {
  return message - at < kPieceBytes ? message - at : kPieceBytes;
}
/// Cuts a message into frames and gives each to `send`.
void encode_pieces(FrameKind kind, std::uint64_t id, std::string_view message,
                   const std::function<void(model::Secret)>& send);

/// A call's message.
struct CallText {
  model::TimeMs remaining_ms = 0;
  model::TenantId tenant;  // that the asking node found; zero: the directory is asked
  std::string_view request;
};
model::Secret encode_call_text(model::TimeMs remaining_ms, const model::TenantId& tenant, const model::Secret& request);
model::Result<CallText> decode_call_text(std::string_view bytes);

/// Puts the pieces of one peer's messages together, within a bound over all of them, while one connection lasts.
class Assembly {
 public:
  /// rising: messages begin in the order of their ids, so that a piece of an earlier one begins nothing: its message was
  /// refused, and what a client wrote into the rest must not be read as a message.
  enum class Ids : std::uint8_t { rising, any };

  explicit Assembly(std::size_t max_bytes, Ids ids = Ids::any) : max_bytes_(max_bytes), ids_(ids) {}
  /// The whole message after its last piece. Errors: too_large; invalid_argument (its beginning is missing). What had
  /// come of that message is forgotten then.
  model::Result<std::optional<model::Secret>> add(std::uint64_t id, const Piece& piece);
  /// Nobody waits for that message any more.
  void forget(std::uint64_t id);
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t max_bytes_, bytes_ = 0;
  Ids ids_;
  std::uint64_t next_ = 0;  // of rising ids: all below have begun
  std::map<std::uint64_t, model::Secret> parts_;
};

}  // namespace coffer::actors
