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

std::string_view reason_phrase(int status);

}  // namespace coffer::net::http
