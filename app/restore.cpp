// See restore.hpp.

#include "app/restore.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <system_error>

#include "app/sealing.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"
#include "storage/data_dir.hpp"
#include "storage/open.hpp"

namespace coffer::app {

using model::Code;
using model::Error;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPiece = 1 << 20;

/// What would open it: its seals are those of its time, whatever the cluster has by now.
std::string what_opens(const store::v1::BackupManifest& manifest) {
  std::string text = "the backup is of root key version " +
                     std::to_string(std::max(1U, manifest.key_ring().root_version())) + ", which is opened by";
  for (const auto& seal : manifest.seals()) {
    text += (&seal == &manifest.seals(0) ? " " : ", or ") + seal.kind() + " " + seal.name();
    if (seal.has_shamir()) {
      text += " (" + std::to_string(seal.shamir().threshold()) + " of " + std::to_string(seal.shamir().shares()) +
              " shares of set " + crypto::hex(seal.shamir().set_id()) + ")";
    }
  }
  return text;
}

/// The root key by shares, when they are enough of one of the seals.
model::Result<crypto::Key> root_by_shares(const store::v1::BackupManifest& manifest,
                                          const std::vector<model::Secret>& texts) {
  Error why(Code::key_mismatch, "the backup has no seal of these shares");
  for (const auto& record : manifest.seals()) {
    if (record.kind() != crypto::kShamirSeal) continue;
    crypto::ShareCollector collector(record);
    for (const model::Secret& text : texts) {
      auto share = crypto::read_share(text.expose());
      if (!share) return share.error();
      if (auto status = collector.add(std::move(*share)); !status) why = status.error();
    }
    if (collector.is_complete()) return crypto::open_seal(record, collector.seal_key(), manifest.cluster_id());
    if (collector.given() > 0) {
      why = Error(Code::key_mismatch, std::to_string(collector.needed()) + " shares are needed, " +
                                          std::to_string(collector.given()) + " were given");
    }
  }
  return why;
}

model::Result<crypto::Key> find_root(const BackupOpener& opener, const store::v1::BackupManifest& manifest) {
  if (!opener.shares.empty()) return root_by_shares(manifest, opener.shares);
  model::Result<std::unique_ptr<crypto::Seal>> seal =
      opener.passphrase.empty() ? open_automatic_seal(opener.config, false)
                                : crypto::make_passphrase_seal("passphrase", opener.passphrase);
  if (!seal) return seal.error();
  if (*seal == nullptr) {
    return Error(Code::invalid_argument, "say what opens the backup: a key file, shares, or a passphrase");
  }
  Error why(Code::key_mismatch, "the backup has no seal of kind " + std::string((*seal)->kind()));
  for (const auto& record : manifest.seals()) {
    if (record.kind() != (*seal)->kind()) continue;
    auto root = (*seal)->unwrap(record, manifest.cluster_id());
    if (root) return root;
    why = root.error();
  }
  return why;
}

}  // namespace

actors::RootSource root_by(const BackupOpener& opener) {
  return [opener](const store::v1::BackupManifest& manifest) -> model::Result<crypto::Key> {
    auto root = find_root(opener, manifest);
    if (root || (root.error().code != Code::key_mismatch && root.error().code != Code::unauthenticated)) return root;
    return Error(root.error().code, std::string(root.error().message()) + "; " + what_opens(manifest));
  };
}

model::Result<std::function<model::Result<std::string>()>> open_backup_file(const std::string& path) {
  std::shared_ptr<std::istream> in;
  if (path == "-") {
    in = std::shared_ptr<std::istream>(&std::cin, [](std::istream*) {});
  } else {
    auto file = std::make_shared<std::ifstream>(path, std::ios::binary);
    if (!file->is_open()) {
      return Error(Code::invalid_argument, "'" + path + "' cannot be read: " + std::strerror(errno));
    }
    in = std::move(file);
  }
  return std::function<model::Result<std::string>()>([in, path]() -> model::Result<std::string> {
    std::string piece(kPiece, '\0');
    in->read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(in->gcount()));
    if (in->bad()) return Error(Code::disk_error, "'" + path + "' could not be read to its end");
    return piece;
  });
}

model::Result<actors::BackupSummary> verify_file(const std::string& path, const BackupOpener* opener) {
  const auto input = [path]() -> model::Result<actors::BackupInput> {
    auto file = open_backup_file(path);
    if (!file) return file.error();
    return actors::BackupInput{std::move(*file), {}};
  };
  if (opener == nullptr) {
    const auto once = input();
    return once ? actors::verify_backup(*once) : once.error();
  }
  const auto file_key = [opener](const store::v1::BackupManifest& manifest) {
    return opener->private_key.empty() ? crypto::open_passphrase_slot(manifest, opener->passphrase)
                                       : crypto::open_private_key_slot(manifest, opener->private_key);
  };
  return actors::verify_rows({input, root_by(*opener), file_key}, crypto::system_random());
}

namespace {

/// An empty directory that a restore fills: unless keep() is called it is left as it was found, so that the next try begins
/// with nothing, too.
class EmptyDirectory {
 public:
  /// A lock alone is what is left where not even that could be written. What else is wrong with the directory is found by
  /// whoever opens it. Errors: invalid_argument (there is something in it).
  static model::Status check(const std::string& path) {
    std::error_code error;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      if (it->path().filename() == "lock") continue;
      return Error(Code::invalid_argument, "the data directory " + path + " is not empty; restore into a new one");
    }
    return {};
  }
  explicit EmptyDirectory(std::string path) : path_(std::move(path)) {}
  EmptyDirectory(const EmptyDirectory&) = delete;
  EmptyDirectory& operator=(const EmptyDirectory&) = delete;
  ~EmptyDirectory() {
    if (kept_) return;
    std::error_code error;
    std::vector<fs::path> inside;
    for (fs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
      inside.push_back(it->path());
    }
    for (const fs::path& one : inside) fs::remove_all(one, error);
    if (was_missing) fs::remove(path_, error);
  }
  void keep() { kept_ = true; }
  bool was_missing = false;

 private:
  const std::string path_;
  bool kept_ = false;
};

}  // namespace

model::Result<actors::BackupSummary> restore_into(const Config& config, const std::string& path,
                                                  const BackupOpener& opener, const std::string& tenant) {
  auto file = open_backup_file(path);
  if (!file) return file.error();
  if (auto status = EmptyDirectory::check(config.data_dir); !status) return status.error();
  std::error_code ignored;
  const bool was_missing = !fs::exists(fs::symlink_status(config.data_dir, ignored));
  auto data = storage::DataDir::open(config.data_dir, 0);
  if (!data) {
    if (was_missing) fs::remove(config.data_dir, ignored);  // if it is empty, too
    return data.error();
  }
  // Nobody else uses it from here on. The databases are closed before it is tidied.
  EmptyDirectory tidied(config.data_dir);
  tidied.was_missing = was_missing;
  if (const auto free = data->free_bytes(); free && *free < storage::DataDir::kLeastFreeBytes) {
    return Error(Code::disk_error,
                 "the disk of " + config.data_dir + " has only " + std::to_string(*free >> 20) + " MiB free");
  }
  storage::LevelDbOptions log, state;
  log.path = data->log_path();
  state.path = data->state_path();
  auto log_engine = storage::open_leveldb(log);
  if (!log_engine) return log_engine.error();
  auto state_engine = storage::open_leveldb(state);
  if (!state_engine) return state_engine.error();
  const actors::BackupInput input{*file, {}};
  auto summary =
      actors::restore_backup(input, **log_engine, **state_engine, tenant.empty() ? std::nullopt : std::optional(tenant),
                             root_by(opener), crypto::system_random());
  if (summary) tidied.keep();
  return summary;
}

}  // namespace coffer::app
