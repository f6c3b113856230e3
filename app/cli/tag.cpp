// coffer tag: changes a secret's tags, description, expiry or number of kept versions; makes no new version.

#include "app/cli/secret_options.hpp"
#include "app/parse.hpp"

namespace coffer::app::cli {
namespace {

struct TagOptions : SecretOptions {
  std::vector<std::string> changes;
  std::optional<std::string> description, expires, request_id;
  std::optional<std::uint32_t> max_versions;
  std::optional<std::uint64_t> cas;
};

model::Status fill_tags(const std::vector<std::string>& changes, v1::UpdateMetadataRequest& request) {
  std::vector<std::string> set;
  for (const auto& change : changes) {
    if (change.find('=') == std::string::npos && change.size() > 1 && change.back() == '-') {
      request.add_remove_tags(change.substr(0, change.size() - 1));
    } else if (change.find('=') != std::string::npos) {
      set.push_back(change);
    } else {
      return model::Error(model::Code::invalid_argument,
                          "'" + change + "' is no change: write key=value to set a tag, key- to remove it");
    }
  }
  const auto tags = parse_tags(set);
  if (!tags.ok()) return tags.error();
  request.mutable_set_tags()->insert(tags->begin(), tags->end());
  return {};
}

model::Status fill(const TagOptions& o, const Io& io, v1::UpdateMetadataRequest& request) {
  if (o.changes.empty() && !o.description && !o.expires && !o.max_versions) {
    return model::Error(model::Code::invalid_argument, "nothing to change: give key=value, key-, or an option");
  }
  if (const auto status = fill_tags(o.changes, request); !status.ok()) return status;
  if (o.description) request.set_description(*o.description);
  if (o.max_versions) request.set_max_versions(*o.max_versions);
  if (o.cas) request.set_cas(*o.cas);
  request.set_request_id(o.request_id.value_or(new_request_id()));
  if (o.expires && *o.expires == "never") {
    request.set_clear_expires_at(true);
  } else if (o.expires) {
    const auto time = parse_expiry(*o.expires, io.now());
    if (!time.ok()) return time.error();
    if (o.request_id && parse_duration(*o.expires).ok()) return no_moving_expiry();
    *request.mutable_expires_at() = to_timestamp(*time);
  }
  return {};
}

Outcome tag(const TagOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  v1::UpdateMetadataRequest request;
  address(request, o, *connection);
  if (const auto status = fill(o, io, request); !status.ok()) return Failure(status.error());
  const auto stub = v1::Secrets::NewStub(connection->channel());
  v1::Metadata reply;
  failure =
      connection->call(o.what("tag"), [&](auto* context) { return stub->UpdateMetadata(context, request, &reply); });
  if (!failure) print_metadata(reply, o.output, io.out);
  return failure;
}

}  // namespace

void add_tag(CLI::App& root, Program& program) {
  auto o = std::make_shared<TagOptions>();
  auto* command = root.add_subcommand("tag", "Change a secret's tags and other metadata; its value stays.");
  add_secret(command, *o);
  command->add_option("CHANGE", o->changes, "key=value sets a tag, key- removes it")->type_name("");
  command->add_option("--description", o->description, "What the secret is for")->type_name("TEXT");
  command->add_option("--expires", o->expires, "When it expires: 30d, 2030-01-31T12:00:00Z, or never")
      ->type_name("WHEN");
  command->add_option("--max-versions", o->max_versions, "How many versions are kept")
      ->type_name("N")
      ->check(check_whole_number);
  command->add_option("--cas", o->cas, "Only if this is the current version")
      ->type_name("VERSION")
      ->check(check_whole_number);
  command->add_option("--request-id", o->request_id, "Makes repeated calls with this id one change")->type_name("ID");
  program.on(command, [o, &program] { return tag(*o, program.io); });
}

}  // namespace coffer::app::cli
