// The Cloudforet door from the outside: messages of both generations as gRPC and REST bring them, through the door's own
// methods up to what it asks of the tenant; Structs; and what a token claims.

#include <algorithm>
#include <cmath>

#include <boost/json/parse.hpp>

#include "model/codec.hpp"
#include "model/rules.hpp"
#include "net/cloudforet/door.hpp"
#include "net/cloudforet/generation.hpp"
#include "net/cloudforet/message.hpp"
#include "net/jwt/cloudforet_claims.hpp"
#include "net/rest/binding.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace coffer::fuzz {
namespace {

using google::protobuf::Message;

/// Takes every credential for one that will be verified later, as the listener does with a JWT.
class OpenGateway final : public actors::Gateway {
 public:
  void submit(actors::Call*) noexcept override {}
  model::Result<model::Credential> authenticate(std::string_view token, model::Door door) const override {
    model::Credential credential;
    credential.kind = model::CredentialKind::presented;
    credential.token = model::Secret(token);
    credential.door = door;
    return credential;
  }
  bool tenant_exists(const model::TenantRef&) const override { return true; }
  std::optional<model::TenantId> find_tenant(const model::TenantRef&) const override { return std::nullopt; }
  void ask_trust(const model::TenantRef&, model::TimeMs, actors::TrustDone done) const override {
    done(model::Code::tenant_not_found);
  }
  actors::TrustBasis trust_basis(const model::TenantRef& tenant) const override {
    return {find_tenant(tenant), 0, true};
  }
  actors::NodeStatus status() const override { return {}; }
  std::vector<actors::Sample> samples() const override { return {}; }
};

class HttpCaller final : public net::Caller {
 public:
  net::Transport transport() const override { return net::Transport::http; }
  std::string_view header(std::string_view name) const override {
    return name == "authorization" ? "Bearer a.b.c" : name == "x-domain-id" ? "domain-1" : "";
  }
  std::string_view address() const override { return "192.0.2.7:40812"; }
  bool is_loopback() const override { return false; }
  bool is_tls() const override { return true; }
};

class OneRpc final : public net::Rpc {
 public:
  OneRpc(const net::Caller& caller, const Message& in, Message& out) : caller_(caller), in_(in), out_(out) {}
  const net::Caller& caller() const override { return caller_; }
  const Message& in() const override { return in_; }
  Message& out() override { return out_; }
  void set_header(std::string_view, std::string_view) override {}
  void set_http_status(int) override {}
  void complete() noexcept override {}

 private:
  const net::Caller& caller_;
  const Message& in_;
  Message& out_;
};

struct Doors {
  OpenGateway gateway;
  std::vector<std::unique_ptr<net::Door>> doors;
  std::vector<net::Method> methods;
  net::rest::Shapes shapes;
  std::vector<std::vector<std::unique_ptr<net::rest::Binding>>> bindings;  // of each method

  Doors() {
    for (const bool newer : {false, true}) {
      doors.push_back(net::make_cloudforet_door({}, gateway, newer, nullptr));
      for (net::Method& method : doors.back()->methods()) methods.push_back(std::move(method));
    }
    for (const net::Method& method : methods) {
      auto made = net::rest::bindings_of(method, shapes);
      require(made.ok(), "every method has its bindings");
      bindings.push_back(std::move(*made));
    }
  }
};
Doors& doors() {
  static Doors made;
  return made;
}

/// Decodes the message as its door does, and holds what comes of it against what the shard takes.
void decode(const net::Method& method, const Message& in) {
  static const HttpCaller caller;
  const std::unique_ptr<Message> out(method.out_prototype->New());
  OneRpc rpc(caller, in, *out);
  const auto step = method.decode(rpc);
  if (!step) {
    // Upstream calls what its database refuses an internal error, with a name of its own.
    require(step.error().code != model::Code::internal || step.error().detail.starts_with("ERROR_"),
            "what is wrong is the request");
    const net::WireStatus failure = method.fail(rpc, step.error());
    require(failure.grpc_code != model::Category::ok && failure.http_status >= 400, "a failure is none in the answer");
    return;
  }
  if (*step == net::Step::done) return;
  const auto* operation = std::get_if<model::TenantOperation>(&rpc.request.operation);
  require(operation != nullptr, "the door asks tenants only");
  require(rpc.request.tenant.door.door == model::Door::cloudforet && !rpc.request.tenant.door.external_id.empty(),
          "and knows which");
  const auto status = model::check_operation(*operation, {});
  if (!status) (void)method.fail(rpc, status.error());
  if (model::is_mutation(*operation)) (void)model::canonical_request(*operation);
}

/// Alike but for the last place of long numbers, which Boost.JSON does not read exactly.
bool alike(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_number() && b.is_number()) {
    const double one = a.to_number<double>(), two = b.to_number<double>();
    return one == two || std::abs(one - two) <= 1e-14 * std::abs(one);
  }
  if (a.kind() != b.kind()) return false;
  if (const auto* object = a.if_object()) {
    const auto& other = b.get_object();
    return object->size() == other.size() && std::all_of(object->begin(), object->end(), [&](const auto& member) {
             const auto* same = other.if_contains(member.key());
             return same != nullptr && alike(member.value(), *same);
           });
  }
  if (const auto* list = a.if_array()) {
    const auto& other = b.get_array();
    return std::equal(list->begin(), list->end(), other.begin(), other.end(), alike);
  }
  return a == b;
}

}  // namespace

// The first byte chooses the method, the second whether the rest is JSON for REST or a message of protobuf's.
COFFER_FUZZ(cloudforet) {
  Input in(input);
  const std::size_t which = in.below(doors().methods.size());
  const bool as_json = in.below(2) == 0;
  const net::Method& method = doors().methods[which];
  const std::unique_ptr<Message> message(method.in_prototype->New());
  if (!as_json) {
    const std::string_view bytes = in.rest();
    if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) decode(method, *message);
    return;
  }
  for (const auto& binding : doors().bindings[which]) {
    message->Clear();
    const auto status = binding->fill({}, {}, in.rest(), 32, message.get());
    if (status) {
      decode(method, *message);
    } else {
      require(status.error().code == model::Code::invalid_argument, "a body is wrong, and nothing else");
    }
  }
}

COFFER_FUZZ(cloudforet_struct) {
  using net::cloudforet::Generation;
  static const Message& prototype = [&]() -> const Message& {
    const auto* service = Generation::older().service("spaceone.api.secret.v1.Secret");
    const auto* create = service->FindMethodByName("create")->input_type();
    return Generation::older().prototype(create->FindFieldByName("data")->message_type());
  }();
  const std::unique_ptr<Message> one(prototype.New()), two(prototype.New());
  net::cloudforet::fill_struct(input, *one);
  const model::Secret text = net::cloudforet::json_of(*one);
  const auto read = [](std::string_view json) {
    boost::system::error_code ec;
    boost::json::parse_options deep;
    deep.max_depth = 100;
    auto value = boost::json::parse(json, ec, {}, deep);
    require(!ec, "a Struct is JSON");
    return value;
  };
  require(read(text.expose()).is_object(), "and an object");
  net::cloudforet::fill_struct(text.expose(), *two);
  require(alike(read(net::cloudforet::json_of(*two).expose()), read(text.expose())), "that says the same again");
  const std::string trimmed = net::cloudforet::trimmed_json(*one);
  two->Clear();
  net::cloudforet::fill_struct(trimmed, *two);
  // Names are sorted before they are trimmed, so their order may change; what they say does not.
  require(alike(read(net::cloudforet::trimmed_json(*two)), read(trimmed)), "what is trimmed stays as it is");
}

COFFER_FUZZ(cloudforet_claims) {
  boost::system::error_code ec;
  const auto json = boost::json::parse(input, ec);
  if (ec || !json.is_object()) return;
  const auto claims = net::jwt::read_cloudforet_claims(json.get_object());
  if (!claims) return require(claims.error().code == model::Code::unauthenticated, "odd claims are no credential");
  for (const char* action : {"Secret.get", "Secret.create", "Secret.get_data", "TrustedSecret.delete",
                             "UserSecret.list", "SecretGroup.add_secret"}) {
    const auto rights = model::cloudforet_rights(**claims, action);
    if ((*claims)->permissions.empty() || rights.refused) continue;
    // Permissions are a ceiling: without them, nobody may less.
    auto free = **claims;
    free.permissions.clear();
    require(!model::cloudforet_rights(free, action).refused, "a ceiling only lowers");
  }
  model::ChangeDocument change;
  change.action = "Secret.create";
  change.space = "cloudforet.secret";
  (void)model::complete_new_document(claims->get(), change);
}

}  // namespace coffer::fuzz
