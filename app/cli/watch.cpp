// coffer watch: tells changes as they happen, one line each, until it is interrupted. Comes back by itself when the
// server goes away, from the last revision that it has seen.

#include <thread>

#include "app/cli/secret_options.hpp"
#include "app/text.hpp"

namespace coffer::app::cli {
namespace {

struct WatchOptions {
  ConnectionOptions connection;
  OutputOption output;
  std::string space, prefix;
  std::uint64_t from = 0, count = 0;
};

/// A line break in a JSON document stands between two tokens; in a string it is escaped.
std::string one_line(const std::string& json) {
  std::string line;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '\n') {
      line.push_back(json[i]);
    } else {
      while (i + 1 < json.size() && json[i + 1] == ' ') ++i;
    }
  }
  return line + "\n";
}

void show(const v1::Change& change, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << one_line(to_json(change));
  } else {
    out << change.revision() << "  " << show_time(true, change.time()) << "  " << change.type() << "  "
        << change.space() << "/" << printable(change.name());
    if (change.version() != 0) out << "  version " << change.version();
    out << "\n";
  }
  out << std::flush;
}

/// Reads one stream to its end. `from` and `left` move with it; true in `heard` when anything came.
grpc::Status read_changes(v1::Secrets::Stub& stub, grpc::ClientContext* context, const WatchOptions& o,
                          const std::string& tenant, std::uint64_t& from, std::uint64_t& left, bool& heard, Io& io) {
  v1::WatchRequest request;
  request.set_tenant(tenant);
  request.set_from_revision(from);
  request.set_space(o.space);
  request.set_prefix(o.prefix);
  const auto reader = stub.Watch(context, request);
  v1::Change change;
  while (reader->Read(&change)) {
    heard = true;
    from = change.revision() + 1;
    if (change.type() == "progress") continue;
    show(change, o.output, io.out);
    if (o.count != 0 && --left == 0) {
      context->TryCancel();
      reader->Finish();
      return grpc::Status::OK;
    }
  }
  return reader->Finish();
}

Outcome watch(const WatchOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = v1::Secrets::NewStub(connection->channel());
  std::uint64_t from = o.from, left = o.count;
  for (;;) {
    bool heard = false;
    failure = connection->listen("watch " + connection->endpoint().tenant, [&](auto* context) {
      return read_changes(*stub, context, o, connection->endpoint().tenant, from, left, heard, io);
    });
    if (!failure || failure->exit != Exit::unavailable || !heard) return failure;
    io.err << "coffer: " << failure->what << "; going on from revision " << from << "\n" << std::flush;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

}  // namespace

void add_watch(CLI::App& root, Program& program) {
  auto o = std::make_shared<WatchOptions>();
  auto* command = root.add_subcommand("watch", "Tell changes of a tenant's secrets as they happen, without values.");
  command->add_option("--space", o->space, "Only this space (default: every one)")->type_name("SPACE");
  command->add_option("--prefix", o->prefix, "Only names that begin so")->type_name("TEXT");
  command->add_option("--from", o->from, "Begin with this revision (default: what comes from now on)")
      ->type_name("REVISION")
      ->check(check_whole_number);
  command->add_option("--count", o->count, "End after so many changes")->type_name("N")->check(check_whole_number);
  add_tenant(command, o->connection);
  add_connection(command, o->connection);
  add_output(command, o->output);
  program.on(command, [o, &program] { return watch(*o, program.io); });
}

}  // namespace coffer::app::cli
