#pragma once
// One unary call on its way through a door, the same whether it came over gRPC or REST. A door registers, for each
// method, how a message becomes a model::Request and how a model::Reply becomes a message; the listeners do the rest.
//
//   listener -> Method::decode -> Gateway::submit -> (actors) -> Call::complete -> Method::encode -> listener
//
// decode runs on the listener's io thread, encode on whichever thread completed the call. Neither may block.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "actors/gateway.hpp"
#include "model/requests.hpp"
#include "model/result.hpp"
#include "net/certificate.hpp"
#include "net/settings.hpp"

namespace coffer::net {

enum class Transport : std::uint8_t { grpc, http };

/// What a listener knows of the caller. Lives as long as the call.
class Caller {
 public:
  virtual ~Caller() = default;
  virtual Transport transport() const = 0;
  /// First value of a header or of gRPC metadata, by lower-case name; empty when absent.
  virtual std::string_view header(std::string_view lower_case_name) const = 0;
  /// "127.0.0.1:40812"
  virtual std::string_view address() const = 0;
  virtual bool is_loopback() const = 0;
  virtual bool is_tls() const = 0;
  /// The id that the answer shows: the client's x-request-id, or one that the HTTP listener made up. Not the id by which
  /// a retry is recognised: that is Request::info.request_id, and only a client gives it.
  virtual std::string_view call_id() const { return header("x-request-id"); }
  /// The client certificate that the listener verified; without names when none was presented.
  virtual const ClientCertificate& client_certificate() const {
    static const ClientCertificate kNone;
    return kNone;
  }
};

/// What a door answers when it does not answer OK, in the words of both transports.
struct WireStatus {
  model::Category grpc_code = model::Category::ok;
  std::string grpc_message;
  std::string grpc_details;  // serialized google.rpc.Status for grpc-status-details-bin; empty: none
  int http_status = 200;
  std::string http_content_type = "application/json";
  std::string http_body;
  std::vector<std::pair<std::string, std::string>> http_headers;
};

/// One call of a protobuf method. The listener derives from it and owns it.
class Rpc : public actors::Call {
 public:
  virtual const Caller& caller() const = 0;
  virtual const google::protobuf::Message& in() const = 0;
  virtual google::protobuf::Message& out() = 0;
  /// Answers a response header (HTTP) or initial metadata (gRPC).
  virtual void set_header(std::string_view name, std::string_view value) = 0;
  /// HTTP only: another success status than 200 (304 with an empty body, ...).
  virtual void set_http_status(int status) = 0;
};

/// What decode made of a message.
enum class Step : std::uint8_t {
  submit,  // request is filled: submit it
  done,    // out() is filled: answer at once
};

/// What one reply brings to a stream.
struct StreamPart {
  struct Event {
    std::unique_ptr<google::protobuf::Message> message;
    std::string_view name;  // SSE: the event's type
    std::string id;         // SSE: where a client that has seen it resumes; empty: it is not the last of its position
  };
  std::vector<Event> events;
  std::string position;  // where a client that has seen the whole part resumes
  /// gRPC: tells the position when there is nothing else to tell.
  std::unique_ptr<google::protobuf::Message> progress;
};

struct Method {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  const google::protobuf::Message* in_prototype = nullptr;
  const google::protobuf::Message* out_prototype = nullptr;
  std::function<model::Result<Step>(Rpc&)> decode;
  /// Optional, in place of submitting the call: asks somebody else than the actors, sets `reply` and completes the call
  /// once, from any thread.
  std::function<void(Rpc&)> start;
  /// Called when the reply is ok.
  std::function<model::Status(Rpc&)> encode;
  /// Optional. Called before `fail` when the actors failed: true when the door answers OK after all and has filled
  /// out() (Direktiv's list of a namespace that does not exist is empty); then neither encode nor fail is called.
  std::function<bool(Rpc&, const model::Error&)> recover;
  /// Called when decode, the actors or encode failed.
  std::function<WireStatus(const Rpc&, const model::Error&)> fail;
  /// Of a method that streams, in place of encode: what a reply brings, and in `next` the request for what comes behind
  /// it. The listener asks again and again, each time when everything was sent: nobody is told faster than he reads.
  std::function<model::Result<StreamPart>(const model::Reply& reply, model::Request& next)> advance;
  /// REST by the method's google.api.http annotation.
  bool rest = false;
  /// POST with the whole message as body, at these paths and not at the annotation's: for doors whose paths go beyond it.
  std::vector<std::string> rest_paths;
  /// Full names of maps and lists that REST leaves out when they are empty ("coffer.v1.Secret.data"); all others are
  /// written as {} and [].
  std::vector<std::string> rest_omit_empty;
};

/// A request that is not transcoded from protobuf (Dapr's HTTP API, health, metrics).
class HttpExchange : public actors::Call {
 public:
  virtual const Caller& caller() const = 0;
  virtual std::string_view method() const = 0;
  /// The decoded value of a {variable} of the route's pattern.
  virtual std::string_view variable(std::string_view name) const = 0;
  /// Decoded query parameters in order.
  virtual const std::vector<std::pair<std::string, std::string>>& query() const = 0;
  virtual std::string_view body() const = 0;
  /// Sets the answer; the listener sends it when decode returned done, or after encode.
  virtual void answer(int status, std::string_view content_type, std::string body) = 0;
  virtual void set_header(std::string_view name, std::string_view value) = 0;
};

struct HttpRoute {
  std::string method;   // "GET"
  std::string pattern;  // "/v1.0/secrets/{store}/{key}": matched on the raw path, segment by segment
  /// '+' in a variable is a space (Dapr), else it is itself.
  bool plus_is_space = false;
  std::function<model::Result<Step>(HttpExchange&)> decode;
  /// Optional, in place of submitting the exchange: asks what it needs by calls of its own, sets `reply` and completes the
  /// exchange once, from any thread.
  std::function<void(HttpExchange&)> start;
  std::function<void(HttpExchange&)> encode;  // looks at reply itself, also when it failed
  std::function<WireStatus(const HttpExchange&, const model::Error&)> fail;  // decode failed
};

/// One public API.
class Door {
 public:
  virtual ~Door() = default;
  virtual std::string_view name() const = 0;
  virtual std::vector<Method> methods() = 0;
  virtual std::vector<HttpRoute> routes() { return {}; }
  /// The answer to an unknown path below one of these raw prefixes ("/v1/", "/v1.0/") or to a body that is no JSON.
  virtual std::vector<std::string> path_prefixes() const { return {}; }
  virtual WireStatus http_failure(const model::Error& error, std::string_view request_id) const = 0;
  /// The answer to a path below path_prefixes() that no route and no method serves, or not with that verb. A door that
  /// checks its credential before it routes (Dapr) does so here.
  virtual WireStatus unknown_path(const Caller&, std::string_view request_id) const {
    return http_failure(model::Error(model::Code::entry_not_found, "there is nothing at this path"), request_id);
  }
  /// The path by which the HTTP listener looks for a route, from a raw one below path_prefixes(); nothing: the raw one
  /// as it is. Dapr's upstream cleans paths; in the native API "a//b" and ".." are names.
  virtual std::optional<std::string> clean_path(std::string_view) const { return std::nullopt; }
  /// True: what unknown_path says of a known path with another verb stands; false: it becomes 405 with Allow.
  virtual bool hides_verbs() const { return false; }
  /// Takes over what of the settings may change while it serves (Dapr: its stores). Main's thread.
  virtual void reload(const Doors&) {}
};

}  // namespace coffer::net
