#pragma once
// The file of the --dev issuer's private key: made by the server's start, read by it and by `coffer dev-token`. Main's
// thread.

#include <string>

#include "crypto/signing_key.hpp"
#include "model/result.hpp"

namespace coffer::app {

/// "<data>/dev/jwt.key"
std::string dev_key_path(const std::string& data_dir);
/// Errors: invalid_argument (missing, or no RSA key; the detail names the file).
model::Result<crypto::SigningKey> read_dev_key(const std::string& path);
/// Reads the key, or makes one (mode 0600) when there is no file. REQUIRES: its directory is there.
model::Result<crypto::SigningKey> open_dev_key(const std::string& path);

}  // namespace coffer::app
