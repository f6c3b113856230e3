// coffer watch: tells changes as they happen, one line each, until it is interrupted. Comes back by itself when the
// server goes away, for as long as --timeout, behind the last change that it has told.

#include <algorithm>
#include <charconv>
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

/// Where a watch goes on. A transaction's changes have one revision, and a stream may end between them: it is asked for
/// whole again then, and what of it was told is passed over.
struct Place {
  std::uint64_t from = 0;  // revision
  std::uint64_t told = 0;  // changes of that revision
};

/// Reads one stream to its end. `place` and `left` move with it; `heard` becomes true when anything came.
grpc::Status read_changes(v1::Secrets::Stub& stub, grpc::ClientContext* context, const WatchOptions& o,
                          const std::string& tenant, Place& place, std::uint64_t& left, bool& heard, Io& io) {
  v1::WatchRequest request;
  request.set_tenant(tenant);
  request.set_from_revision(place.from);
  request.set_space(o.space);
  request.set_prefix(o.prefix);
  const auto reader = stub.Watch(context, request);
  std::uint64_t known = place.told;
  v1::Change change;
  while (reader->Read(&change)) {
    heard = true;
    if (change.type() == "progress") {
      place = {change.revision() + 1, 0};
      continue;
    }
    if (change.revision() != place.from) {
      place = {change.revision(), 0};
      known = 0;
    }
    if (known != 0) {
      --known;
      continue;
    }
    show(change, o.output, io.out);
    ++place.told;
    const bool is_enough = o.count != 0 && --left == 0;
    if (!is_enough && io.out) continue;
    context->TryCancel();
    reader->Finish();
    return grpc::Status::OK;
  }
  const grpc::Status status = reader->Finish();
  const auto& trailers = context->GetServerTrailingMetadata();
  if (const auto last = trailers.find("last-event-id"); last != trailers.end()) {
    std::uint64_t whole = 0;  // up to which everything was told
    const auto read = std::from_chars(last->second.begin(), last->second.end(), whole);
    if (read.ec == std::errc() && whole >= place.from) place = {whole + 1, 0};
  }
  return status;
}

/// The server went away, or has cut a reader who was too slow: there is more to hear.
bool may_go_on(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE || status.error_code() == grpc::StatusCode::CANCELLED;
}

Outcome watch(const WatchOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = v1::Secrets::NewStub(connection->channel());
  Place place{o.from, 0};
  std::uint64_t left = o.count;
  bool has_heard = false;  // ever: then it is no wrong address
  auto quiet_since = std::chrono::steady_clock::now();
  for (std::chrono::milliseconds pause{100};;) {
    bool heard = false, goes_on = false;
    failure = connection->listen("watch " + connection->endpoint().tenant, [&](auto* context) {
      const auto status = read_changes(*stub, context, o, connection->endpoint().tenant, place, left, heard, io);
      goes_on = may_go_on(status);
      return status;
    });
    if (!io.out) return Failure(Exit::failed, "the changes cannot be written to where they are to go");
    if (!failure || !goes_on) return failure;
    const auto now = std::chrono::steady_clock::now();
    if (heard) {
      has_heard = true;
      quiet_since = now;
      pause = std::chrono::milliseconds(100);
      io.err << "coffer: " << failure->what << "; going on from revision " << place.from << "\n" << std::flush;
    }
    if (!has_heard || now - quiet_since >= connection->endpoint().timeout) return failure;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds(2000));
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
