// coffer admin tenants: create, list, show, delete, open-door.

#include "app/cli/confirm.hpp"
#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct TenantOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::string name, prefix, page_token, door, external_id;
  std::vector<std::string> doors;
  std::uint32_t page_size = 0;
  std::string id, recovery;
  bool show_deleted = false, yes = false, purge = false;
};

using TenantOptionsPtr = std::shared_ptr<TenantOptions>;

std::string show_doors(const admin::Tenant& tenant) {
  std::string text;
  for (const auto& door : tenant.doors()) text += (text.empty() ? "" : " ") + door.door() + "=" + door.external_id();
  return text;
}

void print_tenant(const admin::Tenant& tenant, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << to_json(tenant);
    return;
  }
  Record record;
  record.add("name", tenant.name());
  record.add("id", tenant.id());
  record.add("state", tenant.state());
  record.add("group", std::to_string(tenant.group()));
  record.add("doors", show_doors(tenant));
  record.add("created", show_time(tenant.has_created_at(), tenant.created_at()));
  record.add("deleted", show_time(tenant.has_deleted_at(), tenant.deleted_at()));
  record.add("purge at", show_time(tenant.has_purge_at(), tenant.purge_at()));
  record.add("purged", show_time(tenant.has_purged_at(), tenant.purged_at()));
  record.print(out);
}

/// Calls one method that answers a tenant, and prints that.
template <class Request>
Outcome call_and_print(const TenantOptions& o, const std::string& verb, const Request& request, Io& io,
                       grpc::Status (admin::Tenants::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                    admin::Tenant*)) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Tenants::NewStub(connection->channel());
  admin::Tenant reply;
  failure = connection->call(verb + " tenant " + o.name,
                             [&](auto* context) { return ((*stub).*method)(context, request, &reply); });
  if (!failure) print_tenant(reply, o.output, io.out);
  return failure;
}

Outcome create(const TenantOptions& o, Io& io) {
  admin::CreateTenantRequest request;
  request.set_name(o.name);
  for (const auto& door : o.doors) {
    const auto equals = door.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == door.size()) {
      return Failure(Exit::usage, "--door '" + door + "': write DOOR=EXTERNAL-ID, such as direktiv=my-namespace");
    }
    auto* added = request.add_doors();
    added->set_door(door.substr(0, equals));
    added->set_external_id(door.substr(equals + 1));
  }
  request.set_request_id(new_request_id());
  return call_and_print(o, "create", request, io, &admin::Tenants::Stub::Create);
}

Outcome list(const TenantOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Tenants::NewStub(connection->channel());
  admin::ListTenantsRequest request;
  const bool one_page = o.page_size != 0 || !o.page_token.empty();
  request.set_prefix(o.prefix);
  request.set_show_deleted(o.show_deleted);
  request.set_page_size(one_page ? o.page_size : 1000);
  request.set_page_token(o.page_token);
  admin::ListTenantsResponse all;
  do {
    admin::ListTenantsResponse page;
    failure = connection->call("list tenants", [&](auto* context) { return stub->List(context, request, &page); });
    if (failure) return failure;
    all.mutable_tenants()->MergeFrom(page.tenants());
    all.set_next_page_token(page.next_page_token());
    request.set_page_token(page.next_page_token());
  } while (!one_page && !all.next_page_token().empty());
  if (o.output.json()) {
    io.out << to_json(all);
    return std::nullopt;
  }
  Table table({"NAME", "STATE", "GROUP", "CREATED", "DOORS"});
  for (const auto& t : all.tenants()) {
    table.add(
        {t.name(), t.state(), std::to_string(t.group()), show_time(t.has_created_at(), t.created_at()), show_doors(t)});
  }
  table.print(io.out);
  if (!all.next_page_token().empty()) io.err << "there are more: --page-token " << all.next_page_token() << "\n";
  return std::nullopt;
}

Outcome remove(const TenantOptions& o, Io& io) {
  const std::string what = o.purge ? "this deletes tenant " + o.name + " with everything in it, for ever"
                                   : "this deletes tenant " + o.name + " with everything in it";
  if (auto refused = confirm(o.yes, what, o.name, io)) return refused;
  admin::DeleteTenantRequest request;
  request.set_purge(o.purge);
  if (!o.recovery.empty()) {
    const auto window = parse_duration(o.recovery);
    if (!window || window->count() < 1000)
      return Failure(Exit::usage, "--recovery: a time such as 30m or 24h, a second at least");
    request.set_recovery_seconds(window->count() / 1000);
  }
  request.set_name(o.name);
  request.set_request_id(new_request_id());
  return call_and_print(o, "delete", request, io, &admin::Tenants::Stub::Delete);
}

Outcome open_door(const TenantOptions& o, Io& io) {
  admin::OpenDoorRequest request;
  request.set_name(o.name);
  request.mutable_door()->set_door(o.door);
  request.mutable_door()->set_external_id(o.external_id);
  request.set_request_id(new_request_id());
  return call_and_print(o, "open a door of", request, io, &admin::Tenants::Stub::OpenDoor);
}

CLI::App* add_command(CLI::App* tenants, const char* name, const char* description, const TenantOptionsPtr& o,
                      bool takes_name) {
  auto* command = tenants->add_subcommand(name, description);
  if (takes_name) command->add_option("TENANT", o->name, "The tenant's name")->required()->type_name("");
  add_output(command, o->output);
  add_connection(command, o->connection);
  return command;
}

}  // namespace

void add_admin_tenants(CLI::App& root, Program& program) {
  auto* tenants = root.add_subcommand("tenants", "Tenants: the units of ownership, isolation, keys and quota.");
  tenants->require_subcommand(1);

  auto c = std::make_shared<TenantOptions>();
  auto* command = add_command(tenants, "create", "Create a tenant.", c, true);
  add_repeated(command, "--door", c->doors,
               "Let a door's external id lead to it: direktiv=my-namespace; may be repeated")
      ->type_name("DOOR=ID");
  program.on(command, [c, &program] { return create(*c, program.io); });

  auto l = std::make_shared<TenantOptions>();
  command = add_command(tenants, "list", "List tenants by name.", l, false);
  command->add_option("--prefix", l->prefix, "Only names that begin so")->type_name("TEXT");
  command->add_flag("--deleted", l->show_deleted, "Also those that are deleted");
  command->add_option("--page-size", l->page_size, "One page of so many (default: everything)")->type_name("N");
  command->add_option("--page-token", l->page_token, "Continue behind a page")->type_name("TOKEN");
  program.on(command, [l, &program] { return list(*l, program.io); });

  auto s = std::make_shared<TenantOptions>();
  command = add_command(tenants, "show", "Show one tenant.", s, true);
  program.on(command, [s, &program] {
    admin::GetTenantRequest request;
    request.set_name(s->name);
    return call_and_print(*s, "show", request, program.io, &admin::Tenants::Stub::Get);
  });

  auto d = std::make_shared<TenantOptions>();
  command = add_command(tenants, "delete",
                        "Delete a tenant with everything in it; undelete brings it back for seven days.", d, true);
  command->add_flag("-y,--yes", d->yes, "Do not ask");
  command->add_flag("--purge", d->purge, "At once and for ever: its keys and rows go from every disk");
  command->add_option("--recovery", d->recovery, "How long it can be undeleted (default: seven days)")
      ->type_name("DURATION");
  program.on(command, [d, &program] { return remove(*d, program.io); });

  auto u = std::make_shared<TenantOptions>();
  command = add_command(tenants, "undelete", "Take a deletion back.", u, false);
  command->add_option("ID", u->id, "As `tenants list --deleted --output json` shows it")->required()->type_name("");
  command->add_option("--name", u->name, "Another name, when the old one is taken")->type_name("TENANT");
  program.on(command, [u, &program] {
    admin::UndeleteTenantRequest request;
    request.set_id(u->id);
    request.set_name(u->name);
    request.set_request_id(new_request_id());
    return call_and_print(*u, "undelete", request, program.io, &admin::Tenants::Stub::Undelete);
  });
  add_admin_transfer(*tenants, program);

  auto o = std::make_shared<TenantOptions>();
  command = add_command(tenants, "open-door", "Let a door's external id lead to a tenant.", o, true);
  command->add_option("DOOR", o->door, "direktiv, cloudforet or tapis")->required()->type_name("");
  command->add_option("EXTERNAL_ID", o->external_id, "What that API calls the tenant: namespace, domain, ...")
      ->required()
      ->type_name("");
  program.on(command, [o, &program] { return open_door(*o, program.io); });
}

}  // namespace coffer::app::cli
