// See door.hpp. Each function of DirektivDoor makes one RPC: decode, encode, and what it answers when it fails.

#include "net/direktiv/door.hpp"

#include <string>
#include <utility>

#include <google/protobuf/empty.pb.h>

#include "net/admin/capabilities.hpp"
#include "net/credentials.hpp"
#include "net/direktiv/errors.hpp"
#include "net/typed_method.hpp"
#include "pkg/secrets/protocol.pb.h"
#include "pkg/secrets/secrets.pb.h"

namespace coffer::net {
namespace {

using direktiv::kAllRequired;
using direktiv::kSomeMissing;
using direktiv::make_status;
using google::protobuf::Empty;
using model::Category;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

constexpr std::string_view kSpace = "direktiv";
constexpr std::string_view kTypeAttribute = "stype";
constexpr std::size_t kMostData = 65536;  // upstream's column
constexpr std::size_t kMostNamespace = 512;

/// protocol.proto holds a service and no message: naming its table is what makes the linker keep its descriptor.
const google::protobuf::ServiceDescriptor& find_service() {
  const char* file = descriptor_table_pkg_2fsecrets_2fprotocol_2eproto.filename;
  return *google::protobuf::DescriptorPool::generated_pool()->FindFileByName(file)->FindServiceByName("SecretsService");
}

/// SECRET is the absent attribute, so what another door put into the space is a SECRET. The enum is open, as upstream's
/// column is: any number is a type of its own.
std::string to_attribute(int type) { return type == secrets::SECRET ? std::string() : std::to_string(type); }
std::pair<std::string, std::string> type_attribute(int type) {
  return {std::string(kTypeAttribute), to_attribute(type)};
}

/// What a bucket and a stored secret may be called. Upstream has no rule; an empty or unprintable name can never be
/// named again by an operator, so it is refused when it would be made.
Status check_namespace(const std::string& text) {
  if (text.empty()) return Error(Code::invalid_argument, "namespace must not be empty");
  if (text.size() > kMostNamespace) {
    return Error(Code::too_large,
                 "namespace has " + std::to_string(text.size()) + " bytes: at most " + std::to_string(kMostNamespace));
  }
  for (const unsigned char c : text) {
    if (c < 0x20 || c == 0x7f) return Error(Code::invalid_argument, "namespace must not hold control characters");
  }
  return {};
}

/// No bucket has a namespace that CreateBucket refuses: who looks for one finds nothing, and has made no mistake.
bool can_exist(const std::string& name_space) { return check_namespace(name_space).ok(); }

class DirektivDoor final : public Door {
 public:
  DirektivDoor(const Doors& settings, actors::Gateway& gateway)
      : dev_(settings.dev),
        gateway_(gateway),
        rule_{.door = model::Door::direktiv, .open_on_loopback = settings.dev},
        service_(find_service()) {}

  std::string_view name() const override { return "direktiv"; }
  std::vector<Method> methods() override {
    std::vector<Method> methods;
    methods.push_back(create_bucket());
    methods.push_back(delete_bucket());
    methods.push_back(store());
    methods.push_back(retrieve());
    methods.push_back(remove());
    methods.push_back(list<secrets::GetSecretsResponse>("GetSecrets", false));
    methods.push_back(list<secrets::GetSecretsDataResponse>("GetSecretsWithData", true));
    return methods;
  }
  WireStatus http_failure(const Error& error, std::string_view) const override { return direktiv::to_status(error); }

 private:
  Method create_bucket();
  Method delete_bucket();
  Method store();
  Method retrieve();
  Method remove();
  template <class Out>
  Method list(std::string_view name, bool with_data);

  /// Credential and what every call has in common. A tenant's call does not take an operator's token.
  Status open(Rpc& rpc) const;
  /// The same for calls that only operators may make who hold the capability: buckets are tenants.
  Status open_as_operator(Rpc& rpc, std::string_view capability) const;
  /// The answer to a call for what cannot be there, which nobody has to be asked.
  static Result<Step> answer_at_once(const Rpc& rpc) {
    const Status ok = require_checked(rpc.request.credential);
    return ok ? Result<Step>(Step::done) : Result<Step>(ok.error());
  }
  static Step submit(Rpc& rpc, const std::string& name_space, bool creates, model::TenantOperation operation) {
    rpc.request.tenant = {.name = {}, .door = {model::Door::direktiv, name_space}, .create_at_first_use = creates};
    rpc.request.operation = std::move(operation);
    return Step::submit;
  }
  static WireStatus fail(const Rpc&, const Error& error) { return direktiv::to_status(error); }

  const bool dev_;
  actors::Gateway& gateway_;
  const CredentialRule rule_;
  const google::protobuf::ServiceDescriptor& service_;
};

Status DirektivDoor::open(Rpc& rpc) const {
  auto credential = take_credential(rpc.caller(), gateway_, rule_);
  if (!credential) return credential.error();
  if (credential->kind == model::CredentialKind::operator_) {
    return Error(Code::permission_denied,
                 "an operator's token makes and deletes buckets only: use a token of the namespace");
  }
  rpc.request.credential = std::move(*credential);
  return fill_call_info(rpc.request, rpc.caller(), rule_.door, {});
}

Status DirektivDoor::open_as_operator(Rpc& rpc, std::string_view capability) const {
  auto credential = take_credential(rpc.caller(), gateway_, rule_);
  if (!credential) return credential.error();
  using Kind = model::CredentialKind;
  if (credential->kind != Kind::operator_ && credential->kind != Kind::dev_root &&
      credential->kind != Kind::open_door) {
    return Error(Code::permission_denied, "buckets are made and deleted with an operator's token");
  }
  rpc.request.credential = std::move(*credential);
  if (rpc.request.credential.kind == Kind::operator_) {
    if (const Status ok = admin::check_capability(rpc.request.credential, capability); !ok) return ok;
  }
  return fill_call_info(rpc.request, rpc.caller(), rule_.door, {});
}

Method DirektivDoor::create_bucket() {
  using In = secrets::SecretsCreateBucketRequest;
  using Out = secrets::SecretsCreateBucketResponse;
  return typed_method<In, Out, model::TenantReply>(
      service_, "CreateBucket",
      {.decode = [this](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open_as_operator(rpc, "tenants.create"); !ok) return ok.error();
         if (!in.has_namespace_()) return Error(Code::invalid_argument, std::string(kSomeMissing));
         if (const Status ok = check_namespace(in.namespace_()); !ok) return ok.error();
         model::CreateTenant create;
         create.doors.push_back({model::Door::direktiv, in.namespace_()});
         create.with_owner_key = true;
         rpc.request.operation = model::DirectoryOperation(std::move(create));
         return Step::submit;
       },
       .encode = [](const In&, const model::TenantReply& reply, Rpc&, Out& out) -> Status {
         out.set_pkey(std::string(reply.owner_private_key.expose()));
         return {};
       },
       .fail =
           [](const Rpc& rpc, const Error& error) {
             if (error.code != Code::tenant_exists && error.code != Code::door_taken) return direktiv::to_status(error);
             return make_status(Category::already_exists,
                                "bucket '" + static_cast<const In&>(rpc.in()).namespace_() + "' already exists");
           }});
}

Method DirektivDoor::delete_bucket() {
  using In = secrets::SecretsDeleteBucketRequest;
  return typed_method<In, Empty, model::TenantReply>(
      service_, "DeleteBucket",
      {.decode = [this](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open_as_operator(rpc, "tenants.delete"); !ok) return ok.error();
         if (!in.has_namespace_()) return Error(Code::invalid_argument, std::string(kSomeMissing));
         if (!can_exist(in.namespace_())) return Error(Code::tenant_not_found);
         rpc.request.operation = model::DirectoryOperation(
             model::DeleteTenant{.name = {}, .door = model::DoorName{model::Door::direktiv, in.namespace_()}});
         return Step::submit;
       },
       .encode = [](const In&, const model::TenantReply&, Rpc&, Empty&) -> Status { return {}; },
       .fail =
           [](const Rpc& rpc, const Error& error) {
             if (!direktiv::is_missing(error)) return direktiv::to_status(error);
             return make_status(
                 Category::not_found,
                 "bucket '" + direktiv::shown(static_cast<const In&>(rpc.in()).namespace_()) + "' not found");
           }});
}

Method DirektivDoor::store() {
  using In = secrets::SecretsStoreRequest;
  return typed_method<In, Empty, model::EntryReply>(
      service_, "StoreSecret",
      {.decode = [this](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open(rpc); !ok) return ok.error();
         if (!in.has_namespace_() || !in.has_name() || in.data().empty() || !in.has_stype()) {
           return Error(Code::invalid_argument, std::string(kAllRequired));
         }
         if (const Status ok = check_namespace(in.namespace_()); !ok) return ok.error();
         if (in.name().empty()) return Error(Code::invalid_argument, "name must not be empty");
         if (in.data().size() > kMostData) {
           return Error(Code::too_large, "data has " + std::to_string(in.data().size()) + " bytes: at most " +
                                             std::to_string(kMostData));
         }
         model::Put put;
         put.space = kSpace;
         put.name = in.name();
         put.payload = model::Payload::of_bytes(in.data());
         put.create_only = true;
         put.attributes.insert(type_attribute(in.stype()));
         return submit(rpc, in.namespace_(), dev_, std::move(put));
       },
       .encode = [](const In&, const model::EntryReply&, Rpc&, Empty&) -> Status { return {}; },
       .fail =
           [](const Rpc& rpc, const Error& error) {
             if (error.code != Code::tenant_not_found) return direktiv::to_status(error);
             return make_status(Category::unknown, "namespace '" + static_cast<const In&>(rpc.in()).namespace_() +
                                                       "' has no bucket: create it first");
           }});
}

Method DirektivDoor::retrieve() {
  using In = secrets::SecretsRetrieveRequest;
  using Out = secrets::SecretsRetrieveResponse;
  return typed_method<In, Out, model::EntryReply>(
      service_, "RetrieveSecret",
      {.decode = [this](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open(rpc); !ok) return ok.error();
         if (!in.has_namespace_() || !in.has_name()) return Error(Code::invalid_argument, std::string(kSomeMissing));
         if (!can_exist(in.namespace_())) {
           const Status ok = require_checked(rpc.request.credential);
           return ok ? Error(Code::entry_not_found) : ok.error();
         }
         return submit(rpc, in.namespace_(), false, model::Get{.space = std::string(kSpace), .name = in.name()});
       },
       .encode = [](const In&, const model::EntryReply& reply, Rpc&, Out& out) -> Status {
         if (!reply.payload) return Error(Code::internal, "the reply does not fit the request");
         out.set_data(std::string(model::as_bytes(*reply.payload).expose()));
         return {};
       },
       .fail =
           [](const Rpc& rpc, const Error& error) {
             const std::string& name = static_cast<const In&>(rpc.in()).name();
             if (!direktiv::is_missing(error, name)) return direktiv::to_status(error);
             return make_status(Category::not_found, "secret '" + direktiv::shown(name) + "' not found");
           }});
}

Method DirektivDoor::remove() {
  using In = secrets::SecretsDeleteRequest;
  using Out = secrets::SecretsDeleteResponse;
  return typed_method<In, Out, model::DeleteReply>(
      service_, "DeleteSecret",
      {.decode = [this](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open(rpc); !ok) return ok.error();
         if (!in.has_namespace_() || !in.has_name() || !in.has_stype()) {
           return Error(Code::invalid_argument, std::string(kSomeMissing));
         }
         if (!can_exist(in.namespace_())) {
           static_cast<Out&>(rpc.out()).set_count(0);
           return answer_at_once(rpc);
         }
         model::Delete del;
         del.space = kSpace;
         del.name = in.name();
         del.only_if_attribute = type_attribute(in.stype());
         del.missing_is_ok = true;
         return submit(rpc, in.namespace_(), false, std::move(del));
       },
       .encode = [](const In&, const model::DeleteReply& reply, Rpc&, Out& out) -> Status {
         out.set_count(static_cast<std::int32_t>(reply.count));
         return {};
       },
       .fail = fail,
       .recover =
           [](const In& in, const Error& error, Out& out) {
             if (!direktiv::is_missing(error, in.name())) return false;
             out.set_count(0);
             return true;
           }});
}

template <class Out>
Method DirektivDoor::list(std::string_view name, bool with_data) {
  using In = secrets::GetSecretsRequest;
  return typed_method<In, Out, model::ListReply>(
      service_, name,
      {.decode = [this, with_data](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open(rpc); !ok) return ok.error();
         if (!can_exist(in.namespace_())) return answer_at_once(rpc);
         model::List list;
         list.space = kSpace;
         list.attribute = type_attribute(in.stype());
         list.limit = 0;
         list.with_payload = with_data;
         return submit(rpc, in.namespace_(), false, std::move(list));
       },
       .encode = [](const In&, const model::ListReply& reply, Rpc&, Out& out) -> Status {
         for (const model::EntryReply& entry : reply.entries) {
           auto* secret = out.add_secrets();
           secret->set_name(entry.entry.name);
           if constexpr (requires { secret->set_data(""); }) {
             if (entry.payload) secret->set_data(std::string(model::as_bytes(*entry.payload).expose()));
           }
         }
         return {};
       },
       .fail = fail,
       .recover = [](const In&, const Error& error, Out&) { return error.code == Code::tenant_not_found; }});
}

}  // namespace

std::unique_ptr<Door> make_direktiv_door(const Doors& settings, actors::Gateway& gateway) {
  return std::make_unique<DirektivDoor>(settings, gateway);
}

}  // namespace coffer::net
