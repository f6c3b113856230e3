#pragma once
// Documents: entries by which a door keeps typed objects. The object's fields are the entry's attributes; a schema of
// the space says which there are and how a query sees them. The shard makes one Document for each entry of such a space
// when it opens it for its index; evaluation then reads values and no maps. Constant once made; any thread.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/query_value.hpp"

namespace coffer::model {

/// One field of a space, as a query names it.
struct SchemaField {
  enum class Source : std::uint8_t {
    name,        // the entry's name
    created_at,  // a time
    created_by,
    description,
    tags,       // the entry's own tags: an object of texts
    attribute,  // text
    json,       // an attribute that holds JSON; absent: an empty object
    flag,       // an attribute; true when it is there
  };
  std::string_view name;
  Source source = Source::attribute;
  std::string_view attribute;
  bool null_when_absent = false;  // a stored null, which exists; else what is absent is missing
};

/// The fields of a space. Static, found by space.
struct Schema {
  std::span<const SchemaField> fields;
  std::string_view order_by;  // the field by which lists are ordered when nothing else is said
  /// Number of the field; -1 when there is none.
  int find(std::string_view name) const;
};
inline constexpr std::size_t kMostSchemaFields = 16;
// Where the Cloudforet door keeps its documents.
inline constexpr std::string_view kSecretSpace = "cloudforet.secret";
inline constexpr std::string_view kTrustedSecretSpace = "cloudforet.trusted_secret";
inline constexpr std::string_view kUserSecretSpace = "cloudforet.user_secret";
inline constexpr std::string_view kSecretGroupSpace = "cloudforet.secret_group";
/// The schema of a space that keeps documents (cloudforet.*); null for others, whose entries have the native schema.
const Schema* document_schema(std::string_view space);
/// Name, tags, description and times of any entry.
const Schema& native_schema();

/// An entry as a query sees it.
struct Document {
  std::shared_ptr<const Entry> entry;  // texts are views of it
  TimeMs readable_until = 0;           // 0: deleted or destroyed
  std::array<query::Value, kMostSchemaFields> fields;
  std::unique_ptr<query::Pool> nested;  // of objects and lists; null when there are none
  std::uint32_t weight = 1;             // 1 and another one for each KiB of JSON: what looking at it may cost

  bool readable_at(TimeMs now) const { return now < readable_until; }
};
std::shared_ptr<const Document> make_document(std::shared_ptr<const Entry> entry, const Schema& schema);
/// One field of an entry; `nested` is made when the value needs it, and both must outlive the value.
query::Value field_value(const SchemaField& field, const Entry& entry, std::unique_ptr<query::Pool>& nested);
/// A rough number of bytes, for budgets.
std::size_t document_bytes(const Document& document);

}  // namespace coffer::model
