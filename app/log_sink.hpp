#pragma once
// Where the log's lines go: a descriptor that somebody else reads, and may have stopped reading. Used by log.cpp; its
// functions are called by any thread.

#include <cstddef>
#include <memory>

#include <spdlog/sinks/sink.h>

namespace coffer::app {

/// Writes what the descriptor takes at once, so that nobody waits who logs. Of what it does not take it holds so many bytes,
/// which go before the next line; lines beyond them are lost, and one that gets through says how many. The descriptor stays
/// the caller's.
std::shared_ptr<spdlog::sinks::sink> make_log_sink(int descriptor, std::size_t most_held = std::size_t{1} << 20);

}  // namespace coffer::app
