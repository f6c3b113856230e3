#pragma once
// What a door that keeps documents (model/document.hpp) asks of a tenant's shard. One request does all that must happen
// together: uniqueness, references and what a token may see are decided on the same committed rows. Values, any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/payload.hpp"
#include "model/query.hpp"

namespace coffer::model {

/// An attribute has one of these values, or is absent where that is allowed. A document that does not fit is as if it
/// were missing.
struct Restriction {
  std::string attribute;
  std::vector<std::string> values;
  bool or_absent = false;
  friend bool operator==(const Restriction&, const Restriction&) = default;
};

/// Makes, changes or destroys one document.
struct ChangeDocument {
  enum class Kind : std::uint8_t { create = 1, update = 2, destroy = 3 };
  Kind kind = Kind::create;
  std::string action;  // "Secret.update": what the caller must be allowed to do (model/cloudforet.hpp)
  std::string space, name;
  std::optional<Payload> payload;                                // create: needed
  std::map<std::string, std::optional<std::string>> attributes;  // nothing: is taken away
  std::vector<Restriction> where;
  std::string unique;  // an attribute whose value no two documents of the space share; empty: none
  /// create: the attribute names a document of this space, which must be there and may not be destroyed meanwhile.
  std::string reference, reference_space;
  /// update: an item of an attribute that holds a JSON list of texts comes or goes. An item that comes names a document
  /// of `reference_space`, which must be there.
  struct ListChange {
    std::string attribute, item;
    bool adds = true;
    friend bool operator==(const ListChange&, const ListChange&) = default;
  };
  std::optional<ListChange> list;
};

/// One document, and the one that an attribute of it names.
struct ReadDocument {
  std::string action;
  std::string space, name;
  std::vector<Restriction> where;
  bool with_payload = false;
  std::string linked, linked_space;  // attribute and space of the other one; empty: none
};

/// A list or statistics over the documents of a space. One of: a page of entries, rows of unwind, rows of stages, values
/// of distinct.
struct Query {
  std::string action;
  std::string space;
  query::Filter filter;
  std::vector<Restriction> where;
  std::vector<query::SortKey> sort;
  std::uint64_t skip = 0, limit = 0;  // of the page, or of the rows; limit 0: everything
  bool count_only = false;
  std::vector<query::Stage> stages;  // not empty: rows
  std::string distinct;              // when there are no stages
  std::uint64_t byte_limit = 64ULL << 20;
};

}  // namespace coffer::model
