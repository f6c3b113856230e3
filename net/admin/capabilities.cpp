// See capabilities.hpp.

#include "net/admin/capabilities.hpp"

#include <cctype>

#include "coffer/admin/v1/admin.pb.h"
#include "coffer/admin/v1/backup.pb.h"
#include "coffer/admin/v1/cluster.pb.h"
#include "coffer/admin/v1/keys.pb.h"
#include "coffer/admin/v1/operators.pb.h"
#include "model/operators.hpp"
#include "net/credentials.hpp"

namespace coffer::net::admin {
namespace {

namespace api = ::coffer::admin::v1;
using model::Code;
using model::Error;
using model::Status;

/// "CreateJoinToken" -> "create-join-token"
std::string in_words(std::string_view name) {
  std::string words;
  for (const char c : name) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !words.empty()) words += '-';
    words += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return words;
}

/// Whoever makes these proves himself by what he gives (keeper_door.cpp).
bool needs_none(std::string_view capability) {
  return capability == "seal.status" || capability == "seal.unseal" || capability == "seal.regenerate-token";
}

std::vector<std::string> make_all() {
  std::vector<std::string> all;
  for (const auto* file :
       {api::Tenant::descriptor()->file(), api::Operator::descriptor()->file(), api::KeysStatus::descriptor()->file(),
        api::BackupPiece::descriptor()->file(), api::ClusterNode::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        std::string one = capability_of(*file->service(s)->method(m));
        if (!needs_none(one)) all.push_back(std::move(one));
      }
    }
  }
  return all;
}

}  // namespace

std::string capability_of(const google::protobuf::MethodDescriptor& method) {
  return in_words(method.service()->name()) + "." + in_words(method.name());
}

const std::vector<std::string>& capabilities() {
  static const std::vector<std::string> kAll = make_all();
  return kAll;
}

Status check_capability(const model::Credential& credential, std::string_view capability) {
  if (credential.kind == model::CredentialKind::dev_root) return {};
  if (model::operator_may(credential.roles, capability)) return {};
  return Error(Code::permission_denied,
               "this operator's token lacks the capability " + std::string(capability) +
                   "; an operator who has it can make a token with it: coffer admin operators create");
}

Status admit_operator(Rpc& rpc, const actors::Gateway& gateway, std::string_view capability) {
  auto credential = take_credential(rpc.caller(), gateway, {.door = model::Door::admin});
  if (!credential) return credential.error();
  using Kind = model::CredentialKind;
  if (credential->kind != Kind::operator_ && credential->kind != Kind::dev_root) {
    return Error(Code::permission_denied, "this needs an operator's token: a tenant's token does not work here");
  }
  rpc.request.credential = std::move(*credential);
  return check_capability(rpc.request.credential, capability);
}

void guard(Method& method, const actors::Gateway& gateway) {
  method.decode = [&gateway, capability = capability_of(*method.descriptor),
                   decode = std::move(method.decode)](Rpc& rpc) -> model::Result<Step> {
    if (const Status ok = admit_operator(rpc, gateway, capability); !ok) return ok.error();
    return decode(rpc);
  };
}

}  // namespace coffer::net::admin
