// See large_replies.hpp.

#include "net/large_replies.hpp"

#include <system_error>
#include <utility>
#include <variant>

namespace coffer::net {
namespace {

// What a page of any door has at most is encoded at once: about two milliseconds.
constexpr std::size_t kMostEntries = 1000;
constexpr std::size_t kMostRowBytes = 256 << 10;
constexpr std::size_t kMostWaiting = 64;

}  // namespace

bool is_large(const model::Reply& reply) {
  if (const auto* list = std::get_if<model::ListReply>(&reply.body)) return list->entries.size() > kMostEntries;
  if (const auto* piece = std::get_if<model::StreamReply>(&reply.body)) return piece->data.size() > kMostRowBytes;
  const auto* found = std::get_if<model::QueryReply>(&reply.body);
  return found != nullptr && (found->entries.size() > kMostEntries || found->rows.size() > kMostRowBytes);
}

LargeReplies::~LargeReplies() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool LargeReplies::take(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_ || waiting_.size() >= kMostWaiting) return false;
    if (!thread_.joinable()) {
      try {
        thread_ = std::thread([this] { run(); });
      } catch (const std::system_error&) {
        return false;
      }
    }
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

void LargeReplies::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace coffer::net
