#pragma once
// The seals that the configuration names: which one opens the node by itself, and those that a new cluster begins with.
// Used by the composition root; main's thread.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/node.hpp"
#include "app/config.hpp"
#include "crypto/seal.hpp"

namespace coffer::app {

/// Makes a directory of mode 0700 when it is missing. Errors: disk_error.
model::Result<std::string> dev_directory(const std::string& data);

/// The seal that opens by itself; null when a person unseals the node. --dev makes its own key file; so does
/// `coffer admin init` (`make_missing`). Errors: those of the seal.
model::Result<std::unique_ptr<crypto::Seal>> open_automatic_seal(const Config& config, bool make_missing);

/// The PKCS#11 device that the configuration names by now, for seals that are added while the node runs. Any thread.
class LiveDevice {
 public:
  explicit LiveDevice(crypto::Pkcs11Settings settings) : settings_(std::move(settings)) {}
  void set(crypto::Pkcs11Settings settings);
  /// Errors: not_active (it names none); those of the device come when the seal is used.
  model::Result<std::unique_ptr<crypto::Seal>> open(const std::string& name) const;

 private:
  mutable std::mutex mutex_;
  crypto::Pkcs11Settings settings_;
};

/// In the place of a seal that could not be opened (the key file is lost, its mode is wrong): opens nothing and says why. A node
/// that a person can open starts sealed with it, another one does not start and says the same.
std::unique_ptr<crypto::Seal> excuse_of(const Config& config, model::Error why);

/// Where operators may have key files made or read; empty: nowhere.
std::string key_directory(const Config& config);

/// The first records of a new cluster: every seal that is configured, and a set of shares when it is asked for, whose
/// texts are put into `shares`.
decltype(actors::NodeOptions::first_seals) make_first_seals(const Config& config, std::vector<model::Secret>* shares);

/// A file's only line, of a file that nobody else may read. Errors: invalid_argument.
model::Result<model::Secret> read_passphrase_file(const std::string& path);

}  // namespace coffer::app
