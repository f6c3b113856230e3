// coffer token: show, renew, revoke. What the caller's own token may do to itself, without any capability.

#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/v1/secrets.grpc.pb.h"

namespace coffer::app::cli {
namespace {

struct OwnTokenOptions {
  ConnectionOptions connection;
  OutputOption output;
  std::optional<std::string> ttl;
};

template <class List>
std::string join(const List& list) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ",") + item;
  return text;
}

void print_token(const v1::Token& token, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << to_json(token);
    return;
  }
  std::string scopes;
  for (const auto& s : token.scopes()) {
    scopes += (scopes.empty() ? "" : " ") + join(s.capabilities()) + ":" + join(s.spaces()) + ":" + join(s.names());
  }
  Record record;
  record.add("id", token.id());
  record.add("description", token.description());
  record.add("scopes", scopes.empty() ? "none; by the tenant's policy" : scopes);
  record.add("created", show_time(token.has_created_at(), token.created_at()));
  record.add("expires", show_time(token.has_expires_at(), token.expires_at()));
  record.add("renewable until", show_time(token.has_max_expires_at(), token.max_expires_at()));
  record.add("addresses", join(token.addresses()));
  record.add("revoked", show_time(token.has_revoked_at(), token.revoked_at()));
  record.print(out);
}

/// Calls one method on the caller's token, and prints what it answers.
template <class Request>
Outcome call_and_print(const OwnTokenOptions& o, const std::string& verb, Request request, Io& io,
                       grpc::Status (v1::Secrets::Stub::*method)(grpc::ClientContext*, const Request&, v1::Token*)) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  request.set_tenant(connection->endpoint().tenant);
  const auto service = v1::Secrets::NewStub(connection->channel());
  v1::Token reply;
  failure = connection->call(verb + " this token of tenant " + request.tenant(),
                             [&](auto* context) { return ((*service).*method)(context, request, &reply); });
  if (!failure) print_token(reply, o.output, io.out);
  return failure;
}

Outcome renew(const OwnTokenOptions& o, Io& io) {
  v1::RenewSelfRequest request;
  if (o.ttl) {
    const auto ttl = parse_duration(*o.ttl);
    if (!ttl.ok()) return Failure(ttl.error());
    request.set_ttl_seconds(std::chrono::duration_cast<std::chrono::seconds>(*ttl).count());
  }
  request.set_request_id(new_request_id());
  return call_and_print(o, "renew", request, io, &v1::Secrets::Stub::RenewSelf);
}

CLI::App* add_command(CLI::App* parent, const char* name, const char* description, OwnTokenOptions& o) {
  auto* command = parent->add_subcommand(name, description);
  add_tenant(command, o.connection);
  add_output(command, o.output);
  add_connection(command, o.connection);
  return command;
}

}  // namespace

void add_token(CLI::App& root, Program& program) {
  auto* token = root.add_subcommand("token", "The token that this command uses: show, renew or revoke it.");
  token->require_subcommand(1);

  auto s = std::make_shared<OwnTokenOptions>();
  auto* command = add_command(token, "show", "Show what it may do and until when; never the token itself.", *s);
  program.on(command, [s, &program] {
    return call_and_print(*s, "look up", v1::LookupSelfRequest(), program.io, &v1::Secrets::Stub::LookupSelf);
  });

  auto n = std::make_shared<OwnTokenOptions>();
  command = add_command(token, "renew", "Let a renewable token live longer, up to its end of all renewals.", *n);
  command->add_option("--ttl", n->ttl, "How long from now on (default: as long as it was first made for)")
      ->type_name("DURATION");
  program.on(command, [n, &program] { return renew(*n, program.io); });

  auto r = std::make_shared<OwnTokenOptions>();
  command = add_command(token, "revoke", "Revoke it at once.", *r);
  program.on(command, [r, &program] {
    v1::RevokeSelfRequest request;
    request.set_request_id(new_request_id());
    return call_and_print(*r, "revoke", request, program.io, &v1::Secrets::Stub::RevokeSelf);
  });
}

}  // namespace coffer::app::cli
