#pragma once
// google.protobuf.Timestamp and model::TimeMs. Used by the native and the admin door. Pure, any thread.

#include <string_view>

#include <google/protobuf/timestamp.pb.h>

#include "model/entry.hpp"
#include "model/result.hpp"

namespace coffer::net {

/// Milliseconds since 1970; what is finer is cut off. `field` names it in the error.
/// Errors: invalid_argument for what is not a valid Timestamp and for times before 1970-01-01T00:00:00.001Z,
/// because 0 means "not set" (TimeMs).
model::Result<model::TimeMs> from_timestamp(const google::protobuf::Timestamp& time, std::string_view field);

/// REQUIRES: time > 0.
void to_timestamp(model::TimeMs time, google::protobuf::Timestamp* out);

}  // namespace coffer::net
