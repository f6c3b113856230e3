// What the HTTP parser does with pieces of a message, however they arrive.

#include <gtest/gtest.h>

#include "net/http/parser.hpp"

namespace coffer::net::http {
namespace {

constexpr std::string_view kHeader = "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";

/// Feeds the message as a session does: what was not used stays in front of what comes next.
bool arrives_in_pieces_of(std::size_t size, std::string_view message, Incoming* request) {
  Parser parser(16 << 10, 1 << 20, *request);
  std::string waiting;
  for (std::size_t at = 0; at < message.size() && !parser.is_done(); at += size) {
    waiting += message.substr(at, size);
    // A header and a body are taken one after the other, and each as often as something is used.
    for (std::size_t used = 1; used != 0 && !waiting.empty() && !parser.is_done();) {
      used = parser.feed(waiting);
      waiting.erase(0, used);
      EXPECT_EQ(parser.malformed(), Malformed::none);
    }
  }
  return parser.is_done();
}

TEST(HttpParser, TakesAChunkedBodyInPiecesOfAnySize) {
  const std::string message = std::string(kHeader) + "3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t size = 1; size <= message.size(); ++size) {
    Incoming request;
    ASSERT_TRUE(arrives_in_pieces_of(size, message, &request)) << size;
    EXPECT_EQ(request.body, "abc");
  }
}

// Beast 1.81 aborts the process here (basic_parser.ipp: n >= 5), which any stranger could make it do.
TEST(HttpParser, WaitsForTheRestOfALastChunkThatComesInTwoPieces) {
  Incoming request;
  Parser parser(16 << 10, 1 << 20, request);
  ASSERT_EQ(parser.feed(kHeader), kHeader.size());
  EXPECT_EQ(parser.feed("0\r\n"), 0U);
  EXPECT_EQ(parser.feed("0\r\n\r"), 0U);
  EXPECT_FALSE(parser.is_done());
  parser.feed("0\r\n\r\n");
  EXPECT_TRUE(parser.is_done());
  EXPECT_EQ(parser.malformed(), Malformed::none);
}

}  // namespace
}  // namespace coffer::net::http
