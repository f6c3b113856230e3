// spdlog's set-up; see log.hpp.

#include "app/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <memory>

#include <google/protobuf/stubs/logging.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include "app/log_sink.hpp"
#include "app/text.hpp"

namespace coffer::app {
namespace {

/// A message that begins with this is members of a JSON object already.
constexpr char kMembers = '\x01';

/// The message as members of a JSON object.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    const bool is_members = payload.starts_with(kMembers);
    const auto text = is_members ? std::string(payload.substr(1)) : "\"message\":" + json_quote(payload);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

/// The message without control characters, so that one event stays one line.
class PlainMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const auto text = printable({message.payload.data(), message.payload.size()});
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PlainMessage>(); }
};

std::unique_ptr<spdlog::formatter> make_formatter(LogFormat format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == LogFormat::json) {
    formatter->add_flag<JsonMessage>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%*})");
  } else {
    formatter->add_flag<PlainMessage>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %*");
  }
  return formatter;
}

}  // namespace

const std::vector<std::string>& log_levels() {
  static const std::vector<std::string> levels = {"trace", "debug", "info", "warn", "error", "off"};
  return levels;
}

model::Status set_log_level(const std::string& level) {
  const auto& levels = log_levels();
  if (std::find(levels.begin(), levels.end(), level) == levels.end()) {
    return model::Error(model::Code::invalid_argument, "'" + level + "' is no log level");
  }
  spdlog::default_logger()->set_level(spdlog::level::from_str(level));
  return {};
}

void log_call(LogFormat format, const net::CallLine& line) {
  const std::string ms = std::to_string(line.seconds * 1000).substr(0, 8);
  const std::string_view trace = line.trace.empty() ? line.trace : net::trace_id(line.trace);
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value, bool quoted) {
    if (value.empty()) return;
    if (format == LogFormat::json) {
      text.append(",\"").append(name).append("\":");
      text += quoted ? json_quote(value) : std::string(value);
    } else {
      text.append(" ").append(name).append("=").append(value);
    }
  };
  text = format == LogFormat::json ? std::string(1, kMembers) + "\"message\":\"request\"" : "request";
  add("door", line.door, true);
  add("method", line.method, true);
  add("status", line.status, true);
  add("ms", ms, false);
  add("address", line.address, true);
  add("request_id", line.request_id, true);
  add("trace_id", trace, true);
  spdlog::info("{}", text);
}

model::Status set_up_log(const LogSettings& settings) {
  const auto& levels = log_levels();
  if (std::find(levels.begin(), levels.end(), settings.level) == levels.end()) {
    return model::Error(model::Code::invalid_argument, "'" + settings.level + "' is no log level");
  }
  auto logger = std::make_shared<spdlog::logger>("coffer", make_log_sink(STDERR_FILENO));
  logger->set_formatter(make_formatter(settings.format));
  logger->set_level(spdlog::level::from_str(settings.level));
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
  // protobuf would write a line for each text of a request that is not UTF-8, which any stranger can send.
  google::protobuf::SetLogHandler(nullptr);
  return {};
}

}  // namespace coffer::app
