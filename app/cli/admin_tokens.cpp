// coffer admin tokens (create, list, revoke) and coffer admin status.

#include "app/cli/connection.hpp"
#include "app/cli/files.hpp"
#include "app/cli/new_token.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/cli/scope.hpp"
#include "app/parse.hpp"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct TokenOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::string id, description;
  std::vector<std::string> scopes, addresses;
  std::optional<std::string> expires, max_ttl, out;
  bool renewable = false, by_policy = false;
};

Outcome create(const TokenOptions& o, Io& io) {
  if (o.scopes.empty() != o.by_policy) {
    return Failure(
        Exit::usage,
        o.by_policy ? "--scope and --by-policy contradict each other"
                    : "the token would have no rights: give --scope, or --by-policy",
        "--scope bounds the token by itself; with --by-policy it may do what the tenant's policy gives to it");
  }
  admin::CreateTokenRequest request;
  for (const auto& range : o.addresses) request.add_addresses(range);
  request.set_renewable(o.renewable);
  if (o.max_ttl) {
    const auto ttl = parse_duration(*o.max_ttl);
    if (!ttl.ok()) return Failure(ttl.error());
    request.set_max_ttl_seconds(std::chrono::duration_cast<std::chrono::seconds>(*ttl).count());
  }
  for (const auto& text : o.scopes) {
    const auto scope = parse_scope(text);
    if (!scope.ok()) return Failure(scope.error());
    *request.add_scopes() = *scope;
  }
  if (o.expires) {
    const auto time = parse_expiry(*o.expires, io.now());
    if (!time.ok()) return Failure(time.error());
    *request.mutable_expires_at() = to_timestamp(*time);
  }
  if (o.out) {
    if (const auto status = check_new_file(*o.out); !status) return Failure(status.error());
  }
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto tenant = connection->endpoint().tenant;
  request.set_tenant(tenant);
  request.set_description(o.description);
  request.set_request_id(new_request_id());
  const auto stub = admin::Tokens::NewStub(connection->channel());
  admin::CreateTokenResponse reply;
  failure = connection->call("create a token of tenant " + tenant,
                             [&](auto* context) { return stub->Create(context, request, &reply); });
  if (failure) return failure;
  const std::string id = reply.token().id();
  return print_new_token({reply.secret(), "token " + id + " of tenant " + tenant,
                          "coffer admin tokens revoke --tenant " + tenant + " " + id},
                         o.out, o.output, reply, io);
}

Outcome list(const TokenOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::ListTokensRequest request;
  request.set_tenant(connection->endpoint().tenant);
  const auto stub = admin::Tokens::NewStub(connection->channel());
  admin::ListTokensResponse reply;
  failure = connection->call("list the tokens of tenant " + request.tenant(),
                             [&](auto* context) { return stub->List(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  Table table({"ID", "STATE", "CREATED", "EXPIRES", "SCOPES", "DESCRIPTION"});
  for (const auto& t : reply.tokens()) {
    table.add({t.id(), t.state(), show_time(t.has_created_at(), t.created_at()),
               show_time(t.has_expires_at(), t.expires_at()), show_scopes(t), t.description()});
  }
  table.print(io.out);
  return std::nullopt;
}

Outcome revoke(const TokenOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::RevokeTokenRequest request;
  request.set_tenant(connection->endpoint().tenant);
  request.set_id(o.id);
  request.set_request_id(new_request_id());
  const auto stub = admin::Tokens::NewStub(connection->channel());
  admin::Token reply;
  failure =
      connection->call("revoke token " + o.id, [&](auto* context) { return stub->Revoke(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    io.out << "token " << reply.id() << " is " << reply.state() << "\n";
  }
  return std::nullopt;
}

void print_status(const admin::StatusResponse& s, std::ostream& out) {
  Record record;
  record.add("version", s.version());
  record.add("node", std::to_string(s.node_id()));
  record.add("cluster", s.cluster_id());
  record.add("seal", s.seal());
  record.add("uptime", format_duration(std::chrono::seconds(s.uptime_seconds())));
  record.add("tenants", std::to_string(s.tenants()));
  record.add("live shards", std::to_string(s.active_shards()));
  record.add("memory", std::to_string(s.resident_bytes() >> 20) + " MiB");
  if (s.free_bytes() != 0) record.add("free disk", std::to_string(s.free_bytes() >> 20) + " MiB");
  if (s.read_only()) record.add("changes", "refused: the node is low on disk");
  record.print(out);
  out << "\n";
  Table table({"GROUP", "ROLE", "TERM", "COMMITTED", "APPLIED", "DURABLE"});
  for (const auto& g : s.groups()) {
    table.add({std::to_string(g.id()), g.role(), std::to_string(g.term()), std::to_string(g.commit_index()),
               std::to_string(g.applied_index()), std::to_string(g.durable_index())});
  }
  table.print(out);
}

Outcome status(const TokenOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Server::NewStub(connection->channel());
  admin::StatusResponse reply;
  failure = connection->call("ask for the status",
                             [&](auto* context) { return stub->Status(context, admin::StatusRequest(), &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    print_status(reply, io.out);
  }
  return std::nullopt;
}

CLI::App* add_command(CLI::App* parent, const char* name, const char* description, TokenOptions& o, bool of_tenant) {
  auto* command = parent->add_subcommand(name, description);
  if (of_tenant) add_tenant(command, o.connection);
  add_output(command, o.output);
  add_connection(command, o.connection);
  return command;
}

}  // namespace

void add_admin_tokens(CLI::App& root, Program& program) {
  auto* tokens = root.add_subcommand("tokens", "A tenant's tokens.");
  tokens->require_subcommand(1);

  auto c = std::make_shared<TokenOptions>();
  auto* command = add_command(tokens, "create", "Create a token; it is printed once and stored nowhere.", *c, true);
  add_repeated(command, "--scope", c->scopes,
               "What it may do: CAPABILITIES:SPACES:NAMES, such as list,read,read-value:kv:app/*; may be repeated")
      ->type_name("SCOPE");
  command->add_flag("--by-policy", c->by_policy, "Instead of scopes: what the tenant's policy gives to token:<its id>");
  add_repeated(command, "--address", c->addresses,
               "It works only from there: 10.0.0.0/8, 192.0.2.7, 2001:db8::/32; may be repeated")
      ->type_name("RANGE");
  command->add_flag("--renewable", c->renewable, "It may renew itself; needs --expires and --max-ttl");
  command->add_option("--max-ttl", c->max_ttl, "How long after its creation renewing ends: 30d")->type_name("DURATION");
  command->add_option("--description", c->description, "What it is for")->type_name("TEXT");
  command->add_option("--expires", c->expires, "When it expires: 30d, or 2030-01-31T12:00:00Z")->type_name("WHEN");
  command->add_option("--out", c->out, "Write it to this file, mode 0600")->type_name("FILE");
  program.on(command, [c, &program] { return create(*c, program.io); });

  auto l = std::make_shared<TokenOptions>();
  command = add_command(tokens, "list", "List a tenant's tokens, without their secrets.", *l, true);
  program.on(command, [l, &program] { return list(*l, program.io); });

  auto r = std::make_shared<TokenOptions>();
  command = add_command(tokens, "revoke", "Revoke a token at once.", *r, true);
  command->add_option("ID", r->id, "The token's id, as in list")->required()->type_name("");
  program.on(command, [r, &program] { return revoke(*r, program.io); });
}

void add_admin(CLI::App& root, Program& program) {
  auto* admin_app = root.add_subcommand("admin", "The operators' commands.");
  admin_app->require_subcommand(1);
  add_admin_tenants(*admin_app, program);
  add_admin_tokens(*admin_app, program);
  add_admin_operators(*admin_app, program);
  add_admin_issuers(*admin_app, program);
  add_admin_certificates(*admin_app, program);
  add_admin_quotas(*admin_app, program);
  add_admin_cluster(*admin_app, program);
  add_admin_audit(*admin_app, program);
  add_admin_top(*admin_app, program);
  add_admin_policy(*admin_app, program);
  add_admin_init(*admin_app, program);
  add_admin_seal(*admin_app, program);
  add_admin_keys(*admin_app, program);
  add_admin_backup(*admin_app, program);
  auto s = std::make_shared<TokenOptions>();
  auto* command = add_command(admin_app, "status", "Show the server's state.", *s, false);
  program.on(command, [s, &program] { return status(*s, program.io); });
}

}  // namespace coffer::app::cli
