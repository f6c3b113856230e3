// See group_view.hpp.

#include "cluster/group_view.hpp"

#include <utility>

#include "cluster/checksum.hpp"
#include "model/wire.hpp"

namespace coffer::cluster {

namespace {

enum ViewKind : std::uint64_t { kViewRequest = 5, kViewOpened = 6, kViewMore = 7, kViewChunk = 8, kViewEnd = 9 };

void write_view(model::wire::Writer& out, const ViewRequest& m) {
  out.varint(kViewRequest);
  out.varint(m.view);
  out.varint(m.index.value);
  out.bytes(m.within);
  out.bytes(m.after);
}
void write_view(model::wire::Writer& out, const ViewOpened& m) {
  out.varint(kViewOpened);
  out.varint(m.view);
}
void write_view(model::wire::Writer& out, const ViewMore& m) {
  out.varint(kViewMore);
  out.varint(m.view);
  out.varint(m.number);
}
void write_view(model::wire::Writer& out, const ViewChunk& m) {
  out.varint(kViewChunk);
  out.varint(m.view);
  out.varint(m.number);
  out.varint(m.crc);
  out.boolean(m.is_last);
  out.bytes(m.rows);
}
void write_view(model::wire::Writer& out, const ViewEnd& m) {
  out.varint(kViewEnd);
  out.varint(m.view);
  out.varint(static_cast<std::uint64_t>(m.reason));
}

}  // namespace

std::uint32_t checksum_of(const ViewChunk& chunk) {
  model::Secret head;
  model::wire::Writer out(&head);
  out.varint(chunk.number);
  out.boolean(chunk.is_last);
  return crc32(chunk.rows, crc32(head.expose()));
}

bool is_view_message(std::string_view body) {
  model::wire::Reader in(body);
  const std::uint64_t format = in.varint(), kind = in.varint();
  return in.ok() && format == kSnapshotFormat && kind >= kViewRequest && kind <= kViewEnd;
}

model::Secret encode(const ViewMessage& message) {
  model::Secret body;
  if (const auto* chunk = std::get_if<ViewChunk>(&message)) body.reserve(64 + chunk->rows.size());
  model::wire::Writer out(&body);
  out.varint(kSnapshotFormat);
  std::visit([&](const auto& m) { write_view(out, m); }, message);
  return body;
}

model::Result<ViewMessage> decode_view(std::string_view body) {
  model::wire::Reader in(body);
  const std::uint64_t format = in.varint(), kind = in.varint(), view = in.varint();
  if (in.ok() && (format != kSnapshotFormat || kind < kViewRequest || kind > kViewEnd)) {
    return model::Error(model::Code::unimplemented, "a message about a group's rows that this Coffer does not know");
  }
  ViewMessage message;
  switch (kind) {
    case kViewRequest: {
      ViewRequest m{view, model::Index(in.varint()), in.string(), in.string()};
      message = std::move(m);
      break;
    }
    case kViewOpened: message = ViewOpened{view}; break;
    case kViewMore: message = ViewMore{view, in.varint()}; break;
    case kViewChunk: {
      ViewChunk m;
      m.view = view;
      m.number = in.varint();
      const std::uint64_t crc = in.varint();
      m.crc = static_cast<std::uint32_t>(crc > 0xFFFFFFFFU ? in.fail() : crc);
      m.is_last = in.boolean();
      m.rows = in.string();
      message = std::move(m);
      break;
    }
    default: {
      const std::uint64_t reason = in.varint();
      const auto newest = static_cast<std::uint64_t>(ViewEnded::failed);
      message = ViewEnd{view, reason > newest ? ViewEnded::failed : static_cast<ViewEnded>(reason)};
    }
  }
  if (!in.ok() || !in.at_end()) {
    return model::Error(model::Code::data_loss, "a message about a group's rows does not parse");
  }
  return message;
}

}  // namespace coffer::cluster
