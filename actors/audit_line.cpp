// See audit_line.hpp.

#include "actors/audit_line.hpp"

#include <charconv>
#include <ctime>

#include "crypto/hash.hpp"

namespace coffer::actors {
namespace {

constexpr std::string_view kHashField = ",\"hash\":\"";
constexpr std::size_t kHashLetters = 43;  // base64url of 32 bytes

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

void append_two(std::string& out, int value) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

}  // namespace

std::string_view cut_audit_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
  std::size_t end = most;
  while (end > 0 && most - end < 4 && continues(end)) --end;
  return text.substr(0, continues(end) ? most : end);  // what is no UTF-8 is cut anywhere
}

void AuditLine::name(std::string_view name) { out_.append(",\"").append(name).append("\":"); }

AuditLine& AuditLine::text(std::string_view field, std::string_view value, std::size_t most) {
  if (value.empty()) return *this;
  name(field);
  out_ += '"';
  const std::string_view kept = cut_audit_text(value, most);
  append_escaped(out_, kept);
  out_ += kept.size() < value.size() ? "...\"" : "\"";
  return *this;
}

AuditLine& AuditLine::word(std::string_view field, std::string_view value) {
  name(field);
  out_.append("\"").append(value).append("\"");
  return *this;
}

AuditLine& AuditLine::number(std::string_view field, std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  name(field);
  out_.append(digits, end);
  return *this;
}

std::string audit_time(model::TimeMs time) {
  // Records come in runs of the same second: its text is kept.
  thread_local std::time_t kept_second = -1;
  thread_local std::string kept;
  const auto second = static_cast<std::time_t>(time / 1000);
  if (second != kept_second) {
    std::tm parts{};
    ::gmtime_r(&second, &parts);
    kept = std::to_string(parts.tm_year + 1900) + '-';
    append_two(kept, parts.tm_mon + 1);
    kept += '-';
    append_two(kept, parts.tm_mday);
    kept += 'T';
    append_two(kept, parts.tm_hour);
    kept += ':';
    append_two(kept, parts.tm_min);
    kept += ':';
    append_two(kept, parts.tm_sec);
    kept_second = second;
  }
  std::string text = kept;
  const auto ms = static_cast<int>(time % 1000);
  text += '.';
  text += static_cast<char>('0' + ms / 100);
  append_two(text, ms % 100);
  text += 'Z';
  return text;
}

std::string escape_audit_text(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

std::optional<std::string_view> audit_field(std::string_view line, std::string_view name) {
  std::string key = "\"";
  key.append(name).append("\":");
  std::size_t at = line.find(key);
  // A name stands behind '{' or ','; within a list of items names are other ones.
  if (at == std::string_view::npos || at == 0 || (line[at - 1] != ',' && line[at - 1] != '{')) return std::nullopt;
  at += key.size();
  if (at >= line.size()) return std::nullopt;
  if (line[at] != '"') {
    const std::size_t end = line.find_first_of(",}", at);
    return line.substr(at, end == std::string_view::npos ? end : end - at);
  }
  for (std::size_t end = ++at; end < line.size(); ++end) {
    if (line[end] == '\\') {
      ++end;
    } else if (line[end] == '"') {
      return line.substr(at, end - at);
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> audit_number(std::string_view line, std::string_view name) {
  const auto text = audit_field(line, name);
  std::uint64_t value = 0;
  if (!text) return std::nullopt;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
  if (read.ec != std::errc() || read.ptr != text->data() + text->size()) return std::nullopt;
  return value;
}

std::optional<SplitAuditLine> split_audit_line(std::string_view line) {
  constexpr std::size_t kTail = kHashField.size() + kHashLetters + 2;  // and "}
  if (line.size() < kTail || !line.ends_with("\"}")) return std::nullopt;
  const std::string_view tail = line.substr(line.size() - kTail);
  if (!tail.starts_with(kHashField)) return std::nullopt;
  const auto bytes = crypto::from_base64url(tail.substr(kHashField.size(), kHashLetters));
  SplitAuditLine split{line.substr(0, line.size() - kTail), {}};
  if (!bytes || bytes->size() != split.hash.size()) return std::nullopt;
  bytes->copy(split.hash.data(), split.hash.size());
  return split;
}

std::string audit_statement(std::string_view kind, std::string_view cluster, std::uint64_t node, std::uint64_t sequence,
                            const crypto::ChainHash& hash) {
  std::string text = "coffer audit ";
  text.append(kind).append(" of node ").append(std::to_string(node)).append(" in ").append(cluster);
  text.append(": record ").append(std::to_string(sequence)).append(" ");
  return text.append(hash.data(), hash.size());
}

std::string audit_introduction(std::string_view cluster, std::uint64_t node, std::uint64_t sequence,
                               const crypto::ChainHash& hash, std::uint32_t version, std::string_view public_key) {
  std::string text = audit_statement("key", cluster, node, sequence, hash);
  return text.append(" ").append(std::to_string(version)).append(" ").append(public_key);
}

}  // namespace coffer::actors
