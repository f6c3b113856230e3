#pragma once
// An answer as bytes on the wire (RFC 9112). Used by sessions on their io threads.

#include <string>
#include <string_view>

#include "net/http/incoming.hpp"

namespace coffer::net::http {

struct Framing {
  bool head_only = false;  // HEAD: the length of the body, without it
  bool keep_alive = true;
  bool http_10 = false;      // its clients close unless they are told
  std::string_view call_id;  // answered as x-request-id
};

/// Appends status line and header, and the body unless it is large; then `large_body` is true and the caller sends
/// answer.body behind it.
void append_response(const Answer& answer, const Framing& framing, std::string* out, bool* large_body);

/// Appends status line and header of an answer whose body comes in pieces of unknown number; then HTTP/1.1 is chunked
/// (RFC 9112 7.1), and 1.0 ends with the connection.
void append_stream_header(const Answer& answer, const Framing& framing, std::string* out);
/// Appends one piece; an empty one ends a chunked body.
void append_piece(std::string_view piece, bool http_10, std::string* out);

std::string_view reason_phrase(int status);

}  // namespace coffer::net::http
