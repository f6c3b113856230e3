#pragma once
// What an actor promised to a thread that waits for it, for the node's keepers. An actor that goes down drops what it was
// sent; std::future would throw in the keeper's thread then, and nobody catches it there. Any thread.

#include <future>

#include "model/result.hpp"

namespace coffer::actors {

/// REQUIRES: the future is ready. Errors: the promise's own; `dropped` when it was dropped without an answer.
template <class T>
model::Result<T> kept(std::future<model::Result<T>>& answer, model::Code dropped) {
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return model::Error(dropped);
  }
}

}  // namespace coffer::actors
