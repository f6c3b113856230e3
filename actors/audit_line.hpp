#pragma once
// One record of the audit trail as a line of JSON, and what is read back of such a line. Fields stand in a fixed order
// and strings are escaped in one way only, so that a field can be found without a JSON parser: `"name":` in quotes never
// occurs within an escaped string. docs/audit.md describes the fields. Pure, any thread.
//
//   {"seq":7,"time":"2026-11-20T16:00:00.123Z","kind":"request",...,"hash":"<43 letters>"}
//
// The hash covers the hash of the record before it and every byte of the line up to `,"hash":`.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/hash_chain.hpp"
#include "model/audit.hpp"

namespace coffer::actors {

/// What is kept of one text. Texts come from outside and are bounded there; this is the last line, so that no record grows
/// longer than a reader takes for one.
constexpr std::size_t kMostAuditText = 4096;
/// At most so many bytes of it, and no part of a character.
std::string_view cut_audit_text(std::string_view text, std::size_t most = kMostAuditText);

/// Appends fields to a line: `,"name":value`.
class AuditLine {
 public:
  explicit AuditLine(std::string& out) : out_(out) {}
  AuditLine& text(std::string_view name, std::string_view value,
                  std::size_t most = kMostAuditText);  // left out when empty; "..." behind what is cut
  AuditLine& number(std::string_view name, std::uint64_t value);
  /// Letters that need no escaping, of our own making.
  AuditLine& word(std::string_view name, std::string_view value);

 private:
  void name(std::string_view name);
  std::string& out_;
};

/// "2026-11-20T16:00:00.123Z"
std::string audit_time(model::TimeMs time);

/// A number or the text between the quotes as it is escaped; nothing when there is no such field.
std::optional<std::string_view> audit_field(std::string_view line, std::string_view name);
std::optional<std::uint64_t> audit_number(std::string_view line, std::string_view name);
std::string escape_audit_text(std::string_view text);

/// The line without `,"hash":"..."}`, and its hash; nothing when it has none.
struct SplitAuditLine {
  std::string_view body;
  crypto::ChainHash hash;
};
std::optional<SplitAuditLine> split_audit_line(std::string_view line);

/// What a signature covers: who says it, of which record, and the hash up to there.
std::string audit_statement(std::string_view kind, std::string_view cluster, std::uint64_t node, std::uint64_t sequence,
                            const crypto::ChainHash& hash);
/// What an older key signs of a newer one: the statement "key" of the place where the newer one begins, and that key.
std::string audit_introduction(std::string_view cluster, std::uint64_t node, std::uint64_t sequence,
                               const crypto::ChainHash& hash, std::uint32_t version, std::string_view public_key);

}  // namespace coffer::actors
