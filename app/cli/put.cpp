// coffer put: stores a new version of a secret.

#include "app/cli/payload_input.hpp"
#include "app/cli/secret_options.hpp"
#include "app/parse.hpp"

namespace coffer::app::cli {
namespace {

struct PutOptions : SecretOptions {
  PayloadOptions payload;
  std::optional<std::uint64_t> cas;
  std::vector<std::string> tags;
  std::optional<std::string> description, expires, request_id;
};

/// What stood on the command line beyond NAME is most likely a value: it is refused, and not repeated.
Outcome refuse_extras(const std::vector<std::string>& extras) {
  if (extras.empty()) return std::nullopt;
  for (const auto& extra : extras) {
    if (extra.size() > 1 && extra[0] == '-') {
      return Failure(Exit::usage, "put has no option " + extra.substr(0, extra.find('=')), "see: coffer put --help");
    }
  }
  return Failure(Exit::usage,
                 "put takes no value on the command line: it would stay in the shell's history and show in the list of "
                 "processes",
                 "pipe it in, give --file FILE, or type it when asked");
}

model::Status fill(const PutOptions& o, Io& io, v1::PutRequest& request) {
  if (o.cas) request.set_cas(*o.cas);
  const auto tags = parse_tags(o.tags);
  if (!tags.ok()) return tags.error();
  request.mutable_tags()->insert(tags->begin(), tags->end());
  if (o.description) request.set_description(*o.description);
  if (o.expires) {
    const auto time = parse_expiry(*o.expires, io.now());
    if (!time.ok()) return time.error();
    if (o.request_id && parse_duration(*o.expires).ok()) return no_moving_expiry();
    *request.mutable_expires_at() = to_timestamp(*time);
  }
  request.set_request_id(o.request_id.value_or(new_request_id()));
  return read_payload(o.payload, io, request);
}

Outcome put(const PutOptions& o, const std::vector<std::string>& extras, Io& io) {
  if (auto refused = refuse_extras(extras)) return refused;
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  v1::PutRequest request;
  address(request, o, *connection);
  if (const auto status = fill(o, io, request); !status.ok()) return Failure(status.error());
  const auto stub = v1::Secrets::NewStub(connection->channel());
  v1::Metadata reply;
  failure = connection->call(o.what("put"), [&](auto* context) { return stub->Put(context, request, &reply); });
  if (!failure) print_metadata(reply, o.output, io.out);
  return failure;
}

}  // namespace

void add_put(CLI::App& root, Program& program) {
  auto o = std::make_shared<PutOptions>();
  auto* command = root.add_subcommand(
      "put",
      "Store a new version of a secret. The value comes from stdin, a file, or a prompt without echo; never from "
      "an argument.");
  add_secret(command, *o);
  auto* file = command->add_option("-f,--file", o->payload.file, "Read the value from this file (- is stdin)")
                   ->type_name("FILE");
  auto* data = add_repeated(command, "-d,--data", o->payload.data,
                            "One item of a map of strings: key=@FILE, or key=@- for stdin; repeat it for more")
                   ->type_name("KEY=@FILE");
  auto* json = command->add_flag("--stdin-json", o->payload.stdin_json, "Read a JSON object of strings from stdin");
  file->excludes(data)->excludes(json);
  data->excludes(json);
  command->add_option("--cas", o->cas, "Only if this is the current version; 0: only if there is none")
      ->type_name("VERSION")
      ->check(check_whole_number);
  add_repeated(command, "-t,--tag", o->tags, "A tag; repeat it for more. Any replaces all former tags")
      ->type_name("KEY=VALUE");
  command->add_option("--description", o->description, "What the secret is for")->type_name("TEXT");
  command->add_option("--expires", o->expires, "When it expires: 30d, or 2030-01-31T12:00:00Z")->type_name("WHEN");
  command->add_option("--request-id", o->request_id, "Makes repeated calls with this id one change")->type_name("ID");
  command->allow_extras();
  program.on(command, [o, command, &program] { return put(*o, command->remaining(), program.io); });
}

}  // namespace coffer::app::cli
