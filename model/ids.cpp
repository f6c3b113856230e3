// The one text form of a tenant id; any thread.

#include "model/ids.hpp"

namespace coffer::model {

namespace {
constexpr char kDigits[] = "0123456789abcdef";

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}
}  // namespace

std::string to_string(const TenantId& id) {
  std::string text;
  text.reserve(2 * id.bytes.size());
  for (const std::uint8_t byte : id.bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool parse_tenant_id(std::string_view text, TenantId* out) {
  TenantId id;
  if (text.size() != 2 * id.bytes.size()) return false;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = digit_value(text[2 * i]);
    const int low = digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    id.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  *out = id;
  return true;
}

}  // namespace coffer::model
