// coffer admin top: what a server does at the moment, from two readings of its metrics.

#include <cmath>
#include <map>
#include <sstream>
#include <thread>

#include "app/cli/connection.hpp"
#include "app/cli/metrics_text.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct TopOptions {
  ConnectionOptions connection{.target = Target::admin};
  std::string interval = "2s";
  std::uint32_t count = 0;
};

std::string number(double value) {
  std::ostringstream text;
  text.precision(value < 10 ? 2 : value < 100 ? 1 : 0);
  text << std::fixed << value;
  return text.str();
}

std::string milliseconds(std::optional<double> seconds) { return seconds ? number(*seconds * 1000) : "-"; }

void print(const admin::StatusResponse& status, const Readings& before, const Readings& after, double seconds,
           std::ostream& out) {
  const auto rate = [&](const char* name) { return (after.sum(name) - before.sum(name)) / seconds; };
  out << "node " << status.node_id() << ", " << status.seal() << (status.read_only() ? ", READ-ONLY" : "") << ", up "
      << format_duration(std::chrono::seconds(status.uptime_seconds())) << ", "
      << number(static_cast<double>(status.resident_bytes()) / (1 << 20)) << " MiB resident, "
      << number(static_cast<double>(status.free_bytes()) / (1 << 30)) << " GiB free\n"
      << status.tenants() << " tenants, " << status.active_shards()
      << " shards; per second: " << number(rate("coffer_log_writes_total")) << " log writes in "
      << number(rate("coffer_log_batches_total")) << " syncs, " << number(rate("coffer_audit_records_total"))
      << " audit records, " << number(rate("coffer_quota_refused_total")) << " over quota\n";
  Table table({"DOOR", "METHOD", "PER SECOND", "FAILED", "P50 MS", "P99 MS"});
  for (const auto& row : requests_between(before, after)) {
    table.add({row.door, row.method, number(row.requests / seconds), number(row.failed / seconds),
               milliseconds(row.median), milliseconds(row.p99)});
  }
  table.print(out);
  out << "\n";
}

Outcome top(const TopOptions& o, Io& io) {
  const auto interval = parse_duration(o.interval);
  if (!interval || interval->count() < 100) {
    return Failure(Exit::usage, "--interval: '" + o.interval + "' is no interval", "2s, at least 100ms");
  }
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Server::NewStub(connection->channel());
  std::optional<Readings> before;
  auto at = std::chrono::steady_clock::now();
  for (std::uint32_t shown = 0;;) {
    admin::StatusResponse status;
    admin::MetricsResponse metrics;
    failure = connection->call("ask for the status",
                               [&](auto* context) { return stub->Status(context, admin::StatusRequest(), &status); });
    if (failure) return failure;
    failure = connection->call("ask for the metrics", [&](auto* context) {
      return stub->Metrics(context, admin::MetricsRequest(), &metrics);
    });
    if (failure) return failure;
    const auto now = std::chrono::steady_clock::now();
    Readings after = read_metrics(metrics.text());
    if (before) {
      print(status, *before, after, std::chrono::duration<double>(now - at).count(), io.out);
      io.out.flush();
      if (!io.out || ++shown == o.count) return std::nullopt;
    }
    before = std::move(after);
    at = now;
    std::this_thread::sleep_for(*interval);
  }
}

}  // namespace

void add_admin_top(CLI::App& root, Program& program) {
  auto o = std::make_shared<TopOptions>();
  auto* command = root.add_subcommand("top", "Show what the server does, again and again.");
  command->add_option("--interval", o->interval, "Time between two readings (default 2s)")->type_name("DURATION");
  command->add_option("-n,--count", o->count, "End after so many (default: go on)")->type_name("N");
  add_connection(command, o->connection);
  program.on(command, [o, &program] { return top(*o, program.io); });
}

}  // namespace coffer::app::cli
