// Lookup of versions and the checks of names, spaces, tags and texts; any thread.

#include "model/entry.hpp"

#include <algorithm>

#include "model/text.hpp"
#include "model/utf8.hpp"

namespace coffer::model {
namespace {

constexpr std::size_t kTenantNameBytes = 63;
constexpr std::size_t kSpaceBytes = 63;

std::string detail(std::string_view where, const std::string& what) { return std::string(where) + ": " + what; }

Status invalid(std::string_view where, const std::string& what) {
  return Error(Code::invalid_argument, detail(where, what));
}

Status too_long(std::string_view where, std::size_t bytes, std::size_t limit) {
  return Error(Code::too_large,
               detail(where, std::to_string(bytes) + " bytes; at most " + std::to_string(limit) + " are allowed"));
}

std::string hex_code_point(char32_t c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("U+00") + kDigits[c >> 4 & 15] + kDigits[c & 15];
}

bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_word_start(c) || c == '.' || c == '_' || c == '-'; }

// What tenant names and spaces have in common; they differ in their last character.
Status check_word(std::string_view where, std::string_view text, std::size_t limit) {
  if (text.empty()) return invalid(where, "it is empty; 1 to " + std::to_string(limit) + " bytes are needed");
  if (text.size() > limit) return too_long(where, text.size(), limit);
  if (!is_word_start(text.front())) {
    return invalid(where, in_quotes(text) + " must begin with a lower-case letter or a digit");
  }
  if (!std::all_of(text.begin(), text.end(), is_word)) {
    return invalid(where, in_quotes(text) + " may hold only lower-case letters, digits, '.', '_' and '-'");
  }
  return {};
}

struct PairLimits {
  std::string_view where;
  std::size_t count, key_bytes, value_bytes;
};

Status check_pairs(const std::map<std::string, std::string>& pairs, const PairLimits& limits) {
  if (pairs.size() > limits.count) {
    return Error(Code::too_large, detail(limits.where, std::to_string(pairs.size()) + " are too many; at most " +
                                                           std::to_string(limits.count) + " are allowed"));
  }
  if (pairs.empty()) return {};
  const std::string where = detail(limits.where, "key");
  for (const auto& [key, value] : pairs) {
    if (Status status = check_label(where, key, limits.key_bytes); !status) return status;
    if (value.size() <= limits.value_bytes && is_valid_utf8(value)) continue;
    return check_text(detail(limits.where, "value of " + in_quotes(key)), value, limits.value_bytes);
  }
  return {};
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::read: return "READ";
    case Level::user: return "USER";
    case Level::admin: return "ADMIN";
  }
  return "NONE";
}

std::string_view to_string(State state) {
  switch (state) {
    case State::active: return "active";
    case State::deleted: return "deleted";
    case State::destroyed: return "destroyed";
  }
  return "unknown";
}

const Version* Entry::find(std::uint64_t number) const {
  const auto at = std::lower_bound(versions.begin(), versions.end(), number,
                                   [](const Version& version, std::uint64_t n) { return version.number < n; });
  return at != versions.end() && at->number == number ? &*at : nullptr;
}

Status check_text(std::string_view where, std::string_view text, std::size_t limit) {
  if (text.size() > limit) return too_long(where, text.size(), limit);
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) return invalid(where, "it is not UTF-8 at byte " + std::to_string(valid));
  return {};
}

Status check_label(std::string_view where, std::string_view text, std::size_t limit) {
  if (text.empty()) return invalid(where, "it is empty; 1 to " + std::to_string(limit) + " bytes are needed");
  if (Status status = check_text(where, text, limit); !status) return status;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = 0;
    const std::size_t size = decode_utf8(text.substr(at), &c);
    if (is_control(c)) {
      return invalid(where, "it holds the control character " + hex_code_point(c) + " at byte " + std::to_string(at));
    }
    at += size;
  }
  return {};
}

Status check_tenant_name(std::string_view name) {
  if (Status status = check_word("tenant", name, kTenantNameBytes); !status) return status;
  if (!is_word_start(name.back()))
    return invalid("tenant", in_quotes(name) + " must end with a lower-case letter or a digit");
  return {};
}

Status check_space(std::string_view space) { return check_word("space", space, kSpaceBytes); }

Status check_name(std::string_view name, const Limits& limits) { return check_label("name", name, limits.name_bytes); }

Status check_tags(const std::map<std::string, std::string>& tags, const Limits& limits) {
  return check_pairs(tags, {"tags", limits.tags, limits.tag_key_bytes, limits.tag_value_bytes});
}

Status check_attributes(const std::map<std::string, std::string>& attributes, const Limits& limits) {
  return check_pairs(attributes,
                     {"attributes", limits.attributes, limits.attribute_key_bytes, limits.attribute_value_bytes});
}

bool is_door_space(std::string_view space) {
  return space == "direktiv" || space == "tapis" || space.starts_with("cloudforet.");
}

}  // namespace coffer::model
