// See door.hpp. The gRPC methods; http_routes.cpp has the HTTP ones.

#include "net/dapr/door.hpp"

#include <string>
#include <utility>

#include "dapr/proto/runtime/v1/dapr.pb.h"
#include "net/dapr/attributes.hpp"
#include "net/dapr/description.hpp"
#include "net/dapr/http_routes.hpp"
#include "net/dapr/paths.hpp"
#include "net/dapr/projection.hpp"
#include "net/dapr/reader.hpp"
#include "net/typed_method.hpp"

namespace coffer::net {
namespace {

namespace api = ::dapr::proto::runtime::v1;
using dapr::Asked;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

std::string_view find_or_empty(const google::protobuf::Map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string_view() : std::string_view(found->second);
}

class DaprDoor final : public Door {
 public:
  DaprDoor(const Doors& settings, actors::Gateway& gateway)
      : version_(settings.version),
        gateway_(gateway),
        reader_(settings, gateway),
        service_(*api::GetSecretRequest::descriptor()->file()->FindServiceByName("Dapr")) {}

  std::string_view name() const override { return "dapr"; }
  std::vector<Method> methods() override {
    std::vector<Method> methods;
    methods.push_back(get_secret());
    methods.push_back(get_bulk_secret());
    methods.push_back(get_metadata());
    return methods;
  }
  std::vector<HttpRoute> routes() override { return dapr::make_routes(reader_, attributes_, gateway_, version_); }
  std::vector<std::string> path_prefixes() const override { return {"/v1.0/"}; }
  WireStatus http_failure(const Error& error, std::string_view request_id) const override;
  WireStatus unknown_path(const Caller& caller, std::string_view) const override {
    model::Request unused;
    const Status ok = reader_.authenticate_here(caller, unused);
    return ok ? dapr::no_route() : reader_.describe(caller, {}, ok.error());
  }
  std::optional<std::string> clean_path(std::string_view raw_path) const override { return dapr::clean_path(raw_path); }
  bool hides_verbs() const override { return true; }
  void reload(const Doors& settings) override { reader_.reload(settings); }

 private:
  Status judge(const api::GetSecretRequest& in, const Status& answer) const {
    return reader_.judge(in.store_name(), in.key(), find_or_empty(in.metadata(), "version_id"), answer);
  }
  Method get_secret();
  Method get_bulk_secret();
  Method get_metadata();

  const std::string version_;
  actors::Gateway& gateway_;
  dapr::Reader reader_;
  dapr::Attributes attributes_;
  const google::protobuf::ServiceDescriptor& service_;
};

/// What the HTTP listener found out before any route: a path that does not decode, a request beyond a limit.
WireStatus DaprDoor::http_failure(const Error& error, std::string_view) const {
  const model::Category category = error.category();
  switch (error.code) {
    case Code::unauthenticated: return dapr::refuse_token(false);
    case Code::entry_not_found: return dapr::no_route();
    case Code::too_large:
      return dapr::make_error(400, category, "ERR_BODY_READ",
                              "failed to read request body: " + std::string(error.message()));
    case Code::invalid_argument: {
      WireStatus status;
      status.grpc_code = category;
      status.http_status = 400;
      status.http_content_type = "text/plain; charset=utf-8";
      status.http_body = "failed to unescape request parameter: " + std::string(error.message()) + "\n";
      return status;
    }
    default:
      return dapr::make_error(model::http_status(category), category,
                              "ERR_" + std::string(model::category_name(category)), std::string(error.message()));
  }
}

Method DaprDoor::get_secret() {
  using In = api::GetSecretRequest;
  using Out = api::GetSecretResponse;
  return typed_method<In, Out, model::EntryReply>(
      service_, "GetSecret",
      {.decode = [this](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = reader_.authenticate(rpc.caller(), rpc.request); !ok) return ok.error();
         const Status ok =
             reader_.ask(in.store_name(), in.key(), find_or_empty(in.metadata(), "version_id"), rpc.request);
         if (ok.ok()) return Step::submit;
         if (reader_.is_absent(ok.error())) return Step::done;
         return ok.error();
       },
       .encode = [this](const In& in, const model::EntryReply& reply, Rpc&, Out& out) -> Status {
         if (const Status told = judge(in, {}); !told) return told;
         const auto view = reader_.stores().find(in.store_name());
         if (!view) return Code::tenant_not_found;
         if (!reply.payload) return Error(Code::internal, "the reply does not fit the request");
         const dapr::StringMap values = dapr::project(*reply.payload, in.key(), view->multiple_values);
         out.mutable_data()->insert(values.begin(), values.end());
         return {};
       },
       .fail =
           [this](const Rpc& rpc, const Error& error) {
             const In& in = static_cast<const In&>(rpc.in());
             const Status told = judge(in, error);
             return reader_.describe(rpc.caller(), Asked{in.store_name(), in.key(), false},
                                     told ? error : told.error());
           },
       .recover =
           [this](const In& in, const Error& error, Out&) {
             const Status told = judge(in, error);
             return reader_.is_absent(told ? error : told.error());
           }});
}

Method DaprDoor::get_bulk_secret() {
  using In = api::GetBulkSecretRequest;
  using Out = api::GetBulkSecretResponse;
  return typed_method<In, Out, model::ListReply>(
      service_, "GetBulkSecret",
      {.decode = [this](const In& in, Rpc& rpc) -> Result<Step> {
         if (const Status ok = reader_.authenticate(rpc.caller(), rpc.request); !ok) return ok.error();
         if (const Status ok = reader_.ask_bulk(in.store_name(), rpc.request); !ok) return ok.error();
         return Step::submit;
       },
       .encode = [this](const In& in, const model::ListReply& reply, Rpc&, Out& out) -> Status {
         const auto view = reader_.stores().find(in.store_name());
         if (!view) return Code::tenant_not_found;
         for (const auto& [name, values] : dapr::project_all(reply, *view)) {
           (*out.mutable_data())[name].mutable_secrets()->insert(values.begin(), values.end());
         }
         return {};
       },
       .fail =
           [this](const Rpc& rpc, const Error& error) {
             return reader_.describe(rpc.caller(), Asked{static_cast<const In&>(rpc.in()).store_name(), {}, true},
                                     error);
           },
       .recover = {}});
}

Method DaprDoor::get_metadata() {
  using In = api::GetMetadataRequest;
  using Out = api::GetMetadataResponse;
  return typed_method<In, Out, NoBody>(
      service_, "GetMetadata",
      {.decode = [this](const In&, Rpc& rpc) -> Result<Step> {
         if (const Status ok = reader_.authenticate_here(rpc.caller(), rpc.request); !ok) return ok.error();
         dapr::to_message(dapr::describe_server(version_, reader_.stores(), attributes_, rpc.request.credential),
                          &static_cast<Out&>(rpc.out()));
         return Step::done;
       },
       .encode = [](const In&, const NoBody&, Rpc&, Out&) -> Status { return {}; },
       .fail = [this](const Rpc& rpc, const Error& error) { return reader_.describe(rpc.caller(), {}, error); },
       .recover = {}});
}

}  // namespace

std::unique_ptr<Door> make_dapr_door(const Doors& settings, actors::Gateway& gateway) {
  return std::make_unique<DaprDoor>(settings, gateway);
}

}  // namespace coffer::net
