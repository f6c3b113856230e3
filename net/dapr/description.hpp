#pragma once
// What GET /v1.0/metadata and GetMetadata say of the server, in both shapes. Used by the Dapr door; any thread.

#include <string>

#include "dapr/proto/runtime/v1/dapr.pb.h"
#include "model/access.hpp"
#include "net/dapr/attributes.hpp"
#include "net/dapr/stores.hpp"

namespace coffer::net::dapr {

inline constexpr std::string_view kId = "coffer";

struct Description {
  std::string version;  // of the program
  std::vector<Stores::Component> components;
  StringMap extended;
};

/// A tenant's token sees no components: the configured stores are other tenants', too.
Description describe_server(const std::string& version, const Stores& stores, const Attributes& attributes,
                            const model::Credential& credential);
std::string to_json(const Description& description);
void to_message(const Description& description, ::dapr::proto::runtime::v1::GetMetadataResponse* out);

}  // namespace coffer::net::dapr
