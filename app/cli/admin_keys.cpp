// coffer admin keys status|rotate|reseal.

#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "coffer/admin/v1/keys.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct KeysOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::string level, tenant;
  std::uint64_t rate = 0;
  bool pause = false, resume = false;
};
using KeysOptionsPtr = std::shared_ptr<KeysOptions>;

void add_keys(const google::protobuf::RepeatedPtrField<admin::KeyVersion>& keys, const std::string& level,
              Table& table) {
  for (const auto& key : keys) {
    table.add({level, std::to_string(key.version()),
               key.has_retired_at() ? "retired"
               : key.current()      ? "current"
                                    : "kept",
               show_time(key.has_created_at(), key.created_at())});
  }
}

void print(const admin::KeysStatus& status, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << to_json(status);
    return;
  }
  Table table({"LEVEL", "VERSION", "STATE", "CREATED"});
  table.add({"root", std::to_string(status.root_version()), "current",
             show_time(status.has_root_created_at(), status.root_created_at())});
  add_keys(status.cluster_keys(), "cluster", table);
  if (status.has_tenant()) add_keys(status.tenant().data_keys(), "data of " + status.tenant().name(), table);
  table.print(out);
  Record record;
  if (status.has_tenant()) {
    record.add("seals", std::to_string(status.tenant().seals()) + " of at most " +
                            std::to_string(status.tenant().seal_limit()) + " under the current data key");
    record.add("wrapped", "under cluster key " + std::to_string(status.tenant().cluster_key()));
  }
  const auto& reseal = status.reseal();
  record.add("resealing", std::string(reseal.paused()             ? "paused"
                                      : reseal.tenants_left() > 0 ? "running"
                                                                  : "idle") +
                              ", " + std::to_string(reseal.tenants_left()) + " tenants left, " +
                              std::to_string(reseal.tenants_done()) + " done, " + std::to_string(reseal.rows_done()) +
                              " rows");
  if (!reseal.waits_for().empty()) record.add("old key", reseal.waits_for());
  record.add("rate", std::to_string(reseal.rows_per_second()) + " rows/s");
  record.print(out);
}

template <class Request>
Outcome call(const KeysOptions& o, Io& io, const std::string& what, const Request& request,
             grpc::Status (admin::Keys::Stub::*method)(grpc::ClientContext*, const Request&, admin::KeysStatus*)) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Keys::NewStub(connection->channel());
  admin::KeysStatus reply;
  failure = connection->call(what, [&](auto* context) { return ((*stub).*method)(context, request, &reply); });
  if (!failure) print(reply, o.output, io.out);
  return failure;
}

Outcome reseal(const KeysOptions& o, Io& io) {
  if (o.pause && o.resume) return Failure(Exit::usage, "--pause and --resume exclude each other");
  admin::SetResealRequest request;
  if (o.pause || o.resume) request.set_paused(o.pause);
  if (o.rate != 0) request.set_rows_per_second(o.rate);
  if (!o.pause && !o.resume && o.rate == 0) return Failure(Exit::usage, "say --pause, --resume or --rate N");
  return call(o, io, "set the resealing", request, &admin::Keys::Stub::SetReseal);
}

CLI::App* add_command(CLI::App* keys, const char* name, const char* description, const KeysOptionsPtr& o) {
  auto* command = keys->add_subcommand(name, description);
  add_output(command, o->output);
  add_connection(command, o->connection);
  return command;
}

}  // namespace

void add_admin_keys(CLI::App& root, Program& program) {
  auto* keys = root.add_subcommand("keys", "Keys: the root key, cluster keys, tenants' data keys.");
  keys->require_subcommand(1);

  auto s = std::make_shared<KeysOptions>();
  auto* command = add_command(keys, "status", "Show the keys' versions, and how far resealing is.", s);
  command->add_option("--tenant", s->tenant, "This tenant's data keys, too")->type_name("TENANT");
  program.on(command, [s, &program] {
    admin::KeysStatusRequest request;
    request.set_tenant(s->tenant);
    return call(*s, program.io, "look at the keys", request, &admin::Keys::Stub::Status);
  });

  auto r = std::make_shared<KeysOptions>();
  command =
      add_command(keys, "rotate", "Make a new key of a level; what older ones sealed is sealed anew meanwhile.", r);
  command->add_option("LEVEL", r->level, "root, cluster or data")->required()->type_name("");
  command->add_option("--tenant", r->tenant, "Whose data key")->type_name("TENANT");
  program.on(command, [r, &program] {
    admin::RotateKeysRequest request;
    request.set_level(r->level);
    request.set_tenant(r->tenant);
    return call(*r, program.io, "rotate the " + r->level + " key", request, &admin::Keys::Stub::Rotate);
  });

  auto p = std::make_shared<KeysOptions>();
  command = add_command(keys, "reseal", "Pause, resume or slow down what is sealed anew in the background.", p);
  command->add_flag("--pause", p->pause, "Stop after the slice that is under way");
  command->add_flag("--resume", p->resume, "Go on");
  command->add_option("--rate", p->rate, "Rows per second, at most")->type_name("N");
  program.on(command, [p, &program] { return reseal(*p, program.io); });
}

}  // namespace coffer::app::cli
