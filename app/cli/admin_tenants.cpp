// coffer admin tenants: create, list, show, delete, undelete, purge, open-door.

#include <chrono>

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

constexpr const char* kSeeDeleted = "see which there are: coffer admin tenants list --deleted";

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
  const Advice advice = o.id.empty() ? Advice{} : Advice{{grpc::StatusCode::NOT_FOUND, kSeeDeleted}};
  failure = connection->call(
      verb + " tenant " + (o.id.empty() ? o.name : o.id),
      [&](auto* context) { return ((*stub).*method)(context, request, &reply); }, advice);
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

void print_list(const admin::ListTenantsResponse& all, bool with_deleted, std::ostream& out) {
  if (!with_deleted) {
    Table table({"NAME", "STATE", "GROUP", "CREATED", "DOORS"});
    for (const auto& t : all.tenants()) {
      table.add({t.name(), t.state(), std::to_string(t.group()), show_time(t.has_created_at(), t.created_at()),
                 show_doors(t)});
    }
    return table.print(out);
  }
  // Several deleted ones may have had one name: only the id tells them apart.
  Table table({"NAME", "STATE", "ID", "GROUP", "CREATED", "DELETED", "PURGE AT", "PURGED", "DOORS"});
  for (const auto& t : all.tenants()) {
    table.add({t.name(), t.state(), t.id(), std::to_string(t.group()), show_time(t.has_created_at(), t.created_at()),
               show_time(t.has_deleted_at(), t.deleted_at()), show_time(t.has_purge_at(), t.purge_at()),
               show_time(t.has_purged_at(), t.purged_at()), show_doors(t)});
  }
  table.print(out);
}

/// All of them, or one page.
Outcome fetch(const TenantOptions& o, Connection& connection, admin::ListTenantsResponse& all) {
  const auto stub = admin::Tenants::NewStub(connection.channel());
  admin::ListTenantsRequest request;
  const bool one_page = o.page_size != 0 || !o.page_token.empty();
  request.set_prefix(o.prefix);
  request.set_show_deleted(o.show_deleted);
  request.set_page_size(one_page ? o.page_size : 1000);
  request.set_page_token(o.page_token);
  do {
    admin::ListTenantsResponse page;
    const auto failure =
        connection.call("list tenants", [&](auto* context) { return stub->List(context, request, &page); });
    if (failure) return failure;
    all.mutable_tenants()->MergeFrom(page.tenants());
    all.set_next_page_token(page.next_page_token());
    request.set_page_token(page.next_page_token());
  } while (!one_page && !all.next_page_token().empty());
  return std::nullopt;
}

Outcome list(const TenantOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::ListTenantsResponse all;
  if (auto failed = fetch(o, *connection, all)) return failed;
  if (o.output.json()) {
    io.out << to_json(all);
    return std::nullopt;
  }
  print_list(all, o.show_deleted, io.out);
  if (!all.next_page_token().empty()) io.err << "there are more: --page-token " << all.next_page_token() << "\n";
  return std::nullopt;
}

/// The deleted tenant of this id or, when only one had it, of this name.
Outcome find_deleted(const TenantOptions& o, Connection& connection, admin::Tenant& found) {
  TenantOptions every = o;
  every.show_deleted = true;
  admin::ListTenantsResponse all;
  if (auto failure = fetch(every, connection, all)) return failure;
  std::vector<const admin::Tenant*> named;
  bool is_active = false;
  const model::TimeMs now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  for (const auto& tenant : all.tenants()) {
    const bool is_deleted = tenant.state() == "deleted";
    if (is_deleted && tenant.id() == o.name) {
      found = tenant;
      return std::nullopt;
    }
    if (tenant.name() != o.name) continue;
    const bool goes_already = to_ms(tenant.purge_at()) <= now;
    if (is_deleted && !goes_already) named.push_back(&tenant);
    is_active = is_active || tenant.state() == "active";
  }
  if (named.size() == 1) {
    found = *named.front();
    return std::nullopt;
  }
  if (named.empty()) {
    return Failure(
        Exit::not_found, "there is no deleted tenant " + o.name,
        is_active ? "delete it at once and for ever: coffer admin tenants delete --purge " + o.name : kSeeDeleted);
  }
  std::string ids;
  for (const auto* tenant : named) {
    ids += (ids.empty() ? "" : ", ") + tenant->id() + " (deleted " + show_time(true, tenant->deleted_at()) + ")";
  }
  return Failure(Exit::usage, std::to_string(named.size()) + " deleted tenants were called " + o.name,
                 "say which by its id: " + ids);
}

Outcome purge(const TenantOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::Tenant found;
  if (auto missing = find_deleted(o, *connection, found)) return missing;
  const std::string what = "this removes the deleted tenant " + found.name() + " (" + found.id() +
                           ") with everything in it, for ever: it cannot be undeleted any more";
  if (auto refused = confirm(o.yes, what, found.name(), io)) return refused;
  admin::PurgeTenantRequest request;
  request.set_id(found.id());
  request.set_request_id(new_request_id());
  const auto stub = admin::Tenants::NewStub(connection->channel());
  admin::Tenant reply;
  failure = connection->call("purge tenant " + found.name(),
                             [&](auto* context) { return stub->Purge(context, request, &reply); },
                             {{grpc::StatusCode::NOT_FOUND, kSeeDeleted}});
  if (!failure) print_tenant(reply, o.output, io.out);
  return failure;
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
  command->add_option("ID", u->id, "As `tenants list --deleted` shows it")->required()->type_name("");
  command->add_option("--name", u->name, "Another name, when the old one is taken")->type_name("TENANT");
  program.on(command, [u, &program] {
    admin::UndeleteTenantRequest request;
    request.set_id(u->id);
    request.set_name(u->name);
    request.set_request_id(new_request_id());
    return call_and_print(*u, "undelete", request, program.io, &admin::Tenants::Stub::Undelete);
  });

  auto p = std::make_shared<TenantOptions>();
  command =
      add_command(tenants, "purge", "Remove a deleted tenant for ever, before its recovery window ends.", p, false);
  command->add_option("TENANT", p->name, "Its name or, where several had it, its id: `tenants list --deleted`")
      ->required()
      ->type_name("");
  command->add_flag("-y,--yes", p->yes, "Do not ask");
  program.on(command, [p, &program] { return purge(*p, program.io); });
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
