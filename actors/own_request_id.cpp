// See own_request_id.hpp.

#include "actors/own_request_id.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "crypto/hash.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

namespace {

constexpr char kOrdered = ':', kUnordered = '-';
constexpr std::size_t kStartDigits = 16, kOrderDigits = 8, kOrderBytes = 8;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

/// Half of it is of the start, so that nodes do not write between each other's rows; half counts.
std::optional<std::uint64_t> order_of(std::string_view id) {
  if (!id.starts_with('n')) return std::nullopt;
  const std::size_t dash = id.find('-');
  if (dash == std::string_view::npos || dash == 1) return std::nullopt;
  if (!std::all_of(id.begin() + 1, id.begin() + static_cast<std::ptrdiff_t>(dash), is_digit)) return std::nullopt;
  id.remove_prefix(dash + 1);
  if (id.size() <= kStartDigits + 1 || id[kStartDigits] != kOrdered) return std::nullopt;
  if (!std::all_of(id.begin(), id.begin() + kStartDigits, is_hex_digit)) return std::nullopt;
  std::uint64_t start = 0, number = 0;
  std::from_chars(id.data(), id.data() + kOrderDigits, start, 16);
  const char* const end = id.data() + id.size();
  const auto [rest, error] = std::from_chars(id.data() + kStartDigits + 1, end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  return (start << 32) | (number & UINT32_MAX);
}

}  // namespace

std::string start_of_request_ids(std::uint64_t node, std::string_view random) {
  return "n" + std::to_string(node) + "-" + crypto::hex(random);
}

std::string own_request_id(std::string_view start, std::uint64_t number, bool ordered) {
  return std::string(start) + (ordered ? kOrdered : kUnordered) + std::to_string(number);
}

std::string request_row_hash(std::string_view id, std::string hash) {
  const auto order = order_of(id);
  if (!order) return hash;
  std::string ordered;
  ordered.reserve(hash.size());
  storage::append_be64(ordered, *order);
  return ordered.append(hash, 0, hash.size() - kOrderBytes);
}

}  // namespace coffer::actors
