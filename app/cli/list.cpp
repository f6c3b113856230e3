// coffer list, history and describe: what there is, without payloads.

#include "app/cli/secret_options.hpp"

namespace coffer::app::cli {
namespace {

struct ListOptions : SecretOptions {
  std::string prefix, filter, page_token;
  std::uint32_t page_size = 0;
};

/// Without --page-size and --page-token all pages, as one answer.
Outcome fetch(const ListOptions& o, Connection& connection, v1::ListResponse& all) {
  const auto stub = v1::Secrets::NewStub(connection.channel());
  v1::ListRequest request;
  request.set_tenant(connection.endpoint().tenant);
  request.set_space(o.space);
  request.set_prefix(o.prefix);
  request.set_filter(o.filter);
  request.set_page_token(o.page_token);
  const bool one_page = o.page_size != 0 || !o.page_token.empty();
  request.set_page_size(one_page ? o.page_size : 1000);
  for (;;) {
    v1::ListResponse page;
    auto failure =
        connection.call("list " + o.space, [&](auto* context) { return stub->List(context, request, &page); });
    if (failure) return failure;
    all.mutable_secrets()->MergeFrom(page.secrets());
    if (all.revision() == 0) all.set_revision(page.revision());  // later pages may know of more
    if (one_page || page.next_page_token().empty()) {
      all.set_next_page_token(page.next_page_token());
      return std::nullopt;
    }
    request.set_page_token(page.next_page_token());
  }
}

Outcome list(const ListOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  v1::ListResponse all;
  if ((failure = fetch(o, *connection, all))) return failure;
  if (o.output.json()) {
    io.out << to_json(all);
    return std::nullopt;
  }
  Table table({"NAME", "VERSION", "UPDATED", "EXPIRES", "TAGS"});
  for (const auto& m : all.secrets()) {
    table.add({m.name(), std::to_string(m.version()), show_time(m.has_updated_at(), m.updated_at()),
               show_time(m.has_expires_at(), m.expires_at()), show_tags(m.tags())});
  }
  table.print(io.out);
  if (!all.next_page_token().empty()) io.err << "there are more: --page-token " << all.next_page_token() << "\n";
  return std::nullopt;
}

Outcome history(const SecretOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  v1::HistoryRequest request;
  address(request, o, *connection);
  const auto stub = v1::Secrets::NewStub(connection->channel());
  v1::HistoryResponse reply;
  failure = connection->call(o.what("show the history of"),
                             [&](auto* context) { return stub->History(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  Table table({"VERSION", "STATE", "CREATED", "CREATED BY"});
  for (const auto& v : reply.versions()) {
    table.add({std::to_string(v.version()), v.state(), show_time(v.has_created_at(), v.created_at()), v.created_by()});
  }
  table.print(io.out);
  return std::nullopt;
}

Outcome describe(const SecretOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  v1::DescribeRequest request;
  address(request, o, *connection);
  const auto stub = v1::Secrets::NewStub(connection->channel());
  v1::Metadata reply;
  failure =
      connection->call(o.what("describe"), [&](auto* context) { return stub->Describe(context, request, &reply); });
  if (!failure) print_metadata(reply, o.output, io.out);
  return failure;
}

}  // namespace

void add_list(CLI::App& root, Program& program) {
  auto o = std::make_shared<ListOptions>();
  auto* command = root.add_subcommand("list", "List a space's secrets by name, without values.");
  command->add_option("--prefix", o->prefix, "Only names that begin so")->type_name("TEXT");
  command->add_option("--filter", o->filter, "Only secrets with these tags: tags.env=prod,tags.team=a")
      ->type_name("FILTER");
  command->add_option("--page-size", o->page_size, "One page of so many (default: everything)")
      ->type_name("N")
      ->check(check_whole_number);
  command->add_option("--page-token", o->page_token, "Continue behind a page")->type_name("TOKEN");
  add_space(command, *o);
  program.on(command, [o, &program] { return list(*o, program.io); });

  auto h = std::make_shared<SecretOptions>();
  command = root.add_subcommand("history", "List a secret's versions, newest first.");
  add_secret(command, *h);
  program.on(command, [h, &program] { return history(*h, program.io); });

  auto d = std::make_shared<SecretOptions>();
  command = root.add_subcommand("describe", "Show a secret's metadata, without opening its value.");
  add_secret(command, *d);
  program.on(command, [d, &program] { return describe(*d, program.io); });
}

}  // namespace coffer::app::cli
