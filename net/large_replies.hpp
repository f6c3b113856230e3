#pragma once
// Replies whose encoding takes many milliseconds (a list of a hundred thousand secrets) are encoded on a thread of their
// own: on the thread that completed the call, or on the one that reads the connection, everybody else's calls would wait
// for it. Each listener has one; its thread starts with the first such reply.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "model/requests.hpp"

namespace coffer::net {

/// Would encoding it keep others waiting?
bool is_large(const model::Reply& reply);

class LargeReplies {
 public:
  LargeReplies() = default;
  /// Does what waits yet.
  ~LargeReplies();
  LargeReplies(const LargeReplies&) = delete;
  LargeReplies& operator=(const LargeReplies&) = delete;

  /// Any thread. Runs `work`, which may not throw, on the thread behind what waits there. False: too much waits, or there
  /// is no thread to be had; the caller does it himself.
  bool take(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace coffer::net
