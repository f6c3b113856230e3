// Log records on disk: their encoding, and what a group finds of them at start. See storage/log_store.hpp.

#include "storage/log_store.hpp"

#include <cassert>

#include <google/protobuf/io/coded_stream.h>

#include "coffer/store/v1/records.pb.h"
#include "storage/keys.hpp"

namespace coffer::storage {
namespace {

namespace pb = coffer::store::v1;

constexpr std::uint32_t kLogFormat = 1;
constexpr char kNodeKey[] = "n";
constexpr std::size_t kLogEntryKeyBytes = 1 + 8 + 8;

std::string log_group_key(char kind, model::GroupId group) {
  std::string key(1, kind);
  append_be64(key, group.value);
  return key;
}

std::string log_entry_key(model::GroupId group, std::uint64_t index) {
  std::string key = log_group_key('e', group);
  append_be64(key, index);
  return key;
}

std::string name_of_group(model::GroupId group) { return "group " + std::to_string(group.value); }

/// Reads a record and refuses what this version does not know. `what` names it in the sentence.
template <class Record>
model::Status parse_log_record(std::string_view bytes, const std::string& what, Record* record) {
  if (!record->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return model::Error(model::Code::data_loss, "The " + what + " in the log database cannot be read: it is damaged.");
  }
  if (record->format() != kLogFormat) {
    return model::Error(model::Code::data_loss,
                        "The " + what + " in the log database has format " + std::to_string(record->format()) +
                            ", and this Coffer reads only format " + std::to_string(kLogFormat) +
                            ": it is damaged or from a newer version.");
  }
  return {};
}

/// The record under `key`, nullopt when there is none.
template <class Record>
model::Result<std::optional<Record>> load_log_record(const Engine& engine, const std::string& key,
                                                     const std::string& what) {
  auto bytes = engine.get(key);
  if (!bytes.ok()) return bytes.error();
  if (!*bytes) return std::optional<Record>();
  Record record;
  if (auto status = parse_log_record(**bytes, what, &record); !status.ok()) return status.error();
  return std::optional<Record>(std::move(record));
}

model::Result<LogEntry> decode_log_entry(model::GroupId group, std::uint64_t index, std::string_view bytes) {
  const std::string what = "entry " + std::to_string(index) + " of " + name_of_group(group);
  pb::LogRecord record;
  if (auto status = parse_log_record(bytes, what, &record); !status.ok()) return status.error();
  if (record.kind() < static_cast<std::uint32_t>(EntryKind::command) ||
      record.kind() > static_cast<std::uint32_t>(EntryKind::configuration)) {
    return model::Error(model::Code::data_loss, "The " + what + " in the log database is of an unknown kind (" +
                                                    std::to_string(record.kind()) + ").");
  }
  LogEntry entry;
  entry.index = model::Index(index);
  entry.term = model::Term(record.term());
  entry.kind = static_cast<EntryKind>(record.kind());
  entry.data = std::make_shared<const std::string>(std::move(*record.mutable_data()));
  return entry;
}

/// Appends the group's entries from `next` on; they must follow one another.
model::Status read_log_entries(const Engine& engine, model::GroupId group, std::uint64_t next,
                               std::vector<LogEntry>* entries) {
  auto scan = engine.scan(log_entry_key(group, next), prefix_end(log_group_key('e', group)));
  for (; scan->valid(); scan->next(), ++next) {
    if (scan->key().size() != kLogEntryKeyBytes) {
      return model::Error(model::Code::data_loss,
                          "The log database holds a key of " + name_of_group(group) + " that is not an entry's.");
    }
    const std::uint64_t index = read_be64(scan->key().substr(1 + 8));
    if (index != next) {
      return model::Error(model::Code::data_loss, "The log of " + name_of_group(group) + " has a gap: entry " +
                                                      std::to_string(next) + " is missing before entry " +
                                                      std::to_string(index) + ".");
    }
    auto entry = decode_log_entry(group, index, scan->value());
    if (!entry.ok()) return entry.error();
    entries->push_back(std::move(entry).value());
  }
  return scan->status();
}

}  // namespace

void LogBatch::hard_state(model::GroupId group, const HardState& state) {
  pb::HardStateRecord record;
  record.set_format(kLogFormat);
  record.set_term(state.term.value);
  record.set_voted_for(state.voted_for.value);
  batch_.put(log_group_key('h', group), record.SerializeAsString());
}

void LogBatch::append(model::GroupId group, const std::vector<LogEntry>& entries, model::Index last_stored) {
  if (entries.empty()) return;
  // The new entries overwrite their own indices; only what stands behind them has to be deleted.
  for (std::uint64_t index = entries.back().index.value + 1; index <= last_stored.value; ++index) {
    batch_.del(log_entry_key(group, index));
  }
  std::uint64_t expected = entries.front().index.value;
  for (const LogEntry& entry : entries) {
    assert(entry.index.value == expected);
    pb::LogRecord record;
    record.set_format(kLogFormat);
    record.set_term(entry.term.value);
    record.set_kind(static_cast<std::uint32_t>(entry.kind));
    std::string head = record.SerializeAsString();
    if (entry.data && !entry.data->empty()) {
      // The record's last field goes into the batch directly: most of what a node writes is in it.
      std::uint8_t field[1 + 5] = {pb::LogRecord::kDataFieldNumber << 3 | 2};  // its tag: length-delimited
      const auto size = static_cast<std::uint32_t>(entry.data->size());
      const std::uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(size, field + 1);
      head.append(reinterpret_cast<const char*>(field), static_cast<std::size_t>(end - field));
    }
    batch_.put(log_entry_key(group, expected++), head);
    if (entry.data) batch_.append(*entry.data);
  }
}

void LogBatch::snapshot(model::GroupId group, const Snapshot& snapshot, model::Index first, model::Index last) {
  pb::SnapshotRecord record;
  record.set_format(kLogFormat);
  record.set_index(snapshot.index.value);
  record.set_term(snapshot.term.value);
  record.set_configuration(snapshot.configuration);
  record.set_configuration_index(snapshot.configuration_index.value);
  record.set_generation(snapshot.generation.value);
  batch_.put(log_group_key('s', group), record.SerializeAsString());
  for (std::uint64_t index = first.value; index <= last.value; ++index) batch_.del(log_entry_key(group, index));
}

void LogBatch::leave(model::GroupId group, const LogEnd& floor, model::Index first, model::Index last) {
  pb::LogFloorRecord record;
  record.set_format(kLogFormat);
  record.set_term(floor.term.value);
  record.set_index(floor.index.value);
  batch_.put(log_group_key('f', group), record.SerializeAsString());
  batch_.del(log_group_key('s', group));
  for (std::uint64_t index = first.value; index <= last.value; ++index) batch_.del(log_entry_key(group, index));
}

void LogBatch::node(const Node& node) {
  pb::NodeRecord record;
  record.set_format(kLogFormat);
  record.set_node_id(node.id.value);
  record.set_cluster_id(node.cluster_id);
  record.set_data_groups(node.data_groups);
  record.set_log_life(node.log_life);
  batch_.put(kNodeKey, record.SerializeAsString());
}

model::Status LogStore::commit(const LogBatch& batch) {
  if (batch.empty()) return {};
  return engine_.write(batch.batch(), Durability::synced);
}

model::Result<Recovered> LogStore::recover(model::GroupId group) const {
  Recovered recovered;
  auto hard =
      load_log_record<pb::HardStateRecord>(engine_, log_group_key('h', group), "hard state of " + name_of_group(group));
  if (!hard.ok()) return hard.error();
  if (*hard) recovered.hard_state = {model::Term((*hard)->term()), model::NodeId((*hard)->voted_for())};

  auto floor = load_log_record<pb::LogFloorRecord>(engine_, log_group_key('f', group),
                                                   "end of the former log of " + name_of_group(group));
  if (!floor.ok()) return floor.error();
  if (*floor) recovered.floor = {model::Term((*floor)->term()), model::Index((*floor)->index())};

  auto stored = load_log_record<pb::SnapshotRecord>(engine_, log_group_key('s', group),
                                                    "durable index of " + name_of_group(group));
  if (!stored.ok()) return stored.error();
  std::uint64_t next = 1;
  if (pb::SnapshotRecord* record = *stored ? &**stored : nullptr) {
    recovered.snapshot = Snapshot{model::Index(record->index()), model::Term(record->term()),
                                  std::move(*record->mutable_configuration()),
                                  model::Index(record->configuration_index()), model::Generation(record->generation())};
    next = record->index() + 1;
  }
  if (auto status = read_log_entries(engine_, group, next, &recovered.entries); !status.ok()) return status.error();
  return recovered;
}

model::Result<std::optional<Node>> LogStore::node() const {
  auto record = load_log_record<pb::NodeRecord>(engine_, kNodeKey, "node's record");
  if (!record.ok()) return record.error();
  if (!*record) return std::optional<Node>();
  return std::optional<Node>(Node{model::NodeId((*record)->node_id()), (*record)->cluster_id(),
                                  (*record)->data_groups(), (*record)->log_life()});
}

model::Result<std::optional<model::Index>> LogStore::first_entry(model::GroupId group) const {
  const auto scan = engine_.scan(log_group_key('e', group), prefix_end(log_group_key('e', group)));
  if (scan->valid() && scan->key().size() == kLogEntryKeyBytes) {
    return std::optional(model::Index(read_be64(scan->key().substr(1 + 8))));
  }
  if (auto status = scan->status(); !status.ok()) return status.error();
  return std::optional<model::Index>();
}

}  // namespace coffer::storage
