#pragma once
// The seam below the LevelDB engine: opens it over a given leveldb::Env, so that tests can put a disk that fails or
// loses power in its place. Everyone else uses storage/open.hpp.

#include <memory>

#include "storage/open.hpp"

namespace leveldb {
class Env;
class Status;
}  // namespace leveldb

namespace coffer::storage {

/// As open_leveldb(options). `env` must outlive the engine.
model::Result<std::unique_ptr<Engine>> open_leveldb_over(const LevelDbOptions& options, leveldb::Env* env);

/// What a person reads of a LevelDB failure of the database at `path`, as one sentence. REQUIRES: !status.ok().
/// Code: data_loss when the database is damaged, else disk_error.
model::Error leveldb_error(const leveldb::Status& status, const std::string& path);

}  // namespace coffer::storage
