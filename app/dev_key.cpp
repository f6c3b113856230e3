// See dev_key.hpp.

#include "app/dev_key.hpp"

#include <filesystem>

#include "app/cli/files.hpp"

namespace coffer::app {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;

}  // namespace

std::string dev_key_path(const std::string& data_dir) { return data_dir + "/dev/jwt.key"; }

model::Result<crypto::SigningKey> read_dev_key(const std::string& path) {
  const auto pem = cli::read_file(path, kMostBytes);
  if (!pem) return pem.error();
  auto key = crypto::SigningKey::from_pem(*pem);
  if (key) return key;
  return model::Error(key.error().code, "'" + path + "': " + std::string(key.error().message()));
}

model::Result<crypto::SigningKey> open_dev_key(const std::string& path) {
  std::error_code ec;
  if (std::filesystem::exists(path, ec)) return read_dev_key(path);
  crypto::SigningKey key = crypto::SigningKey::generate();
  if (auto status = cli::write_private_file(path, key.private_pem().expose()); !status) return status.error();
  return key;
}

}  // namespace coffer::app
