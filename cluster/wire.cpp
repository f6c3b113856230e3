// See wire.hpp.

#include "cluster/wire.hpp"

#include <limits>
#include <utility>

#include "model/wire.hpp"

namespace coffer::cluster {

namespace {

using model::wire::Reader;
using model::wire::Writer;

enum class Kind : std::uint64_t {
  request_vote = 1,
  request_vote_result = 2,
  append_entries = 3,
  append_entries_result = 4,
  install_snapshot = 5,
  timeout_now = 6,
  stamp_ping = 7,
  stamp_echo = 8,
};
constexpr std::uint64_t kFirstFlag = 1, kPreVote = 2;

std::uint64_t flags_of(bool first, bool pre_vote) { return (first ? kFirstFlag : 0) | (pre_vote ? kPreVote : 0); }

void write(Writer& out, const RequestVote& m) {
  out.varint(static_cast<std::uint64_t>(Kind::request_vote));
  out.varint(m.term.value);
  out.varint(m.candidate.value);
  out.varint(m.last_log_index.value);
  out.varint(m.last_log_term.value);
  out.varint(flags_of(m.disrupt_leader, m.pre_vote));
}
void write(Writer& out, const RequestVoteResult& m) {
  out.varint(static_cast<std::uint64_t>(Kind::request_vote_result));
  out.varint(m.term.value);
  out.varint(flags_of(m.vote_granted, m.pre_vote));
  out.varint(m.features);
  out.varint(m.capacity);
}
void write(Writer& out, const AppendEntries& m) {
  out.varint(static_cast<std::uint64_t>(Kind::append_entries));
  out.varint(m.term.value);
  out.varint(m.prev_log_index.value);
  out.varint(m.prev_log_term.value);
  out.varint(m.leader_commit.value);
  out.varint(m.entries.size());
  for (const storage::LogEntry& entry : m.entries) {
    out.varint(entry.term.value);
    out.varint(static_cast<std::uint64_t>(entry.kind));
    out.bytes(entry.data ? std::string_view(*entry.data) : std::string_view());
  }
}
void write(Writer& out, const AppendEntriesResult& m) {
  out.varint(static_cast<std::uint64_t>(Kind::append_entries_result));
  out.varint(m.term.value);
  out.varint(m.rejected.value);
  out.varint(m.last_log_index.value);
  out.varint(m.features);
  out.varint(m.capacity);
}
void write(Writer& out, const InstallSnapshot& m) {
  out.varint(static_cast<std::uint64_t>(Kind::install_snapshot));
  out.varint(m.term.value);
  out.varint(m.snapshot.index.value);
  out.varint(m.snapshot.term.value);
  out.varint(m.snapshot.configuration_index.value);
  out.bytes(m.snapshot.configuration);
}
void write(Writer& out, const TimeoutNow& m) {
  out.varint(static_cast<std::uint64_t>(Kind::timeout_now));
  out.varint(m.term.value);
  out.varint(m.last_log_index.value);
  out.varint(m.last_log_term.value);
}
void write(Writer& out, const StampPing& m) {
  out.varint(static_cast<std::uint64_t>(Kind::stamp_ping));
  out.varint(m.term.value);
}
void write(Writer& out, const StampEcho& m) {
  out.varint(static_cast<std::uint64_t>(Kind::stamp_echo));
  out.varint(m.term.value);
}

std::uint64_t read_flags(Reader& in) {
  const std::uint64_t flags = in.varint();
  return flags > (kFirstFlag | kPreVote) ? in.fail() : flags;
}

std::uint16_t read_short(Reader& in) {
  const std::uint64_t value = in.varint();
  return static_cast<std::uint16_t>(value > std::numeric_limits<std::uint16_t>::max() ? in.fail() : value);
}

model::Term read_term(Reader& in) { return model::Term(in.varint()); }
model::Index read_index(Reader& in) { return model::Index(in.varint()); }

AppendEntries read_append(Reader& in) {
  AppendEntries m;
  m.term = read_term(in);
  m.prev_log_index = read_index(in);
  m.prev_log_term = read_term(in);
  m.leader_commit = read_index(in);
  const std::size_t n = in.count();
  std::uint64_t index = m.prev_log_index.value;
  for (std::size_t i = 0; i < n && in.ok(); ++i) {
    storage::LogEntry entry;
    entry.index = model::Index(++index);
    entry.term = read_term(in);
    const std::uint64_t kind = in.varint();
    if (kind < 1 || kind > static_cast<std::uint64_t>(storage::EntryKind::configuration)) {
      in.fail();
    }
    entry.kind = static_cast<storage::EntryKind>(kind);
    entry.data = std::make_shared<const std::string>(in.bytes());
    m.entries.push_back(std::move(entry));
  }
  return m;
}

InstallSnapshot read_install(Reader& in) {
  InstallSnapshot m;
  m.term = read_term(in);
  m.snapshot.index = read_index(in);
  m.snapshot.term = read_term(in);
  m.snapshot.configuration_index = read_index(in);
  m.snapshot.configuration = in.string();
  return m;
}

/// False when the kind is of a newer version.
bool read_body(Reader& in, Message::Body& out) {
  switch (static_cast<Kind>(in.varint())) {
    case Kind::request_vote: {
      RequestVote m;
      m.term = read_term(in);
      m.candidate = model::NodeId(in.varint());
      m.last_log_index = read_index(in);
      m.last_log_term = read_term(in);
      const std::uint64_t flags = read_flags(in);
      m.disrupt_leader = (flags & kFirstFlag) != 0;
      m.pre_vote = (flags & kPreVote) != 0;
      out = m;
      return true;
    }
    case Kind::request_vote_result: {
      RequestVoteResult m;
      m.term = read_term(in);
      const std::uint64_t flags = read_flags(in);
      m.vote_granted = (flags & kFirstFlag) != 0;
      m.pre_vote = (flags & kPreVote) != 0;
      m.features = read_short(in);
      m.capacity = read_short(in);
      out = m;
      return true;
    }
    case Kind::append_entries: out = read_append(in); return true;
    case Kind::append_entries_result: {
      AppendEntriesResult m;
      m.term = read_term(in);
      m.rejected = read_index(in);
      m.last_log_index = read_index(in);
      m.features = read_short(in);
      m.capacity = read_short(in);
      out = m;
      return true;
    }
    case Kind::install_snapshot: out = read_install(in); return true;
    case Kind::timeout_now: {
      TimeoutNow m;
      m.term = read_term(in);
      m.last_log_index = read_index(in);
      m.last_log_term = read_term(in);
      out = m;
      return true;
    }
    case Kind::stamp_ping: out = StampPing{read_term(in)}; return true;
    case Kind::stamp_echo: out = StampEcho{read_term(in)}; return true;
  }
  return false;
}

}  // namespace

model::Secret encode(const Message& message) {
  model::Secret body;
  if (const auto* append = std::get_if<AppendEntries>(&message.body)) {
    std::size_t bytes = 96;
    for (const storage::LogEntry& entry : append->entries) {
      bytes += 24 + (entry.data ? entry.data->size() : 0);
    }
    body.reserve(bytes);
  }
  Writer out(&body);
  out.varint(kRaftFormat);
  std::visit([&](const auto& m) { write(out, m); }, message.body);
  out.varint(message.stamp.sent_at);
  out.varint(message.stamp.round);
  return body;
}

model::Result<Message> decode(model::GroupId group, model::NodeId from, model::NodeId to, std::string_view body) {
  Reader in(body);
  Message message{group, from, to, {}, {}};
  const std::uint64_t format = in.varint();
  if (in.ok() && format != kRaftFormat) {
    return model::Error(model::Code::unimplemented, "a raft message of format " + std::to_string(format) +
                                                        ", and this Coffer knows up to " + std::to_string(kRaftFormat));
  }
  if (in.ok() && !read_body(in, message.body) && in.ok()) {
    return model::Error(model::Code::unimplemented, "a raft message of a kind that this Coffer does not know");
  }
  message.stamp.sent_at = in.varint();
  message.stamp.round = in.varint();
  if (!in.ok() || !in.at_end()) {
    return model::Error(model::Code::data_loss, "a raft message does not parse");
  }
  return message;
}

}  // namespace coffer::cluster
