// See log_sink.hpp.

#include "app/log_sink.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <mutex>
#include <string>

#include <spdlog/sinks/base_sink.h>

namespace coffer::app {
namespace {

constexpr int kLastMs = 500;  // of a program that ends, for what it still holds

class LogSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LogSink(int descriptor, std::size_t most_held) : descriptor_(descriptor), most_held_(most_held) {}
  ~LogSink() override { write_held(kLastMs); }
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    write_held(0);
    spdlog::memory_buf_t line;
    if (lost_ != 0 && held_.empty()) {
      const std::string text = std::to_string(lost_) + " lines of this log were lost: nobody took them";
      formatter_->format({message.logger_name, spdlog::level::warn, text}, line);
      lost_ = 0;
    }
    formatter_->format(message, line);
    if (held_.size() + line.size() > most_held_) {
      ++lost_;
      return;
    }
    held_.append(line.data(), line.size());
    write_held(0);
  }
  void flush_() override { write_held(0); }

 private:
  /// A pipe that is ready takes PIPE_BUF bytes without waiting (POSIX, write).
  void write_held(int wait_ms) {
    std::size_t at = 0;
    while (at < held_.size()) {
      pollfd ready{descriptor_, POLLOUT, 0};
      if (::poll(&ready, 1, wait_ms) != 1) break;
      const ssize_t done = ::write(descriptor_, held_.data() + at, std::min<std::size_t>(held_.size() - at, PIPE_BUF));
      if (done < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (done <= 0) at = held_.size();  // nobody will read it
      if (done > 0) at += static_cast<std::size_t>(done);
    }
    held_.erase(0, at);
  }

  const int descriptor_;
  const std::size_t most_held_;
  std::string held_;
  std::uint64_t lost_ = 0;
};

}  // namespace

std::shared_ptr<spdlog::sinks::sink> make_log_sink(int descriptor, std::size_t most_held) {
  return std::make_shared<LogSink>(descriptor, most_held);
}

}  // namespace coffer::app
