#pragma once
// Regular expressions of queries by RE2, which takes time linear in the text whatever the expression says. The only
// place that sees RE2. Any thread.

#include "model/query_filter.hpp"

namespace coffer::actors {

/// Compiles expressions that do not look at case, bounded in memory.
const model::query::RegexCompiler& regex_compiler();

}  // namespace coffer::actors
