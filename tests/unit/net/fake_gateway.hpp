#pragma once
// What a door's tests put in place of the listeners and the actors: a gateway that records the request and answers a
// scripted reply, a caller with headers, and a call that is driven as rpc.hpp says a listener drives it.

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/rpc.hpp"

namespace coffer::net {

inline model::TenantId test_tenant_id() { return model::TenantId::from_raw("0123456789abcdef"); }

class FakeGateway : public actors::Gateway {
 public:
  void submit(actors::Call* call) noexcept override {
    requests.push_back(call->request);
    const auto principal = principals.find(std::string(call->request.credential.token.expose()));
    if (principal != principals.end()) call->request.credential.principal = principal->second;
    call->reply = reply;
    if (decide) decide(*call);
    call->complete();
  }
  model::Result<model::Credential> authenticate(std::string_view token, model::Door) const override {
    const auto found = kinds.find(token);
    if (found == kinds.end()) return model::Code::unauthenticated;
    model::Credential credential;
    if (found->second == model::CredentialKind::presented) credential.token = model::Secret(token);
    credential.kind = found->second;
    credential.door = model::Door::tapis;  // whoever takes it says through which door
    credential.token_hash = "hash of " + std::string(token);
    if (credential.kind == model::CredentialKind::token) credential.tenant = test_tenant_id();
    if (credential.kind == model::CredentialKind::operator_) {
      credential.principal = "operator:ann";
      credential.roles = operator_may;
    }
    return credential;
  }
  bool tenant_exists(const model::TenantRef& tenant) const override {
    return tenants.contains(tenant.door.external_id);
  }
  std::optional<model::TenantId> find_tenant(const model::TenantRef& tenant) const override {
    const auto found = trusts.find(tenant.name.empty() ? "door:" + tenant.door.external_id : tenant.name);
    return found == trusts.end() ? std::nullopt : std::optional(found->second.tenant);
  }
  void ask_trust(const model::TenantRef& tenant, model::TimeMs, actors::TrustDone done) const override {
    ++lookups;
    if (held) return held(std::move(done));
    const auto found = trusts.find(tenant.name.empty() ? "door:" + tenant.door.external_id : tenant.name);
    if (found == trusts.end()) return done(model::Code::tenant_not_found);
    done(found->second);
  }
  actors::TrustBasis trust_basis(const model::TenantRef& tenant) const override {
    return {find_tenant(tenant), changes, led_here};
  }
  actors::NodeStatus status() const override { return node; }
  std::vector<actors::Sample> samples() const override { return {}; }

  /// The request of the only call.
  const model::Request& request() const {
    EXPECT_EQ(requests.size(), 1u);
    static const model::Request kNone;
    return requests.empty() ? kNone : requests.back();
  }
  /// The tenant's operation of the only call; a default one, and a failure, when it is of another kind.
  template <class Operation>
  Operation operation() const {
    if (const auto* tenant = std::get_if<model::TenantOperation>(&request().operation)) {
      if (const auto* found = std::get_if<Operation>(tenant)) return *found;
    }
    ADD_FAILURE() << "another operation was submitted";
    return {};
  }
  template <class Operation>
  Operation directory_operation() const {
    if (const auto* directory = std::get_if<model::DirectoryOperation>(&request().operation)) {
      if (const auto* found = std::get_if<Operation>(directory)) return *found;
    }
    ADD_FAILURE() << "another operation was submitted";
    return {};
  }
  void answer(model::ReplyBody body, model::Revision revision = {}) { reply = model::Reply{revision, std::move(body)}; }

  std::map<std::string, model::CredentialKind, std::less<>> kinds{{"tenant-token", model::CredentialKind::token},
                                                                  {"operator-token", model::CredentialKind::operator_},
                                                                  {"root-token", model::CredentialKind::dev_root},
                                                                  {"a.jwt.token", model::CredentialKind::presented}};
  std::map<std::string, std::string> principals;      // whom a presented token turns out to be
  std::set<std::string> tenants;                      // external ids that exist
  std::map<std::string, actors::TenantTrust> trusts;  // by name, or "door:" and external id
  std::vector<std::string> operator_may{"*"};
  std::uint64_t changes = 0;
  bool led_here = true;
  std::function<void(actors::TrustDone)> held;  // who keeps the questions about trust; null: they are answered at once
  mutable std::atomic<int> lookups{0};
  actors::NodeStatus node;
  model::Result<model::Reply> reply{model::Code::entry_not_found};
  std::function<void(actors::Call&)> decide;  // instead of `reply`
  std::vector<model::Request> requests;
};

class FakeCaller final : public Caller {
 public:
  Transport transport() const override { return over; }
  std::string_view header(std::string_view name) const override {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
  std::string_view address() const override { return "192.0.2.7:40812"; }
  bool is_loopback() const override { return loopback; }
  bool is_tls() const override { return false; }
  const ClientCertificate& client_certificate() const override { return certificate; }

  Transport over = Transport::grpc;
  std::map<std::string, std::string, std::less<>> headers;
  bool loopback = false;
  ClientCertificate certificate;
};

/// What the client of a protobuf method sees.
template <class Out>
struct Outcome {
  std::optional<WireStatus> failure;  // none: OK
  Out out;
  int http_status = 200;
  std::map<std::string, std::string> headers;
  bool ok() const { return !failure; }
  model::Category code() const { return failure ? failure->grpc_code : model::Category::ok; }
  std::string message() const { return failure ? failure->grpc_message : ""; }
};

class FakeRpc final : public Rpc {
 public:
  FakeRpc(const Caller& caller, const google::protobuf::Message& in, google::protobuf::Message& out)
      : caller_(caller), in_(in), out_(out) {}
  const Caller& caller() const override { return caller_; }
  const google::protobuf::Message& in() const override { return in_; }
  google::protobuf::Message& out() override { return out_; }
  void set_header(std::string_view name, std::string_view value) override { headers[std::string(name)] = value; }
  void set_http_status(int status) override { http_status = status; }
  void complete() noexcept override { ++completed; }

  std::map<std::string, std::string> headers;
  int http_status = 200, completed = 0;

 private:
  const Caller& caller_;
  const google::protobuf::Message& in_;
  google::protobuf::Message& out_;
};

/// Calls a door's method as the listeners do.
template <class Out, class In>
Outcome<Out> call(Door& door, FakeGateway& gateway, const Caller& caller, const std::string& method_name,
                  const In& in) {
  const std::vector<Method> methods = door.methods();
  const auto method = std::find_if(methods.begin(), methods.end(), [&](const Method& m) {
    return m.descriptor->full_name() == method_name || m.descriptor->name() == method_name;
  });
  Outcome<Out> outcome;
  if (method == methods.end()) {
    ADD_FAILURE() << "the door has no method " << method_name;
    return outcome;
  }
  EXPECT_EQ(method->in_prototype->GetDescriptor(), In::descriptor());
  EXPECT_EQ(method->out_prototype->GetDescriptor(), Out::descriptor());
  EXPECT_EQ(method->descriptor->input_type(), In::descriptor());
  EXPECT_EQ(method->descriptor->output_type(), Out::descriptor());
  FakeRpc rpc(caller, in, outcome.out);
  const auto finish = [&]() -> std::optional<WireStatus> {
    const auto step = method->decode(rpc);
    if (!step) return method->fail(rpc, step.error());
    if (*step == Step::done) return std::nullopt;
    gateway.submit(&rpc);
    EXPECT_EQ(rpc.completed, 1);
    if (!rpc.reply) {
      if (method->recover && method->recover(rpc, rpc.reply.error())) return std::nullopt;
      return method->fail(rpc, rpc.reply.error());
    }
    const auto encoded = method->encode(rpc);
    return encoded ? std::nullopt : std::optional(method->fail(rpc, encoded.error()));
  };
  outcome.failure = finish();
  outcome.headers = rpc.headers;
  outcome.http_status = rpc.http_status;
  return outcome;
}

class FakeExchange final : public HttpExchange {
 public:
  explicit FakeExchange(const Caller& caller) : caller_(caller) {}
  const Caller& caller() const override { return caller_; }
  std::string_view method() const override { return "GET"; }
  std::string_view variable(std::string_view name) const override {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view() : std::string_view(found->second);
  }
  const std::vector<std::pair<std::string, std::string>>& query() const override { return parameters; }
  std::string_view body() const override { return content; }
  void answer(int code, std::string_view type, std::string text) override {
    ++answers;
    status = code;
    content_type = type;
    answer_body = std::move(text);
  }
  void set_header(std::string_view, std::string_view) override {}
  void complete() noexcept override { ++completed; }

  int completed = 0;
  std::map<std::string, std::string, std::less<>> variables;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string content;
  int status = 0, answers = 0;
  std::string content_type, answer_body;

 private:
  const Caller& caller_;
};

/// Drives one of a door's routes, found by verb and pattern, as the HTTP listener does.
inline void drive(Door& door, FakeGateway& gateway, const std::string& verb, const std::string& pattern,
                  FakeExchange& exchange) {
  const std::vector<HttpRoute> routes = door.routes();
  const auto route = std::find_if(routes.begin(), routes.end(),
                                  [&](const HttpRoute& r) { return r.method == verb && r.pattern == pattern; });
  ASSERT_NE(route, routes.end()) << verb << " " << pattern;
  const auto step = route->decode(exchange);
  if (!step) {
    WireStatus failure = route->fail(exchange, step.error());
    exchange.answer(failure.http_status, failure.http_content_type, failure.http_body);
  } else if (*step == Step::submit) {
    if (route->start) {
      route->start(exchange);
    } else {
      gateway.submit(&exchange);
    }
    EXPECT_EQ(exchange.completed, 1);
    route->encode(exchange);
  }
  EXPECT_EQ(exchange.answers, 1);
}

}  // namespace coffer::net
