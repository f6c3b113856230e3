#pragma once
// What clients of one tenant asked and were told, and whether a linearizable store can have told them that.
//
// Each committed write set raises the tenant's revision by one, and every answer names the revision that it was decided at.
// So the order is known and the check is near-linear: the writes are replayed through a model in the order of their
// revisions, each answer is compared with the model at its revision, and the revisions must respect real time. An answer
// without a revision (a failed condition, a missing entry) must be true at some revision between what had been answered
// before it was asked and what had been asked before it was answered.
//
// `committed_at` comes from the log that the simulation sees, so that writes whose outcome no client knows have
// their place, too; where there is no such source, tests/sim/search_oracle.hpp finds the order by search. Pure values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coffer::sim {

enum class OpKind : std::uint8_t { put, del, transact, get, batch };
enum class Outcome : std::uint8_t {
  unknown,  // no answer, or one that says so
  ok,
  refused,  // "not applied"
  failed,   // a condition did not hold, or there was no such entry
};

struct Change {
  std::size_t key = 0;
  bool is_delete = false;
  std::uint64_t value = 0;                // unique over the history; of a put
  std::optional<std::uint64_t> expected;  // the version that must be there; 0: none
};
/// What a read shows of a key; version 0: there is none.
struct Seen {
  std::uint64_t version = 0, value = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Op {
  std::uint64_t id = 0;
  OpKind kind = OpKind::put;
  std::vector<Change> changes;              // of a write; a del has one, which fails when there is nothing
  std::vector<std::size_t> keys;            // of a read
  std::uint64_t invoked = 0, returned = 0;  // times; 0: never
  Outcome outcome = Outcome::unknown;
  bool is_certain = true;  // no attempt stayed without an answer: a failure says that it was not applied
  // The answer of an ok one.
  std::uint64_t revision = 0;
  std::vector<std::uint64_t> versions;  // of each change that is a put
  std::vector<Seen> seen;               // of each key
  // What the log holds.
  std::uint64_t committed_at = 0;

  bool is_read() const { return kind == OpKind::get || kind == OpKind::batch; }
};

/// What is wrong, as a sentence; nothing: nullopt.
std::optional<std::string> find_contradiction(std::vector<Op> history);

}  // namespace coffer::sim
