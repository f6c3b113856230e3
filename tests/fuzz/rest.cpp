// The native API as REST: bodies, paths and queries into messages, and messages back into JSON.

#include <google/protobuf/descriptor.h>

#include "coffer/admin/v1/admin.pb.h"
#include "coffer/v1/secrets.pb.h"
#include "net/http/words.hpp"
#include "net/native/filter.hpp"
#include "net/native/requests.hpp"
#include "net/rest/binding.hpp"
#include "net/rest/json_read.hpp"
#include "net/rest/json_write.hpp"
#include "net/rest/time_text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace coffer::fuzz {
namespace {

using google::protobuf::Message;

std::unique_ptr<Message> make(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

const std::vector<const google::protobuf::Descriptor*>& types() {
  static const std::vector<const google::protobuf::Descriptor*> all = {v1::PutRequest::descriptor(),
                                                                       v1::TransactRequest::descriptor(),
                                                                       v1::BatchGetRequest::descriptor(),
                                                                       v1::RenderRequest::descriptor(),
                                                                       v1::Secret::descriptor(),
                                                                       v1::UpdateMetadataRequest::descriptor(),
                                                                       v1::DeleteRequest::descriptor(),
                                                                       v1::ListResponse::descriptor(),
                                                                       v1::RenderResponse::descriptor(),
                                                                       v1::HistoryResponse::descriptor(),
                                                                       v1::Token::descriptor()};
  return all;
}

net::rest::Shapes& shapes() {
  static net::rest::Shapes made;
  return made;
}

struct Bound {
  const google::protobuf::MethodDescriptor* method;
  std::vector<std::unique_ptr<net::rest::Binding>> bindings;
};
const std::vector<Bound>& bound() {
  static const std::vector<Bound> all = [] {
    std::vector<Bound> made;
    const auto& service = *v1::PutRequest::descriptor()->file()->FindServiceByName("Secrets");
    for (int i = 0; i < service.method_count(); ++i) {
      net::Method method;
      method.descriptor = service.method(i);
      auto bindings = net::rest::bindings_of(method, shapes());
      require(bindings.ok(), "every method has its bindings");
      if (!bindings->empty()) made.push_back({method.descriptor, std::move(*bindings)});
    }
    return made;
  }();
  return all;
}

/// What was read must be read again from what is written of it.
void check_round_trip(const Message& message, const net::rest::Shape& shape) {
  std::string text, again;
  net::rest::write_json(message, shape, &text);
  const auto second = make(message.GetDescriptor());
  const auto status = net::rest::read_json(text, 64, shape, second.get());
  require(status.ok(), "what is written can be read");
  net::rest::write_json(*second, shape, &again);
  require(text == again, "and says the same");
}

}  // namespace

// The first byte chooses the message.
COFFER_FUZZ(rest_json) {
  Input in(input);
  const auto* type = types()[in.below(types().size())];
  const auto shape = shapes().of(type);
  require(shape.ok(), "the types have shapes");
  const auto message = make(type);
  const auto status = net::rest::read_json(in.rest(), 32, **shape, message.get());
  if (!status) {
    require(status.error().code == model::Code::invalid_argument, "a body is wrong, and nothing else");
    require(status.error().message().size() < 2048, "an error is short, however long the body");
    return;
  }
  check_round_trip(*message, **shape);
}

// Lines: method, path variables as a query, query; the rest is the body.
COFFER_FUZZ(rest_binding) {
  Input in(input);
  const Bound& one = bound()[in.below(bound().size())];
  const auto variables = net::http::parse_query(in.line()), query = net::http::parse_query(in.line());
  if (!variables || !query) return;
  for (const auto& binding : one.bindings) {
    const auto message = make(one.method->input_type());
    if (!binding->fill(*variables, *query, in.rest(), 32, message.get())) continue;
    if (one.method->name() == "Put") {
      (void)net::native::to_operation(static_cast<const v1::PutRequest&>(*message));
    } else if (one.method->name() == "Transact") {
      (void)net::native::to_operation(static_cast<const v1::TransactRequest&>(*message));
    } else if (one.method->name() == "List") {
      (void)net::native::to_operation(static_cast<const v1::ListRequest&>(*message));
    } else if (one.method->name() == "UpdateMetadata") {
      (void)net::native::to_operation(static_cast<const v1::UpdateMetadataRequest&>(*message));
    }
  }
}

COFFER_FUZZ(filter) {
  const auto terms = net::native::parse_filter(input);
  if (!terms) return;
  for (const auto& [key, value] : *terms) require(!key.empty(), "a term names a tag");
}

COFFER_FUZZ(time) {
  const auto instant = net::rest::parse_time(input);
  if (!instant) return;
  std::string text;
  require(net::rest::append_time(*instant, &text), "what is read is a year that can be written");
  require(net::rest::parse_time(text) == instant, "and is the same instant");
}

}  // namespace coffer::fuzz
