// See sealing.hpp.

#include "app/sealing.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace coffer::app {

using model::Code;
using model::Error;

namespace {

/// The path of the key file; empty when there is none. Makes it where that is wanted.
model::Result<std::string> key_file(const Config& config, bool make_missing) {
  if (!config.seal_key_file.empty() && !make_missing) return config.seal_key_file;
  std::string path = config.seal_key_file;
  if (path.empty()) {
    if (!config.dev) return path;
    auto dev = dev_directory(config.data_dir);
    if (!dev) return dev.error();
    path = *dev + "/seal.key";
  }
  if (::access(path.c_str(), F_OK) == 0) return path;
  if (::access((config.data_dir + "/log/CURRENT").c_str(), F_OK) == 0) {
    return Error(Code::key_mismatch, "the key file " + path + " is missing, and " + config.data_dir +
                                         " holds data that only it opens: put it back");
  }
  if (auto status = crypto::create_key_file(path, crypto::system_random()); !status) return status.error();
  return path;
}

/// One whose key is not to be had.
class LostSeal final : public crypto::Seal {
 public:
  LostSeal(std::string_view kind, Error why) : kind_(kind), why_(std::move(why)) {}
  std::string_view kind() const override { return kind_; }
  model::Result<store::v1::SealRecord> wrap(const crypto::Key&, std::string_view, crypto::Random&) override {
    return why_;
  }
  model::Result<crypto::Key> unwrap(const store::v1::SealRecord&, std::string_view) override { return why_; }

 private:
  const std::string_view kind_;
  const Error why_;
};

}  // namespace

model::Result<std::string> dev_directory(const std::string& data) {
  const std::string path = data + "/dev";
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error(Code::disk_error, "cannot make " + path + ": " + std::strerror(errno));
  }
  return path;
}

std::unique_ptr<crypto::Seal> excuse_of(const Config& config, model::Error why) {
  const bool is_file = !config.seal_key_file.empty();
  return std::make_unique<LostSeal>(is_file ? crypto::kKeyFileSeal : crypto::kPassphraseSeal, std::move(why));
}

std::string key_directory(const Config& config) {
  if (!config.seal.key_directory.empty()) return config.seal.key_directory;
  if (!config.seal_key_file.empty()) {
    const auto folder = std::filesystem::path(config.seal_key_file).parent_path();
    return folder.empty() ? "." : folder.string();
  }
  return config.dev ? config.data_dir + "/dev" : std::string();
}

model::Result<model::Secret> read_passphrase_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 077) != 0) {
    const int reason = fd < 0 ? errno : 0;
    if (fd >= 0) ::close(fd);
    return Error(Code::invalid_argument, "the passphrase file " + path +
                                             (reason != 0 ? std::string(" cannot be opened: ") + std::strerror(reason)
                                                          : " must be one that only its owner can read (chmod 600)"));
  }
  model::Secret bytes = model::Secret::of_size(4096);
  const ssize_t size = ::read(fd, bytes.expose_mutable(), bytes.size());
  ::close(fd);
  if (size < 0) return Error(Code::invalid_argument, "the passphrase file " + path + " cannot be read");
  std::string_view text = bytes.expose().substr(0, static_cast<std::size_t>(size));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return model::Secret(text);
}

model::Result<std::unique_ptr<crypto::Seal>> open_automatic_seal(const Config& config, bool make_missing) {
  if (!config.seal.pkcs11.module.empty()) return crypto::make_pkcs11_seal("pkcs11", config.seal.pkcs11);
  auto path = key_file(config, make_missing);
  if (!path) return path.error();
  if (!path->empty()) return crypto::open_key_file_seal(*path);
  if (config.seal.passphrase_file.empty()) return std::unique_ptr<crypto::Seal>();
  auto passphrase = read_passphrase_file(config.seal.passphrase_file);
  if (!passphrase) return passphrase.error();
  return crypto::make_passphrase_seal("passphrase", std::move(*passphrase));
}

void LiveDevice::set(crypto::Pkcs11Settings settings) {
  const std::lock_guard lock(mutex_);
  settings_ = std::move(settings);
}

model::Result<std::unique_ptr<crypto::Seal>> LiveDevice::open(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  if (settings_.module.empty()) {
    return Error(Code::not_active,
                 "this node's configuration names no PKCS#11 device: put [seal.pkcs11] with module, token, key and "
                 "pin_file into its file, send it a SIGHUP (systemctl reload coffer), and add the seal then");
  }
  return model::Result<std::unique_ptr<crypto::Seal>>(crypto::make_pkcs11_seal(name, settings_));
}

decltype(actors::NodeOptions::first_seals) make_first_seals(const Config& config, std::vector<model::Secret>* shares) {
  return [config, shares](const crypto::Key& root, const std::string& cluster_id,
                          crypto::Random& random) -> model::Result<std::vector<store::v1::SealRecord>> {
    std::vector<store::v1::SealRecord> records;
    std::vector<std::unique_ptr<crypto::Seal>> seals;
    if (!config.seal.pkcs11.module.empty()) seals.push_back(crypto::make_pkcs11_seal("pkcs11", config.seal.pkcs11));
    auto path = key_file(config, true);
    if (!path) return path.error();
    if (!path->empty()) {
      auto seal = crypto::open_key_file_seal(*path);
      if (!seal) return seal.error();
      seals.push_back(std::move(*seal));
    }
    if (!config.seal.passphrase_file.empty()) {
      auto passphrase = read_passphrase_file(config.seal.passphrase_file);
      if (!passphrase) return passphrase.error();
      auto seal = crypto::make_passphrase_seal("passphrase", std::move(*passphrase));
      if (!seal) return seal.error();
      seals.push_back(std::move(*seal));
    }
    for (const auto& seal : seals) {
      auto record = seal->wrap(root, cluster_id, random);
      if (!record) return record.error();
      records.push_back(std::move(*record));
    }
    if (config.seal.shares != 0) {
      auto made =
          crypto::make_shamir_seal("shares", config.seal.threshold, config.seal.shares, root, cluster_id, random);
      if (!made) return made.error();
      records.push_back(std::move(made->record));
      *shares = std::move(made->shares);
    }
    return records;
  };
}

}  // namespace coffer::app
