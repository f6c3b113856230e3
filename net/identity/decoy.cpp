// See decoy.hpp.

#include "net/identity/decoy.hpp"

#include <atomic>

#include "net/jwt/verify.hpp"

namespace coffer::net {
namespace {

// One key of each type, whose private halves were thrown away when they were made: no signature holds under them.
constexpr const char* kKeys[] = {
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnM8hR1M+mv/S6M9/A4/2\n"
    "FM/9nF+7Kl0UAUbXzHrjEV1oYcQfFdYiIXsgVbwreRzgSLpZsyzwIeebgg/2kkcu\n"
    "8ZmLQoXnKzr4Y6m0Rt7n9gmASTfYMpg/G1XLtbwLo7pdoBf83fntXcQ/vUvP9bzp\n"
    "8snINk+Fs6MXd4GB8lVxJkFXQNSQceGZ4mXOkTX2kkWU0p+1fdbiSTZhGT2TgG8H\n"
    "Beh0EfANL6C2RyJo8txKKzF+yhKne9LbQm0cU/Y23A7r7YlGpY186o8bhlf8SMne\n"
    "saJOP68jvtUAcOSTdiitjbwXX6Lpdzj72ZF/Dz0PsefUJ4W1x8B5Fqd0r2MBk9t7\n"
    "kwIDAQAB\n"
    "-----END PUBLIC KEY-----\n",
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHM8JOenaPEMxEm1fMxCxJFgEEZqP\n"
    "Kcdym9gfrlI9wrZ2Iuq7IFmLXTVqBXnPXD8ERMVdCA+Pjzge3Qe99I2ABg==\n"
    "-----END PUBLIC KEY-----\n",
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAzOWN5UG5pD2TI5mGU+64oN4WAuX6ar+z+7RsNICKGRU=\n"
    "-----END PUBLIC KEY-----\n"};

std::atomic<std::uint64_t> checked{0};

}  // namespace

std::uint64_t decoys_checked() { return checked.load(std::memory_order_relaxed); }

void check_against_decoy(const jwt::Token& token) {
  static const auto decoy = [] {
    model::Issuer settings;
    settings.name = "decoy";
    settings.iss = "decoy";
    settings.algorithms = model::kAllJwsAlgorithms;
    for (const char* key : kKeys) settings.public_keys.emplace_back(key);
    return jwt::trust(std::move(settings));
  }();
  std::size_t checks = 0;
  if (decoy) (void)jwt::check_signature(*decoy, token, nullptr, &checks);
  checked.fetch_add(checks, std::memory_order_relaxed);
}

}  // namespace coffer::net
