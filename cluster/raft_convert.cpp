// See raft_convert.hpp.

#include "cluster/raft_convert.hpp"

#include <algorithm>
#include <utility>

#include "cluster/guards.hpp"

namespace coffer::cluster {

namespace {

// The message versions that 0.22.1 itself sends; it reads them to know which fields are there.
constexpr unsigned char kRequestVoteVersion = 2;
constexpr unsigned char kRequestVoteResultVersion = 2;
constexpr unsigned char kAppendEntriesVersion = 0;
constexpr unsigned char kAppendEntriesResultVersion = 2;
constexpr unsigned char kInstallSnapshotVersion = 0;
constexpr unsigned char kTimeoutNowVersion = 0;

const std::shared_ptr<const std::string>& no_data() {
  static const auto empty = std::make_shared<const std::string>();
  return empty;
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

RaftEntries::RaftEntries(std::vector<storage::LogEntry> entries, Owner owner)
    : entries_(std::move(entries)), owner_(owner) {
  if (entries_.empty()) {
    return;
  }
  std::size_t bytes = 1;  // raft_malloc(0) may be null, and raft asserts a batch
  for (storage::LogEntry& entry : entries_) {
    if (!entry.data) {
      entry.data = no_data();
    }
    bytes += entry.kind == storage::EntryKind::configuration ? entry.data->size() : 0;
  }
  block_ = raft_malloc(bytes);
  char* next = static_cast<char*>(block_);
  for (const storage::LogEntry& entry : entries_) {
    const bool copies = entry.kind == storage::EntryKind::configuration && !entry.data->empty();
    raft_entry converted{};
    converted.term = entry.term.value;
    converted.type = static_cast<raft_entry_type>(entry.kind);
    converted.batch = block_;
    converted.buf.base = next;
    if (copies) {
      std::memcpy(next, entry.data->data(), entry.data->size());
      converted.buf.len = entry.data->size();
      next += entry.data->size();
    }
    converted_.push_back(converted);
  }
}

RaftEntries::~RaftEntries() {
  if (owner_ == Owner::caller && block_ != nullptr) {
    raft_free(block_);
  }
}

std::vector<storage::LogEntry> RaftEntries::take(const raft_entry* batch, unsigned n, raft_index index) {
  const auto offset = batch - converted_.data();
  std::vector<storage::LogEntry> taken(entries_.begin() + offset, entries_.begin() + offset + n);
  for (storage::LogEntry& entry : taken) {
    entry.index = model::Index(index++);
  }
  return taken;
}

void RaftEntries::settle(bool handed_out) {
  if (owner_ == Owner::raft_unless_taken && !handed_out) {
    block_ = nullptr;
  }
  owner_ = Owner::caller;
}

storage::LogEntry barrier_entry(raft_index index, raft_term term) {
  return {model::Index(index), model::Term(term), storage::EntryKind::barrier, no_data()};
}

bool decode_into(const std::string& bytes, raft_configuration* out) {
  const raft_buffer buffer{const_cast<char*>(bytes.data()), bytes.size()};
  return !bytes.empty() && raft_configuration_decode(&buffer, out) == 0;
}

bool to_raft(const storage::Snapshot& snapshot, raft_snapshot_metadata* out) {
  out->index = snapshot.index.value;
  out->term = snapshot.term.value;
  out->configuration_index = snapshot.configuration_index.value;
  return decode_into(snapshot.configuration, &out->configuration);
}

storage::Snapshot take_snapshot(raft_snapshot_metadata& metadata) {
  storage::Snapshot snapshot;
  snapshot.index = model::Index(metadata.index);
  snapshot.term = model::Term(metadata.term);
  snapshot.configuration_index = model::Index(metadata.configuration_index);
  raft_buffer buffer{};
  if (raft_configuration_encode(&metadata.configuration, &buffer) == 0) {
    snapshot.configuration.assign(static_cast<const char*>(buffer.base), buffer.len);
    raft_free(buffer.base);
  }
  raft_configuration_close(&metadata.configuration);
  return snapshot;
}

bool to_raft(const Message& message, RaftEntries& entries, raft_message* out) {
  std::memset(out, 0, sizeof *out);
  out->server_id = message.from.value;
  out->server_address = kNoAddress;
  return std::visit(
      Overloaded{
          [&](const RequestVote& m) {
            out->type = RAFT_REQUEST_VOTE;
            out->request_vote = {kRequestVoteVersion,   m.term.value,     m.candidate.value, m.last_log_index.value,
                                 m.last_log_term.value, m.disrupt_leader, m.pre_vote};
            return true;
          },
          [&](const RequestVoteResult& m) {
            out->type = RAFT_REQUEST_VOTE_RESULT;
            out->request_vote_result = {
                kRequestVoteResultVersion, m.term.value, m.vote_granted, m.pre_vote, m.features, m.capacity};
            return true;
          },
          [&](const AppendEntries& m) {
            out->type = RAFT_APPEND_ENTRIES;
            out->append_entries = {kAppendEntriesVersion, m.term.value,   m.prev_log_index.value, m.prev_log_term.value,
                                   m.leader_commit.value, entries.data(), entries.size()};
            return true;
          },
          [&](const AppendEntriesResult& m) {
            out->type = RAFT_APPEND_ENTRIES_RESULT;
            out->append_entries_result = {kAppendEntriesResultVersion,
                                          m.term.value,
                                          m.rejected.value,
                                          m.last_log_index.value,
                                          static_cast<unsigned short>(m.features),
                                          m.capacity};
            return true;
          },
          [&](const InstallSnapshot& m) {
            out->type = RAFT_INSTALL_SNAPSHOT;
            raft_install_snapshot& install = out->install_snapshot;
            install.version = kInstallSnapshotVersion;
            install.term = m.term.value;
            install.last_index = m.snapshot.index.value;
            install.last_term = m.snapshot.term.value;
            install.conf_index = m.snapshot.configuration_index.value;
            if (install.last_index == 0 || install.last_term == 0 ||
                !decode_into(m.snapshot.configuration, &install.conf)) {
              return false;
            }
            install.data = {raft_malloc(1), 1};  // the state itself travels out of band
            return true;
          },
          [&](const TimeoutNow& m) {
            out->type = RAFT_TIMEOUT_NOW;
            out->timeout_now = {kTimeoutNowVersion, m.term.value, m.last_log_index.value, m.last_log_term.value};
            return true;
          },
          [](const StampPing&) { return false; },  // GroupCore's own
          [](const StampEcho&) { return false; },
      },
      message.body);
}

Outgoing from_raft(const raft_message& message, model::GroupId group, model::NodeId self, raft_term current_term) {
  Outgoing out;
  out.message.group = group;
  out.message.from = self;
  out.message.to = model::NodeId(message.server_id);
  switch (message.type) {
    case RAFT_REQUEST_VOTE: {
      const raft_request_vote& m = message.request_vote;
      out.message.body = RequestVote{model::Term(m.term),
                                     model::NodeId(m.candidate_id),
                                     model::Index(m.last_log_index),
                                     model::Term(m.last_log_term),
                                     m.disrupt_leader,
                                     m.pre_vote};
      break;
    }
    case RAFT_REQUEST_VOTE_RESULT: {
      const raft_request_vote_result& m = message.request_vote_result;
      RequestVoteResult result{model::Term(m.term), m.vote_granted, m.pre_vote, m.features, m.capacity};
      guards::tell_own_term(result, current_term);
      out.message.body = result;
      break;
    }
    case RAFT_APPEND_ENTRIES: {
      const raft_append_entries& m = message.append_entries;
      out.message.body = AppendEntries{model::Term(m.term),
                                       model::Index(m.prev_log_index),
                                       model::Term(m.prev_log_term),
                                       model::Index(m.leader_commit),
                                       {}};
      out.entry_count = m.n_entries;
      break;
    }
    case RAFT_APPEND_ENTRIES_RESULT: {
      const raft_append_entries_result& m = message.append_entries_result;
      out.message.body = AppendEntriesResult{model::Term(m.term), model::Index(m.rejected),
                                             model::Index(m.last_log_index), m.features, m.capacity};
      break;
    }
    case RAFT_INSTALL_SNAPSHOT:
      out.message.body = InstallSnapshot{model::Term(message.install_snapshot.term), {}};
      break;
    case RAFT_TIMEOUT_NOW: {
      const raft_timeout_now& m = message.timeout_now;
      out.message.body = TimeoutNow{model::Term(m.term), model::Index(m.last_log_index), model::Term(m.last_log_term)};
      break;
    }
  }
  return out;
}

}  // namespace coffer::cluster
