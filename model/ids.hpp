#pragma once
// The ids of Coffer as types, so that a term cannot be passed for an index nor one tenant for another.
// Used by every room; values, any thread.

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace coffer::model {

/// A number with a meaning: distinct Tags do not convert into one another.
template <class Tag>
struct Id {
  std::uint64_t value = 0;
  constexpr Id() = default;
  constexpr explicit Id(std::uint64_t v) : value(v) {}
  friend constexpr auto operator<=>(Id, Id) = default;
};

using NodeId = Id<struct NodeTag>;
using GroupId = Id<struct GroupTag>;
using Term = Id<struct TermTag>;
using Index = Id<struct IndexTag>;
using Generation = Id<struct GenerationTag>;

inline constexpr GroupId kMetaGroup{0};

/// 128 random bits that name a tenant for ever; never reused. Zero is the directory.
struct TenantId {
  std::array<std::uint8_t, 16> bytes{};
  friend constexpr auto operator<=>(const TenantId&, const TenantId&) = default;
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  bool is_zero() const { return *this == TenantId{}; }
  /// REQUIRES: raw.size() == 16.
  static TenantId from_raw(std::string_view raw) {
    TenantId id;
    std::memcpy(id.bytes.data(), raw.data(), id.bytes.size());
    return id;
  }
};

/// A tenant's change counter: one per committed write set; the epoch is raised by a restore or a move.
struct Revision {
  std::uint32_t epoch = 0;
  std::uint64_t counter = 0;
  friend constexpr auto operator<=>(const Revision&, const Revision&) = default;
};

/// One life of a shard: it ends with the leadership of its group.
struct Incarnation {
  GroupId group;
  Term term;
  friend constexpr auto operator<=>(const Incarnation&, const Incarnation&) = default;
};

/// 32 lower-case hexadecimal digits.
std::string to_string(const TenantId& id);
/// Reads what to_string wrote and nothing else, so that an id has one text; false (and *out untouched) when it is not
/// 32 lower-case hexadecimal digits.
bool parse_tenant_id(std::string_view text, TenantId* out);

}  // namespace coffer::model

template <class Tag>
struct std::hash<coffer::model::Id<Tag>> {
  std::size_t operator()(coffer::model::Id<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
template <>
struct std::hash<coffer::model::TenantId> {
  std::size_t operator()(const coffer::model::TenantId& id) const noexcept {
    std::uint64_t h;  // random bytes hash themselves
    std::memcpy(&h, id.bytes.data(), sizeof h);
    return h;
  }
};
