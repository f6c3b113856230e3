// coffer admin audit (verify, query, tail, settings): the audit trail of the node that is asked, and how tenants are
// audited. `verify --dir` reads a folder without a server.

#include <thread>

#include "actors/audit_verify.hpp"
#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"
#include "crypto/hash.hpp"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct AuditCommand {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::string directory;  // verify
  std::vector<std::string> public_keys;
  std::string tenant, tenant_id, space, name, entry, principal, action, door, outcome, from, until;  // query, tail
  std::uint32_t limit = 100;
  bool follow = false;
  std::string strict, names;  // settings
};
using AuditCommandPtr = std::shared_ptr<AuditCommand>;

/// What both ways of verifying print; a damaged trail is a failure.
Outcome report(std::uint64_t files, std::uint64_t records, std::uint64_t checkpoints, std::uint64_t first,
               std::uint64_t last, const std::vector<std::string>& problems, Io& io) {
  const std::string range = records == 0 ? "" : " (" + std::to_string(first) + " to " + std::to_string(last) + ")";
  io.out << records << " records" << range << " in " << files << " files, " << checkpoints << " signatures hold\n";
  if (problems.empty()) {
    io.out << "the audit trail is whole and in order\n";
    return std::nullopt;
  }
  for (const std::string& problem : problems) io.out << problem << "\n";
  return Failure(Exit::failed, "the audit trail is damaged in " + std::to_string(problems.size()) +
                                   (problems.size() == 1 ? " place" : " places"));
}

Outcome verify_directory(const AuditCommand& o, Io& io) {
  actors::AuditExpectation expected;
  for (const std::string& text : o.public_keys) {
    const auto key = crypto::from_base64url(text);
    if (!key || key->size() != 32) {
      return Failure(Exit::usage, "--public-key: expected base64url of 32 bytes, as a segment's record has it");
    }
    expected.trusted.push_back(*key);
  }
  expected.introduced = [&io](std::uint32_t version, const std::string& key) {
    io.out << "key " << version << " (" << crypto::base64url(key) << ") was introduced by one that is trusted\n";
  };
  auto directory = storage::AuditDirectory::open(o.directory);
  if (!directory) return Failure(directory.error());
  const auto verdict = actors::verify_audit(*directory, expected);
  if (!verdict) return Failure(verdict.error());
  if (o.public_keys.empty()) io.out << "without --public-key, signatures are checked by the keys in the files\n";
  return report(verdict->files, verdict->records, verdict->checkpoints, verdict->first, verdict->last,
                verdict->problems, io);
}

Outcome verify(const AuditCommand& o, Io& io) {
  if (!o.directory.empty()) return verify_directory(o, io);
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Audit::NewStub(connection->channel());
  admin::VerifyAuditResponse reply;
  failure = connection->call("verify the audit trail",
                             [&](auto* context) { return stub->Verify(context, admin::VerifyAuditRequest(), &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return reply.problems().empty() ? Outcome() : Failure(Exit::failed, "the audit trail is damaged");
  }
  return report(reply.files(), reply.records(), reply.checkpoints(), reply.first(), reply.last(),
                {reply.problems().begin(), reply.problems().end()}, io);
}

/// The hash by which records name the secret that --space and --name name.
Outcome find_entry(const AuditCommand& o, admin::Audit::Stub& stub, Connection& connection, std::string& entry) {
  if (o.tenant.empty()) return Failure(Exit::usage, "--name needs --tenant", "records name secrets per tenant");
  admin::GetAuditSettingsRequest request;
  request.set_tenant(o.tenant);
  request.set_space(o.space);
  request.set_name(o.name);
  admin::AuditSettings reply;
  auto failure = connection.call("ask for the hash of a name",
                                 [&](auto* context) { return stub.GetSettings(context, request, &reply); });
  if (!failure) entry = reply.entry();
  return failure;
}

/// A time, or a duration back from now.
model::Result<model::TimeMs> parse_moment(const std::string& text, model::TimeMs now) {
  if (auto ago = parse_duration(text)) return now - ago->count();
  return parse_time(text);
}

Outcome make_request(const AuditCommand& o, Io& io, admin::QueryAuditRequest& request) {
  request.set_tenant(o.tenant);
  request.set_tenant_id(o.tenant_id);
  request.set_entry(o.entry);
  request.set_principal(o.principal);
  request.set_action(o.action);
  request.set_door(o.door);
  request.set_outcome(o.outcome);
  request.set_limit(o.limit);
  const std::pair<const std::string*, google::protobuf::Timestamp* (admin::QueryAuditRequest::*)()> times[] = {
      {&o.from, &admin::QueryAuditRequest::mutable_from}, {&o.until, &admin::QueryAuditRequest::mutable_until}};
  for (const auto& [text, mutable_time] : times) {
    if (text->empty()) continue;
    const auto time = parse_moment(*text, io.now());
    if (!time) return Failure(Exit::usage, "'" + *text + "' is no time", "2h (ago), or 2030-01-31T12:00:00Z");
    *(request.*mutable_time)() = to_timestamp(*time);
  }
  return std::nullopt;
}

void print(const admin::QueryAuditResponse& reply, std::ostream& out) {
  for (const std::string& record : reply.records()) out << record << "\n";
}

Outcome query(const AuditCommand& o, bool newest, Io& io) {
  admin::QueryAuditRequest request;
  if (auto failure = make_request(o, io, request)) return failure;
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Audit::NewStub(connection->channel());
  if (!o.name.empty()) {
    std::string entry;
    if (failure = find_entry(o, *stub, *connection, entry); failure) return failure;
    request.set_entry(entry);
  }
  request.set_newest(newest);
  for (;;) {
    admin::QueryAuditResponse reply;
    failure =
        connection->call("read the audit trail", [&](auto* context) { return stub->Query(context, request, &reply); });
    if (failure) return failure;
    print(reply, io.out);
    io.out.flush();
    if (!o.follow || !io.out) return std::nullopt;
    request.set_newest(false);
    request.set_after(reply.last());
    if (!reply.more()) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

std::optional<bool> read_switch(const std::string& text, const char* on, const char* off) {
  if (text == on) return true;
  if (text == off) return false;
  return std::nullopt;
}

Outcome settings(const AuditCommand& o, Io& io) {
  admin::SetAuditSettingsRequest change;
  change.set_tenant(o.tenant);
  if (!o.strict.empty()) {
    const auto strict = read_switch(o.strict, "on", "off");
    if (!strict) return Failure(Exit::usage, "--strict: expected on or off");
    change.set_strict(*strict);
  }
  if (!o.names.empty()) {
    const auto clear = read_switch(o.names, "clear", "hashed");
    if (!clear) return Failure(Exit::usage, "--names: expected clear or hashed");
    change.set_clear_names(*clear);
  }
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Audit::NewStub(connection->channel());
  admin::AuditSettings reply;
  if (change.has_strict() || change.has_clear_names()) {
    change.set_request_id(new_request_id());
    failure = connection->call("change how tenant " + o.tenant + " is audited",
                               [&](auto* context) { return stub->SetSettings(context, change, &reply); });
  } else {
    admin::GetAuditSettingsRequest request;
    request.set_tenant(o.tenant);
    failure = connection->call("ask how tenant " + o.tenant + " is audited",
                               [&](auto* context) { return stub->GetSettings(context, request, &reply); });
  }
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  Record record;
  record.add("strict", reply.strict() ? "on" : "off");
  record.add("names", reply.clear_names() ? "clear" : "hashed");
  record.add("changed", show_time(reply.has_changed_at(), reply.changed_at()));
  record.add("changed by", reply.changed_by());
  record.print(io.out);
  return std::nullopt;
}

void add_filters(CLI::App* command, AuditCommand& o) {
  command->add_option("--tenant", o.tenant, "Only of this tenant")->type_name("TENANT");
  command->add_option("--tenant-id", o.tenant_id, "The same by id, of a tenant that was deleted")->type_name("ID");
  command->add_option("--space", o.space, "With --name: the secret's space (default kv)")->type_name("SPACE");
  command->add_option("--name", o.name, "Only of this secret; records show its hash")->type_name("NAME");
  command->add_option("--entry", o.entry, "The same by its hash or the beginning of it")->type_name("HEX");
  command->add_option("--principal", o.principal, "Only of this caller: token:..., user:..., operator")
      ->type_name("WHO");
  command->add_option("--action", o.action, "Only this: get, put, list, create_token, ...")->type_name("ACTION");
  command->add_option("--door", o.door, "Only through this door: native, dapr, tapis, ...")->type_name("DOOR");
  command->add_option("--outcome", o.outcome, "Only with this: OK, PERMISSION_DENIED, ...")->type_name("OUTCOME");
}

}  // namespace

void add_admin_audit(CLI::App& root, Program& program) {
  auto* audit = root.add_subcommand("audit", "Who asked what: the audit trail of a node.");
  audit->require_subcommand(1);

  auto v = std::make_shared<AuditCommand>();
  auto* command = audit->add_subcommand("verify", "Read the whole trail and name what is wrong with it, and where.");
  command->add_option("--dir", v->directory, "Verify this folder, without a server")->type_name("DIR");
  command
      ->add_option("--public-key", v->public_keys,
                   "With --dir: a key that is the cluster's; newer ones are known by its signature. Repeatable")
      ->type_name("KEY");
  add_output(command, v->output);
  add_connection(command, v->connection);
  program.on(command, [v, &program] { return verify(*v, program.io); });

  auto q = std::make_shared<AuditCommand>();
  q->space = "kv";
  command = audit->add_subcommand("query", "Print records, the oldest first, one JSON object in a line.");
  add_filters(command, *q);
  command->add_option("--from", q->from, "Not before: 2h (ago), or 2030-01-31T12:00:00Z")->type_name("WHEN");
  command->add_option("--until", q->until, "Before")->type_name("WHEN");
  command->add_option("--limit", q->limit, "At most so many (default 100, at most 1000)")->type_name("N");
  add_connection(command, q->connection);
  program.on(command, [q, &program] { return query(*q, false, program.io); });

  auto t = std::make_shared<AuditCommand>();
  t->space = "kv";
  t->limit = 20;
  command = audit->add_subcommand("tail", "Print the newest records.");
  add_filters(command, *t);
  command->add_option("-n,--lines", t->limit, "So many (default 20, at most 1000)")->type_name("N");
  command->add_flag("-f,--follow", t->follow, "Go on with what comes, until interrupted");
  add_connection(command, t->connection);
  program.on(command, [t, &program] { return query(*t, true, program.io); });

  auto s = std::make_shared<AuditCommand>();
  command = audit->add_subcommand("settings", "Show or change how a tenant is audited.");
  command->add_option("TENANT", s->tenant, "The tenant's name")->required()->type_name("");
  command->add_option("--strict", s->strict, "on: an answer waits until its record is on disk")->type_name("on|off");
  command->add_option("--names", s->names, "Whether records name secrets or show keyed hashes")
      ->type_name("clear|hashed");
  add_output(command, s->output);
  add_connection(command, s->connection);
  program.on(command, [s, &program] { return settings(*s, program.io); });
}

}  // namespace coffer::app::cli
