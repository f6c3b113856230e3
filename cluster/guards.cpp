// See guards.hpp.

#include "cluster/guards.hpp"

#include <utility>

namespace coffer::cluster::guards {

void cut_below_log(AppendEntries& message, std::uint64_t first, model::Index snapshot_index,
                   model::Term snapshot_term) {
  if (message.prev_log_index.value >= first || message.prev_log_index == snapshot_index) {
    return;
  }
  message.prev_log_index = snapshot_index;
  message.prev_log_term = snapshot_term;
  std::erase_if(message.entries, [&](const storage::LogEntry& entry) { return entry.index <= snapshot_index; });
}

void tell_own_term(RequestVoteResult& result, std::uint64_t current_term) {
  if (result.pre_vote && !result.vote_granted && current_term > result.term.value) {
    result.term = model::Term(current_term);
  }
}

bool is_stale_refusal(const AppendEntriesResult& result, std::optional<std::uint64_t> match,
                      std::uint64_t current_term) {
  return result.term.value <= current_term && result.rejected.value != 0 && match && result.rejected.value <= *match;
}

std::vector<AppendEntries> split_at_configurations(AppendEntries message) {
  std::vector<storage::LogEntry> entries = std::exchange(message.entries, {});
  std::vector<AppendEntries> parts{std::move(message)};
  for (storage::LogEntry& entry : entries) {
    if (entry.kind == storage::EntryKind::configuration && !parts.back().entries.empty()) {
      AppendEntries next = parts.back();
      next.entries.clear();
      next.prev_log_index = parts.back().entries.back().index;
      next.prev_log_term = parts.back().entries.back().term;
      parts.push_back(std::move(next));
    }
    parts.back().entries.push_back(std::move(entry));
  }
  return parts;
}

bool is_well_formed(const AppendEntries& message) {
  if ((message.prev_log_index.value == 0) != (message.prev_log_term.value == 0)) {
    return false;
  }
  std::uint64_t expected = message.prev_log_index.value + 1;
  std::uint64_t term = message.prev_log_term.value;
  for (const storage::LogEntry& entry : message.entries) {
    if (entry.index.value != expected++ || entry.term.value == 0 || entry.term.value < term ||
        entry.term.value > message.term.value) {
      return false;
    }
    term = entry.term.value;
  }
  return true;
}

}  // namespace coffer::cluster::guards
