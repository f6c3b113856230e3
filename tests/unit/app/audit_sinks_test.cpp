// Audit sinks: what a record looks like as a syslog message, where it goes, and that a hanging one can be cancelled.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "app/audit_sinks.hpp"

namespace coffer::app {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kRecord = R"({"seq":1,"time":"2026-11-20T16:00:00.123Z","kind":"request"})";

TEST(SyslogTarget, IsReadOrRefused) {
  EXPECT_EQ(parse_syslog("unix:/dev/log")->host, "/dev/log");
  const auto udp = parse_syslog("udp:logs.example:514");
  EXPECT_EQ(udp->host, "logs.example");
  EXPECT_EQ(udp->port, "514");
  EXPECT_EQ(parse_syslog("tcp:[::1]:601")->host, "::1");
  for (const char* bad : {"", "/dev/log", "unix:", "unix:log", "udp:host", "udp::514", "udp:host:", "udp:host:x",
                          "file:/etc/passwd", "tcp:host:6010000"}) {
    EXPECT_FALSE(parse_syslog(bad).ok()) << bad;
  }
}

TEST(SyslogMessage, IsRfc5424) {
  const auto message = syslog_message(13, "2026-11-20T16:00:00.123Z", "host", kRecord);
  EXPECT_EQ(message, "<109>1 2026-11-20T16:00:00.123Z host coffer " + std::to_string(::getpid()) + " audit - " +
                         std::string(kRecord));
}

TEST(SyslogSink, SendsADatagramToAUnixSocketAndComesBackWhenTheServerDoes) {
  std::string folder = (std::filesystem::temp_directory_path() / "coffer-syslog-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/log";
  const auto listen = [&] {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  };
  const auto sink = make_syslog_sink(*parse_syslog("unix:" + path), 13);
  for (int life = 0; life < 2; ++life) {
    const int server = listen();
    EXPECT_TRUE(sink->write(kRecord));
    char buffer[4096];
    const ssize_t n = ::recv(server, buffer, sizeof buffer, 0);
    EXPECT_THAT(std::string(buffer, n > 0 ? static_cast<std::size_t>(n) : 0),
                StartsWith("<109>1 2026-11-20T16:00:00.123Z "));
    ::close(server);
    ::unlink(path.c_str());
  }
  std::filesystem::remove_all(folder);
}

TEST(DescriptorSink, WritesLinesAndAHangingOneIsCancelled) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto sink = make_descriptor_sink(ends[1]);
  EXPECT_TRUE(sink->write("one"));
  char buffer[16] = {};
  EXPECT_EQ(::read(ends[0], buffer, sizeof buffer), 4);
  EXPECT_STREQ(buffer, "one\n");
  std::thread writer([&] {
    while (sink->write(std::string(10'000, 'x'))) continue;  // until the pipe is full and nobody reads
  });
  sink->cancel();
  writer.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace coffer::app
