// Addresses and TLS files of the listeners; see listen.hpp.

#include "net/listen.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace coffer::net {
namespace {

using model::Code;
using model::Error;
using model::Result;
using model::Status;

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

/// Empty when one of the addresses could be bound, else the reason.
std::string try_bind(const addrinfo* addresses) {
  std::string reason = "the name has no address";
  for (const addrinfo* a = addresses; a; a = a->ai_next) {
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) {
      reason = std::strerror(errno);
      continue;
    }
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool bound = bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1) == 0;
    const int error = errno;
    close(fd);
    if (bound) return {};
    reason = std::strerror(error);
  }
  return reason;
}

Result<std::string> read_file(const std::string& path, std::string_view what) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file && text.empty()) {
    return Error(Code::invalid_argument, "cannot read the " + std::string(what) + " " + in_quotes(path) + ": " +
                                             std::strerror(errno ? errno : EIO));
  }
  return text;
}

struct FreeSsl {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeSsl>;

Owned<X509> first_certificate(std::string_view pem) {
  Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

Owned<EVP_PKEY> private_key(std::string_view pem) {
  Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // An encrypted key would make OpenSSL ask on the terminal; an empty password makes it fail instead.
  char empty[] = "";
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, empty));
  ERR_clear_error();
  return key;
}

}  // namespace

Result<HostPort> parse_address(std::string_view address) {
  const auto bad = [&] {
    return Error(Code::invalid_argument, "the address " + in_quotes(address) + " is not of the form host:port");
  };
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return bad();
  HostPort result;
  auto host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Error(Code::invalid_argument, "the address " + in_quotes(address) + " needs brackets: [::1]:7780");
  }
  result.host = std::string(host);
  const auto port = address.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (error != std::errc() || end != port.data() + port.size()) return bad();
  return result;
}

Result<Addresses> addresses_of(std::string_view address) {
  const auto parsed = parse_address(address);
  if (!parsed) return parsed.error();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(parsed->port);
  const int code = getaddrinfo(parsed->host.empty() ? nullptr : parsed->host.c_str(), port.c_str(), &hints, &list);
  if (code == 0) return Addresses(list);
  return Error(Code::unavailable, "cannot listen on " + std::string(address) + ": " + gai_strerror(code));
}

Status check_free(std::string_view address) {
  const auto addresses = addresses_of(address);
  if (!addresses) return addresses.error();
  const std::string reason = try_bind(addresses->get());
  if (reason.empty()) return {};
  return Error(Code::unavailable, "cannot listen on " + std::string(address) + ": " + reason);
}

Result<TlsMaterial> load_tls(const TlsFiles& files) {
  TlsMaterial material;
  auto certificate = read_file(files.certificate, "TLS certificate");
  if (!certificate) return certificate.error();
  auto key = read_file(files.key, "TLS key");
  if (!key) return key.error();
  material.key = model::Secret(*key);
  model::wipe(key->data(), key->size());
  material.certificate = *std::move(certificate);

  const auto leaf = first_certificate(material.certificate);
  if (!leaf) {
    return Error(Code::invalid_argument,
                 "the TLS certificate " + in_quotes(files.certificate) + " is not a PEM certificate");
  }
  const auto secret = private_key(material.key.expose());
  if (!secret) {
    return Error(Code::invalid_argument, "the TLS key " + in_quotes(files.key) + " is not an unencrypted PEM key");
  }
  if (X509_check_private_key(leaf.get(), secret.get()) != 1) {
    ERR_clear_error();
    return Error(Code::invalid_argument, "the TLS key " + in_quotes(files.key) +
                                             " does not belong to the certificate " + in_quotes(files.certificate));
  }
  if (files.client_ca.empty()) return material;
  auto ca = read_file(files.client_ca, "TLS client CA");
  if (!ca) return ca.error();
  if (!first_certificate(*ca)) {
    return Error(Code::invalid_argument,
                 "the TLS client CA " + in_quotes(files.client_ca) + " is not a PEM certificate");
  }
  material.client_ca = *std::move(ca);
  return material;
}

}  // namespace coffer::net
