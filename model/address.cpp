// Reads addresses and ranges; see address.hpp. Strict: no octal, no short forms of IPv4, no blanks.

#include "model/address.hpp"

#include <algorithm>
#include <string>

#include "model/text.hpp"

namespace coffer::model {
namespace {

constexpr std::size_t kMappedBytes = 12;  // ::ffff:0:0/96 stands before an IPv4 address

/// Digits of one number up to `most`, without a leading zero; takes them off the text.
std::optional<unsigned> take_number(std::string_view& text, unsigned most) {
  unsigned value = 0;
  std::size_t n = 0;
  while (n < text.size() && text[n] >= '0' && text[n] <= '9' && n < 4) {
    value = value * 10 + static_cast<unsigned>(text[n++] - '0');
  }
  if (n == 0 || value > most || (n > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(n);
  return value;
}

bool parse_ipv4(std::string_view text, std::uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
    const auto number = take_number(text, 255);
    if (!number) return false;
    out[i] = static_cast<std::uint8_t>(*number);
  }
  return text.empty();
}

std::optional<unsigned> hex_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower >= '0' && lower <= '9') {
      value = value * 16 + static_cast<unsigned>(lower - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + static_cast<unsigned>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

/// Groups separated by ':'; the last one of an address may be an IPv4 address. Appends their bytes.
bool parse_groups(std::string_view text, bool is_end, std::string* bytes) {
  while (!text.empty()) {
    const auto colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (group.find('.') != std::string_view::npos) {
      std::uint8_t four[4];
      if (!is_end || colon != std::string_view::npos || !parse_ipv4(group, four)) return false;
      bytes->append(reinterpret_cast<const char*>(four), sizeof four);
      return true;
    }
    const auto value = hex_group(group);
    if (!value) return false;
    bytes->push_back(static_cast<char>(*value >> 8));
    bytes->push_back(static_cast<char>(*value & 0xff));
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;
  }
  return true;
}

std::optional<IpAddress> parse_ipv6(std::string_view text) {
  std::string head, tail;
  const auto gap = text.find("::");
  if (!parse_groups(text.substr(0, gap), gap == std::string_view::npos, &head)) return std::nullopt;
  if (gap != std::string_view::npos && !parse_groups(text.substr(gap + 2), true, &tail)) return std::nullopt;
  const std::size_t given = head.size() + tail.size();
  IpAddress address{};
  if (gap == std::string_view::npos ? given != address.size() : given + 2 > address.size()) return std::nullopt;
  std::copy(head.begin(), head.end(), address.begin());
  std::copy(tail.begin(), tail.end(), address.end() - static_cast<std::ptrdiff_t>(tail.size()));
  return address;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_ipv6(text);
  IpAddress address{};
  address[10] = address[11] = 0xff;
  if (!parse_ipv4(text, address.data() + kMappedBytes)) return std::nullopt;
  return address;
}

IpAddress masked(IpAddress address, unsigned bits) {
  for (unsigned i = 0; i < address.size(); ++i) {
    const unsigned kept = bits > 8 * i ? std::min(bits - 8 * i, 8u) : 0;
    address[i] = static_cast<std::uint8_t>(address[i] & (0xff00u >> kept));
  }
  return address;
}

}  // namespace

bool AddressRange::contains(const IpAddress& address) const { return masked(address, bits) == first; }

Result<AddressRange> parse_address_range(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    return Error(Code::invalid_argument, in_quotes(text) + " " + why);
  };
  const auto slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = parse_ip(host);
  if (!address) return refuse("is no address range; write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32");
  AddressRange range{*address, 128};
  if (slash != std::string_view::npos) {
    const bool is_v4 = host.find(':') == std::string_view::npos;
    std::string_view rest = text.substr(slash + 1);
    const auto bits = take_number(rest, is_v4 ? 32 : 128);
    if (!bits || !rest.empty()) {
      return refuse(is_v4 ? "needs a prefix of 0 to 32 bits" : "needs a prefix of 0 to 128 bits");
    }
    range.bits = is_v4 ? 8 * static_cast<unsigned>(kMappedBytes) + *bits : *bits;
  }
  if (masked(range.first, range.bits) != range.first) {
    return refuse("has bits behind its prefix; write the range's first address, or one address without a prefix");
  }
  return range;
}

std::optional<IpAddress> parse_peer(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(1, end - 1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    text = text.substr(0, colon);
  }
  if (const auto zone = text.find('%'); zone != std::string_view::npos) text = text.substr(0, zone);
  return parse_ip(text);
}

}  // namespace coffer::model
