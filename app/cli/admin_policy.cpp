// coffer admin policy: get, apply. A policy is one JSON document, with the fields of coffer.admin.v1.Policy; what get
// prints is what apply reads.

#include <google/protobuf/util/json_util.h>

#include "app/cli/connection.hpp"
#include "app/cli/files.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

constexpr std::size_t kMostBytes = 2 << 20;  // a policy's own limit is lower; the server says which

struct PolicyOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::string file;
  bool dry_run = false;
};

template <class List>
std::string join(const List& list) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ",") + item;
  return text;
}

void print_tables(const admin::Policy& policy, std::ostream& out) {
  Table roles({"ROLE", "EFFECT", "CAPABILITIES", "SPACES", "NAMES", "FROM", "UNTIL"});
  for (const auto& role : policy.roles()) {
    for (const auto& g : role.grants()) {
      roles.add({role.name(), g.effect(), join(g.capabilities()), join(g.spaces()), join(g.names()),
                 show_time(g.has_not_before(), g.not_before()), show_time(g.has_expires_at(), g.expires_at())});
    }
  }
  roles.print(out);
  out << "\n";
  Table bindings({"ROLE", "SUBJECTS", "FROM", "UNTIL"});
  for (const auto& b : policy.bindings()) {
    bindings.add({b.role(), join(b.subjects()), show_time(b.has_not_before(), b.not_before()),
                  show_time(b.has_expires_at(), b.expires_at())});
  }
  bindings.print(out);
}

Outcome get(const PolicyOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::GetPolicyRequest request;
  request.set_tenant(connection->endpoint().tenant);
  const auto service = admin::Policies::NewStub(connection->channel());
  admin::Policy reply;
  failure = connection->call("get the policy of tenant " + request.tenant(),
                             [&](auto* context) { return service->Get(context, request, &reply); });
  if (failure) return failure;
  if (o.output.format == "table") {
    print_tables(reply, io.out);
  } else {
    io.out << to_json(reply);
  }
  return std::nullopt;
}

/// Reads the document; a field that does not exist is an error, not a rule that is silently not there.
Outcome read_policy(const std::string& file, Io& io, admin::Policy& policy) {
  const auto text = file == "-" ? read_stream(io.in, kMostBytes, "stdin") : read_file(file, kMostBytes);
  if (!text.ok()) return Failure(text.error());
  const auto bytes = text->expose();
  const auto parsed = google::protobuf::util::JsonStringToMessage({bytes.data(), bytes.size()}, &policy);
  if (parsed.ok()) return std::nullopt;
  return Failure(Exit::usage, file + " is no policy: " + std::string(parsed.message()),
                 "what `coffer admin policy get` prints has the right form");
}

Outcome apply(const PolicyOptions& o, Io& io) {
  admin::ApplyPolicyRequest request;
  if (auto failure = read_policy(o.file, io, *request.mutable_policy())) return failure;
  // A document that came from get says what it was made from: a change in between is not overwritten.
  if (request.policy().has_version()) request.set_expected_version(request.policy().version());
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto tenant = connection->endpoint().tenant;
  request.set_tenant(tenant);
  request.set_dry_run(o.dry_run);
  request.set_request_id(new_request_id());
  const auto service = admin::Policies::NewStub(connection->channel());
  admin::ApplyPolicyResponse reply;
  failure = connection->call("apply the policy of tenant " + tenant,
                             [&](auto* context) { return service->Apply(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  for (const auto& line : reply.difference()) io.out << line << "\n";
  const std::string version = "version " + std::to_string(reply.version()) + " of the policy of tenant " + tenant;
  if (reply.difference().empty()) {
    io.err << version << " says the same; nothing changes\n";
  } else if (o.dry_run) {
    io.err << "a dry run: " << version << " stays\n";
  } else {
    io.err << version << " is in force\n";
  }
  return std::nullopt;
}

}  // namespace

void add_admin_policy(CLI::App& root, Program& program) {
  auto* policy = root.add_subcommand("policy", "A tenant's roles, and who has them.");
  policy->require_subcommand(1);

  auto g = std::make_shared<PolicyOptions>();
  auto* command = policy->add_subcommand("get", "Print the policy, as apply reads it.");
  add_tenant(command, g->connection);
  add_output(command, g->output, "json");
  add_connection(command, g->connection);
  program.on(command, [g, &program] { return get(*g, program.io); });

  auto a = std::make_shared<PolicyOptions>();
  command = policy->add_subcommand("apply", "Replace the policy by a file's, from the next request on.");
  command->add_option("-f,--file", a->file, "The policy as JSON; - is stdin")->required()->type_name("FILE");
  command->add_flag("--dry-run", a->dry_run, "Only print what would change");
  add_tenant(command, a->connection);
  add_output(command, a->output);
  add_connection(command, a->connection);
  program.on(command, [a, &program] { return apply(*a, program.io); });
}

}  // namespace coffer::app::cli
