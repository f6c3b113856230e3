// See read_gate.hpp.

#include "cluster/read_gate.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace coffer::cluster {

namespace {

constexpr std::uint64_t kForEver = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void ReadGate::begin() {
  leading_ = true;
  suspended_ = forbidden_ = ping_due_ = false;
  for (auto& [id, heard] : others_) {
    heard = {};
  }
}

std::vector<std::uint64_t> ReadGate::end() {
  leading_ = false;
  std::vector<std::uint64_t> refused;
  for (const Waiting& waiting : waiting_) {
    refused.push_back(waiting.cookie);
  }
  waiting_.clear();
  return refused;
}

void ReadGate::configure(const std::vector<Voter>& servers) {
  std::map<model::NodeId, Heard> others;
  votes_self_ = false;
  for (const Voter& server : servers) {
    if (server.role != ServerRole::voter) {
      continue;
    }
    if (server.id == self_) {
      votes_self_ = true;
    } else {
      const auto known = others_.find(server.id);
      others[server.id] = known == others_.end() ? Heard{} : known->second;
    }
  }
  others_ = std::move(others);
  majority_ = (others_.size() + (votes_self_ ? 1 : 0)) / 2 + 1;
}

void ReadGate::ask(std::uint64_t cookie, model::Index commit) {
  if (!ping_due_) {
    ++round_;  // one that is on its way was sent before this read began
    ping_due_ = true;
  }
  waiting_.push_back({cookie, round_, commit});
}

void ReadGate::heard(model::NodeId from, const Stamp& stamp) {
  const auto voter = others_.find(from);
  if (!leading_ || voter == others_.end()) {
    return;
  }
  voter->second.sent_at = std::max(voter->second.sent_at, stamp.sent_at);
  voter->second.round = std::max(voter->second.round, stamp.round);
}

template <class Field>
std::uint64_t ReadGate::majority_of(Field Heard::*field) const {
  std::vector<std::uint64_t> values;
  if (votes_self_) {
    values.push_back(kForEver);
  }
  for (const auto& [id, heard] : others_) {
    values.push_back(heard.*field);
  }
  if (values.size() < majority_) {
    return 0;
  }
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(majority_) - 1, values.end(),
                   std::greater<>());
  return values[majority_ - 1];
}

std::vector<ReadGate::Answer> ReadGate::confirmed() {
  std::vector<Answer> answers;
  if (waiting_.empty()) {
    return answers;
  }
  const std::uint64_t round = majority_of(&Heard::round);
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.round > round) {
      return false;
    }
    answers.push_back({waiting.cookie, waiting.index});
    return true;
  });
  return answers;
}

MonotonicMs ReadGate::lease_until() const {
  if (!leading_ || suspended_ || forbidden_) {
    return 0;
  }
  if (is_sole_voter()) {
    return kForEver;
  }
  const std::uint64_t sent_at = lease_ == 0 ? 0 : majority_of(&Heard::sent_at);
  return sent_at == 0 ? 0 : sent_at + lease_;
}

}  // namespace coffer::cluster
