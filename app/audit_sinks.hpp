#pragma once
// The places that audit records go to besides the file: stdout, and a syslog server (RFC 5424) over a unix or UDP socket
// or TCP (framed by octet counting, RFC 6587 section 3.4.1). Set by the node's configuration only: whoever could choose
// them by an API could write where the server may. Each is driven by one thread of actors/audit_sinks, which write()
// may hold up; cancel() comes from another one.

#include <memory>
#include <string>

#include "model/audit.hpp"
#include "model/result.hpp"

namespace coffer::app {

struct SyslogTarget {
  enum class Kind : std::uint8_t { unix_socket, udp, tcp };
  Kind kind = Kind::unix_socket;
  std::string host;  // or the socket's path
  std::string port;
};
/// Reads "unix:/dev/log", "udp:logs.example:514", "tcp:[::1]:601". Errors: invalid_argument.
model::Result<SyslogTarget> parse_syslog(std::string_view text);

std::unique_ptr<model::AuditSink> make_stdout_sink();
/// For tests: any descriptor, which stays the caller's.
std::unique_ptr<model::AuditSink> make_descriptor_sink(int fd);
/// `facility`: 0 to 23 (RFC 5424 table 1); 13 is "log audit".
std::unique_ptr<model::AuditSink> make_syslog_sink(SyslogTarget target, unsigned facility);

/// A record as a syslog message.
std::string syslog_message(unsigned facility, std::string_view time, std::string_view host, std::string_view record);

}  // namespace coffer::app
