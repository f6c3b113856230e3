// See filter.hpp.

#include "net/native/filter.hpp"

namespace coffer::net::native {
namespace {

constexpr std::string_view kField = "tags.";
constexpr std::size_t kMostTerms = 64;  // as many as an entry may have tags

model::Error wrong(std::size_t term, std::string_view what) {
  return model::Error(model::Code::invalid_argument, "filter, term " + std::to_string(term) + ": " + std::string(what) +
                                                         "; write tags.KEY=VALUE, joined by ','");
}

/// Reads up to an unescaped character of `stops` (or the end) and leaves it unread. False: a bad escape.
bool read_until(std::string_view& rest, std::string_view stops, std::string* out) {
  while (!rest.empty() && stops.find(rest.front()) == std::string_view::npos) {
    if (rest.front() == '\\') {
      rest.remove_prefix(1);
      if (rest.empty() || std::string_view(",=\\").find(rest.front()) == std::string_view::npos) return false;
    }
    out->push_back(rest.front());
    rest.remove_prefix(1);
  }
  return true;
}

}  // namespace

model::Result<std::vector<std::pair<std::string, std::string>>> parse_filter(std::string_view filter) {
  constexpr std::string_view kBadEscape = "a backslash stands only before ',', '=' or a backslash";
  std::vector<std::pair<std::string, std::string>> terms;
  std::string_view rest = filter;
  while (!filter.empty()) {
    const std::size_t number = terms.size() + 1;
    if (number > kMostTerms) return wrong(number, "there are more than " + std::to_string(kMostTerms) + " terms");
    if (rest.empty() || rest.front() == ',') return wrong(number, "it is empty");
    if (!rest.starts_with(kField)) return wrong(number, "it does not begin with 'tags.'");
    rest.remove_prefix(kField.size());
    std::string key, value;
    if (!read_until(rest, ",=", &key)) return wrong(number, kBadEscape);
    if (key.empty()) return wrong(number, "the key is missing");
    if (rest.empty() || rest.front() != '=') return wrong(number, "'=' is missing");
    rest.remove_prefix(1);
    if (!read_until(rest, ",=", &value)) return wrong(number, kBadEscape);
    if (!rest.empty() && rest.front() == '=') return wrong(number, "a second '=' must be written as '\\='");
    terms.emplace_back(std::move(key), std::move(value));
    if (rest.empty()) break;
    rest.remove_prefix(1);  // the comma; what follows must be a term
  }
  return terms;
}

}  // namespace coffer::net::native
