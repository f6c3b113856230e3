#pragma once
// Certificates of a gRPC listener that can be replaced while it serves. grpc++ 1.51 takes new ones only from files that
// it looks at every second; so that it never sees a half-written or foreign one, it is given anonymous files in memory
// (memfd_create(2)), which are filled from material that OpenSSL has read and matched. Main's thread.

#include <memory>

#include <grpcpp/security/server_credentials.h>

#include "model/result.hpp"
#include "net/listen.hpp"
#include "net/settings.hpp"

namespace coffer::net::rpc {

class LiveCertificates {
 public:
  /// Errors: those of load_tls; unavailable when the system has no memory files.
  static model::Result<std::unique_ptr<LiveCertificates>> make(const TlsFiles& files);
  ~LiveCertificates();
  LiveCertificates(const LiveCertificates&) = delete;

  std::shared_ptr<grpc::ServerCredentials> credentials() const { return credentials_; }
  /// For handshakes from about a second on. Errors: those of load_tls, and then nothing changes; invalid_argument when
  /// client certificates would begin or cease to be asked for, which needs a restart.
  model::Status replace(const TlsFiles& files);

 private:
  LiveCertificates() = default;
  model::Status fill(const TlsMaterial& material);

  int key_ = -1, certificate_ = -1, client_ca_ = -1;
  bool asks_ = false;  // for client certificates
  std::shared_ptr<grpc::ServerCredentials> credentials_;
};

}  // namespace coffer::net::rpc
