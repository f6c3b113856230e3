// See live_certificates.hpp.

#include "net/grpc/live_certificates.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

namespace coffer::net::rpc {
namespace {

using model::Code;
using model::Error;
using model::Status;

constexpr unsigned kLookEverySeconds = 1;

std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Status write_whole(int fd, std::string_view bytes) {
  const bool good = ::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
                    ::ftruncate(fd, static_cast<off_t>(bytes.size())) == 0;
  if (good) return {};
  return Error(Code::unavailable, std::string("cannot keep a TLS certificate in memory: ") + std::strerror(errno));
}

}  // namespace

model::Result<std::unique_ptr<LiveCertificates>> LiveCertificates::make(const TlsFiles& files) {
  const auto material = load_tls(files);
  if (!material) return material.error();
  std::unique_ptr<LiveCertificates> made(new LiveCertificates);
  for (int* fd : {&made->key_, &made->certificate_, &made->client_ca_}) {
    *fd = ::memfd_create("coffer-tls", MFD_CLOEXEC);
    if (*fd < 0) return Error(Code::unavailable, std::string("memfd_create: ") + std::strerror(errno));
  }
  made->asks_ = !material->client_ca.empty();
  if (auto status = made->fill(*material); !status) return status.error();
  const auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      path_of(made->key_), path_of(made->certificate_), made->asks_ ? path_of(made->client_ca_) : std::string(),
      kLookEverySeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  // A client certificate is asked for, not demanded: a door may take a token instead. One that is presented must verify.
  if (made->asks_) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  } else {
    options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  }
  made->credentials_ = grpc::experimental::TlsServerCredentials(options);
  return made;
}

LiveCertificates::~LiveCertificates() {
  for (const int fd : {key_, certificate_, client_ca_}) {
    if (fd >= 0) ::close(fd);
  }
}

Status LiveCertificates::replace(const TlsFiles& files) {
  const auto material = load_tls(files);
  if (!material) return material.error();
  if (material->client_ca.empty() == asks_) {
    return Error(Code::invalid_argument, "tls.client_ca: whether clients are asked for a certificate needs a restart");
  }
  return fill(*material);
}

Status LiveCertificates::fill(const TlsMaterial& material) {
  if (auto status = write_whole(key_, material.key.expose()); !status) return status;
  if (auto status = write_whole(certificate_, material.certificate); !status) return status;
  return write_whole(client_ca_, material.client_ca);
}

}  // namespace coffer::net::rpc
