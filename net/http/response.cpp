// Answers into bytes; see response.hpp.

#include "net/http/response.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace coffer::net::http {
namespace {

constexpr std::size_t kLarge = 16 << 10;  // below, one write of a copy is cheaper than two writes

void append_number(std::size_t number, std::string* out) {
  char text[24];
  out->append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

/// IMF-fixdate, made once a second.
std::string_view date() {
  thread_local std::time_t made_at = 0;
  thread_local char text[32];
  thread_local std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    made_at = now;
  }
  return {text, size};
}

void append_field(std::string_view name, std::string_view value, std::string* out) {
  out->append(name).append(": ");
  // A line break in a value would let it write headers of its own.
  const auto size = out->size();
  out->append(value);
  std::replace_if(
      out->begin() + static_cast<std::ptrdiff_t>(size), out->end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  out->append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
  }
}

namespace {

void append_status_line(int status, std::string* out) {
  out->append("HTTP/1.1 ");
  append_number(static_cast<std::size_t>(status), out);
  out->append(" ").append(reason_phrase(status)).append("\r\n");
  append_field("date", date(), out);
}

/// The answer's own fields, and the end of the header.
void append_rest_of_header(const Answer& answer, const Framing& framing, std::string* out) {
  bool has_cache_rule = false;
  for (const auto& [name, value] : answer.headers) {
    append_field(name, value, out);
    has_cache_rule |= name == "cache-control";
  }
  // What is answered here is a secret more often than not.
  if (!has_cache_rule) out->append("cache-control: no-store\r\n");
  append_field("x-request-id", framing.call_id, out);
  if (!framing.keep_alive) out->append("connection: close\r\n");
  if (framing.keep_alive && framing.http_10) out->append("connection: keep-alive\r\n");
  out->append("\r\n");
}

}  // namespace

void append_response(const Answer& answer, const Framing& framing, std::string* out, bool* large_body) {
  const bool has_body = answer.status != 204 && answer.status != 304;
  *large_body = has_body && !framing.head_only && answer.body.size() > kLarge;
  out->reserve(out->size() + 320 + (*large_body ? 0 : answer.body.size()));
  append_status_line(answer.status, out);
  if (has_body) {
    if (!answer.content_type.empty()) append_field("content-type", answer.content_type, out);
    out->append("content-length: ");
    append_number(answer.body.size(), out);
    out->append("\r\n");
  }
  append_rest_of_header(answer, framing, out);
  if (has_body && !framing.head_only && !*large_body) out->append(answer.body);
}

void append_stream_header(const Answer& answer, const Framing& framing, std::string* out) {
  append_status_line(answer.status, out);
  append_field("content-type", answer.content_type, out);
  if (!framing.http_10) out->append("transfer-encoding: chunked\r\n");
  append_rest_of_header(answer, framing, out);
}

void append_piece(std::string_view piece, bool http_10, std::string* out) {
  if (http_10) {
    out->append(piece);
    return;
  }
  char size[20];
  out->append(size, std::to_chars(size, size + sizeof size, piece.size(), 16).ptr).append("\r\n");
  out->append(piece).append("\r\n");
}

}  // namespace coffer::net::http
