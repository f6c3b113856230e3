// coffer admin cluster: status, join-token, drain, remove, balance, transfer, move-tenant, add-groups. What is done to a stopped node is in
// admin_offline.cpp.
#include <algorithm>
#include <thread>

#include "app/cli/confirm.hpp"
#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/admin/v1/cluster.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct ClusterOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  std::uint64_t node = 0, group = 0, count = 0;
  std::string ttl = "1h", tenant;
  bool begin_only = false;
  bool groups = false, undo = false, force = false, yes = false;
};
using ClusterOptionsPtr = std::shared_ptr<ClusterOptions>;

std::string node_name(std::uint64_t node) { return node == 0 ? "-" : std::to_string(node); }

void print_node(const admin::ClusterNode& node, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << to_json(node);
    return;
  }
  Record record;
  record.add("node", std::to_string(node.id()));
  record.add("address", node.address());
  record.add("state", node.state());
  record.add("certificate until", show_time(node.has_certificate_expires_at(), node.certificate_expires_at()));
  record.print(out);
}

void print_status(const admin::ClusterStatus& status, bool with_groups, std::ostream& out) {
  Record record;
  record.add("cluster", status.cluster_id());
  record.add("asked", "node " + node_name(status.self()));
  record.add("directory led by", status.meta_leader() == 0 ? "nobody" : "node " + node_name(status.meta_leader()));
  record.add("format", std::to_string(status.active_format()));
  record.print(out);
  out << "\n";
  Table nodes({"NODE", "STATE", "REACHED", "LEADS", "REPLICAS", "ADDRESS", "CERTIFICATE UNTIL"});
  for (const auto& node : status.nodes()) {
    const bool reached = node.connected() || node.id() == status.meta_leader();
    nodes.add({std::to_string(node.id()), node.state(), reached ? "yes" : "no", std::to_string(node.leads()),
               std::to_string(node.replicas()), node.address(),
               show_time(node.has_certificate_expires_at(), node.certificate_expires_at())});
  }
  nodes.print(out);
  if (with_groups) {
    out << "\n";
    Table groups({"GROUP", "LEADER", "TERM", "COMMIT", "REQUESTS/S", "WRITES/S", "VOTERS", "OTHERS"});
    for (const auto& group : status.groups()) {
      std::string voters, others;
      for (const auto& replica : group.replicas()) {
        std::string& list = replica.role() == "voter" ? voters : others;
        list += (list.empty() ? "" : " ") + std::to_string(replica.node());
      }
      groups.add({std::to_string(group.id()), node_name(group.leader()), std::to_string(group.term()),
                  std::to_string(group.commit_index()),
                  group.has_requests_per_second() ? std::to_string(group.requests_per_second()) : "-",
                  group.has_writes_per_second() ? std::to_string(group.writes_per_second()) : "-", voters, others});
    }
    groups.print(out);
  }
  if (status.plan_size() > 0) out << "\nabout to be done:\n";
  for (const auto& step : status.plan()) out << "  " << step << "\n";
}

Outcome status(const ClusterOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Cluster::NewStub(connection->channel());
  admin::ClusterStatus reply;
  failure = connection->call("show the cluster", [&](auto* context) { return stub->Status(context, {}, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    print_status(reply, o.groups, io.out);
  }
  return std::nullopt;
}

Outcome join_token(const ClusterOptions& o, Io& io) {
  const auto ttl = parse_duration(o.ttl);
  if (!ttl || *ttl < std::chrono::seconds(1)) {
    return Failure(Exit::usage, "--ttl: '" + o.ttl + "' is not a duration of a second or more", "for example 1h");
  }
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Cluster::NewStub(connection->channel());
  admin::CreateJoinTokenRequest request;
  request.set_ttl_seconds(std::chrono::duration_cast<std::chrono::seconds>(*ttl).count());
  request.set_request_id(new_request_id());
  admin::JoinToken reply;
  failure = connection->call("make a join token",
                             [&](auto* context) { return stub->CreateJoinToken(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    // The token alone on stdout, so that a script can take it as it is.
    io.out << reply.token() << "\n";
    io.err << "for one node, until " << show_time(reply.has_expires_at(), reply.expires_at()) << "\n";
  }
  return std::nullopt;
}

template <class Request>
Outcome change_node(const ClusterOptions& o, const std::string& what, Request request, Io& io,
                    grpc::Status (admin::Cluster::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                 admin::ClusterNode*)) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Cluster::NewStub(connection->channel());
  request.set_node(o.node);
  request.set_request_id(new_request_id());
  admin::ClusterNode reply;
  failure = connection->call(what + " node " + std::to_string(o.node),
                             [&](auto* context) { return ((*stub).*method)(context, request, &reply); });
  if (!failure) print_node(reply, o.output, io.out);
  return failure;
}

Outcome remove(const ClusterOptions& o, Io& io) {
  const std::string name = std::to_string(o.node);
  const std::string what = "this removes node " + name + " for ever: its id is not used again and its certificate is " +
                           "refused" + (o.force ? ", and what it held is taken for lost" : "");
  if (auto refused = confirm(o.yes, what, name, io)) return refused;
  admin::RemoveNodeRequest request;
  request.set_force(o.force);
  return change_node(o, "remove", request, io, &admin::Cluster::Stub::Remove);
}

Outcome balance(const ClusterOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Cluster::NewStub(connection->channel());
  admin::BalanceClusterRequest request;
  request.set_request_id(new_request_id());
  admin::BalanceClusterResponse reply;
  return connection->call("balance the cluster",
                          [&](auto* context) { return stub->Balance(context, request, &reply); });
}

Outcome transfer(const ClusterOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Cluster::NewStub(connection->channel());
  admin::TransferLeadershipRequest request;
  request.set_group(o.group);
  request.set_to(o.node);
  request.set_request_id(new_request_id());
  admin::TransferLeadershipResponse reply;
  return connection->call("hand over group " + std::to_string(o.group),
                          [&](auto* context) { return stub->Transfer(context, request, &reply); });
}

void print_move(const admin::MovingTenant& tenant, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << to_json(tenant);
    return;
  }
  Record record;
  record.add("tenant", tenant.tenant());
  record.add("group", std::to_string(tenant.group()));
  if (tenant.moving_to() != 0) record.add("moving to", std::to_string(tenant.moving_to()));
  if (tenant.moved_from() != 0) record.add("being removed from", std::to_string(tenant.moved_from()));
  record.print(out);
}

/// Asks for the same until it is done; a move that was begun goes on also when nobody waits.
Outcome move_tenant(const ClusterOptions& o, Io& io) {
  constexpr std::chrono::milliseconds kAskAgain{200};
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Cluster::NewStub(connection->channel());
  admin::MoveTenantRequest request;
  request.set_tenant(o.tenant);
  request.set_group(static_cast<std::uint32_t>(o.group));
  admin::MovingTenant reply;
  for (;;) {
    request.set_request_id(new_request_id());
    failure =
        connection->call("move " + o.tenant, [&](auto* context) { return stub->MoveTenant(context, request, &reply); });
    if (failure) return failure;
    if (o.begin_only || (reply.moving_to() == 0 && reply.moved_from() == 0)) break;
    std::this_thread::sleep_for(kAskAgain);
  }
  print_move(reply, o.output, io.out);
  return std::nullopt;
}

/// Asks first how many there are: then a second operator who does the same at that moment adds none by accident.
Outcome add_groups(const ClusterOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Cluster::NewStub(connection->channel());
  admin::ClusterStatus now;
  failure = connection->call("show the cluster", [&](auto* context) { return stub->Status(context, {}, &now); });
  if (failure) return failure;
  admin::AddGroupsRequest request;
  request.set_count(static_cast<std::uint32_t>(std::min<std::uint64_t>(o.count, UINT32_MAX)));
  request.set_expected(now.data_groups());
  request.set_request_id(new_request_id());
  admin::AddGroupsResponse reply;
  failure = connection->call("add groups", [&](auto* context) { return stub->AddGroups(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    io.out << reply.data_groups() << " data groups\n";
    io.err << "new tenants go to the emptiest; `coffer admin cluster balance` moves others there\n";
  }
  return std::nullopt;
}

CLI::App* add_command(CLI::App* cluster, const char* name, const char* description, const ClusterOptionsPtr& o) {
  auto* command = cluster->add_subcommand(name, description);
  add_output(command, o->output);
  add_connection(command, o->connection);
  return command;
}

void add_node(CLI::App* command, const ClusterOptionsPtr& o) {
  command->add_option("NODE", o->node, "The node's id")->required()->check(check_whole_number)->type_name("");
}

}  // namespace

void add_admin_cluster(CLI::App& root, Program& program) {
  auto* cluster = root.add_subcommand("cluster", "The nodes: who is in, who joins and leaves, who leads what.");
  cluster->require_subcommand(1);

  add_admin_offline(*cluster, program);
  auto s = std::make_shared<ClusterOptions>();
  auto* command = add_command(cluster, "status", "Show the nodes and what they carry.", s);
  command->add_flag("--groups", s->groups, "Also the groups with their leaders and voters");
  program.on(command, [s, &program] { return status(*s, program.io); });

  auto j = std::make_shared<ClusterOptions>();
  command = add_command(cluster, "join-token", "Make a token that lets one node in, once.", j);
  command->add_option("--ttl", j->ttl, "How long it counts: 30m, 12h; at most 7d (default 1h)")->type_name("TIME");
  program.on(command, [j, &program] { return join_token(*j, program.io); });

  auto d = std::make_shared<ClusterOptions>();
  command = add_command(cluster, "drain", "Take a node's leaderships and replicas away.", d);
  add_node(command, d);
  command->add_flag("--undo", d->undo, "Give it work again");
  program.on(command, [d, &program] {
    admin::DrainNodeRequest request;
    request.set_undo(d->undo);
    return change_node(*d, d->undo ? "give work to" : "drain", request, program.io, &admin::Cluster::Stub::Drain);
  });

  auto r = std::make_shared<ClusterOptions>();
  command = add_command(cluster, "remove", "Remove a node for ever.", r);
  add_node(command, r);
  command->add_flag("--force", r->force, "It is dead: do not wait until it holds nothing");
  command->add_flag("-y,--yes", r->yes, "Do not ask");
  program.on(command, [r, &program] { return remove(*r, program.io); });

  auto b = std::make_shared<ClusterOptions>();
  command = add_command(cluster, "balance", "Spread leaderships, replicas and tenants now.", b);
  program.on(command, [b, &program] { return balance(*b, program.io); });

  auto t = std::make_shared<ClusterOptions>();
  command = add_command(cluster, "transfer", "Hand a group's leadership over.", t);
  command->add_option("GROUP", t->group, "The group's number")->required()->check(check_whole_number)->type_name("");
  add_node(command, t);
  program.on(command, [t, &program] { return transfer(*t, program.io); });

  auto m = std::make_shared<ClusterOptions>();
  command = add_command(cluster, "move-tenant", "Move a tenant to another group while it is used.", m);
  command->add_option("TENANT", m->tenant, "The tenant's name")->required()->type_name("");
  command->add_option("GROUP", m->group, "The group's number")->required()->check(check_whole_number)->type_name("");
  command->add_flag("--begin-only", m->begin_only, "Do not wait until it is there");
  program.on(command, [m, &program] { return move_tenant(*m, program.io); });

  auto g = std::make_shared<ClusterOptions>();
  command = add_command(cluster, "add-groups",
                        "Add data groups: each has a leader of its own. They are never taken away.", g);
  command->add_option("COUNT", g->count, "How many more")->required()->check(check_whole_number)->type_name("");
  program.on(command, [g, &program] { return add_groups(*g, program.io); });
}

}  // namespace coffer::app::cli
