#pragma once
// Opens the engines that Coffer has. Used by the composition root and by tests; each error is one clear sentence.

#include <memory>
#include <string>

#include "storage/engine.hpp"

namespace coffer::storage {

struct LevelDbOptions {
  std::string path;
  bool paranoid = true;  // log database: refuse a damaged log; state database: false, D replays its tail
  std::size_t write_buffer = 16 << 20;
  std::size_t block_cache = 32 << 20;
  bool sequential = false;  // rows are read one after the other, hardly ever one alone: large blocks, no bloom filter
};

/// Errors: disk_error (in use by another process, no space, permission; the detail says which), data_loss (damaged).
model::Result<std::unique_ptr<Engine>> open_leveldb(const LevelDbOptions& options);
std::unique_ptr<Engine> open_memory();

}  // namespace coffer::storage
