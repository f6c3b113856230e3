#pragma once
// Direktiv's words for errors. Used by its door; pure, any thread.

#include <string>
#include <string_view>

#include "model/errors.hpp"
#include "net/rpc.hpp"

namespace coffer::net::direktiv {

/// Upstream's sentences for fields that are not present (its server checks presence, not emptiness).
inline constexpr std::string_view kAllRequired = "all attributes are required";      // StoreSecret
inline constexpr std::string_view kSomeMissing = "required attributes are missing";  // the other calls

/// What of a request does not exist: an entry, a version of it, or its tenant.
bool is_missing(const model::Error& error);
/// The same for calls that look for a name: one that nothing can be stored under is missing, too. The tenant says so, for
/// it knows whether the caller is one of its own.
bool is_missing(const model::Error& error, const std::string& name);

/// Upstream's server answers plain errors, which become UNKNOWN with their text. What Coffer adds (credentials, rights,
/// availability) keeps its canonical code. Nothing here is NOT_FOUND or ALREADY_EXISTS: a call that has these says so.
WireStatus to_status(const model::Error& error);

/// A name as a sentence holds it: a very long one is cut, or the status would not fit into a client's headers.
std::string shown(std::string_view name);

/// A status with a code and text of the call's own.
WireStatus make_status(model::Category code, std::string text);

}  // namespace coffer::net::direktiv
