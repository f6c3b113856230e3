// See door.hpp. Each row of methods() is one RPC: its messages, the reply it expects and how that is encoded.

#include "net/native/door.hpp"

#include <string>
#include <type_traits>
#include <utility>

#include <boost/json.hpp>

#include "coffer/v1/secrets.pb.h"
#include "google/api/annotations.pb.h"
#include "net/credentials.hpp"
#include "net/native/render.hpp"
#include "net/native/replies.hpp"
#include "net/native/requests.hpp"
#include "net/native/watch.hpp"
#include "net/typed_method.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;
using model::Result;
using model::Status;

constexpr CredentialRule kRule{.door = model::Door::native, .own_header = "x-coffer-token"};
constexpr std::uint32_t kRetryAfterSeconds = 1;  // where the error does not say

/// Nothing when waiting alone does not help.
std::uint32_t retry_after(const Error& error) {
  if (error.retry_after_s != 0) return error.retry_after_s;
  if (error.code == Code::quota_exceeded) return 0;
  const model::Category category = error.category();
  const bool passes = category == model::Category::unavailable || category == model::Category::resource_exhausted;
  return passes ? kRetryAfterSeconds : 0;
}

/// The id of a mutation; reads have none.
template <class In>
std::string request_id_of(const In& in) {
  if constexpr (requires { in.request_id(); }) return in.request_id();
  return {};
}

WireStatus make_failure(const Error& error, std::string_view request_id) {
  const model::Category category = error.category();
  WireStatus status;
  status.grpc_code = category;
  status.grpc_message = std::string(error.message());
  status.http_status = model::http_status(category);
  boost::json::object body;
  body["code"] = model::info(error.code).name;
  body["message"] = error.message();
  body["request_id"] = model::is_valid_utf8(request_id) ? request_id : std::string_view();
  status.http_body = boost::json::serialize(boost::json::object{{"error", std::move(body)}});
  if (const std::uint32_t seconds = retry_after(error); seconds != 0) {
    status.http_headers.emplace_back("retry-after", std::to_string(seconds));
  }
  if (category == model::Category::unauthenticated) {
    status.http_headers.emplace_back("www-authenticate", "Bearer realm=\"coffer\"");
  }
  return status;
}

/// The caller's own id of a mutation, else the one that he traces requests by.
WireStatus fail(const Rpc& rpc, const Error& error) {
  const std::string& own = rpc.request.info.request_id;
  return make_failure(error, own.empty() ? rpc.caller().call_id() : std::string_view(own));
}

class NativeDoor final : public Door {
 public:
  NativeDoor(const Doors& settings, actors::Gateway& gateway)
      : dev_(settings.dev),
        gateway_(gateway),
        service_(*v1::PutRequest::descriptor()->file()->FindServiceByName("Secrets")) {}

  std::string_view name() const override { return "native"; }
  std::vector<Method> methods() override;
  std::vector<std::string> path_prefixes() const override { return {"/v1/"}; }
  WireStatus http_failure(const Error& error, std::string_view request_id) const override {
    return make_failure(error, request_id);
  }

 private:
  template <class In, class Out, class Body>
  Method call(std::string_view name, std::function<Status(const In&, const Body&, Rpc&, Out&)> encode) {
    return with_rest(typed_method<In, Out, Body>(service_, name,
                                                 {.decode = [this](const In& in, Rpc& rpc) { return decode(in, rpc); },
                                                  .encode = std::move(encode),
                                                  .fail = fail}));
  }
  /// An RPC that answers metadata of one entry.
  template <class In>
  Method entry_call(std::string_view name) {
    return call<In, v1::Metadata, model::EntryReply>(
        name, [](const In&, const model::EntryReply& reply, Rpc&, v1::Metadata& out) -> Status {
          native::to_message(reply.entry, reply.version, &out);
          return {};
        });
  }

  /// An RPC that answers who may do what with one entry.
  template <class In>
  Method permission_call(std::string_view name) {
    return call<In, v1::Permissions, model::EntryReply>(
        name, [](const In&, const model::EntryReply& reply, Rpc&, v1::Permissions& out) -> Status {
          native::to_message(reply.entry, &out);
          return {};
        });
  }
  /// An RPC that answers the caller's own token.
  template <class In>
  Method token_call(std::string_view name) {
    return call<In, v1::Token, model::TokenReply>(
        name, [](const In&, const model::TokenReply& reply, Rpc&, v1::Token& out) -> Status {
          native::to_message(reply.token, &out);
          return {};
        });
  }

  template <class In>
  Result<Step> decode(const In& in, Rpc& rpc);
  static Status encode_get(const v1::GetRequest&, const model::EntryReply&, Rpc&, v1::Secret&);
  static Method with_rest(Method method) {
    method.rest_omit_empty = {"coffer.v1.Secret.data"};  // a secret has one of data, value and value_base64
    method.rest = method.descriptor->options().HasExtension(google::api::http);
    return method;
  }

  const bool dev_;
  actors::Gateway& gateway_;
  const google::protobuf::ServiceDescriptor& service_;
};

template <class In>
Result<model::TenantOperation> to_operation(const In& in, const Caller& caller) {
  if constexpr (std::is_same_v<In, v1::WatchRequest>)
    return native::to_operation(in, caller.header("last-event-id"));
  else
    return native::to_operation(in);
}

template <class In>
Result<Step> NativeDoor::decode(const In& in, Rpc& rpc) {
  model::Request& request = rpc.request;
  if (const Status ok = fill_call_info(request, rpc.caller(), kRule.door, request_id_of(in)); !ok) return ok.error();
  auto credential = take_credential(rpc.caller(), gateway_, kRule);
  if (!credential) return credential.error();
  if (credential->kind == model::CredentialKind::operator_) {
    return Error(Code::permission_denied,
                 "an operator's token works on the admin listener only: use a token of the tenant");
  }
  if (const Status ok = model::check_tenant_name(in.tenant()); !ok) return ok.error();
  auto operation = to_operation(in, rpc.caller());
  if (!operation) return operation.error();
  // A read makes no tenant, so that a mistyped name is told and leaves nothing behind.
  constexpr bool kCreates = std::is_same_v<In, v1::PutRequest> || std::is_same_v<In, v1::TransactRequest>;
  request.tenant = {.name = in.tenant(), .door = {}, .create_at_first_use = kCreates && dev_};
  request.credential = std::move(*credential);
  request.operation = std::move(*operation);
  return Step::submit;
}

Status NativeDoor::encode_get(const v1::GetRequest&, const model::EntryReply& reply, Rpc& rpc, v1::Secret& out) {
  if (rpc.caller().transport() == Transport::http) {
    const std::string tag = native::entity_tag(reply);
    rpc.set_header("etag", tag);
    rpc.set_header("cache-control", "no-store");  // a value belongs into no cache on the way
    if (native::matches_entity_tag(rpc.caller().header("if-none-match"), tag)) {
      rpc.set_http_status(304);
      return {};
    }
  }
  native::to_message(reply, &out);
  return {};
}

std::vector<Method> NativeDoor::methods() {
  std::vector<Method> methods;
  methods.push_back(entry_call<v1::PutRequest>("Put"));
  methods.push_back(call<v1::GetRequest, v1::Secret, model::EntryReply>("Get", encode_get));
  methods.push_back(entry_call<v1::DescribeRequest>("Describe"));
  methods.push_back(entry_call<v1::UpdateMetadataRequest>("UpdateMetadata"));
  methods.push_back(call<v1::DeleteRequest, v1::Metadata, model::DeleteReply>(
      "Delete", [](const v1::DeleteRequest&, const model::DeleteReply& reply, Rpc&, v1::Metadata& out) -> Status {
        // Of the versions an answer holds the one that was asked for only; none when it is kept no longer.
        const auto& versions = reply.entry.versions;
        const std::uint64_t answered = versions.empty() ? reply.entry.last_version : versions.back().number;
        native::to_message(reply.entry, answered, &out);
        return {};
      }));
  methods.push_back(entry_call<v1::UndeleteRequest>("Undelete"));
  methods.push_back(entry_call<v1::DestroyRequest>("Destroy"));
  methods.push_back(call<v1::HistoryRequest, v1::HistoryResponse, model::HistoryReply>(
      "History",
      [](const v1::HistoryRequest&, const model::HistoryReply& reply, Rpc&, v1::HistoryResponse& out) -> Status {
        native::to_message(reply, &out);
        return {};
      }));
  methods.push_back(call<v1::ListRequest, v1::ListResponse, model::ListReply>(
      "List", [](const v1::ListRequest& in, const model::ListReply& reply, Rpc& rpc, v1::ListResponse& out) -> Status {
        native::to_message(reply, rpc.reply->revision, in, &out);
        return {};
      }));
  methods.push_back(call<v1::BatchGetRequest, v1::BatchGetResponse, model::BatchGetReply>(
      "BatchGet",
      [](const v1::BatchGetRequest& in, const model::BatchGetReply& reply, Rpc&, v1::BatchGetResponse& out) -> Status {
        if (reply.results.size() != static_cast<std::size_t>(in.secrets_size())) {
          return Error(Code::internal, "the reply does not fit the request");
        }
        native::to_message(reply, in, &out);
        return {};
      }));
  methods.push_back(call<v1::TransactRequest, v1::TransactResponse, model::TransactReply>(
      "Transact",
      [](const v1::TransactRequest&, const model::TransactReply& reply, Rpc& rpc, v1::TransactResponse& out) -> Status {
        native::to_message(reply, rpc.reply->revision, &out);
        return {};
      }));
  methods.push_back(call<v1::WatchRequest, v1::Change, NoBody>("Watch", {}));
  methods.back().advance = native::advance;
  methods.push_back(permission_call<v1::SetPermissionRequest>("SetPermission"));
  methods.push_back(permission_call<v1::GetPermissionsRequest>("GetPermissions"));
  methods.push_back(call<v1::RenderRequest, v1::RenderResponse, NoBody>(
      "Render", [](const v1::RenderRequest& in, const NoBody&, Rpc& rpc, v1::RenderResponse& out) -> Status {
        if (rpc.caller().transport() == Transport::http) rpc.set_header("cache-control", "no-store");
        return native::to_message(in, rpc.reply->body, &out);
      }));
  methods.push_back(token_call<v1::LookupSelfRequest>("LookupSelf"));
  methods.push_back(token_call<v1::RenewSelfRequest>("RenewSelf"));
  methods.push_back(token_call<v1::RevokeSelfRequest>("RevokeSelf"));
  return methods;
}

}  // namespace

std::unique_ptr<Door> make_native_door(const Doors& settings, actors::Gateway& gateway) {
  return std::make_unique<NativeDoor>(settings, gateway);
}

}  // namespace coffer::net
