#pragma once
// From typed handlers to net::Method: a door writes functions of its own message types, this header casts once, in one
// place. Used by the doors when they are made; the functions it makes run where rpc.hpp says.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <google/protobuf/descriptor.h>

#include "net/rpc.hpp"

namespace coffer::net {

/// How one method's message becomes a request, and a reply body its answer. Body is what the actors answer.
template <class In, class Out, class Body>
struct TypedHandlers {
  std::function<model::Result<Step>(const In&, Rpc&)> decode;
  std::function<model::Status(const In&, const Body&, Rpc&, Out&)> encode;
  std::function<WireStatus(const Rpc&, const model::Error&)> fail;
  /// Optional, see Method::recover.
  std::function<bool(const In&, const model::Error&, Out&)> recover;
};

/// For methods that decode answers itself (Step::done).
struct NoBody {};

namespace detail {

template <class Body>
const Body* body_of(const model::Reply& reply) {
  if constexpr (std::is_same_v<Body, NoBody>) {
    static constexpr NoBody kNone;
    return &kNone;
  } else {
    return std::get_if<Body>(&reply.body);
  }
}

}  // namespace detail

/// REQUIRES: `service` has a method `name` from In to Out.
template <class In, class Out, class Body>
Method typed_method(const google::protobuf::ServiceDescriptor& service, std::string_view name,
                    TypedHandlers<In, Out, Body> handlers) {
  Method method;
  method.descriptor = service.FindMethodByName(std::string(name));
  method.in_prototype = &In::default_instance();
  method.out_prototype = &Out::default_instance();
  method.decode = [decode = std::move(handlers.decode)](Rpc& rpc) {
    return decode(static_cast<const In&>(rpc.in()), rpc);
  };
  method.encode = [encode = std::move(handlers.encode)](Rpc& rpc) -> model::Status {
    const Body* body = detail::body_of<Body>(rpc.reply.value());
    if (!body) return model::Error(model::Code::internal, "the reply does not fit the request");
    return encode(static_cast<const In&>(rpc.in()), *body, rpc, static_cast<Out&>(rpc.out()));
  };
  if (handlers.recover) {
    method.recover = [recover = std::move(handlers.recover)](Rpc& rpc, const model::Error& error) {
      return recover(static_cast<const In&>(rpc.in()), error, static_cast<Out&>(rpc.out()));
    };
  }
  method.fail = std::move(handlers.fail);
  return method;
}

}  // namespace coffer::net
