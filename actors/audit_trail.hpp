#pragma once
// The audit trail as a value: numbers its records, chains their hashes, signs checkpoints, and keeps its files in size,
// age and number. No thread and no clock of its own; the audit log's thread drives it, or a test.
//
// Files and lines: docs/audit.md. Every file begins with a record of kind "segment" that carries the last hash of the
// file before it, and after a rotation the former key's signature over the new one; kind "checkpoint" carries a signature over the hash before it; "retention" says up to which record
// files were removed; the head (a file apart) says how far the trail went when it was last synced.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/hash_chain.hpp"
#include "model/entry.hpp"
#include "storage/audit_directory.hpp"

namespace coffer::actors {

struct AuditTrailOptions {
  std::string cluster;  // hexadecimal
  std::uint64_t node = 0;
  std::string log_life;  // hexadecimal: of the logs whose changes are recorded (storage::Node)
  std::uint64_t file_bytes = 64 << 20;
  std::int64_t file_age_s = 24 * 3600;
  std::int64_t keep_s = 90 * 24 * 3600;    // 0: for ever
  std::uint64_t keep_bytes = 10ULL << 30;  // 0: as many as there are
  std::uint32_t key_version = 1;
};

class AuditTrail {
 public:
  /// Goes on behind what is there. What a crash tore is cut off; damage is left as it is and noted in the new file, for
  /// an audit trail that somebody has broken must not keep the service from starting. Nor must a full disk: see prepare().
  /// `former`: the key of another version, by which the trail went on while the node was down. Errors: disk_error, when
  /// what is there cannot be read.
  using Former = std::function<std::optional<crypto::ChainSigner>(std::uint32_t version)>;
  static model::Result<std::unique_ptr<AuditTrail>> open(storage::AuditDirectory directory, AuditTrailOptions options,
                                                         crypto::ChainSigner signer, model::TimeMs now,
                                                         const Former& former = {});

  /// Begins the file that records go to, when the disk had no room for it so far. REQUIRES: the batch is empty.
  model::Status prepare(model::TimeMs now);
  /// Adds a record to the batch: `fields` follow its number and time (`"kind":"request",...`). Its number.
  std::uint64_t add(model::TimeMs time, std::string_view fields);
  /// Of a committed write set: false when the trail has it already (a restart replays the log), else add() it. What the
  /// trail has of other logs than these does not count: a restore counts indexes anew.
  bool is_new_change(std::uint64_t group, std::uint64_t index);
  /// Writes the batch, and begins a new file when it is time. On an error nothing of the batch is in the trail, unless
  /// written() has moved: then it is the new file that could not be begun.
  /// `written` sees its lines.
  model::Status write(model::TimeMs now, const std::function<void(std::string_view line)>& written);
  model::Status sync() { return directory_.sync(); }
  /// Signs how far the trail goes, when something was added since the last time. Synced.
  model::Status checkpoint(model::TimeMs now, const std::function<void(std::string_view line)>& written);
  /// Removes files that are too old or too many; what is removed is noted.
  model::Status retain(model::TimeMs now);

  /// Signs with another key from now on, in a new file: whoever reads a file finds one key in it, and whoever trusts the
  /// key of the file before it that this one signs for it. On an error the trail goes on as before: try again. REQUIRES:
  /// the batch is empty.
  model::Status use_key(std::uint32_t version, crypto::ChainSigner signer, model::TimeMs now);

  struct Position {
    std::uint64_t sequence = 0;  // of the last record that was written; 0: none
    crypto::ChainHash hash{};
  };
  Position written() const { return written_; }
  const storage::AuditDirectory& directory() const { return directory_; }
  const AuditTrailOptions& options() const { return options_; }
  const std::string& public_key() const { return signer_.public_key(); }

 private:
  struct Introducer {
    std::uint32_t version = 0;
    crypto::ChainSigner signer;
  };
  struct Torn {
    storage::AuditDirectory::File file;
    std::uint64_t good = 0;
  };
  struct State {
    Position last;
    std::map<std::uint64_t, std::uint64_t> groups;  // index of the newest change of each
  };
  AuditTrail(storage::AuditDirectory directory, AuditTrailOptions options, crypto::ChainSigner signer)
      : directory_(std::move(directory)), options_(std::move(options)), signer_(std::move(signer)) {}
  model::Status recover(const Former& former);
  bool is_of_this_life(std::string_view segment) const;
  void read_groups(std::string_view segment);
  model::Status begin_file(model::TimeMs now);
  model::Status begin_file(model::TimeMs now, std::uint32_t key_version, const crypto::ChainSigner& signer,
                           const Introducer* introducer);
  void add_checkpoint(model::TimeMs now);
  model::Status write_batch(const std::function<void(std::string_view line)>& written);

  storage::AuditDirectory directory_;
  AuditTrailOptions options_;
  crypto::ChainSigner signer_;
  std::optional<Introducer> introducer_;  // the newest file's key, when the one that the trail begins is of another
  State state_, safe_;                    // with and without the batch
  Position written_;
  std::string batch_;
  std::uint64_t checked_ = 0;  // the newest checkpoint's number
  model::TimeMs file_began_ = 0;
  // What prepare() has still to do.
  model::Status file_ = model::Error(model::Code::disk_error, "it has no file yet");  // why records go nowhere
  std::optional<Torn> torn_;
  std::string trouble_;  // that was found at the start and is not noted yet
};

}  // namespace coffer::actors
