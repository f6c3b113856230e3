#pragma once
// What the checks of model have in common: how a detail names its place, and the parts that operations and policies
// share. Used inside model only; pure, any thread.

#include <string>
#include <string_view>

#include "model/access.hpp"
#include "model/entry.hpp"
#include "model/result.hpp"

namespace coffer::model {

Status too_many(std::string_view where, std::size_t count, std::size_t limit);
/// "names[3]".
std::string indexed(std::string_view list, std::size_t i);
/// The same error, one level further out.
Status within(const std::string& where, const Status& status);
/// 0, or a time that RFC 3339 can write.
Status check_time(std::string_view where, TimeMs time);
Status check_scope(const Scope& scope, const Limits& limits);

}  // namespace coffer::model
