#pragma once
// An ordered map of bytes on a disk: what the log database and the state database stand on. LevelDB, memory and faulty
// engines pass one contract suite (tests/unit/storage). get() and scan() are safe from any thread, also while another
// writes; write() and flush() are called by one detached actor per engine, for they may block.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/result.hpp"

namespace coffer::storage {

/// Puts and deletes that take effect all or none, in order.
class Batch {
 public:
  struct Op {  // views into the batch, until it is changed
    bool is_delete;
    std::string_view key;
    std::string_view value;
  };
  /// The key is the prefix and what follows it.
  void put(std::string_view prefix, std::string_view key, std::string_view value);
  void put(std::string_view key, std::string_view value) { put({}, key, value); }
  void del(std::string_view prefix, std::string_view key);
  void del(std::string_view key) { del({}, key); }
  /// More of the value that was put last.
  void append(std::string_view more);
  /// Of several changes of one key only the last stays, for the others would be overwritten at once.
  void keep_last();
  std::vector<Op> ops() const;
  bool empty() const { return places_.empty(); }
  void clear();
  /// Bytes of keys and values, for bounds.
  std::size_t bytes() const { return bytes_.size(); }

 private:
  struct Place {
    bool is_delete;
    std::size_t key_size, value_size;
    bool is_overwritten = false;
  };
  std::string bytes_;  // keys and values, one after the other: an allocation for the batch and not for each row
  std::vector<Place> places_;
};

enum class Durability { unsynced, synced };

/// A consistent walk over [begin, end) as of its creation.
class Scan {
 public:
  virtual ~Scan() = default;
  virtual bool valid() const = 0;
  virtual void next() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  /// Not ok when the walk ended because of damage: disk_error or data_loss. Checked after valid() became false.
  virtual model::Status status() const = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  /// The value, nullopt when there is none. Errors: data_loss (checksum), disk_error.
  virtual model::Result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// An empty `end` is the end of the database.
  virtual std::unique_ptr<Scan> scan(std::string_view begin, std::string_view end) const = 0;
  /// After a synced write returned ok, it and every earlier write OF THE SAME unrotated file is durable; only flush()
  /// promises it for all earlier writes. An error is fatal: the caller stops the node.
  virtual model::Status write(const Batch& batch, Durability durability) = 0;
  /// After it returned ok, everything written before is durable, synced or not.
  virtual model::Status flush() = 0;
  /// Rewrites the files that hold keys of [begin, end) (both empty: all), so that the bytes of what was deleted or
  /// overwritten there are in none of the database's files any more. Errors: unavailable when a scan that is under way
  /// still holds them after some seconds (then it is to be tried again), disk_error.
  /// REQUIRES: no record has `begin`, `end`, "\0" or "\xff" as its key; prefixes of keys are none. May take long; any
  /// thread but a listener's. An engine without files has nothing to do.
  virtual model::Status compact(std::string_view begin, std::string_view end) {
    (void)begin, (void)end;
    return {};
  }
};

/// The smallest key greater than every key with this prefix; empty when there is none.
std::string prefix_end(std::string_view prefix);

}  // namespace coffer::storage
