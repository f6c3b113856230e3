// See audit_methods.hpp. Verify and Query are answered by the audit trail's reading thread; the settings are rows of
// their tenant and go to its shard as every other request.

#include "net/admin/audit_methods.hpp"

#include <utility>

#include "coffer/admin/v1/admin.pb.h"
#include "model/operators.hpp"
#include "net/admin/messages.hpp"
#include "net/timestamps.hpp"
#include "net/typed_method.hpp"

namespace coffer::net::admin {
namespace {

namespace api = ::coffer::admin::v1;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

WireStatus fail(const Rpc&, const Error& error) { return make_failure(error); }

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[c & 15];
  }
  return text;
}

const google::protobuf::ServiceDescriptor& service() {
  return *api::VerifyAuditRequest::descriptor()->file()->FindServiceByName("Audit");
}

/// A method that the audit trail answers. `ask` fills the answer and then calls `done` once, from any thread.
template <class In, class Out>
Method trail_method(const char* name, actors::Gateway& gateway, OpenCall open, std::function<Status(const In&)> check,
                    std::function<void(model::AuditPort&, const In&, Out&, std::function<void(Status)>)> ask) {
  Method method;
  method.descriptor = service().FindMethodByName(name);
  method.in_prototype = &In::default_instance();
  method.out_prototype = &Out::default_instance();
  method.decode = [&gateway, open = std::move(open), check = std::move(check)](Rpc& rpc) -> Result<Step> {
    if (const Status ok = open(rpc, {}); !ok) return ok.error();
    if (gateway.audit() == nullptr) {
      return Error(Code::unavailable, "this node writes no audit trail; [audit] of its configuration switches it on");
    }
    if (const Status ok = check(static_cast<const In&>(rpc.in())); !ok) return ok.error();
    return Step::submit;
  };
  method.start = [&gateway, ask = std::move(ask), action = std::string(name)](Rpc& rpc) {
    model::AuditPort& port = *gateway.audit();
    // Who reads the trail stands in the trail.
    model::AuditEvent event;
    event.door = model::Door::admin;
    const std::string principal = model::operator_principal(rpc.request.credential);
    event.principal = principal;
    event.action = action == "Verify" ? "verify_audit" : "query_audit";
    event.address = rpc.caller().address();
    event.request_id = rpc.request.info.request_id;
    event.trace = rpc.request.info.trace;
    port.record(event);
    rpc.audit.elsewhere = true;
    ask(port, static_cast<const In&>(rpc.in()), static_cast<Out&>(rpc.out()), [&rpc](Status status) {
      if (status) {
        rpc.reply = model::Reply{};
      } else {
        rpc.reply = status.error();
      }
      rpc.complete();
    });
  };
  method.encode = [](Rpc&) -> Status { return {}; };
  method.fail = fail;
  return method;
}

Status check_query(const actors::Gateway& gateway, const api::QueryAuditRequest& in) {
  model::TenantId id;
  if (!in.tenant_id().empty() && !model::parse_tenant_id(in.tenant_id(), &id)) {
    return Error(Code::invalid_argument, "tenant_id: expected 32 lower-case hexadecimal digits");
  }
  if (!in.tenant().empty() && !gateway.find_tenant({.name = in.tenant(), .door = {}})) {
    return Error(Code::tenant_not_found, "there is no tenant " + in.tenant() + "; of a deleted one give tenant_id");
  }
  if (in.limit() > 1000) return Error(Code::invalid_argument, "limit: at most 1000");
  if (in.entry().size() > 32 || in.entry().find_first_not_of("0123456789abcdef") != std::string::npos) {
    return Error(Code::invalid_argument, "entry: expected at most 32 lower-case hexadecimal digits");
  }
  return {};
}

model::AuditQuery to_query(const actors::Gateway& gateway, const api::QueryAuditRequest& in) {
  model::AuditQuery query;
  if (!in.tenant_id().empty()) {
    model::TenantId id;
    if (model::parse_tenant_id(in.tenant_id(), &id)) query.tenant = id;
  } else if (!in.tenant().empty()) {
    query.tenant = gateway.find_tenant({.name = in.tenant(), .door = {}}).value_or(model::TenantId{});
  }
  query.entry = in.entry();
  query.principal = in.principal();
  query.action = in.action();
  query.door = in.door();
  query.outcome = in.outcome();
  if (in.has_from()) query.from = in.from().seconds() * 1000 + in.from().nanos() / 1'000'000;
  if (in.has_until()) query.until = in.until().seconds() * 1000 + in.until().nanos() / 1'000'000;
  query.after = in.after();
  query.limit = in.limit() == 0 ? 100 : in.limit();
  query.newest = in.newest();
  return query;
}

void add_reading(actors::Gateway& gateway, const OpenCall& open, std::vector<Method>& methods) {
  methods.push_back(trail_method<api::VerifyAuditRequest, api::VerifyAuditResponse>(
      "Verify", gateway, open, [](const auto&) { return Status(); },
      [](model::AuditPort& port, const auto&, api::VerifyAuditResponse& out, std::function<void(Status)> done) {
        port.verify([&out, done = std::move(done)](Result<model::AuditVerdict> verdict) {
          if (!verdict) return done(verdict.error());
          out.set_files(verdict->files);
          out.set_records(verdict->records);
          out.set_checkpoints(verdict->checkpoints);
          out.set_first(verdict->first);
          out.set_last(verdict->last);
          for (std::string& problem : verdict->problems) out.add_problems(std::move(problem));
          done({});
        });
      }));
  methods.push_back(trail_method<api::QueryAuditRequest, api::QueryAuditResponse>(
      "Query", gateway, open, [&gateway](const auto& in) { return check_query(gateway, in); },
      [&gateway](model::AuditPort& port, const auto& in, api::QueryAuditResponse& out,
                 std::function<void(Status)> done) {
        port.query(to_query(gateway, in), [&out, done = std::move(done)](Result<model::AuditPage> page) {
          if (!page) return done(page.error());
          for (std::string& line : page->lines) out.add_records(std::move(line));
          out.set_last(page->last);
          out.set_more(page->more);
          done({});
        });
      }));
}

/// A method on a tenant's audit settings.
template <class In>
Method settings_method(const char* name, const OpenCall& open, std::function<model::TenantOperation(const In&)> make) {
  return typed_method<In, api::AuditSettings, model::AuditReply>(
      service(), name,
      {.decode = [open, make = std::move(make)](const In& in, Rpc& rpc) -> Result<Step> {
         std::string id;
         if constexpr (requires { in.request_id(); }) id = in.request_id();
         if (const Status ok = open(rpc, std::move(id)); !ok) return ok.error();
         if (const Status ok = model::check_tenant_name(in.tenant()); !ok) return ok.error();
         rpc.request.tenant = {.name = in.tenant(), .door = {}};
         rpc.request.operation = make(in);
         return Step::submit;
       },
       .encode = [](const In&, const model::AuditReply& reply, Rpc&, api::AuditSettings& out) -> Status {
         out.set_strict(reply.settings.strict);
         out.set_clear_names(reply.settings.clear_names);
         out.set_version(reply.settings.version);
         if (reply.settings.changed_at > 0) to_timestamp(reply.settings.changed_at, out.mutable_changed_at());
         out.set_changed_by(reply.settings.changed_by);
         out.set_entry(to_hex(reply.entry_hash.substr(0, 16)));
         return {};
       },
       .fail = fail,
       .recover = {}});
}

}  // namespace

void add_audit_methods(actors::Gateway& gateway, const OpenCall& open, std::vector<Method>& methods) {
  add_reading(gateway, open, methods);
  methods.push_back(settings_method<api::GetAuditSettingsRequest>("GetSettings", open, [](const auto& in) {
    return model::GetAudit{in.space(), in.name()};
  }));
  methods.push_back(settings_method<api::SetAuditSettingsRequest>("SetSettings", open, [](const auto& in) {
    model::SetAudit set;
    if (in.has_strict()) set.strict = in.strict();
    if (in.has_clear_names()) set.clear_names = in.clear_names();
    return set;
  }));
}

}  // namespace coffer::net::admin
