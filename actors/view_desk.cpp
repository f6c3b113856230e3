// See view_desk.hpp and group_view.hpp.

#include "actors/view_desk.hpp"

#include <utility>
#include <vector>

#include "model/wire.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kTenantSize = 16;
constexpr std::chrono::milliseconds kSayAgain{100};
const std::string kStopped = "was not waited for: this node stops";

const char* words_of(cluster::ViewEnded reason) {
  switch (reason) {
    case cluster::ViewEnded::not_wanted:
    case cluster::ViewEnded::failed: break;
    case cluster::ViewEnded::no_replica: return "has no replica of it";
    case cluster::ViewEnded::behind: return "has a replica that is behind";
    case cluster::ViewEnded::busy: return "has as many backups to serve as it takes";
  }
  return "has ended it";
}

class LocalView final : public GroupView {
 public:
  LocalView(std::unique_ptr<storage::Scan> scan, model::Index index) : scan_(std::move(scan)), index_(index) {}
  model::Result<std::optional<Row>> next() override {
    if (std::exchange(began_, true)) scan_->next();
    if (!scan_->valid()) {
      if (auto status = scan_->status(); !status) return status.error();
      return std::optional<Row>();
    }
    const std::string_view key = scan_->key();
    if (key.size() <= storage::kCopyPrefix + kTenantSize) {
      return Error(Code::data_loss, "the state database holds a key of no tenant");
    }
    return std::optional(Row{key.substr(storage::kCopyPrefix, kTenantSize),
                             key.substr(storage::kCopyPrefix + kTenantSize), scan_->value()});
  }
  model::Index index() const override { return index_; }
  model::NodeId node() const override { return {}; }

 private:
  std::unique_ptr<storage::Scan> scan_;
  const model::Index index_;
  bool began_ = false;
};

}  // namespace

std::unique_ptr<GroupView> local_view(std::unique_ptr<storage::Scan> scan, model::Index index) {
  return std::make_unique<LocalView>(std::move(scan), index);
}

class ViewDesk::Remote final : public GroupView {
 public:
  Remote(ViewDesk& desk, std::uint64_t view, model::NodeId node, model::Index index)
      : desk_(desk), view_(view), node_(node), index_(index) {}
  ~Remote() override { desk_.forget(view_); }

  model::Result<std::optional<Row>> next() override {
    while (rest_.at_end()) {
      if (block_.last) return std::optional<Row>();
      auto block = desk_.wait_for_chunk(view_, ++chunks_);
      if (!block) return block.error();
      block_ = std::move(*block);
      rest_ = model::wire::Reader(block_.rows);
    }
    const std::string_view key = rest_.bytes(), value = rest_.bytes();
    if (!rest_.ok() || key.size() <= kTenantSize) {
      return Error(Code::data_loss, "what another node sent of a group's rows does not parse");
    }
    return std::optional(Row{key.substr(0, kTenantSize), key.substr(kTenantSize), value});
  }
  model::Index index() const override { return index_; }
  model::NodeId node() const override { return node_; }

 private:
  ViewDesk& desk_;
  const std::uint64_t view_;
  const model::NodeId node_;
  const model::Index index_;
  std::uint64_t chunks_ = 0;
  Block block_;
  model::wire::Reader rest_{{}};
};

model::Result<std::unique_ptr<GroupView>> ViewDesk::open(model::NodeId at, const RowWish& wish) {
  std::unique_lock lock(mutex_);
  if (stopped_) return Error(Code::unavailable, kStopped);
  const std::uint64_t view = ++next_;
  Inbox& inbox = inboxes_[view];
  inbox.from = at;
  inbox.group = wish.group;
  lock.unlock();
  const bool sent = send_(at, wish.group, cluster::ViewRequest{view, wish.index, wish.within, wish.after});
  lock.lock();
  if (!sent) inbox.failure = "is not connected";
  changed_.wait_for(lock, options_.opening, [&] { return stopped_ || inbox.opened || inbox.failure; });
  std::optional<std::string> failure = inbox.failure;
  if (!failure && stopped_) failure = kStopped;
  if (!failure && !inbox.opened) failure = "does not answer";
  lock.unlock();
  if (!failure) return std::unique_ptr<GroupView>(std::make_unique<Remote>(*this, view, at, wish.index));
  forget(view);
  return Error(Code::unavailable, std::move(*failure));
}

/// Chunk `number` of the view; those behind it are on their way already.
model::Result<ViewDesk::Block> ViewDesk::wait_for_chunk(std::uint64_t view, std::uint64_t number) {
  std::unique_lock lock(mutex_);
  Inbox& inbox = inboxes_.at(view);
  inbox.asked = number + options_.window - 1;
  const cluster::ViewMore more{view, inbox.asked};
  const model::NodeId from = inbox.from;
  const model::GroupId group = inbox.group;
  bool sent = inbox.last;  // nothing more is to be asked for
  const auto until = std::chrono::steady_clock::now() + options_.silence;
  while (!stopped_ && !inbox.failure && (inbox.chunks.empty() || !sent)) {
    if (!sent) {  // what the link has no room for is said again
      lock.unlock();
      sent = send_(from, group, more);
      lock.lock();
      if (!inbox.chunks.empty()) break;
    }
    if (std::chrono::steady_clock::now() >= until) {
      return Error(Code::unavailable, sent ? "has fallen silent" : "is not connected");
    }
    changed_.wait_for(lock, kSayAgain, [&] { return stopped_ || inbox.failure || !inbox.chunks.empty(); });
  }
  if (!inbox.chunks.empty()) {
    Block block{std::move(inbox.chunks.front()), false};
    inbox.chunks.pop_front();
    block.last = inbox.last && inbox.chunks.empty();
    return block;
  }
  return Error(Code::unavailable, inbox.failure ? *inbox.failure : kStopped);
}

void ViewDesk::forget(std::uint64_t view) {
  std::unique_lock lock(mutex_);
  const auto found = inboxes_.find(view);
  if (found == inboxes_.end()) return;
  const Inbox inbox = std::move(found->second);
  inboxes_.erase(found);
  const bool stopped = stopped_;
  lock.unlock();
  if (!stopped && !inbox.last && !inbox.failure) (void)send_(inbox.from, inbox.group, cluster::ViewEnd{view});
}

void ViewDesk::take(model::NodeId from, cluster::ViewMessage message) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t view = std::visit([](const auto& m) { return m.view; }, message);
  const auto found = inboxes_.find(view);
  if (found == inboxes_.end() || found->second.from != from || found->second.failure) return;
  Inbox& inbox = found->second;
  if (std::holds_alternative<cluster::ViewOpened>(message)) {
    inbox.opened = true;
  } else if (const auto* end = std::get_if<cluster::ViewEnd>(&message)) {
    if (!inbox.last) inbox.failure = words_of(end->reason);
  } else if (auto* chunk = std::get_if<cluster::ViewChunk>(&message)) {
    const bool fits = chunk->number == inbox.received + 1 && inbox.chunks.size() < options_.window && !inbox.last;
    if (!fits || chunk->crc != cluster::checksum_of(*chunk)) {
      inbox.failure = "has sent what does not fit what it sent before";
    } else {
      ++inbox.received;
      inbox.last = chunk->is_last;
      inbox.chunks.push_back(std::move(chunk->rows));
    }
  }
  changed_.notify_all();
}

void ViewDesk::gone(model::NodeId node) {
  const std::lock_guard lock(mutex_);
  for (auto& [view, inbox] : inboxes_) {
    if (inbox.from == node && !inbox.last && !inbox.failure) inbox.failure = "cannot be heard any more";
  }
  changed_.notify_all();
}

void ViewDesk::keep() {
  struct Kept {
    std::uint64_t view;
    model::NodeId from;
    model::GroupId group;
    std::uint64_t asked;
  };
  std::vector<Kept> kept;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [view, inbox] : inboxes_) {
      if (!inbox.last && !inbox.failure) kept.push_back({view, inbox.from, inbox.group, inbox.asked});
    }
  }
  for (const Kept& one : kept) (void)send_(one.from, one.group, cluster::ViewMore{one.view, one.asked});
}

bool ViewDesk::stopped() {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void ViewDesk::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace coffer::actors
