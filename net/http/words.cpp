// Request targets; see words.hpp.

#include "net/http/words.hpp"

namespace coffer::net::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Target split_target(std::string_view target) {
  if (!target.starts_with('/')) {
    const auto scheme = target.find("://");
    if (scheme == std::string_view::npos) return {};
    const auto path = target.find_first_of("/?", scheme + 3);
    if (path == std::string_view::npos) return {"/", {}};
    target.remove_prefix(path);
    if (target.front() == '?') return {"/", target.substr(1)};
  }
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> words;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto word = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (word.empty()) continue;
    const auto equals = word.find('=');
    auto name = percent_decode(word.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string() : percent_decode(word.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    words.emplace_back(*std::move(name), *std::move(value));
  }
  return words;
}

}  // namespace coffer::net::http
