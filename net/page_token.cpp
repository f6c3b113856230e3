// See page_token.hpp.

#include "net/page_token.hpp"

#include <cstdint>

#include "model/payload.hpp"

namespace coffer::net {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kHead = 9;
constexpr std::uint32_t kDefaultPage = 100, kLargestPage = 1000;

/// FNV-1a, 64 bits, with each part's length before it. It tells one's own queries apart, no more: a token holds
/// nothing that its owner may not see, so it needs no key.
std::string query_hash(std::initializer_list<std::string_view> query) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (std::string_view part : query) {
    for (std::uint64_t size = part.size(), i = 0; i < 8; ++i) add(static_cast<unsigned char>(size >> (8 * i)));
    for (unsigned char byte : part) add(byte);
  }
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(hash >> shift));
  return bytes;
}

}  // namespace

std::string make_page_token(std::initializer_list<std::string_view> query, std::string_view last) {
  std::string raw(1, kFormat);
  raw.append(query_hash(query)).append(last);
  const model::Secret encoded = model::base64_encode(raw);
  std::string token(encoded.expose());
  while (!token.empty() && token.back() == '=') token.pop_back();
  for (char& c : token) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return token;
}

model::Result<std::string> read_page_token(std::initializer_list<std::string_view> query, std::string_view token) {
  if (token.empty()) return std::string();
  const auto raw = model::base64_decode(token);
  if (!raw || raw->size() <= kHead || raw->expose().front() != kFormat) {
    return model::Error(model::Code::invalid_argument, "page_token is not one that this server made");
  }
  const std::string_view bytes = raw->expose();
  if (bytes.substr(1, kHead - 1) != query_hash(query)) {
    return model::Error(model::Code::invalid_argument,
                        "page_token belongs to another query: send the same one for every page");
  }
  return std::string(bytes.substr(kHead));
}

model::Result<std::uint32_t> read_page_size(std::uint32_t page_size) {
  if (page_size > kLargestPage) {
    return model::Error(model::Code::invalid_argument,
                        "page_size is " + std::to_string(page_size) + ": at most " + std::to_string(kLargestPage));
  }
  return page_size == 0 ? kDefaultPage : page_size;
}

}  // namespace coffer::net
