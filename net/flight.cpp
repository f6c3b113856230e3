// Rules of a call's way; see flight.hpp.

#include "net/flight.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "net/call_notes.hpp"

namespace coffer::net {

std::chrono::milliseconds time_allowed(std::chrono::milliseconds by_client, const Limits& limits) {
  if (by_client == std::chrono::milliseconds::max()) by_client = limits.default_deadline;
  return std::clamp(by_client, std::chrono::milliseconds(0), limits.max_deadline);
}

model::TimeMs wall_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

bool is_valid_call_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string make_call_id() {
  thread_local std::mt19937_64 random{(std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id(16, '0');
  auto bits = random();
  for (char& c : id) {
    c = kDigits[bits & 15];
    bits >>= 4;
  }
  return id;
}

void complete_info(model::CallInfo& info, std::string_view client_id, std::string_view address, std::string_view trace,
                   model::TimeMs deadline) {
  if (info.deadline == 0 || info.deadline > deadline) info.deadline = deadline;
  if (info.request_id.empty()) info.request_id = client_id;
  if (info.address.empty()) info.address = address;
  if (!trace.empty() && is_valid_traceparent(trace)) info.trace = trace;
}

bool may_change_something(const model::Request& request) {
  if (const auto* tenant = std::get_if<model::TenantOperation>(&request.operation)) {
    return !(std::holds_alternative<model::Get>(*tenant) || std::holds_alternative<model::History>(*tenant) ||
             std::holds_alternative<model::List>(*tenant) || std::holds_alternative<model::BatchGet>(*tenant) ||
             std::holds_alternative<model::ListTokens>(*tenant));
  }
  if (const auto* keeper = std::get_if<model::KeeperOperation>(&request.operation)) {
    return !(std::holds_alternative<model::GetSeals>(*keeper) || std::holds_alternative<model::GetKeys>(*keeper) ||
             std::holds_alternative<model::ReadBackup>(*keeper));
  }
  const auto& directory = std::get<model::DirectoryOperation>(request.operation);
  return !(std::holds_alternative<model::GetTenant>(directory) ||
           std::holds_alternative<model::ListTenants>(directory) ||
           std::holds_alternative<model::ListOperators>(directory));
}

model::Error overdue(bool may_have_changed) {
  if (!may_have_changed) return {model::Code::deadline_exceeded, "the deadline passed without an answer"};
  return {
      model::Code::outcome_unknown,
      "the deadline passed without an answer; the request may have been applied: retry it with the same request id"};
}

model::Error cut_off(bool may_have_changed) {
  if (!may_have_changed) return {model::Code::unavailable, "the server is stopping"};
  return {model::Code::outcome_unknown,
          "the server is stopping; the request may have been applied: retry it with the same request id"};
}

}  // namespace coffer::net
