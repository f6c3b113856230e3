#pragma once
// Operations with every field set, for the test of their canonical bytes (codec_test.cpp).

#include "model/codec.hpp"

namespace coffer::model {

// ---- one sample of each operation, every field set. The structured bindings fail to compile when a field is added:
// then it belongs into the sample, into its changes and into the codec.

inline Payload sample_map() {
  Payload payload{PayloadKind::map, {}, {}};
  payload.map.emplace_back("k1", Secret("v1"));
  payload.map.emplace_back("k2", Secret("v2"));
  return payload;
}

inline Put sample_put() {
  Put o{"kv", "db", sample_map(), 3, true, {{{"env", "prod"}}}, "d", 1'700'000'000'000, {{"stype", "1"}}};
  [[maybe_unused]] const auto& [space, name, payload, cas, create_only, tags, description, expires_at, attributes,
                                caller_owns, must_exist, write_only, read_only] = o;
  return o;
}
inline Get sample_get() {
  Get o{"kv", "db", 3, true};
  [[maybe_unused]] const auto& [space, name, version, with_payload, inject] = o;
  return o;
}
inline UpdateMetadata sample_update() {
  UpdateMetadata o{"kv", "db", {{"env", "prod"}}, {"team"}, "d", 1'700'000'000'000, 5, 3};
  [[maybe_unused]] const auto& [space, name, set_tags, remove_tags, description, expires_at, max_versions, cas] = o;
  return o;
}
inline Delete sample_delete() {
  Delete o{"kv", "db", {1, 2}, 3, {{"stype", "1"}}, true};
  [[maybe_unused]] const auto& [space, name, versions, cas, only_if_attribute, missing_is_ok] = o;
  return o;
}
inline List sample_list() {
  List o{"kv", "p", {{"env", "prod"}}, {{"stype", "1"}}, "a", 50, true, 1000};
  [[maybe_unused]] const auto& [space, prefix, tags, attribute, after, limit, with_payload, byte_limit] = o;
  return o;
}
inline Check sample_check() {
  Check o{"kv", "db", 4};
  [[maybe_unused]] const auto& [space, name, version] = o;
  return o;
}
inline CreateToken sample_token() {
  CreateToken o{"d", {{5, {"kv"}, {"a*"}}}, 1'700'000'000'000};
  [[maybe_unused]] const auto& [description, scopes, expires_at, addresses, renewable, max_ttl] = o;
  [[maybe_unused]] const auto& [capabilities, spaces, names] = o.scopes[0];
  return o;
}
template <class Operation>
Operation sample_named() {
  Operation o{"kv", "db", {1, 2}};
  if constexpr (std::is_same_v<Operation, Destroy>) {
    [[maybe_unused]] const auto& [space, name, versions, must_exist, only_if_attribute] = o;
  } else {
    [[maybe_unused]] const auto& [space, name, versions] = o;
  }
  return o;
}
inline SetPermission sample_set_permission() {
  SetPermission o{"kv", "db", "user:ann", Level::user};
  [[maybe_unused]] const auto& [space, name, subject, level] = o;
  return o;
}
inline ApplyPolicy sample_apply() {
  Grant grant{Effect::deny, 5, {"kv"}, {"a*"}, {1'700'000'000'000, 1'800'000'000'000}};
  [[maybe_unused]] const auto& [effect, capabilities, spaces, names, period] = grant;
  ApplyPolicy o{{0, {{"reader", "d", {grant}}}, {{"reader", {"user:ann"}, {1, 2}}}, 0, {}}, 3, false};
  [[maybe_unused]] const auto& [policy, expected, dry_run] = o;
  [[maybe_unused]] const auto& [version, roles, bindings, changed_at, changed_by] = policy;
  [[maybe_unused]] const auto& [name, description, grants] = roles[0];
  [[maybe_unused]] const auto& [role, subjects, bounds] = bindings[0];
  return o;
}
inline Transact sample_transact() { return {{sample_put(), sample_delete(), sample_check()}}; }

}  // namespace coffer::model
