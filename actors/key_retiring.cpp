// The keeper's part in retiring cluster keys: it tells the directory's leader which ones its groups still use and how far it
// is, and where that leads, has the directory's own rows sealed anew and retires what nobody needs. See key_use.hpp.

#include <algorithm>

#include "actors/key_keeper.hpp"
#include "actors/key_use.hpp"

namespace coffer::actors {

namespace {

constexpr std::uint32_t kDirectorySlice = 256;
constexpr std::chrono::seconds kNews{5};  // of progress that a crash may lose
constexpr std::chrono::seconds kDirectoryAnswers{3};
constexpr std::chrono::milliseconds kAgain{500};

model::TimeMs wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

bool KeyKeeper::has_old_cluster_key() const { return host_.ring()->record().cluster_keys_size() > 1; }

/// Rows are looked at where they are applied, which is a moment after the commit that a rotation was answered with.
void KeyKeeper::begin_looks() {
  looks_.clear();
  look_failed_ = false;
  const std::uint32_t current = host_.ring()->current_version();
  for (std::uint64_t number = 1; number <= host_.data_groups(); ++number) {
    const model::GroupId group{number};
    if (host_.leads(group) && host_.bring_up_to_date(group)) looks_[group] = {group, current, 0, true};
  }
  directory_due_ = has_old_cluster_key() && host_.leads(model::kMetaGroup);
  // Nothing is retired before a second look, and that is not waited for longer than it must be.
  if (has_old_cluster_key()) {
    const auto soon = std::max<std::chrono::milliseconds>(settings_.retire_after / 2, std::chrono::seconds(1));
    next_round_ = std::min(next_round_, Clock::now() + soon);
  }
}

void KeyKeeper::see_use(model::GroupId group, std::uint32_t wrapping, bool reseal) {
  model::KeyUse& use = looks_[group];
  use.oldest = std::min(use.oldest, wrapping);
  if (reseal) ++use.left;
}

model::TendKeys KeyKeeper::news() const {
  model::TendKeys news;
  news.node = host_.self();
  news.newest_key = host_.ring()->current_version();
  for (const auto& [group, use] : looks_) {
    news.groups.push_back(use);
    news.groups.back().looked = false;
  }
  news.retire_after = settings_.retire_after.count();
  return news;
}

model::Result<model::KeysReply> KeyKeeper::tell(model::TendKeys news) {
  auto reply = ask(host_, {}, model::DirectoryOperation(std::move(news)), kDirectoryAnswers);
  if (!reply) return reply.error();
  return std::move(std::get<model::KeysReply>(reply->body));
}

/// What is not told now is told the next time.
void KeyKeeper::tell_directory(bool looked) {
  next_news_ = Clock::now() + kNews;
  model::TendKeys told = news();
  for (model::KeyUse& use : told.groups) use.looked = looked && host_.leads(use.group);
  const std::uint64_t done = done_, rows = rows_;
  told.tenants_done = done - told_done_;
  told.rows_done = rows - told_rows_;
  if (!tell(std::move(told))) return;
  told_done_ = done;
  told_rows_ = rows;
}

void KeyKeeper::directory_slice() {
  next_slice_ = Clock::now() + kAgain;
  model::TendKeys order = news();
  order.reseal_rows = kDirectorySlice;
  const auto reply = tell(std::move(order));
  if (!reply) {
    directory_due_ = reply.error().code == model::Code::unavailable && host_.leads(model::kMetaGroup);
    return;
  }
  const auto pause = std::chrono::microseconds(kDirectorySlice * 1'000'000ULL / std::max<std::uint64_t>(rate_, 1));
  next_slice_ = Clock::now() + pause;
  if (reply->more) return;
  directory_due_ = false;
  if (reply->retirable != 0) retire(reply->retirable);
}

void KeyKeeper::retire(std::uint32_t up_to) {
  crypto::KeyRing& ring = *host_.ring();
  const auto known = ring.record();
  for (const auto& key : known.cluster_keys()) {
    if (key.version() > up_to || key.version() == ring.current_version()) continue;
    const auto status = seals_.change_ring(kRetireClusterKey, [&](const crypto::KeyRing& now) {
      return now.without_cluster_key(key.version(), random_, wall_clock_ms());
    });
    if (!status) {
      log_("cluster key " + std::to_string(key.version()) +
           " is not retired yet: " + std::string(status.error().message()));
      return;
    }
  }
}

}  // namespace coffer::actors
