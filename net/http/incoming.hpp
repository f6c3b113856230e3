#pragma once
// A request as the parser found it, and an answer as the session sends it; plain values between the session, which owns
// the socket, and the jobs, which know doors. A request is reused for the next one of its connection.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/secret.hpp"
#include "net/certificate.hpp"

namespace coffer::net::http {

struct Incoming {
  struct Field {
    std::uint32_t name = 0, name_size = 0, value = 0, value_size = 0;  // positions in `text`
  };

  std::string method, target;  // the target as it came
  std::string text;            // lower-case names and values, one after the other
  std::vector<Field> fields;
  std::string body;
  bool keep_alive = true;
  bool http_10 = false;
  bool expects_continue = false;

  /// First value, by lower-case name; empty when absent.
  std::string_view header(std::string_view name) const {
    for (const Field& f : fields) {
      if (f.name_size == name.size() && std::string_view(text).substr(f.name, f.name_size) == name) {
        return std::string_view(text).substr(f.value, f.value_size);
      }
    }
    return {};
  }
  std::size_t count(std::string_view name) const {
    std::size_t n = 0;
    for (const Field& f : fields) n += std::string_view(text).substr(f.name, f.name_size) == name;
    return n;
  }

  /// Forgets the request; its body may have been a secret. Keeps small buffers for the next one.
  void clear() {
    model::wipe(body.data(), body.size());
    if (body.capacity() > kKept) body = std::string();
    body.clear();
    method.clear();
    target.clear();
    text.clear();
    fields.clear();
    keep_alive = true;
    http_10 = false;
    expects_continue = false;
  }

 private:
  static constexpr std::size_t kKept = 16 << 10;
};

struct Answer {
  int status = 200;
  std::string content_type;  // empty: none
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool unauthenticated = false;  // says that the credential does not hold, or that one is needed
};

/// Who is at the other end of a connection; made once for each.
struct Peer {
  std::string address;            // "127.0.0.1:40812"
  ClientCertificate certificate;  // see Caller::client_certificate
  bool loopback = false;
  bool tls = false;
};

}  // namespace coffer::net::http
