// See crash_rig.hpp. An entry's data is a list of changes of one tenant: tenant, then per change 'p' or 'd', the row's
// digit, and for a put three digits of the value's size and a letter it consists of.

#include "tests/unit/storage/crash_rig.hpp"

#include "storage/keys.hpp"

namespace coffer::test {

using namespace storage;

namespace {

constexpr model::Generation kGeneration{1};

model::TenantId tenant_of(char digit) {
  model::TenantId tenant;
  tenant.bytes.fill(static_cast<std::uint8_t>(digit));
  return tenant;
}

struct Decoded {
  model::TenantId tenant;
  std::vector<RowChange> changes;
};

Decoded decode(const std::string& data) {
  Decoded decoded{tenant_of(data[0]), {}};
  for (std::size_t at = 1; at < data.size();) {
    const std::string row(1, data[at + 1]);
    if (data[at] == 'd') {
      decoded.changes.push_back({row, std::nullopt});
      at += 2;
    } else {
      decoded.changes.push_back({row, std::string(std::stoul(data.substr(at + 2, 3)), data[at + 5])});
      at += 6;
    }
  }
  return decoded;
}

}  // namespace

std::string CrashRig::random_change() {
  std::string data(1, static_cast<char>('0' + below(kTenants)));
  for (std::uint64_t count = 1 + below(3); count > 0; --count) {
    const char row = static_cast<char>('0' + below(kRows));
    if (below(3) == 0) {
      data += {'d', row};
    } else {
      data += {'p', row};
      data += std::to_string(100 + below(900));
      data += static_cast<char>('a' + below(26));
    }
  }
  return data;
}

void CrashRig::append(Group& group, std::uint64_t id, LogBatch* batch) {
  // What was never acknowledged is overwritten, as a follower does under a new leader.
  group.entries.resize(group.acknowledged);
  std::vector<LogEntry> entries;
  for (std::uint64_t count = 1 + below(4); count > 0; --count) {
    group.entries.push_back(random_change());
    if (group.attempts.size() < group.entries.size()) group.attempts.emplace_back();
    group.attempts[group.entries.size() - 1].insert(group.entries.back());
    entries.push_back({model::Index(group.entries.size()), model::Term(1), EntryKind::command,
                       std::make_shared<const std::string>(group.entries.back())});
  }
  batch->append(model::GroupId(id), entries, model::Index(group.stored));
  batch->hard_state(model::GroupId(id), {model::Term(group.entries.size()), model::NodeId(1)});
  group.stored = std::max(group.stored, group.entries.size());
}

void CrashRig::apply(StateWriter& writer, std::uint64_t group, const std::string& data) {
  const Decoded decoded = decode(data);
  writer.apply(model::GroupId(group), kGeneration, decoded.tenant, decoded.changes);
}

bool CrashRig::append_and_apply(Engine& log, Engine& state, bool acknowledge) {
  LogBatch batch;
  const std::uint64_t first = below(kGroups), count = 1 + below(kGroups);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t id = (first + i) % kGroups;
    append(groups_[id], id, &batch);
  }
  if (!LogStore(log).commit(batch).ok()) return false;
  StateWriter writer(state);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t id = (first + i) % kGroups;
    Group& group = groups_[id];
    group.stored = group.entries.size();
    if (!acknowledge) continue;
    for (std::size_t at = group.acknowledged; at < group.entries.size(); ++at) {
      apply(writer, id, group.entries[at]);
    }
    group.acknowledged = group.entries.size();
  }
  return writer.write().ok();
}

bool CrashRig::checkpoint(Engine& log, Engine& state) {
  StateWriter writer(state);
  if (flush_before_d_ && !writer.flush().ok()) return false;
  LogBatch batch;
  for (std::uint64_t id = 0; id < kGroups; ++id) {
    Group& group = groups_[id];
    if (group.acknowledged == group.durable || below(2) == 0) continue;
    batch.snapshot(model::GroupId(id),
                   {model::Index(group.acknowledged), model::Term(1), "", model::Index(1), kGeneration},
                   model::Index(group.durable + 1), model::Index(group.acknowledged));
    group.durable = group.acknowledged;
  }
  return LogStore(log).commit(batch).ok();
}

bool CrashRig::step(Engine& log, Engine& state) {
  const std::uint64_t action = below(10);
  return action == 0 ? checkpoint(log, state) : append_and_apply(log, state, action != 1);
}

std::string CrashRig::check_group(std::uint64_t id, const Recovered& recovered) {
  Group& group = groups_[id];
  const std::size_t durable = recovered.snapshot ? recovered.snapshot->index.value : 0;
  const std::size_t last = durable + recovered.entries.size();
  if (last < group.acknowledged) return "an acknowledged entry is missing";
  // A checkpoint whose batch was lost may be older than the model's, one that was torn off may be newer.
  for (const LogEntry& entry : recovered.entries) {
    const std::size_t at = entry.index.value - 1;
    if (at < group.acknowledged ? *entry.data != group.entries[at] : !group.attempts[at].contains(*entry.data)) {
      return "entry " + std::to_string(entry.index.value) + " is not what was written";
    }
    if (at >= group.acknowledged) {
      // It survived without an answer: a sole voter commits it, so from here on it is the truth.
      group.entries.resize(at);
      group.entries.push_back(*entry.data);
    }
  }
  group.entries.resize(last);
  group.acknowledged = group.stored = last;
  group.durable = durable;
  return {};
}

std::string CrashRig::compare_rows(std::uint64_t id, Engine& state) {
  for (int digit = 0; digit < kTenants; ++digit) {
    const model::TenantId tenant = tenant_of(static_cast<char>('0' + digit));
    Rows expected, found;
    for (const std::string& data : groups_[id].entries) {
      const Decoded decoded = decode(data);
      if (decoded.tenant != tenant) continue;
      for (const RowChange& change : decoded.changes) {
        if (change.value) {
          expected[change.row] = *change.value;
        } else {
          expected.erase(change.row);
        }
      }
    }
    const TenantRows rows(state, model::GroupId(id), kGeneration, tenant);
    auto scan = rows.scan("", "");
    for (; scan->valid(); scan->next()) found.emplace(rows.row_of(scan->key()), scan->value());
    if (!scan->status().ok()) return scan->status().error().detail;
    if (found != expected) return "the rows of group " + std::to_string(id) + " are not those of its entries";
  }
  return {};
}

std::string CrashRig::check(Engine& log, Engine& state, bool* refused) {
  *refused = false;
  for (std::uint64_t id = 0; id < kGroups; ++id) {
    auto recovered = LogStore(log).recover(model::GroupId(id));
    if (!recovered.ok()) return recovered.error().detail;
    if (std::string wrong = check_group(id, *recovered); !wrong.empty()) return wrong;
    StateWriter writer(state);
    for (const LogEntry& entry : recovered->entries) apply(writer, id, *entry.data);
    if (!writer.write().ok()) {
      *refused = true;
      return {};
    }
    if (std::string wrong = compare_rows(id, state); !wrong.empty()) return wrong;
  }
  return {};
}

std::size_t CrashRig::acknowledged() const {
  std::size_t total = 0;
  for (const Group& group : groups_) total += group.acknowledged;
  return total;
}

}  // namespace coffer::test
