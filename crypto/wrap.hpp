#pragma once
// Wrapping a key under a key: sealed bytes (sealer.hpp) whose associated data says which key it is, of whom and for what.
// For the key ring and the seals of crypto/ only. Pure, any thread.
//
// Identity of a key:  purpose_size:4 purpose  owner_size:4 owner  version:4   (sizes and version big-endian)

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/key.hpp"
#include "crypto/random.hpp"
#include "model/result.hpp"

namespace coffer::crypto {

/// The owner is a tenant's id or a cluster's id; empty where the key wrapping it already belongs to one owner.
std::string key_identity(std::string_view purpose, std::string_view owner, std::uint32_t version);

std::string wrap_key(const Key& under, std::uint32_t under_version, const Key& key, std::string_view identity,
                     Random& random);
/// Errors: data_loss (altered, or another identity, or another key than the one that wrapped it), key_mismatch (the bytes
/// name another version than under_version).
model::Result<Key> unwrap_key(const Key& under, std::uint32_t under_version, std::string_view wrapped,
                              std::string_view identity);

/// The refusal of a record whose format is not `known`: data_loss, "The key ring's record has format 7; ...".
model::Status check_format(std::string_view what, std::uint32_t format, std::uint32_t known);

}  // namespace coffer::crypto
