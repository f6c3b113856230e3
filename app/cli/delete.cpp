// coffer delete, undelete and destroy.

#include "app/cli/confirm.hpp"
#include "app/cli/secret_options.hpp"

namespace coffer::app::cli {
namespace {

struct RemoveOptions : SecretOptions {
  std::vector<std::uint64_t> versions;
  std::optional<std::uint64_t> cas;
  std::optional<std::string> request_id;
  bool yes = false;
};

template <class Request>
Outcome run_change(const RemoveOptions& o, const std::string& verb, Io& io, const std::function<void(Request&)>& more,
                   grpc::Status (v1::Secrets::Stub::*method)(grpc::ClientContext*, const Request&, v1::Metadata*)) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  Request request;
  address(request, o, *connection);
  for (const auto version : o.versions) request.add_versions(version);
  request.set_request_id(o.request_id.value_or(new_request_id()));
  more(request);
  const auto stub = v1::Secrets::NewStub(connection->channel());
  v1::Metadata reply;
  failure = connection->call(o.what(verb), [&](auto* context) { return ((*stub).*method)(context, request, &reply); });
  if (!failure) print_metadata(reply, o.output, io.out);
  return failure;
}

Outcome undelete(const RemoveOptions& o, Io& io) {
  const auto nothing_more = [](v1::UndeleteRequest&) {};
  return run_change<v1::UndeleteRequest>(o, "undelete", io, nothing_more, &v1::Secrets::Stub::Undelete);
}

Outcome destroy(const RemoveOptions& o, Io& io) {
  const std::string what = o.versions.empty() ? "every version of " : "the named versions of ";
  if (auto refused = confirm(o.yes, "destroy removes " + what + o.space + "/" + o.name + " for ever", o.name, io)) {
    return refused;
  }
  return run_change<v1::DestroyRequest>(
      o, "destroy", io, [](auto&) {}, &v1::Secrets::Stub::Destroy);
}

void add_common(CLI::App* command, RemoveOptions& o, const std::string& versions) {
  add_secret(command, o);
  command->add_option("--versions", o.versions, versions)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,...")
      ->check(check_whole_number);
  command->add_option("--request-id", o.request_id, "Makes repeated calls with this id one change")->type_name("ID");
}

}  // namespace

void add_delete(CLI::App& root, Program& program) {
  auto d = std::make_shared<RemoveOptions>();
  auto* command = root.add_subcommand("delete", "Delete a secret; undelete brings it back for some days.");
  add_common(command, *d, "Only these versions");
  command->add_option("--cas", d->cas, "Only if this is the current version")
      ->type_name("VERSION")
      ->check(check_whole_number);
  program.on(command, [d, &program] {
    const auto more = [&](v1::DeleteRequest& request) {
      if (d->cas) request.set_cas(*d->cas);
    };
    return run_change<v1::DeleteRequest>(*d, "delete", program.io, more, &v1::Secrets::Stub::Delete);
  });

  auto u = std::make_shared<RemoveOptions>();
  command = root.add_subcommand("undelete", "Bring a deleted secret back.");
  add_common(command, *u, "Only these versions (default: all that were deleted)");
  program.on(command, [u, &program] { return undelete(*u, program.io); });

  auto x = std::make_shared<RemoveOptions>();
  command = root.add_subcommand("destroy", "Remove a secret's values for ever.");
  add_common(command, *x, "Only these versions (default: all)");
  command->add_flag("-y,--yes", x->yes, "Do not ask");
  program.on(command, [x, &program] { return destroy(*x, program.io); });
}

}  // namespace coffer::app::cli
