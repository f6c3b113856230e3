// Writes the keys of storage/keys.hpp. Pure functions, any thread.

#include "storage/keys.hpp"

#include <cassert>

namespace coffer::storage {
namespace {

constexpr std::size_t kHashBytes = 32;

std::string hash_row(char kind, std::string_view hash) {
  assert(hash.size() == kHashBytes);
  std::string key;
  key.reserve(1 + kHashBytes + 8);
  key += kind;
  key += hash;
  return key;
}

std::string number_row(char kind, std::uint64_t number) {
  std::string key(1, kind);
  append_be64(key, number);
  return key;
}

}  // namespace

std::string entry_row(std::string_view hash) { return hash_row('e', hash); }

std::string payload_row(std::string_view hash, std::uint64_t version) {
  std::string key = hash_row('v', hash);
  append_be64(key, version);
  return key;
}

std::string change_row(std::uint64_t revision) { return number_row('c', revision); }
std::string request_row(std::string_view hash) { return hash_row('r', hash); }
std::string request_order_row(std::uint64_t sequence) { return number_row('q', sequence); }
std::string token_row(std::string_view hash) { return hash_row('t', hash); }
std::string issuer_row(std::string_view hash) { return hash_row('i', hash); }
std::string certificate_rule_row(std::string_view hash) { return hash_row('x', hash); }
std::string unique_row(std::string_view hash) { return hash_row('z', hash); }
std::string tenant_row(const model::TenantId& tenant) { return std::string(1, 'd').append(tenant.view()); }
std::string operator_row(std::string_view hash) { return hash_row('o', hash); }
std::string seal_row(std::string_view name) { return std::string(1, 's').append(name); }
std::string node_row(model::NodeId node) { return number_row('n', node.value); }
std::string group_row(model::GroupId group) { return number_row('g', group.value); }
std::string join_token_row(std::string_view id) { return std::string(1, 'j').append(id); }

std::string state_key(model::GroupId group, model::Generation generation, const model::TenantId& tenant,
                      std::string_view row) {
  std::string key;
  key.reserve(1 + 8 + 8 + 16 + row.size());
  key += 'g';
  append_be64(key, group.value);
  append_be64(key, generation.value);
  key += tenant.view();
  key += row;
  return key;
}

void append_be64(std::string& out, std::uint64_t value) {
  char bytes[8];
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  out.append(bytes, sizeof bytes);
}

std::uint64_t read_be64(std::string_view bytes) {
  assert(bytes.size() >= 8);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace coffer::storage
