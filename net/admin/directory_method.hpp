#pragma once
// A method of the admin API that becomes one operation of the directory: what the services Cluster and Operators are made
// of. Used when the door is made; the functions run where rpc.hpp says.

#include <functional>
#include <string>
#include <utility>

#include "model/requests.hpp"
#include "net/admin/cluster.hpp"
#include "net/typed_method.hpp"

namespace coffer::net::admin {

/// `operation` makes of the message, and of who sent it, what the directory is asked. REQUIRES: `service` has the method.
template <class In, class Out, class Body>
Method directory_method(
    const google::protobuf::ServiceDescriptor& service, const char* name, const OpenCall& open, const Failure& fail,
    std::function<model::Result<model::DirectoryOperation>(const In&, const model::Credential&)> operation,
    std::function<void(const Body&, Out&)> encode) {
  return typed_method<In, Out, Body>(
      service, name,
      {.decode = [open, operation = std::move(operation)](const In& in, Rpc& rpc) -> model::Result<Step> {
         std::string id;
         if constexpr (requires { in.request_id(); }) id = in.request_id();
         if (const model::Status ok = open(rpc, std::move(id)); !ok) return ok.error();
         auto made = operation(in, rpc.request.credential);
         if (!made) return made.error();
         rpc.request.operation = *std::move(made);
         return Step::submit;
       },
       .encode = [encode = std::move(encode)](const In&, const Body& body, Rpc&, Out& out) -> model::Status {
         encode(body, out);
         return {};
       },
       .fail = [fail](const Rpc&, const model::Error& error) { return fail(error); },
       .recover = {}});
}

}  // namespace coffer::net::admin
