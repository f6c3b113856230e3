// coffer admin certificates (put, list, delete): who the bearers of client certificates are in a tenant.

#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct CertificateOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::string name, san, principal;
  std::vector<std::string> roles;
};

std::string show_principal(const admin::CertificateRule& rule) {
  return rule.principal().empty() ? "cert:<its name>" : rule.principal();
}

Outcome put(const CertificateOptions& o, Io& io) {
  admin::PutCertificateRequest request;
  auto* rule = request.mutable_rule();
  rule->set_name(o.name);
  rule->set_san(o.san);
  rule->set_principal(o.principal);
  for (const std::string& role : o.roles) rule->add_roles(role);
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  request.set_tenant(connection->endpoint().tenant);
  request.set_request_id(new_request_id());
  const auto stub = admin::Certificates::NewStub(connection->channel());
  admin::CertificateRule reply;
  failure = connection->call("put certificate rule " + o.name,
                             [&](auto* context) { return stub->Put(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    io.out << "in tenant " << request.tenant() << " " << reply.san() << " is " << show_principal(reply) << "\n";
  }
  return std::nullopt;
}

Outcome list(const CertificateOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::ListCertificatesRequest request;
  request.set_tenant(connection->endpoint().tenant);
  const auto stub = admin::Certificates::NewStub(connection->channel());
  admin::ListCertificatesResponse reply;
  failure = connection->call("list the certificate rules of tenant " + request.tenant(),
                             [&](auto* context) { return stub->List(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  Table table({"NAME", "SAN", "PRINCIPAL", "ROLES", "CHANGED", "BY"});
  for (const auto& rule : reply.rules()) {
    std::string roles;
    for (const std::string& role : rule.roles()) roles += (roles.empty() ? "" : ",") + role;
    table.add({rule.name(), rule.san(), show_principal(rule), roles,
               show_time(rule.has_changed_at(), rule.changed_at()), rule.changed_by()});
  }
  table.print(io.out);
  return std::nullopt;
}

Outcome remove(const CertificateOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::DeleteCertificateRequest request;
  request.set_tenant(connection->endpoint().tenant);
  request.set_name(o.name);
  request.set_request_id(new_request_id());
  const auto stub = admin::Certificates::NewStub(connection->channel());
  admin::CertificateRule reply;
  failure = connection->call("delete certificate rule " + o.name,
                             [&](auto* context) { return stub->Delete(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    io.out << "in tenant " << request.tenant() << " " << reply.san() << " is nobody any more\n";
  }
  return std::nullopt;
}

CLI::App* add_command(CLI::App* parent, const char* name, const char* description, CertificateOptions& o) {
  auto* command = parent->add_subcommand(name, description);
  add_tenant(command, o.connection);
  add_output(command, o.output);
  add_connection(command, o.connection);
  return command;
}

}  // namespace

void add_admin_certificates(CLI::App& root, Program& program) {
  auto* certificates = root.add_subcommand("certificates", "Who the bearers of client certificates are in a tenant.");
  certificates->require_subcommand(1);

  auto p = std::make_shared<CertificateOptions>();
  auto* command = add_command(certificates, "put", "Make a rule, or change the one of that name.", *p);
  command->add_option("NAME", p->name, "What to call it")->required()->type_name("");
  command->add_option("--san", p->san, "A name in the certificate: uri:..., dns:... or email:...; may end in '*'")
      ->required()
      ->type_name("NAME");
  command->add_option("--principal", p->principal, "user:... or service:... (default cert:<the name>)")
      ->type_name("NAME");
  add_repeated(command, "--role", p->roles, "A role that it brings; may be repeated")->type_name("ROLE");
  program.on(command, [p, &program] { return put(*p, program.io); });

  auto l = std::make_shared<CertificateOptions>();
  command = add_command(certificates, "list", "List a tenant's rules.", *l);
  program.on(command, [l, &program] { return list(*l, program.io); });

  auto d = std::make_shared<CertificateOptions>();
  command = add_command(certificates, "delete", "Delete a rule; it has no effect from the next request on.", *d);
  command->add_option("NAME", d->name, "Its name, as in list")->required()->type_name("");
  program.on(command, [d, &program] { return remove(*d, program.io); });
}

}  // namespace coffer::app::cli
