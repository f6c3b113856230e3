// See errors.hpp.

#include "net/direktiv/errors.hpp"

#include "model/entry.hpp"

namespace coffer::net::direktiv {

using model::Category;
using model::Code;

bool is_missing(const model::Error& error) {
  switch (error.code) {
    case Code::entry_not_found:
    case Code::version_not_found:
    case Code::tenant_not_found:
    case Code::not_active: return true;
    default: return false;
  }
}

bool is_missing(const model::Error& error, const std::string& name) {
  if (is_missing(error)) return true;
  const model::Status rule = model::check_name(name, {});
  return !rule && error.code == rule.error().code && error.message() == rule.error().message();
}

std::string shown(std::string_view name) {
  constexpr std::size_t kMost = 2048;  // each byte may take three on the wire, and clients read 8 KiB of headers
  if (name.size() <= kMost) return std::string(name);
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return std::string(name.substr(0, end)) + "...";
}

WireStatus make_status(Category code, std::string text) {
  WireStatus status;
  status.grpc_code = code;
  status.grpc_message = std::move(text);
  status.http_status = model::http_status(code);
  return status;
}

WireStatus to_status(const model::Error& error) {
  if (error.code == Code::entry_exists) return make_status(Category::unknown, "secret already exists");
  switch (error.category()) {
    case Category::unauthenticated:
    case Category::permission_denied:
    case Category::deadline_exceeded:
    case Category::unavailable:
    case Category::aborted:
    case Category::unimplemented:
    case Category::internal:
    case Category::data_loss:
    case Category::resource_exhausted: return make_status(error.category(), std::string(error.message()));
    default: return make_status(Category::unknown, std::string(error.message()));
  }
}

}  // namespace coffer::net::direktiv
