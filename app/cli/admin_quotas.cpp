// coffer admin quotas (get, set): what a tenant may hold and how fast it may ask.

#include <algorithm>
#include <array>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"
#include "model/quota.hpp"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;
using model::Limit;

struct QuotaOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::array<std::string, model::kLimits> values;  // as given; empty: not
};

const google::protobuf::FieldDescriptor* field_of(Limit limit) {
  return admin::Quota::descriptor()->FindFieldByName(std::string(model::limit_name(limit)));
}

/// "--reads", "--read-burst"
std::string option_of(Limit limit) {
  std::string name(model::limit_name(limit));
  if (const auto rate = name.find("_per_second"); rate != std::string::npos) name.resize(rate);
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

std::string show(const admin::Quota& quota, Limit limit, const char* absent) {
  const auto* reflection = quota.GetReflection();
  if (!reflection->HasField(quota, field_of(limit))) return absent;
  const std::uint64_t value = reflection->GetUInt64(quota, field_of(limit));
  if (value == 0) return model::is_burst(limit) ? "one second's" : "none";
  return std::to_string(value);
}

void print(const admin::TenantQuota& reply, const OutputOption& output, Io& io) {
  if (output.json()) {
    io.out << to_json(reply);
    return;
  }
  Table table({"LIMIT", "IN FORCE", "OWN", "HELD"});
  for (const Limit limit : model::kAllLimits) {
    std::string held;
    if (limit == Limit::entries) held = std::to_string(reply.held_entries());
    if (limit == Limit::bytes) held = std::to_string(reply.held_bytes());
    table.add({std::string(model::limit_name(limit)), show(reply.limits(), limit, ""),
               show(reply.own(), limit, "default"), held});
  }
  table.print(io.out);
}

/// Puts what the option says into the request: a number, "none" or "default".
Outcome read_value(Limit limit, const std::string& text, admin::SetQuotaRequest& request) {
  if (text == "default") {
    request.add_inherit(std::string(model::limit_name(limit)));
    return std::nullopt;
  }
  std::uint64_t value = 0;
  if (text != "none") {
    // A size reads whole numbers, too; "64KiB" makes sense for bytes only.
    const auto parsed = parse_size(text);
    const bool plain = text.find_first_not_of("0123456789") == std::string::npos;
    if (!parsed || (!plain && limit != Limit::bytes)) {
      return Failure(Exit::usage, option_of(limit) + ": '" + text + "' is not a limit",
                     limit == Limit::bytes ? "a number of bytes, 64MiB, none or default" : "a number, none or default");
    }
    value = *parsed;
  }
  auto* quota = request.mutable_quota();
  quota->GetReflection()->SetUInt64(quota, field_of(limit), value);
  return std::nullopt;
}

Outcome get(const QuotaOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::GetQuotaRequest request;
  request.set_tenant(connection->endpoint().tenant);
  const auto stub = admin::Quotas::NewStub(connection->channel());
  admin::TenantQuota reply;
  failure = connection->call("get the quota of tenant " + request.tenant(),
                             [&](auto* context) { return stub->Get(context, request, &reply); });
  if (!failure) print(reply, o.output, io);
  return failure;
}

Outcome set(const QuotaOptions& o, Io& io) {
  admin::SetQuotaRequest request;
  bool any = false;
  for (const Limit limit : model::kAllLimits) {
    const std::string& text = o.values[static_cast<std::size_t>(limit)];
    if (text.empty()) continue;
    any = true;
    if (auto failure = read_value(limit, text, request)) return failure;
  }
  if (!any) return Failure(Exit::usage, "no limit is given", "for example --entries 1000 or --reads 100");
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  request.set_tenant(connection->endpoint().tenant);
  request.set_request_id(new_request_id());
  const auto stub = admin::Quotas::NewStub(connection->channel());
  admin::TenantQuota reply;
  failure = connection->call("set the quota of tenant " + request.tenant(),
                             [&](auto* context) { return stub->Set(context, request, &reply); });
  if (!failure) print(reply, o.output, io);
  return failure;
}

void add_tenant_name(CLI::App* command, QuotaOptions& o) {
  command->add_option("TENANT", o.connection.tenant, "The tenant's name")->required()->type_name("");
}

}  // namespace

void add_admin_quotas(CLI::App& root, Program& program) {
  auto* quotas = root.add_subcommand("quotas", "What a tenant may hold and how fast it may ask.");
  quotas->require_subcommand(1);

  auto g = std::make_shared<QuotaOptions>();
  auto* command = quotas->add_subcommand("get", "Show a tenant's limits and what it holds.");
  add_tenant_name(command, *g);
  add_output(command, g->output);
  add_connection(command, g->connection);
  program.on(command, [g, &program] { return get(*g, program.io); });

  auto s = std::make_shared<QuotaOptions>();
  command = quotas->add_subcommand("set", "Change the limits that are given, from the next request on.");
  for (const Limit limit : model::kAllLimits) {
    const char* what = limit == Limit::entries  ? "Secrets that can be read"
                       : limit == Limit::bytes  ? "Bytes of all versions' payloads, also 64MiB"
                       : model::is_burst(limit) ? "How many of them may come at once"
                                                : "Requests of this class per second";
    command
        ->add_option(option_of(limit), s->values[static_cast<std::size_t>(limit)],
                     std::string(what) + "; none, or default for the server's")
        ->type_name("N");
  }
  add_tenant_name(command, *s);
  add_output(command, s->output);
  add_connection(command, s->connection);
  program.on(command, [s, &program] { return set(*s, program.io); });
}

}  // namespace coffer::app::cli
