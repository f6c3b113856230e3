// See departure.hpp.

#include "cluster/departure.hpp"

#include <algorithm>

namespace coffer::cluster {

std::optional<model::Index> Departure::heard(const LeaderWord& word) {
  if (word.term < term_) return std::nullopt;  // of a leader that was
  if (word.term > term_) end_.reset();
  term_ = word.term;
  if (word.names_us) {
    end_.reset();
    settled_.reset();
    return std::nullopt;
  }
  if (end_ && word.commit >= *end_) {
    settled_ = std::max(settled_.value_or(*end_), *end_);
    end_.reset();
  }
  if (word.commit >= word.last) settled_ = std::max(settled_.value_or(word.last), word.last);
  if (!end_) end_ = word.last;
  return settled_;
}

}  // namespace coffer::cluster
