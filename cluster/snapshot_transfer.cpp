// See snapshot_transfer.hpp.

#include "cluster/snapshot_transfer.hpp"

#include <algorithm>
#include <utility>

#include "cluster/checksum.hpp"
#include "model/wire.hpp"

namespace coffer::cluster {

namespace {

enum SnapshotKind : std::uint64_t { kRequest = 1, kChunk = 2, kCredit = 3, kRefusal = 4 };

std::uint32_t checksum_of(const SnapshotChunk& chunk) {
  model::Secret head;
  model::wire::Writer out(&head);
  out.varint(chunk.number);
  out.boolean(chunk.is_last);
  out.bytes(chunk.last_key);
  return crc32(chunk.rows, crc32(head.expose()));
}

void write_fields(model::wire::Writer& out, const SnapshotRequest& m) {
  out.varint(kRequest);
  out.varint(m.transfer);
  out.varint(m.index.value);
  out.bytes(m.after);
  out.varint(m.window);
}
void write_fields(model::wire::Writer& out, const SnapshotChunk& m) {
  out.varint(kChunk);
  out.varint(m.transfer);
  out.varint(m.number);
  out.varint(m.crc);
  out.boolean(m.is_last);
  out.bytes(m.last_key);
  out.bytes(m.rows);
}
void write_fields(model::wire::Writer& out, const SnapshotCredit& m) {
  out.varint(kCredit);
  out.varint(m.transfer);
  out.varint(m.number);
}
void write_fields(model::wire::Writer& out, const SnapshotRefusal& m) {
  out.varint(kRefusal);
  out.varint(m.transfer);
}

}  // namespace

model::Secret encode(const SnapshotMessage& message) {
  model::Secret body;
  if (const auto* chunk = std::get_if<SnapshotChunk>(&message)) {
    body.reserve(64 + chunk->last_key.size() + chunk->rows.size());
  }
  model::wire::Writer out(&body);
  out.varint(kSnapshotFormat);
  std::visit([&](const auto& m) { write_fields(out, m); }, message);
  return body;
}

model::Result<SnapshotMessage> decode_snapshot(std::string_view body) {
  model::wire::Reader in(body);
  const std::uint64_t format = in.varint();
  if (in.ok() && format != kSnapshotFormat) {
    return model::Error(model::Code::unimplemented, "a snapshot message of format " + std::to_string(format));
  }
  const std::uint64_t kind = in.varint();
  const std::uint64_t transfer = in.varint();
  SnapshotMessage message;
  if (kind == kRequest) {
    SnapshotRequest m;
    m.transfer = transfer;
    m.index = model::Index(in.varint());
    m.after = in.string();
    m.window = in.varint();
    message = std::move(m);
  } else if (kind == kChunk) {
    SnapshotChunk m;
    m.transfer = transfer;
    m.number = in.varint();
    const std::uint64_t crc = in.varint();
    m.crc = static_cast<std::uint32_t>(crc > 0xFFFFFFFFU ? in.fail() : crc);
    m.is_last = in.boolean();
    m.last_key = in.string();
    m.rows = in.string();
    message = std::move(m);
  } else if (kind == kCredit) {
    message = SnapshotCredit{transfer, in.varint()};
  } else if (kind == kRefusal) {
    message = SnapshotRefusal{transfer};
  } else if (in.ok()) {
    return model::Error(model::Code::unimplemented, "a snapshot message of a kind that this Coffer does not know");
  }
  if (!in.ok() || !in.at_end()) {
    return model::Error(model::Code::data_loss, "a snapshot message does not parse");
  }
  return message;
}

// ---- source

SnapshotSource::SnapshotSource(const SnapshotRequest& request)
    : transfer_(request.transfer),
      window_(std::clamp<std::uint64_t>(request.window, 1, kChunkWindow)),
      after_(request.after) {}

std::optional<SnapshotSource::Order> SnapshotSource::next() {
  if (reading_ || sent_last_ || sent_ >= credited_ + window_) {
    return std::nullopt;
  }
  reading_ = true;
  return Order{after_};
}

SnapshotChunk SnapshotSource::chunk(std::string rows, std::string last_key, bool is_last) {
  reading_ = false;
  if (!last_key.empty()) {
    after_ = last_key;
  }
  sent_last_ = is_last;
  SnapshotChunk chunk{transfer_, ++sent_, 0, is_last, std::move(last_key), std::move(rows)};
  chunk.crc = checksum_of(chunk);
  return chunk;
}

void SnapshotSource::credit(const SnapshotCredit& credit) {
  if (credit.transfer == transfer_ && credit.number <= sent_) {
    credited_ = std::max(credited_, credit.number);
  }
}

// ---- sink

SnapshotSink::SnapshotSink(storage::Snapshot snapshot, std::vector<model::NodeId> sources, std::uint64_t seed,
                           MonotonicMs now, SinkOptions options)
    : snapshot_(std::move(snapshot)),
      options_(options),
      sources_(std::move(sources)),
      transfer_(seed),
      deadline_(now + options.pause) {
  if (!sources_.empty()) {
    ask(0, now);
  }
}

void SnapshotSink::ask(std::size_t source, MonotonicMs now) {
  restarts_ += asked_ ? 1 : 0;
  asked_ = true;
  source_ = source;
  expected_ = 1;
  ++transfer_;
  deadline_ = now + options_.patience;
  outbox_.push_back({sources_[source_], SnapshotRequest{transfer_, snapshot_.index, after_, options_.window}});
}

std::vector<SnapshotSink::Outgoing> SnapshotSink::take_messages() { return std::exchange(outbox_, {}); }

std::optional<SnapshotSink::Rows> SnapshotSink::chunk(model::NodeId from, SnapshotChunk chunk, MonotonicMs now) {
  if (!asked_ || received_last_ || chunk.transfer != transfer_ || from != sources_[source_] ||
      chunk.number < expected_) {
    return std::nullopt;
  }
  const bool in_order = chunk.number == expected_ && (chunk.last_key > after_ || chunk.rows.empty());
  if (!in_order || chunk.crc != checksum_of(chunk)) {
    ask(source_, now);
    return std::nullopt;
  }
  ++expected_;
  deadline_ = now + options_.patience;
  if (!chunk.last_key.empty()) {
    after_ = std::move(chunk.last_key);
  }
  received_last_ = chunk.is_last;
  unwritten_.push_back({++received_, chunk.number, chunk.transfer, from});
  return Rows{received_, std::move(chunk.rows)};
}

void SnapshotSink::refused(model::NodeId from, const SnapshotRefusal& refusal, MonotonicMs now) {
  if (asked_ && !received_last_ && refusal.transfer == transfer_ && from == sources_[source_]) {
    ++transfer_;  // nothing of it counts any more
    source_ = (source_ + 1) % sources_.size();
    asked_ = false;
    ++restarts_;
    deadline_ = now + options_.pause;
  }
}

void SnapshotSink::written(std::uint64_t number) {
  while (!unwritten_.empty() && unwritten_.front().number <= number) {
    const Unwritten& done = unwritten_.front();
    if (done.transfer == transfer_) {
      Outgoing& credit = outbox_.emplace_back();
      credit.to = done.from;
      credit.message = SnapshotCredit{done.transfer, done.of_transfer};
    }
    unwritten_.pop_front();
  }
}

void SnapshotSink::set_sources(std::vector<model::NodeId> sources, MonotonicMs now) {
  if (sources == sources_) {
    return;
  }
  const model::NodeId present = asked_ ? sources_[source_] : model::NodeId();
  sources_ = std::move(sources);
  const auto kept = std::find(sources_.begin(), sources_.end(), present);
  source_ = 0;
  if (kept != sources_.end()) {
    source_ = static_cast<std::size_t>(kept - sources_.begin());
  } else if (!sources_.empty() && !received_last_) {
    ask(0, now);
  } else {
    asked_ = false;
    deadline_ = now + options_.pause;
  }
}

void SnapshotSink::tick(MonotonicMs now) {
  if (received_last_ || now < deadline_) {
    return;
  }
  if (sources_.empty()) {
    deadline_ = now + options_.pause;
  } else {
    ask(asked_ ? (source_ + 1) % sources_.size() : source_, now);
  }
}

}  // namespace coffer::cluster
