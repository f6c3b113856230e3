#pragma once
// What every gRPC call of a door has in common, one answer or many: who is at the other end, its message, and how errors
// are said. Used by unary.cpp and stream.cpp on their workers' threads.

#include <optional>
#include <string>
#include <string_view>

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "net/rpc.hpp"

namespace coffer::net::rpc {

class GrpcCaller : public Caller {
 public:
  Transport transport() const final { return Transport::grpc; }
  std::string_view header(std::string_view name) const final;
  std::string_view address() const final { return address_; }
  bool is_loopback() const final;
  bool is_tls() const final { return tls_; }
  const ClientCertificate& client_certificate() const final;

 protected:
  /// The context outlives every use of the caller.
  void arrived(const grpc::ServerContext& context, bool tls);

 private:
  const grpc::ServerContext* context_ = nullptr;
  bool tls_ = false;
  std::string address_;
  mutable std::optional<ClientCertificate> certificate_;  // read when it is asked for: most calls bring a token
};

/// Parses the payload and lets it go. Errors: invalid_argument.
model::Status read_message(grpc::ByteBuffer& payload, google::protobuf::Message* message);
/// Errors: invalid_argument. An empty id is none.
model::Status check_call_id(std::string_view id);

grpc::Status to_grpc(const WireStatus& failure, const model::Error& error);
grpc::Status to_grpc(const model::Error& error);

}  // namespace coffer::net::rpc
