// The log never holds up who logs: what its reader does not take is held within a bound, then lost, and that is said.

#include "app/log_sink.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>

namespace coffer::app {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LogSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::pipe2(pipe_, O_CLOEXEC), 0);
    logger_ = std::make_unique<spdlog::logger>("test", make_log_sink(pipe_[1], kHeld));
    logger_->set_pattern("%l %v");
  }
  void TearDown() override {
    for (const int end : pipe_) ::close(end);
  }
  /// Everything that is in the pipe now.
  std::string read_all() {
    ::fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
    std::string all(1 << 20, '\0');
    std::size_t size = 0;
    for (ssize_t some = 0; (some = ::read(pipe_[0], all.data() + size, all.size() - size)) > 0;) {
      size += static_cast<std::size_t>(some);
    }
    all.resize(size);
    return all;
  }

  static constexpr std::size_t kHeld = 20'000;
  int pipe_[2] = {-1, -1};
  std::unique_ptr<spdlog::logger> logger_;
};

TEST_F(LogSinkTest, ALineIsThereWhenTheCallReturns) {
  logger_->info("one");
  EXPECT_EQ(read_all(), "info one\n");
}

TEST_F(LogSinkTest, AReaderThatHasStoppedHoldsUpNobodyAndHearsHowManyLinesItMissed) {
  const std::string filler(100, 'x');
  int lines = 0;
  for (; lines < 5000; ++lines) logger_->info("line {} {}", lines, filler);  // far more than the pipe and the bound
  std::string got = read_all();
  EXPECT_THAT(got, StartsWith("info line 0 "));
  logger_->info("after");
  got += read_all();
  EXPECT_THAT(got, HasSubstr("lines of this log were lost"));
  EXPECT_THAT(got, HasSubstr("\ninfo after\n"));
  const auto missed = static_cast<std::size_t>(std::stoi(got.substr(got.find("warning ") + 8)));
  const auto whole = static_cast<std::size_t>(std::count(got.begin(), got.end(), '\n')) - 2;
  EXPECT_EQ(whole + missed, static_cast<std::size_t>(lines)) << "each line came whole, or is counted";
  EXPECT_GT(whole * 110, kHeld + 40'000) << "what the pipe takes, and what is held";
}

TEST_F(LogSinkTest, ALineThatIsLongerThanAPipeTakesAtOnceComesWhole) {
  const std::string text(10'000, 'y');
  logger_->info(text);
  EXPECT_EQ(read_all(), "info " + text + "\n");
}

}  // namespace
}  // namespace coffer::app
