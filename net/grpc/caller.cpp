// See caller.hpp.

#include "net/grpc/caller.hpp"

#include <utility>

#include <grpc/grpc_security_constants.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include "net/flight.hpp"
#include "net/guard.hpp"

namespace coffer::net::rpc {
namespace {

using model::Code;
using model::Error;

/// "ipv4:127.0.0.1:40812" and "ipv6:%5B::1%5D:40812" as people write them.
std::string address_of(std::string peer) {
  if (peer.starts_with("ipv4:") || peer.starts_with("ipv6:")) peer.erase(0, 5);
  for (const auto& [code, bracket] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    if (const auto at = peer.find(code); at != std::string::npos) peer.replace(at, 3, bracket);
  }
  return peer;
}

}  // namespace

void GrpcCaller::arrived(const grpc::ServerContext& context, bool tls) {
  context_ = &context;
  tls_ = tls;
  address_ = address_of(context.peer());
}

std::string_view GrpcCaller::header(std::string_view name) const {
  const auto& metadata = context_->client_metadata();
  const auto found = metadata.find(grpc::string_ref(name.data(), name.size()));
  return found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
}

bool GrpcCaller::is_loopback() const { return net::is_loopback(address_); }

const ClientCertificate& GrpcCaller::client_certificate() const {
  if (certificate_) return *certificate_;
  certificate_.emplace();
  const auto auth = context_->auth_context();
  const auto pem = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (!pem.empty()) *certificate_ = net::client_certificate({pem.front().data(), pem.front().size()});
  return *certificate_;
}

model::Status read_message(grpc::ByteBuffer& payload, google::protobuf::Message* message) {
  grpc::Slice slice;
  bool good = false;
  if (payload.TrySingleSlice(&slice).ok()) {
    good = message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  } else {
    grpc::ProtoBufferReader reader(&payload);
    good = reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
  }
  payload.Clear();
  if (good) return {};
  return Error(Code::invalid_argument, "the message is not a " + message->GetDescriptor()->full_name());
}

model::Status check_call_id(std::string_view id) {
  if (id.empty() || is_valid_call_id(id)) return {};
  return Error(Code::invalid_argument, "x-request-id: expected at most 128 visible ASCII characters");
}

grpc::Status to_grpc(const WireStatus& failure, const Error& error) {
  return {static_cast<grpc::StatusCode>(failure.grpc_code), failure.grpc_message,
          failure.grpc_details.empty() ? retry_details(error) : failure.grpc_details};
}

grpc::Status to_grpc(const Error& error) {
  return {static_cast<grpc::StatusCode>(error.category()), std::string(error.message())};
}

}  // namespace coffer::net::rpc
