#pragma once
// HTTP/1.1 request parsing (RFC 9112) by Boost.Beast's incremental parser, kept behind this header so that only one file
// pays for it. One parser reads one request; its session's io thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "net/http/incoming.hpp"

namespace coffer::net::http {

/// What is wrong with a request that cannot be parsed; an answer's status.
enum class Malformed : int {
  none = 0,
  bad_request = 400,
  body_too_large = 413,
  header_too_large = 431,
  bad_coding = 501
};

class Parser {
 public:
  /// Parses into `request`, which must outlive the parser and be clear.
  Parser(std::size_t header_limit, std::uint64_t body_limit, Incoming& request);
  ~Parser();

  /// Takes what it can off the front of `bytes` and returns how much that was. What it leaves is presented again with
  /// more behind it, the header as a whole. Stops behind the header, so that a session can look at it first.
  std::size_t feed(std::string_view bytes);
  bool has_header() const;
  bool is_done() const;
  Malformed malformed() const;
  /// Bytes of the body as the header declared them; 0 when it did not.
  std::uint64_t declared_length() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coffer::net::http
