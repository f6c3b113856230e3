// See call_notes.hpp.

#include "net/call_notes.hpp"

#include <algorithm>
#include <array>

#include "model/audit.hpp"
#include "model/operators.hpp"

namespace coffer::net {
namespace {

model::Door door_named(std::string_view name) {
  using model::Door;
  constexpr std::array kAll{Door::direktiv, Door::dapr, Door::cloudforet, Door::tapis, Door::admin};
  for (const Door door : kAll) {
    if (to_string(door) == name) return door;
  }
  return Door::native;
}

bool is_known(const model::Credential& credential) {
  using model::CredentialKind;
  return credential.kind != CredentialKind::none && credential.kind != CredentialKind::presented;
}

std::string principal_of(const model::Credential& credential) {
  switch (credential.kind) {
    case model::CredentialKind::operator_:
    case model::CredentialKind::dev_root: return model::operator_principal(credential);
    case model::CredentialKind::open_door: return "door:" + std::string(to_string(credential.door));
    case model::CredentialKind::token: return "token";  // its id is a hash that only crypto shows
    default: return credential.principal;
  }
}

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

bool is_valid_traceparent(std::string_view text) {
  constexpr std::size_t kSize = 55;  // 00-<32>-<16>-<2>
  if (text.size() < kSize || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16);
  if (!is_lower_hex(version) || !is_lower_hex(trace) || !is_lower_hex(parent) || !is_lower_hex(text.substr(53, 2))) {
    return false;
  }
  if (version == "ff" || (version == "00" ? text.size() != kSize : text.size() > kSize && text[kSize] != '-')) {
    return false;
  }
  const auto is_zero = [](std::string_view digits) { return digits.find_first_not_of('0') == std::string_view::npos; };
  return text.size() <= 128 && !is_zero(trace) && !is_zero(parent);
}

void note_unsubmitted(const actors::Gateway& gateway, const actors::Call& call, const Caller& caller,
                      std::string_view door, std::string_view method, model::Code code) noexcept {
  if (call.audit.port != nullptr || call.audit.elsewhere) return;
  model::AuditPort* const port = gateway.audit();
  if (port == nullptr) return;
  try {
    const model::Credential& credential = call.request.credential;
    const bool known = is_known(credential);
    if (!known && code == model::Code::ok) return;  // what needs no credential: a document, a probe
    const std::string principal = known ? principal_of(credential) : std::string();
    const std::string_view trace = caller.header("traceparent");
    model::AuditEvent event;
    event.door = door_named(door);
    event.principal = principal;
    event.action = method;
    event.code = code;
    event.address = caller.address();
    if (!known) return port->refused(event);
    const std::string_view id = caller.header("x-request-id");
    event.request_id = id.size() <= 128 ? id : std::string_view();
    if (is_valid_traceparent(trace)) event.trace = trace;
    port->record(event);
  } catch (const std::bad_alloc&) {
    // The answer goes out; the record is lost with everything else that needs memory now.
  }
}

}  // namespace coffer::net
