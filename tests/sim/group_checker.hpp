#pragma once
// What the group simulation knows about the truth: the log that nodes agreed on, who led which term, what clients
// were told.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/group_core.hpp"
#include "tests/sim/sim.hpp"

namespace coffer::sim {

class GroupChecker {
 public:
  void leads(model::Term term, model::NodeId node) {
    const auto [known, fresh] = leaders_.emplace(term.value, node.value);
    require(known->second == node.value, "two leaders in term " + std::to_string(term.value));
    elections_ += fresh ? 1 : 0;
  }
  void committed(const storage::LogEntry& entry) {
    const std::uint64_t index = entry.index.value;
    const Agreed agreed{entry.term.value, entry.kind, *entry.data};
    require(index <= log_.size() + 1, "an entry was committed before the one below it");
    if (index <= log_.size()) {
      require(log_[index - 1] == agreed, "entry " + std::to_string(index) + " was committed twice, differently");
      return;
    }
    require(!refused_.contains(agreed.data), "a write refused as not in the log was committed");
    states_.push_back(advance(state_at(log_.size()), agreed));
    log_.push_back(agreed);
  }
  void acknowledged(const storage::LogEntry& entry, const std::string& proposed) {
    require(proposed == *entry.data, "a cookie came back with another write");
    acknowledged_ = std::max(acknowledged_, entry.index.value);
    ++acknowledgements_;
  }
  void refused(const std::string& data) {
    refused_.insert(data);
    for (const Agreed& agreed : log_) {
      require(agreed.data != data || data.empty(), "a write refused as not in the log is committed");
    }
  }
  /// The state after `index` entries, as a number.
  std::uint64_t state_at(std::uint64_t index) const { return index == 0 ? 1 : states_.at(index - 1); }
  static std::uint64_t next_state(std::uint64_t state, const storage::LogEntry& entry) {
    return advance(state, {entry.term.value, entry.kind, *entry.data});
  }
  std::uint64_t last() const { return log_.size(); }
  std::uint64_t last_acknowledged() const { return acknowledged_; }
  std::uint64_t acknowledgements() const { return acknowledgements_; }
  std::uint64_t elections() const { return elections_; }

 private:
  struct Agreed {
    std::uint64_t term;
    storage::EntryKind kind;
    std::string data;
    friend bool operator==(const Agreed&, const Agreed&) = default;
  };
  static std::uint64_t advance(std::uint64_t state, const Agreed& entry) {
    Trace trace;
    trace.add(state);
    trace.add(entry.term);
    trace.add(entry.data);
    return trace.hash();
  }
  std::map<std::uint64_t, std::uint64_t> leaders_;
  std::vector<Agreed> log_;
  std::vector<std::uint64_t> states_;
  std::set<std::string> refused_;
  std::uint64_t acknowledged_ = 0, acknowledgements_ = 0, elections_ = 0;
};

}  // namespace coffer::sim
