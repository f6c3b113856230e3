// See group_load.hpp.

#include "cluster/group_load.hpp"

#include <algorithm>
#include <cmath>

namespace coffer::cluster {

namespace {

std::uint64_t per_second(double per_ms) { return static_cast<std::uint64_t>(std::llround(per_ms * 1000)); }

bool is_near(std::uint64_t level, std::uint64_t measured) {
  if (level == 0) return measured < LoadLevels::kLeastLoad;
  return measured * 10 >= level * 6 && measured * 6 <= level * 10;
}

std::uint64_t level_of(std::uint64_t measured) { return measured < LoadLevels::kLeastLoad ? 0 : measured; }

}  // namespace

std::uint64_t work_of_leading(const model::GroupLoad& load) { return load.requests + load.writes; }

std::uint64_t work_of_a_replica(const model::GroupLoad& load, std::uint32_t replicas) {
  return load.writes + work_of_leading(load) / std::max<std::uint32_t>(replicas, 1);
}

void LoadMeter::sample(const Served& served, MonotonicMs now) {
  if (!last_ || served.requests < last_->requests || served.writes < last_->writes) {
    requests_ = writes_ = weight_ = 0;
  } else if (now <= last_at_) {
    return;
  } else {
    const double passed = static_cast<double>(now - last_at_);
    const double kept = std::exp(-passed / window_);
    const auto blend = [&](double& rate, std::uint64_t more) {
      rate = rate * kept + static_cast<double>(more) / passed * (1 - kept);
    };
    blend(requests_, served.requests - last_->requests);
    blend(writes_, served.writes - last_->writes);
    weight_ = weight_ * kept + (1 - kept);
  }
  last_ = served;
  last_at_ = now;
}

std::optional<model::GroupLoad> LoadMeter::load() const {
  static const double kEnough = 1 - std::exp(-1.0 / 3);  // the weight of a third of a window
  if (weight_ < kEnough) return std::nullopt;
  return model::GroupLoad{per_second(requests_ / weight_), per_second(writes_ / weight_)};
}

void LoadLevels::follow(model::GroupId group, const std::optional<model::GroupLoad>& load, std::uint32_t replicas,
                        MonotonicMs now) {
  Known& known = groups_[group];
  if (!load) return;
  const std::uint64_t leading = work_of_leading(*load), replica = work_of_a_replica(*load, replicas);
  if (!known.is_measured || !is_near(known.level.leading, leading)) known.level.leading = level_of(leading);
  if (!known.is_measured) known.level.replica = level_of(replica);
  known.is_measured = true;
  if (is_near(known.level.replica, replica)) {
    known.away_since.reset();
  } else if (!known.away_since) {
    known.away_since = now;
  } else if (now - *known.away_since >= lasting_) {
    known.level.replica = level_of(replica);
    known.away_since.reset();
  }
}

LoadLevels::Level LoadLevels::of(model::GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? Level() : found->second.level;
}

bool LoadLevels::is_partial() const {
  const auto is_busy = [](const auto& group) { return group.second.level.leading > 0; };
  const auto is_unknown = [](const auto& group) { return !group.second.is_measured; };
  return std::any_of(groups_.begin(), groups_.end(), is_busy) &&
         std::any_of(groups_.begin(), groups_.end(), is_unknown);
}

}  // namespace coffer::cluster
