// See backup_file.hpp.

#include "actors/backup_file.hpp"

#include "crypto/hash.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::string_view kMagic = "COFFERB1";
constexpr std::size_t kHead = 1 + 4;
constexpr std::size_t kChecksum = 32;
constexpr std::size_t kMostBody = 16 << 20;
constexpr std::uint32_t kFileKeyVersion = 1;

std::string head_of(char type, std::size_t size) {
  std::string head(1, type);
  for (int shift = 24; shift >= 0; shift -= 8) head.push_back(static_cast<char>(size >> shift & 0xff));
  return head;
}

std::string identity_of(const store::v1::BackupManifest& manifest, char type, std::uint64_t number) {
  std::string identity = "coffer backup" + manifest.id();
  identity.push_back(type);
  storage::append_be64(identity, number);
  return identity;
}

void count(const store::v1::BackupRows& rows, std::uint64_t& number, std::uint64_t& bytes) {
  for (const auto& row : rows.rows()) bytes += row.key().size() + row.value().size();
  number += static_cast<std::uint64_t>(rows.rows_size());
}

}  // namespace

BackupWriter::BackupWriter(store::v1::BackupManifest manifest, const crypto::Key& file_key, crypto::Random& random)
    : manifest_(std::move(manifest)), sealer_(random), hash_(crypto::sha256(kMagic)) {
  sealer_.add_key(kFileKeyVersion, file_key, true);
}

std::string BackupWriter::frame(char type, std::string_view body) {
  std::string bytes = head_of(type, body.size());
  hash_ = crypto::sha256_of({hash_, bytes, body});
  bytes.reserve(bytes.size() + body.size() + hash_.size());
  bytes.append(body).append(hash_);
  ++frames_;
  return bytes;
}

std::string BackupWriter::sealed(char type, std::string_view plaintext) {
  return frame(type, sealer_.seal(plaintext, identity_of(manifest_, type, frames_)));
}

std::string BackupWriter::head() {
  return std::string(kMagic) + frame(static_cast<char>(BackupReader::Kind::manifest), manifest_.SerializeAsString());
}

std::string BackupWriter::rows(store::v1::BackupRows rows) {
  rows.set_format(kBackupFormat);
  count(rows, rows_, bytes_);
  return sealed(static_cast<char>(BackupReader::Kind::rows), rows.SerializeAsString());
}

std::string BackupWriter::end(std::uint64_t tenants) {
  store::v1::BackupEnd end;
  end.set_format(kBackupFormat);
  end.set_frames(frames_);
  end.set_tenants(tenants);
  end.set_rows(rows_);
  end.set_bytes(bytes_);
  return sealed(static_cast<char>(BackupReader::Kind::end), end.SerializeAsString());
}

BackupReader::BackupReader() : hash_(crypto::sha256(kMagic)) {}

Error BackupReader::damaged(const std::string& what) const {
  return {Code::data_loss, "the backup is damaged at byte " + std::to_string(position_) + " (frame " +
                               std::to_string(frames_) + "): " + what};
}

model::Result<std::optional<BackupReader::Kind>> BackupReader::next() {
  if (failed_) return *failed_;
  const auto fail = [&](Error error) -> model::Result<std::optional<Kind>> {
    failed_ = error;
    return error;
  };
  std::string_view rest = buffer_;
  if (!began_) {
    if (rest.size() < kMagic.size() && kMagic.starts_with(rest)) return std::optional<Kind>();
    if (!rest.starts_with(kMagic)) return fail({Code::data_loss, "this is no Coffer backup"});
    rest.remove_prefix(kMagic.size());
  }
  if (ended_ && !rest.empty()) return fail(damaged("there are bytes behind its end"));
  if (rest.size() < kHead) return std::optional<Kind>();
  std::size_t size = 0;
  for (std::size_t i = 1; i < kHead; ++i) size = size << 8 | static_cast<unsigned char>(rest[i]);
  if (size > kMostBody) return fail(damaged("a frame is larger than any can be"));
  if (rest.size() < kHead + size + kChecksum) return std::optional<Kind>();
  const std::string_view body = rest.substr(kHead, size);
  const std::string hash = crypto::sha256_of({hash_, rest.substr(0, kHead), body});
  if (hash != rest.substr(kHead + size, kChecksum)) return fail(damaged("the checksum does not fit"));
  const auto type = static_cast<unsigned char>(rest[0]);
  if (type < 1 || type > 3 || (type == 1) != !began_) return fail(damaged("a frame is not where it belongs"));
  kind_ = static_cast<Kind>(type);
  if (kind_ == Kind::manifest) {
    if (!manifest_.ParseFromArray(body.data(), static_cast<int>(body.size())) || manifest_.id().size() != 16) {
      return fail(damaged("its manifest does not parse"));
    }
    if (manifest_.format() != kBackupFormat) {
      return fail({Code::data_loss, "the backup has format " + std::to_string(manifest_.format()) +
                                        "; this program reads format " + std::to_string(kBackupFormat)});
    }
  }
  began_ = true;
  ended_ = kind_ == Kind::end;
  hash_ = hash;
  body_ = std::string(body);
  const std::size_t used = buffer_.size() - rest.size() + kHead + size + kChecksum;
  position_ += used;
  buffer_.erase(0, used);
  ++frames_;
  return std::optional<Kind>(kind_);
}

void BackupReader::use_key(const crypto::Key& file_key) {
  sealer_ = std::make_unique<crypto::Sealer>(crypto::system_random());
  sealer_->add_key(kFileKeyVersion, file_key, false);
}

model::Result<model::Secret> BackupReader::open() const {
  auto opened = sealer_->open(body_, identity_of(manifest_, static_cast<char>(kind_), frames_ - 1));
  if (!opened) return damaged("the frame does not open: it was altered, or moved");
  return opened;
}

model::Result<store::v1::BackupRows> BackupReader::rows() {
  auto opened = open();
  if (!opened) return opened.error();
  store::v1::BackupRows rows;
  if (!rows.ParseFromArray(opened->expose().data(), static_cast<int>(opened->size())) ||
      rows.format() != kBackupFormat || rows.tenant().size() != 16) {
    return damaged("the rows do not parse");
  }
  count(rows, rows_, bytes_);
  return rows;
}

model::Result<store::v1::BackupEnd> BackupReader::end() {
  auto opened = open();
  if (!opened) return opened.error();
  store::v1::BackupEnd end;
  if (!end.ParseFromArray(opened->expose().data(), static_cast<int>(opened->size())) || end.format() != kBackupFormat) {
    return damaged("the end does not parse");
  }
  if (end.frames() != frames_ - 1 || end.rows() != rows_ || end.bytes() != bytes_) {
    return damaged("the end says that more, or less, was written");
  }
  return end;
}

model::Status BackupReader::finish() const {
  if (failed_) return *failed_;
  if (ended_ && buffer_.empty()) return {};
  return damaged(began_ ? "it is cut off: its end is missing" : "it is empty or cut off");
}

}  // namespace coffer::actors
