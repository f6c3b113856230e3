#pragma once
// The grammar of a tenant's row keys. The first byte is the kind; what follows is binary, integers big-endian.
//
//   'h'                               header                 TenantHeader (plain numbers, no names)
//   'k'                               keys                   TenantKeysRecord (wrapped keys)
//   'e' hash:32                       entry's metadata       sealed EntryRecord;  hash = keyed hash of space and name
//   'v' hash:32 version:8             payload of a version   sealed payload
//   'c' revision:8                    change row             sealed ChangeRecord
//   'r' hash:32                       request id's answer    sealed RequestRecord; hash = keyed hash of principal and id,
//                                                            see actors/own_request_id.hpp
//   'q' sequence:8                    order of request rows  the 32 bytes of the hash, then its time in milliseconds:8
//   't' hash:32                       token                  sealed TokenRecord;  hash = SHA-256 of the token's id
//   'i' hash:32                       issuer of JWTs         sealed IssuerRecord; hash = keyed hash of its name
//   'x' hash:32                       certificate rule       sealed CertificateRuleRecord; hash = keyed hash of its name
//   'z' hash:32                       unique value           sealed name of the document that has it; hash = keyed hash of
//                                                            attribute, space and value
//   'p'                               policy                 sealed PolicyRecord
//   'l'                               limits (quota)         sealed QuotaRecord
//   'a'                               audit settings         sealed AuditSettingsRecord
//   'm'                               mark of a move         MoveMarkRecord (plain numbers)
// of the directory (tenant zero, group 0):
//   'd' tenant:16                     tenant                 sealed TenantRecord
//   'o' hash:32                       operator               sealed OperatorRecord
//   's' name                          seal                   SealRecord
//   'y'                               key ring               KeyRingRecord
//   'w'                               sealing anew           ResealRecord (plain numbers)
//   'n' node:8                        node                   ClusterNodeRecord (plain)
//   'g' group:8                       added group            ClusterGroupRecord (plain)
//   'u'                               cluster                ClusterRecord (plain)
//   'j' id                            join token             JoinTokenRecord (plain; a hash of the secret)
//   'a'                               cluster CA             crypto/cluster_ca.hpp (its key sealed)

#include <cstdint>
#include <string>
#include <string_view>

#include "model/ids.hpp"

namespace coffer::storage {

inline constexpr char kHeaderRow[] = "h";
inline constexpr char kKeysRow[] = "k";
inline constexpr char kPolicyRow[] = "p";
inline constexpr char kQuotaRow[] = "l";
inline constexpr char kAuditRow[] = "a";
inline constexpr char kMoveRow[] = "m";
inline constexpr char kKeyRingRow[] = "y";
inline constexpr char kResealRow[] = "w";
inline constexpr char kClusterRow[] = "u";
inline constexpr char kClusterCaRow[] = "a";
/// What every row of a kind begins with, for scans.
inline constexpr std::string_view kChangeRows = "c", kEntryRows = "e", kTokenRows = "t", kTenantRows = "d",
                                  kOperatorRows = "o", kSealRows = "s", kIssuerRows = "i", kCertificateRuleRows = "x",
                                  kNodeRows = "n", kJoinTokenRows = "j", kGroupRows = "g";

/// Is it one of the directory's rows that every node's keeper of keys follows: a seal, the key ring, sealing anew?
inline bool is_keepers_row(std::string_view row) {
  return row.starts_with(kSealRows) || row == kKeyRingRow || row == kResealRow;
}

std::string entry_row(std::string_view hash);
std::string payload_row(std::string_view hash, std::uint64_t version);
std::string change_row(std::uint64_t revision);
std::string request_row(std::string_view hash);
std::string request_order_row(std::uint64_t sequence);
std::string token_row(std::string_view hash);
std::string issuer_row(std::string_view hash);
std::string certificate_rule_row(std::string_view hash);
std::string unique_row(std::string_view hash);
std::string tenant_row(const model::TenantId& tenant);
std::string operator_row(std::string_view hash);
std::string seal_row(std::string_view name);
std::string node_row(model::NodeId node);
std::string group_row(model::GroupId group);
std::string join_token_row(std::string_view id);

/// Key of a row in the state database.
std::string state_key(model::GroupId group, model::Generation generation, const model::TenantId& tenant,
                      std::string_view row);

void append_be64(std::string& out, std::uint64_t value);
/// REQUIRES: bytes.size() >= 8.
std::uint64_t read_be64(std::string_view bytes);

}  // namespace coffer::storage
