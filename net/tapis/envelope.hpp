#pragma once
// What the Tapis door answers: five fields around every result and every failure, as Tapis services do. Used by the
// door's routes; pure, any thread.

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "net/rpc.hpp"

namespace coffer::net::tapis {

/// How this server answers; constant.
struct Style {
  std::string version;
  bool auth_400 = false;  // credentials and rights fail with 400, as upstream
};

/// {"message", "metadata", "result", "status", "version"} of a success, which is always 200.
std::string success(const Style& style, std::string_view message, boost::json::value result,
                    boost::json::object metadata = {});

/// A failure with this status.
WireStatus failure(const Style& style, int status, std::string_view message);
/// A failure of the server's; `secret_id` is the one that was asked for, empty when none was.
WireStatus failure(const Style& style, const model::Error& error, std::string_view secret_id);
/// 400 with a list of what is wrong with the request.
WireStatus invalid(const Style& style, const std::vector<std::string>& problems);

}  // namespace coffer::net::tapis
