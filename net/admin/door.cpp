// See door.hpp. Each function of AdminDoor makes one service's RPCs; the actors check the operator's rights.

#include "net/admin/door.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

#include "net/admin/audit_methods.hpp"
#include "net/admin/capabilities.hpp"
#include "net/admin/cluster.hpp"
#include "net/admin/messages.hpp"
#include "net/admin/operators.hpp"
#include "net/admin/quota_messages.hpp"
#include "net/admin/resident.hpp"
#include "net/admin/trust_messages.hpp"
#include "net/credentials.hpp"
#include "net/page_token.hpp"
#include "net/timestamps.hpp"
#include "net/typed_method.hpp"

namespace coffer::net {
namespace {

using namespace admin;  // the messages and their conversions
using model::Code;
using model::DirectoryOperation;
using model::Error;
using model::Result;
using model::Status;
using model::TenantOperation;

class AdminDoor final : public Door {
 public:
  AdminDoor(const Doors& settings, actors::Gateway& gateway, std::function<model::TimeMs()> clock,
            std::function<std::string()> metrics)
      : version_(settings.version), gateway_(gateway), clock_(std::move(clock)), metrics_(std::move(metrics)) {}

  std::string_view name() const override { return "admin"; }
  std::vector<Method> methods() override {
    std::vector<Method> methods;
    add_tenants(methods);
    add_tokens(methods);
    add_issuers(methods);
    add_certificates(methods);
    add_policies(methods);
    add_quotas(methods);
    add_server(methods);
    add_cluster_methods([this](Rpc& rpc, std::string id) { return open(rpc, std::move(id)); }, make_failure, methods);
    add_audit_methods(
        gateway_, [this](Rpc& rpc, std::string id) { return open(rpc, std::move(id)); }, methods);
    add_operator_methods([this](Rpc& rpc, std::string id) { return open(rpc, std::move(id)); }, make_failure, methods);
    for (Method& method : methods) guard(method, gateway_);  // all of them: none can be forgotten
    return methods;
  }
  WireStatus http_failure(const Error& error, std::string_view) const override { return make_failure(error); }

 private:
  void add_tenants(std::vector<Method>& methods);
  void add_tokens(std::vector<Method>& methods);
  void add_issuers(std::vector<Method>& methods);
  void add_certificates(std::vector<Method>& methods);
  void add_policies(std::vector<Method>& methods);
  void add_quotas(std::vector<Method>& methods);
  void add_server(std::vector<Method>& methods);

  static const google::protobuf::ServiceDescriptor& service(const char* name) {
    return *api::Tenant::descriptor()->file()->FindServiceByName(name);
  }

  /// The request id; the credential was taken by guard().
  static Status open(Rpc& rpc, std::string request_id) {
    return fill_call_info(rpc.request, rpc.caller(), model::Door::admin, std::move(request_id));
  }

  /// One RPC: `operation` makes of the message what is submitted, after the credential was taken.
  template <class In, class Out, class Body>
  Method call(const char* service_name, std::string_view name,
              std::function<Status(const In&, model::Request&)> operation,
              std::function<Status(const In&, const Body&, Rpc&, Out&)> encode) {
    return typed_method<In, Out, Body>(
        service(service_name), name,
        {.decode = [this, operation = std::move(operation)](const In& in, Rpc& rpc) -> Result<Step> {
           std::string id;
           if constexpr (requires { in.request_id(); }) id = in.request_id();
           if (const Status ok = open(rpc, std::move(id)); !ok) return ok.error();
           if (const Status ok = operation(in, rpc.request); !ok) return ok.error();
           return Step::submit;
         },
         .encode = std::move(encode),
         .fail = [](const Rpc&, const Error& error) { return make_failure(error); },
         .recover = {}});
  }
  template <class In>
  Method tenant_call(std::string_view name, std::function<Status(const In&, model::Request&)> operation) {
    return call<In, api::Tenant, model::TenantReply>(
        "Tenants", name, std::move(operation),
        [](const In&, const model::TenantReply& reply, Rpc&, api::Tenant& out) -> Status {
          to_message(reply.tenant, &out);
          return {};
        });
  }

  /// Tokens and policies live in their tenant's partition: operations of the tenant and not of the directory.
  static Status to_tenant(const std::string& name, model::Request& request) {
    if (const Status ok = model::check_tenant_name(name); !ok) return ok;
    request.tenant = {.name = name, .door = {}};
    return {};
  }

  const std::string version_;
  actors::Gateway& gateway_;
  const std::function<model::TimeMs()> clock_;
  const std::function<std::string()> metrics_;  // null: there is no text
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

void AdminDoor::add_tenants(std::vector<Method>& methods) {
  methods.push_back(
      tenant_call<api::CreateTenantRequest>("Create", [](const auto& in, model::Request& request) -> Status {
        if (const Status ok = model::check_tenant_name(in.name()); !ok) return ok;
        model::CreateTenant create{.name = in.name(), .doors = {}};
        for (const api::Door& door : in.doors()) {
          auto name = to_door_name(door);
          if (!name) return name.error();
          create.doors.push_back(std::move(*name));
        }
        request.operation = DirectoryOperation(std::move(create));
        return {};
      }));
  methods.push_back(tenant_call<api::GetTenantRequest>("Get", [](const auto& in, model::Request& request) -> Status {
    if (const Status ok = model::check_tenant_name(in.name()); !ok) return ok;
    request.operation = DirectoryOperation(model::GetTenant{in.name()});
    return {};
  }));
  methods.push_back(call<api::ListTenantsRequest, api::ListTenantsResponse, model::TenantsReply>(
      "Tenants", "List",
      [](const auto& in, model::Request& request) -> Status {
        const auto limit = read_page_size(in.page_size());
        if (!limit) return limit.error();
        auto after = read_page_token({"tenants", in.prefix(), in.show_deleted() ? "deleted" : ""}, in.page_token());
        if (!after) return after.error();
        request.operation =
            DirectoryOperation(model::ListTenants{in.prefix(), std::move(*after), *limit, in.show_deleted()});
        return {};
      },
      [](const auto& in, const model::TenantsReply& reply, Rpc&, api::ListTenantsResponse& out) -> Status {
        for (const model::TenantInfo& tenant : reply.tenants) to_message(tenant, out.add_tenants());
        if (reply.more && !reply.tenants.empty()) {
          out.set_next_page_token(
              make_page_token({"tenants", in.prefix(), in.show_deleted() ? "deleted" : ""}, reply.tenants.back().name));
        }
        return {};
      }));
  methods.push_back(
      tenant_call<api::DeleteTenantRequest>("Delete", [](const auto& in, model::Request& request) -> Status {
        if (const Status ok = model::check_tenant_name(in.name()); !ok) return ok;
        constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / 1000;
        model::DeleteTenant del{.name = in.name(), .door = std::nullopt};
        del.purge = in.purge();
        del.recovery_ms = std::clamp(in.recovery_seconds(), -kMostSeconds, kMostSeconds) * 1000;
        request.operation = DirectoryOperation(std::move(del));
        return {};
      }));
  methods.push_back(
      tenant_call<api::UndeleteTenantRequest>("Undelete", [](const auto& in, model::Request& request) -> Status {
        model::UndeleteTenant undelete{{}, in.name()};
        if (!model::parse_tenant_id(in.id(), &undelete.id)) {
          return Error(Code::invalid_argument, "id: 32 hexadecimal digits, as the list of deleted tenants shows them");
        }
        request.operation = DirectoryOperation(std::move(undelete));
        return {};
      }));
  methods.push_back(
      tenant_call<api::PurgeTenantRequest>("Purge", [](const auto& in, model::Request& request) -> Status {
        model::PurgeTenant purge;
        if (!model::parse_tenant_id(in.id(), &purge.id)) {
          return Error(Code::invalid_argument, "id: 32 hexadecimal digits, as the list of deleted tenants shows them");
        }
        request.operation = DirectoryOperation(purge);
        return {};
      }));
  methods.push_back(
      tenant_call<api::OpenDoorRequest>("OpenDoor", [](const auto& in, model::Request& request) -> Status {
        if (const Status ok = model::check_tenant_name(in.name()); !ok) return ok;
        auto door = to_door_name(in.door());
        if (!door) return door.error();
        request.operation = DirectoryOperation(model::OpenDoor{in.name(), std::move(*door)});
        return {};
      }));
}

void AdminDoor::add_tokens(std::vector<Method>& methods) {
  methods.push_back(call<api::CreateTokenRequest, api::CreateTokenResponse, model::TokenReply>(
      "Tokens", "Create",
      [](const auto& in, model::Request& request) -> Status {
        if (const Status ok = to_tenant(in.tenant(), request); !ok) return ok;
        auto scopes = to_scopes(in.scopes());
        if (!scopes) return scopes.error();
        model::CreateToken create;
        create.description = in.description();
        create.scopes = std::move(*scopes);
        create.addresses.assign(in.addresses().begin(), in.addresses().end());
        create.renewable = in.renewable();
        // What does not fit becomes a number that the shard refuses.
        constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / 1000;
        create.max_ttl = std::clamp(in.max_ttl_seconds(), -kMostSeconds, kMostSeconds) * 1000;
        if (in.has_expires_at()) {
          const auto time = from_timestamp(in.expires_at(), "expires_at");
          if (!time) return time.error();
          create.expires_at = *time;
        }
        request.operation = TenantOperation(std::move(create));
        return {};
      },
      [this](const auto&, const model::TokenReply& reply, Rpc&, api::CreateTokenResponse& out) -> Status {
        to_message(reply.token, clock_(), out.mutable_token());
        out.set_secret(std::string(reply.secret.expose()));
        return {};
      }));
  methods.push_back(call<api::ListTokensRequest, api::ListTokensResponse, model::TokensReply>(
      "Tokens", "List",
      [](const auto& in, model::Request& request) -> Status {
        request.operation = TenantOperation(model::ListTokens{});
        return to_tenant(in.tenant(), request);
      },
      [this](const auto&, const model::TokensReply& reply, Rpc&, api::ListTokensResponse& out) -> Status {
        for (const model::TokenInfo& token : reply.tokens) to_message(token, clock_(), out.add_tokens());
        return {};
      }));
  methods.push_back(call<api::RevokeTokenRequest, api::Token, model::TokenReply>(
      "Tokens", "Revoke",
      [](const auto& in, model::Request& request) -> Status {
        if (in.id().empty())
          return Error(Code::invalid_argument, "id is missing: it names the token as the list shows it");
        request.operation = TenantOperation(model::RevokeToken{in.id()});
        return to_tenant(in.tenant(), request);
      },
      [this](const auto&, const model::TokenReply& reply, Rpc&, api::Token& out) -> Status {
        to_message(reply.token, clock_(), &out);
        return {};
      }));
}

// These live in their tenant's partition, too.
Status ask_tenant(const std::string& name, model::Request& request, TenantOperation operation) {
  if (const Status ok = model::check_tenant_name(name); !ok) return ok;
  request.tenant = {.name = name, .door = {}};
  request.operation = std::move(operation);
  return {};
}

void AdminDoor::add_issuers(std::vector<Method>& methods) {
  const auto encode = [](const auto&, const model::IssuerReply& reply, Rpc&, api::Issuer& out) -> Status {
    to_message(reply.issuer, &out);
    return {};
  };
  methods.push_back(call<api::PutIssuerRequest, api::Issuer, model::IssuerReply>(
      "Issuers", "Put",
      [](const auto& in, model::Request& request) -> Status {
        auto issuer = to_issuer(in.issuer());
        if (!issuer) return issuer.error();
        return ask_tenant(in.tenant(), request, model::PutIssuer{std::move(*issuer)});
      },
      encode));
  methods.push_back(call<api::ListIssuersRequest, api::ListIssuersResponse, model::IssuersReply>(
      "Issuers", "List",
      [](const auto& in, model::Request& request) { return ask_tenant(in.tenant(), request, model::ListIssuers{}); },
      [](const auto&, const model::IssuersReply& reply, Rpc&, api::ListIssuersResponse& out) -> Status {
        for (const model::Issuer& issuer : reply.issuers) to_message(issuer, out.add_issuers());
        return {};
      }));
  methods.push_back(call<api::DeleteIssuerRequest, api::Issuer, model::IssuerReply>(
      "Issuers", "Delete",
      [](const auto& in, model::Request& request) {
        return ask_tenant(in.tenant(), request, model::DeleteIssuer{in.name()});
      },
      encode));
}

void AdminDoor::add_certificates(std::vector<Method>& methods) {
  const auto encode = [](const auto&, const model::CertificateRuleReply& reply, Rpc&,
                         api::CertificateRule& out) -> Status {
    to_message(reply.rule, &out);
    return {};
  };
  methods.push_back(call<api::PutCertificateRequest, api::CertificateRule, model::CertificateRuleReply>(
      "Certificates", "Put",
      [](const auto& in, model::Request& request) -> Status {
        auto rule = to_certificate_rule(in.rule());
        if (!rule) return rule.error();
        return ask_tenant(in.tenant(), request, model::PutCertificateRule{std::move(*rule)});
      },
      encode));
  methods.push_back(call<api::ListCertificatesRequest, api::ListCertificatesResponse, model::CertificateRulesReply>(
      "Certificates", "List",
      [](const auto& in, model::Request& request) {
        return ask_tenant(in.tenant(), request, model::ListCertificateRules{});
      },
      [](const auto&, const model::CertificateRulesReply& reply, Rpc&, api::ListCertificatesResponse& out) -> Status {
        for (const model::CertificateRule& rule : reply.rules) to_message(rule, out.add_rules());
        return {};
      }));
  methods.push_back(call<api::DeleteCertificateRequest, api::CertificateRule, model::CertificateRuleReply>(
      "Certificates", "Delete",
      [](const auto& in, model::Request& request) {
        return ask_tenant(in.tenant(), request, model::DeleteCertificateRule{in.name()});
      },
      encode));
}

void AdminDoor::add_policies(std::vector<Method>& methods) {
  methods.push_back(call<api::GetPolicyRequest, api::Policy, model::PolicyReply>(
      "Policies", "Get",
      [](const auto& in, model::Request& request) -> Status {
        request.operation = TenantOperation(model::GetPolicy{});
        return to_tenant(in.tenant(), request);
      },
      [](const auto&, const model::PolicyReply& reply, Rpc&, api::Policy& out) -> Status {
        to_message(reply.policy, &out);
        return {};
      }));
  methods.push_back(call<api::ApplyPolicyRequest, api::ApplyPolicyResponse, model::PolicyReply>(
      "Policies", "Apply",
      [](const auto& in, model::Request& request) -> Status {
        auto policy = to_policy(in.policy());
        if (!policy) return policy.error();
        model::ApplyPolicy apply{std::move(*policy), std::nullopt, in.dry_run()};
        if (in.has_expected_version()) apply.expected = in.expected_version();
        request.operation = TenantOperation(std::move(apply));
        return to_tenant(in.tenant(), request);
      },
      [](const auto&, const model::PolicyReply& reply, Rpc&, api::ApplyPolicyResponse& out) -> Status {
        out.set_version(reply.policy.version);
        out.mutable_difference()->Assign(reply.difference.begin(), reply.difference.end());
        return {};
      }));
}

void AdminDoor::add_quotas(std::vector<Method>& methods) {
  const auto encode = [](const auto&, const model::QuotaReply& reply, Rpc&, api::TenantQuota& out) -> Status {
    to_message(reply, &out);
    return {};
  };
  methods.push_back(call<api::GetQuotaRequest, api::TenantQuota, model::QuotaReply>(
      "Quotas", "Get",
      [](const auto& in, model::Request& request) { return ask_tenant(in.tenant(), request, model::GetQuota{}); },
      encode));
  methods.push_back(call<api::SetQuotaRequest, api::TenantQuota, model::QuotaReply>(
      "Quotas", "Set",
      [](const auto& in, model::Request& request) -> Status {
        auto set = to_set_quota(in);
        if (!set) return set.error();
        return ask_tenant(in.tenant(), request, std::move(*set));
      },
      encode));
}

void AdminDoor::add_server(std::vector<Method>& methods) {
  methods.push_back(typed_method<api::StatusRequest, api::StatusResponse, NoBody>(
      service("Server"), "Status",
      {.decode = [this](const api::StatusRequest&, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open(rpc, {}); !ok) return ok.error();
         auto& out = static_cast<api::StatusResponse&>(rpc.out());
         to_message(gateway_.status(), &out);
         out.set_version(version_);
         const auto uptime = std::chrono::steady_clock::now() - started_;
         out.set_uptime_seconds(
             static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count()));
         out.set_resident_bytes(resident_bytes());
         return Step::done;
       },
       .encode = [](const api::StatusRequest&, const NoBody&, Rpc&, api::StatusResponse&) -> Status { return {}; },
       .fail = [](const Rpc&, const Error& error) { return make_failure(error); },
       .recover = {}}));
  methods.push_back(typed_method<api::MetricsRequest, api::MetricsResponse, NoBody>(
      service("Server"), "Metrics",
      {.decode = [this](const api::MetricsRequest&, Rpc& rpc) -> Result<Step> {
         if (const Status ok = open(rpc, {}); !ok) return ok.error();
         if (metrics_) static_cast<api::MetricsResponse&>(rpc.out()).set_text(metrics_());
         return Step::done;
       },
       .encode = [](const api::MetricsRequest&, const NoBody&, Rpc&, api::MetricsResponse&) -> Status { return {}; },
       .fail = [](const Rpc&, const Error& error) { return make_failure(error); },
       .recover = {}}));
}

}  // namespace

std::unique_ptr<Door> make_admin_door(const Doors& settings, actors::Gateway& gateway,
                                      std::function<model::TimeMs()> clock, std::function<std::string()> metrics) {
  return std::make_unique<AdminDoor>(settings, gateway, std::move(clock), std::move(metrics));
}

}  // namespace coffer::net
