// coffer admin operators (create, list, revoke, capabilities): who may call the admin API, and which of its calls.

#include "app/cli/connection.hpp"
#include "app/cli/files.hpp"
#include "app/cli/new_token.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/admin/v1/operators.grpc.pb.h"
#include "net/admin/capabilities.hpp"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct OperatorOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::string name, id;
  std::vector<std::string> capabilities;
  std::optional<std::string> expires, out;
  bool everything = false;
};

std::string in_one_line(const google::protobuf::RepeatedPtrField<std::string>& capabilities) {
  std::string line;
  for (const auto& one : capabilities) line += (line.empty() ? "" : ",") + one;
  return line;
}

Outcome create(const OperatorOptions& o, Io& io) {
  if (o.capabilities.empty() != o.everything) {
    return Failure(
        Exit::usage,
        o.everything ? "--capability and --everything contradict each other"
                     : "the operator could do nothing: give --capability, or --everything",
        "coffer admin operators capabilities lists them; a service's name, such as tenants, is all of its calls");
  }
  admin::CreateOperatorRequest request;
  request.set_name(o.name);
  for (const auto& one : o.capabilities) request.add_capabilities(one);
  if (o.everything) request.add_capabilities("*");
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
  request.set_request_id(new_request_id());
  const auto stub = admin::Operators::NewStub(connection->channel());
  admin::CreateOperatorResponse reply;
  failure = connection->call("make operator " + o.name,
                             [&](auto* context) { return stub->Create(context, request, &reply); });
  if (failure) return failure;
  const admin::Operator& made = reply.operator_();
  const std::string about = "operator " + made.name() + " (" + made.id() + ") may " + in_one_line(made.capabilities());
  return print_new_token({reply.token(), about, "coffer admin operators revoke " + made.id()}, o.out, o.output, reply,
                         io);
}

Outcome list(const OperatorOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Operators::NewStub(connection->channel());
  admin::ListOperatorsResponse reply;
  failure = connection->call("list the operators",
                             [&](auto* context) { return stub->List(context, admin::ListOperatorsRequest(), &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  Table table({"ID", "NAME", "CREATED", "EXPIRES", "BY", "CAPABILITIES"});
  for (const auto& one : reply.operators()) {
    table.add({one.id(), one.name(), show_time(one.has_created_at(), one.created_at()),
               show_time(one.has_expires_at(), one.expires_at()), one.created_by(), in_one_line(one.capabilities())});
  }
  table.print(io.out);
  return std::nullopt;
}

Outcome revoke(const OperatorOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::RevokeOperatorRequest request;
  request.set_id(o.id);
  request.set_request_id(new_request_id());
  const auto stub = admin::Operators::NewStub(connection->channel());
  admin::Operator reply;
  failure = connection->call("revoke operator " + o.id,
                             [&](auto* context) { return stub->Revoke(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    io.out << "operator " << reply.name() << " (" << reply.id() << ") is revoked\n";
  }
  return std::nullopt;
}

}  // namespace

void add_admin_operators(CLI::App& root, Program& program) {
  auto* operators = root.add_subcommand("operators", "Who may call the admin API, and which of its calls.");
  operators->require_subcommand(1);

  auto c = std::make_shared<OperatorOptions>();
  auto* command =
      operators->add_subcommand("create", "Make an operator's token; it is printed once and stored nowhere.");
  command->add_option("NAME", c->name, "The operator's name, as the audit trail will have it")
      ->required()
      ->type_name("");
  add_repeated(command, "--capability", c->capabilities,
               "What it may do: tenants.create, or tenants for all of a service's calls; may be repeated")
      ->type_name("NAME");
  command->add_flag("--everything", c->everything, "It may make every call");
  command->add_option("--expires", c->expires, "When it expires: 30d, or 2030-01-31T12:00:00Z")->type_name("WHEN");
  command->add_option("--out", c->out, "Write the token to this file, mode 0600")->type_name("FILE");
  add_output(command, c->output);
  add_connection(command, c->connection);
  program.on(command, [c, &program] { return create(*c, program.io); });

  auto l = std::make_shared<OperatorOptions>();
  command = operators->add_subcommand("list", "List the operators, without their tokens.");
  add_output(command, l->output);
  add_connection(command, l->connection);
  program.on(command, [l, &program] { return list(*l, program.io); });

  auto r = std::make_shared<OperatorOptions>();
  command = operators->add_subcommand("revoke", "Revoke an operator's token at once.");
  command->add_option("ID", r->id, "The operator's id, as in list")->required()->type_name("");
  add_output(command, r->output);
  add_connection(command, r->connection);
  program.on(command, [r, &program] { return revoke(*r, program.io); });

  command = operators->add_subcommand("capabilities", "Name every capability, one in a line.");
  program.on(command, [&program]() -> Outcome {
    for (const auto& one : net::admin::capabilities()) program.io.out << one << "\n";
    return std::nullopt;
  });
}

}  // namespace coffer::app::cli
