// The engine on LevelDB 1.23: bloom filter, block cache, checksums verified on every read. One object per database.
//
// Two traps of LevelDB are closed here. CompactRange() returns nothing: when the log cannot be rotated (no space, too
// many files) it does nothing and says nothing, so flush() checks that a log was begun and asks for the background
// error afterwards. And an append that failed half-way leaves the database writable although its log is torn, so the
// first failure of a write or a flush is kept and refuses everything after it.

#include "storage/leveldb_engine.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include "storage/leveldb_env.hpp"

namespace coffer::storage {
namespace {

constexpr int kBloomBitsPerKey = 10;
constexpr std::size_t kSequentialBlock = 64 << 10;
constexpr std::chrono::milliseconds kScansEnd{2000};  // most take less by far; a backup that is being read takes more

leveldb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const leveldb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

/// A table file that has vanished reads as "not found" like a key that was never there, but with a text.
model::Error leveldb_read_error(const leveldb::Status& status, const std::string& path) {
  if (!status.IsNotFound()) return leveldb_error(status, path);
  return leveldb_error(leveldb::Status::Corruption("a file is missing", status.ToString()), path);
}

/// Scans that are open. LevelDB keeps the files of as long ago as the oldest of them began.
class OpenScans {
 public:
  std::uint64_t begin() {
    const std::lock_guard lock(mutex_);
    open_.insert(open_.end(), ++begun_);
    return begun_;
  }
  void end(std::uint64_t scan) {
    {
      const std::lock_guard lock(mutex_);
      open_.erase(scan);
    }
    ended_.notify_all();
  }
  /// Waits for those that have begun by now; false: they take longer than that.
  bool wait_for(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const std::uint64_t begun = begun_;
    return ended_.wait_for(lock, patience, [&] { return open_.empty() || *open_.begin() > begun; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::set<std::uint64_t> open_;
  std::uint64_t begun_ = 0;
};

class LevelDbScan final : public Scan {
 public:
  LevelDbScan(OpenScans& scans, leveldb::DB& db, const leveldb::ReadOptions& options, const std::string& path,
              std::string_view begin, std::string_view end)
      : scans_(scans), number_(scans.begin()), rows_(db.NewIterator(options)), path_(path), end_(end) {
    rows_->Seek(slice(begin));
  }
  ~LevelDbScan() override {
    rows_.reset();
    scans_.end(number_);
  }
  bool valid() const override { return rows_->Valid() && (end_.empty() || view(rows_->key()) < end_); }
  void next() override { rows_->Next(); }
  std::string_view key() const override { return view(rows_->key()); }
  std::string_view value() const override { return view(rows_->value()); }
  model::Status status() const override {
    const leveldb::Status status = rows_->status();
    if (status.ok()) return {};
    return leveldb_read_error(status, path_);
  }

 private:
  OpenScans& scans_;
  const std::uint64_t number_;  // before the rows: what they hold is known of from the beginning
  std::unique_ptr<leveldb::Iterator> rows_;
  const std::string& path_;
  std::string end_;
};

class LevelDbEngine final : public Engine {
 public:
  LevelDbEngine(const LevelDbOptions& options, leveldb::Env* env)
      : path_(options.path),
        env_(env),
        bloom_(leveldb::NewBloomFilterPolicy(kBloomBitsPerKey)),
        cache_(leveldb::NewLRUCache(options.block_cache)) {
    settings_.create_if_missing = true;
    settings_.paranoid_checks = options.paranoid;
    settings_.env = &env_;
    settings_.write_buffer_size = options.write_buffer;
    settings_.block_cache = cache_.get();
    // A table that was made with a filter is read without one as well.
    settings_.filter_policy = options.sequential ? nullptr : bloom_.get();
    if (options.sequential) settings_.block_size = kSequentialBlock;
    settings_.compression = leveldb::kNoCompression;  // sealed bytes do not shrink
  }

  model::Status open() {
    if (auto status = refuse_headless(); !status.ok()) return status;
    leveldb::DB* db = nullptr;
    const leveldb::Status status = leveldb::DB::Open(settings_, path_, &db);
    db_.reset(db);
    if (!status.ok()) return leveldb_error(status, path_);
    return {};
  }

  model::Result<std::optional<std::string>> get(std::string_view key) const override {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    std::string value;
    const leveldb::Status status = db_->Get(options, slice(key), &value);
    if (status.ok()) return std::optional(std::move(value));
    if (status.IsNotFound() && status.ToString() == leveldb::Status::NotFound({}).ToString()) {
      return std::optional<std::string>();
    }
    return leveldb_read_error(status, path_);
  }

  std::unique_ptr<Scan> scan(std::string_view begin, std::string_view end) const override {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;  // a long walk must not push out what point reads need
    return std::make_unique<LevelDbScan>(scans_, *db_, options, path_, begin, end);
  }

  model::Status write(const Batch& batch, Durability durability) override {
    const std::lock_guard lock(writing_);
    if (failed_) return *failed_;
    leveldb::WriteBatch changes;
    for (const Batch::Op& op : batch.ops()) {
      if (op.is_delete) {
        changes.Delete(slice(op.key));
      } else {
        changes.Put(slice(op.key), slice(op.value));
      }
    }
    leveldb::WriteOptions options;
    options.sync = durability == Durability::synced;
    dirty_ = true;
    return keep(db_->Write(options, &changes));
  }

  model::Status flush() override {
    const std::lock_guard lock(writing_);
    if (failed_) return *failed_;
    if (!dirty_) return {};
    // A key before all others that no record has: nothing overlaps it, so that only the memtable is compacted.
    const leveldb::Slice unused("\0", 1);
    const std::uint64_t before = env_.logs_begun();
    db_->CompactRange(&unused, &unused);
    // An empty batch writes no row; it returns the background error of the compaction, when there was one.
    leveldb::WriteBatch nothing;
    if (auto status = keep(db_->Write({}, &nothing)); !status.ok()) return status;
    if (env_.logs_begun() == before) {
      failed_ = model::Error(model::Code::disk_error,
                             "The database " + path_ + " could not begin a new log; its disk may be full.");
      return *failed_;
    }
    dirty_ = false;
    return {};
  }

  model::Status compact(std::string_view begin, std::string_view end) override {
    // A scan from before needs what it has seen: the rows would be in the new files, too.
    if (!scans_.wait_for(kScansEnd)) return still_read();
    const leveldb::Slice from = slice(begin), to = slice(end);
    // LevelDB merges files downwards only: what was put and deleted in one memtable lies in one file with its deletion, and
    // stays there when no file above reaches it. So two deletions of keys that no record has come from above. Twice: the
    // first pass brings the memtable down, the second reaches the file that came of it.
    leveldb::WriteBatch ends;
    ends.Delete(begin.empty() ? leveldb::Slice("\0", 1) : from);
    ends.Delete(end.empty() ? leveldb::Slice("\xff", 1) : to);
    for (int i = 0; i < 2; ++i) {
      {
        const std::lock_guard lock(writing_);
        if (failed_) return *failed_;
        if (auto status = keep(db_->Write({}, &ends)); !status.ok()) return status;
      }
      db_->CompactRange(begin.empty() ? nullptr : &from, end.empty() ? nullptr : &to);
    }
    leveldb::ReadOptions options;
    std::string unused;
    const leveldb::Status status = db_->Get(options, leveldb::Slice("\0", 1), &unused);
    if (!status.ok() && !status.IsNotFound()) return leveldb_error(status, path_);
    // One that began meanwhile holds the old files, and nobody removes them when it ends: the next change of tables does.
    if (!scans_.wait_for(kScansEnd)) return still_read();
    {
      const std::lock_guard lock(writing_);
      dirty_ = true;
    }
    return flush();
  }

 private:
  static model::Error still_read() {
    return {model::Code::unavailable, "a backup, an export or a list that is under way still holds what was removed",
            5};
  }

  /// LevelDB would take a directory without CURRENT for a new database and delete the tables in it.
  model::Status refuse_headless() {
    std::vector<std::string> names;
    if (env_.FileExists(path_ + "/CURRENT") || !env_.GetChildren(path_, &names).ok()) return {};
    for (const std::string& name : names) {
      if (name.ends_with(".ldb") || name.ends_with(".sst") || name.ends_with(".log")) {
        return leveldb_error(leveldb::Status::Corruption("its file CURRENT is missing"), path_);
      }
    }
    return {};
  }

  model::Status keep(const leveldb::Status& status) {
    if (status.ok()) return {};
    failed_ = leveldb_error(status, path_);
    return *failed_;
  }

  // Constant after open(), in the order in which LevelDB needs them to live.
  const std::string path_;
  LevelDbEnv env_;
  std::unique_ptr<const leveldb::FilterPolicy> bloom_;
  std::unique_ptr<leveldb::Cache> cache_;
  leveldb::Options settings_;
  std::unique_ptr<leveldb::DB> db_;
  mutable OpenScans scans_;
  std::mutex writing_;  // one write at a time, and none after one that failed: a compaction's thread writes, too
  // Under the mutex.
  std::optional<model::Error> failed_;
  bool dirty_ = false;  // written since the last flush; what open() recovered is in synced tables already
};

}  // namespace

model::Result<std::unique_ptr<Engine>> open_leveldb_over(const LevelDbOptions& options, leveldb::Env* env) {
  auto engine = std::make_unique<LevelDbEngine>(options, env);
  if (auto status = engine->open(); !status.ok()) return status.error();
  return std::unique_ptr<Engine>(std::move(engine));
}

model::Result<std::unique_ptr<Engine>> open_leveldb(const LevelDbOptions& options) {
  return open_leveldb_over(options, leveldb::Env::Default());
}

}  // namespace coffer::storage
