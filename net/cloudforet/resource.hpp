#pragma once
// What the resources of the door have in common and where they differ, as data: space, ids, the fields of their messages
// and how a query's keys lead to what is stored. Constant; any thread.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/cloudforet/errors.hpp"
#include "net/cloudforet/generation.hpp"

namespace coffer::net::cloudforet {

/// One resource in one generation.
struct Resource {
  const Generation* generation = nullptr;
  const google::protobuf::ServiceDescriptor* service = nullptr;
  std::string_view name;                               // "Secret"
  std::string_view space;                              // "cloudforet.secret"
  std::string_view id_field;                           // "secret_id"
  std::string_view id_prefix;                          // "secret-"
  bool of_user = false;                                // belongs to the bearer
  bool unique_names = false;                           // in a domain (1.12)
  const google::protobuf::Descriptor* info = nullptr;  // SecretInfo
  std::set<std::string, std::less<>> keys;             // that a query may name

  bool older() const { return generation->is_older(); }
  bool is(std::string_view other) const { return name == other; }
  bool has_workspaces() const { return is("Secret") || is("TrustedSecret"); }
  /// "schema" is what 1.12 calls schema_id.
  std::string_view schema_field() const { return of_user || !older() ? "schema_id" : "schema"; }
  /// The key as the space's schema has it (model/document.hpp); nothing when there is none.
  std::optional<std::string> stored_key(std::string_view key) const;
  /// The name of an attribute in this generation's messages.
  std::string_view shown_key(std::string_view stored) const {
    if (is("SecretGroup") && stored == "secrets") return "secret_id";
    return stored == "schema_id" ? schema_field() : stored;
  }
};

/// Those that the generation has, UserSecret among them.
std::vector<Resource> resources_of(const Generation& generation);

}  // namespace coffer::net::cloudforet
