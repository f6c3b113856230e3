// See forward_frames.hpp.

#include "actors/forward_frames.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "model/wire.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;
using model::Secret;
using model::wire::Reader;
using model::wire::Writer;

namespace {

constexpr std::uint64_t kLastFlag = 1, kContinuesFlag = 2;

Writer begin(Secret* out, FrameKind kind, std::uint64_t id) {
  Writer writer(out);
  writer.varint(kCallFormat);
  writer.varint(static_cast<std::uint64_t>(kind));
  writer.varint(id);
  return writer;
}

/// What is no code at all is refused; one of a newer program is passed on as it is.
Code read_code(Reader& reader) {
  const std::uint64_t value = reader.varint();
  if (value > std::numeric_limits<std::underlying_type_t<Code>>::max()) reader.fail();
  return static_cast<Code>(value);
}

}  // namespace

model::Result<CallFrame> decode_call_frame(std::string_view bytes) {
  Reader reader(bytes);
  const std::uint64_t format = reader.varint();
  const std::uint64_t kind = reader.varint();
  if (reader.ok() && (format != kCallFormat || kind < 1 || kind > 6)) {
    return Error(Code::unimplemented, "a peer sent a call in a form that this program does not know");
  }
  CallFrame frame;
  frame.kind = static_cast<FrameKind>(kind);
  frame.id = reader.varint();
  bool whole = true;
  switch (frame.kind) {
    case FrameKind::call:
    case FrameKind::reply: {
      const std::uint64_t flags = reader.varint();
      frame.body = Piece{(flags & kLastFlag) != 0, reader.rest(), (flags & kContinuesFlag) != 0};
      whole = false;
      break;
    }
    case FrameKind::barrier: frame.body = BarrierQuestion{model::GroupId{reader.varint()}}; break;
    case FrameKind::answer: {
      const Code code = read_code(reader);
      frame.body = BarrierAnswer{code, model::Index{reader.varint()}};
      break;
    }
    case FrameKind::trust_question: {
      TrustAsked asked;
      asked.group = model::GroupId{reader.varint()};
      const std::string_view tenant = reader.raw(asked.tenant.bytes.size());
      if (reader.ok()) asked.tenant = model::TenantId::from_raw(tenant);
      asked.remaining_ms = static_cast<model::TimeMs>(std::min<std::uint64_t>(reader.varint(), 60'000));
      frame.body = asked;
      break;
    }
    case FrameKind::trust_answer: {
      const Code code = read_code(reader);
      frame.body = TrustAnswered{code, reader.rest()};
      whole = false;
      break;
    }
  }
  if (!reader.ok() || (whole && !reader.at_end())) return Error(Code::invalid_argument, "a peer's frame is malformed");
  return frame;
}

Secret encode_barrier(std::uint64_t id, model::GroupId group) {
  Secret out;
  begin(&out, FrameKind::barrier, id).varint(group.value);
  return out;
}

Secret encode_answer(std::uint64_t id, const BarrierAnswer& answer) {
  Secret out;
  Writer writer = begin(&out, FrameKind::answer, id);
  writer.varint(static_cast<std::uint64_t>(answer.code));
  writer.varint(answer.index.value);
  return out;
}

Secret encode_trust_question(std::uint64_t id, const TrustAsked& question) {
  Secret out;
  Writer writer = begin(&out, FrameKind::trust_question, id);
  writer.varint(question.group.value);
  writer.raw(question.tenant.view());
  writer.varint(static_cast<std::uint64_t>(std::max<model::TimeMs>(question.remaining_ms, 0)));
  return out;
}

Secret encode_trust_answer(std::uint64_t id, const TrustAnswered& answer) {
  Secret out;
  Writer writer = begin(&out, FrameKind::trust_answer, id);
  writer.varint(static_cast<std::uint64_t>(answer.code));
  writer.raw(answer.trust);
  return out;
}

Secret encode_piece(FrameKind kind, std::uint64_t id, std::string_view message, std::size_t at) {
  const std::string_view piece = message.substr(at, piece_size(message.size(), at));
  Secret out;
  out.reserve(piece.size() + 16);
  Writer writer = begin(&out, kind, id);
  writer.varint((at + piece.size() == message.size() ? kLastFlag : 0) | (at != 0 ? kContinuesFlag : 0));
  writer.raw(piece);
  return out;
}

void encode_pieces(FrameKind kind, std::uint64_t id, std::string_view message,
                   const std::function<void(Secret)>& send) {
  std::size_t at = 0;
  do {
    send(encode_piece(kind, id, message, at));
    at += piece_size(message.size(), at);
  } while (at < message.size());
}

Secret encode_call_text(model::TimeMs remaining_ms, const model::TenantId& tenant, const Secret& request) {
  Secret out;
  out.reserve(request.size() + 32);
  Writer writer(&out);
  writer.varint(static_cast<std::uint64_t>(std::max<model::TimeMs>(remaining_ms, 0)));
  writer.raw(tenant.view());
  writer.raw(request.expose());
  return out;
}

model::Result<CallText> decode_call_text(std::string_view bytes) {
  Reader reader(bytes);
  CallText text;
  const std::uint64_t remaining = reader.varint();
  text.remaining_ms = static_cast<model::TimeMs>(std::min<std::uint64_t>(remaining, 60'000));
  const std::string_view tenant = reader.raw(text.tenant.bytes.size());
  if (!reader.ok()) return Error(Code::invalid_argument, "a forwarded call is cut");
  text.tenant = model::TenantId::from_raw(tenant);
  text.request = reader.rest();
  return text;
}

model::Result<std::optional<Secret>> Assembly::add(std::uint64_t id, const Piece& piece) {
  auto found = parts_.find(id);
  if (found == parts_.end()) {
    if (ids_ == Ids::rising) {
      if (id < next_) return std::optional<Secret>();
      next_ = id + 1;
    }
    if (piece.continues) return Error(Code::invalid_argument, "the beginning of a peer's message is missing");
    if (piece.last && piece.text.size() <= max_bytes_) return std::optional(Secret(piece.text));
    found = parts_.emplace(id, Secret()).first;
  }
  if (piece.last && piece.text.empty()) {
    forget(id);
    return std::optional(Secret());
  }
  if (bytes_ + piece.text.size() > max_bytes_) {
    forget(id);
    return Error(Code::too_large, "a peer's messages are larger than this node takes at once");
  }
  found->second.append(piece.text);
  bytes_ += piece.text.size();
  if (!piece.last) return std::optional<Secret>();
  std::optional<Secret> whole(std::move(found->second));
  bytes_ -= whole->size();
  parts_.erase(found);
  return whole;
}

void Assembly::forget(std::uint64_t id) {
  const auto found = parts_.find(id);
  if (found == parts_.end()) return;
  bytes_ -= found->second.size();
  parts_.erase(found);
}

}  // namespace coffer::actors
