#pragma once
// The file of a backup or an exported tenant, as values: a writer that gives bytes and a reader that takes them, in pieces
// of any size. docs/backup-format.md is the same for people.
//
//   file   = magic frame(manifest) frame(rows)* frame(end)         magic = "COFFERB1"
//   frame  = type:1  size:4 big-endian  body:size  hash:32         type  = 1 manifest, 2 rows, 3 end
//   hash   = SHA-256( hash of the frame before (of the first: of the magic)  type  size  body )
//   body   = manifest: a BackupManifest in clear;  rows, end: BackupRows, BackupEnd, sealed under the file's key
//            (crypto/sealer.hpp) with the associated data  "coffer backup"  id:16  type:1  number of the frame:8
//
// The hashes find what a disk or a transfer did, without any key; the seals find who altered, swapped or cut frames.
// One thread per object.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "coffer/store/v1/backup.pb.h"
#include "crypto/key.hpp"
#include "crypto/sealer.hpp"
#include "model/result.hpp"

namespace coffer::actors {

inline constexpr std::uint32_t kBackupFormat = 1;

class BackupWriter {
 public:
  BackupWriter(store::v1::BackupManifest manifest, const crypto::Key& file_key, crypto::Random& random);
  /// What the file begins with. Called once, first.
  std::string head();
  std::string rows(store::v1::BackupRows rows);
  /// Called once, last. `tenants` were written.
  std::string end(std::uint64_t tenants);

 private:
  std::string frame(char type, std::string_view body);
  std::string sealed(char type, std::string_view plaintext);

  const store::v1::BackupManifest manifest_;
  crypto::Sealer sealer_;
  std::string hash_;
  std::uint64_t frames_ = 0, rows_ = 0, bytes_ = 0;
};

class BackupReader {
 public:
  enum class Kind : std::uint8_t { manifest = 1, rows = 2, end = 3 };
  BackupReader();
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// The next whole frame's kind; none: more bytes are wanted. Errors: data_loss with the place (no Coffer backup, a
  /// frame altered, bytes behind the end), and then always.
  model::Result<std::optional<Kind>> next();
  /// After next() gave the manifest.
  const store::v1::BackupManifest& manifest() const { return manifest_; }
  /// With it rows and end are opened, too. REQUIRES: after the manifest.
  void use_key(const crypto::Key& file_key);
  /// The rows of the frame that next() gave. REQUIRES: use_key(). Errors: data_loss.
  model::Result<store::v1::BackupRows> rows();
  /// The end of the frame that next() gave, compared with what was read. REQUIRES: use_key(). Errors: data_loss.
  model::Result<store::v1::BackupEnd> end();
  /// At the end of the bytes. Errors: data_loss (it is cut off).
  model::Status finish() const;
  std::uint64_t frames() const { return frames_; }

 private:
  model::Error damaged(const std::string& what) const;
  model::Result<model::Secret> open() const;

  std::string buffer_, body_, hash_;
  std::uint64_t position_ = 0;  // of the buffer's begin in the file
  std::uint64_t frames_ = 0, rows_ = 0, bytes_ = 0;
  bool began_ = false, ended_ = false;
  Kind kind_ = Kind::manifest;
  std::optional<model::Error> failed_;
  store::v1::BackupManifest manifest_;
  std::unique_ptr<crypto::Sealer> sealer_;
};

}  // namespace coffer::actors
