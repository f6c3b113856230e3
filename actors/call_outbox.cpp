// See call_outbox.hpp.

#include "actors/call_outbox.hpp"

#include <utility>

namespace coffer::actors {

bool CallOutbox::add(Item item, std::size_t most) {
  const std::size_t size = item.bytes.size() + kCharge;
  if (!items_.empty() && bytes_ + size > most) return false;
  bytes_ += size;
  items_.push_back(std::move(item));
  return true;
}

bool CallOutbox::add_frame(model::Secret body) { return add({.bytes = std::move(body), .is_frame = true}, max_bytes_); }

bool CallOutbox::add_message(FrameKind kind, std::uint64_t id, model::Secret message) {
  return add({.kind = kind, .id = id, .bytes = std::move(message)}, max_bytes_);
}

void CallOutbox::add_reply(std::uint64_t id, model::Secret message) {
  if (add_message(FrameKind::reply, id, std::move(message))) return;
  add({.kind = FrameKind::reply, .id = id, .bytes = {}}, max_bytes_ + kReserve);
}

void CallOutbox::drain(const std::function<bool(model::Secret body)>& send) {
  while (!items_.empty()) {
    Item& item = items_.front();
    const std::string_view bytes = item.bytes.expose();
    if (!send(item.is_frame ? item.bytes : encode_piece(item.kind, item.id, bytes, item.at))) return;
    item.at += item.is_frame ? bytes.size() : piece_size(bytes.size(), item.at);
    if (item.at < bytes.size()) continue;
    bytes_ -= bytes.size() + kCharge;
    items_.pop_front();
  }
}

}  // namespace coffer::actors
