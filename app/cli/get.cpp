// coffer get: a secret's value, by default its exact bytes and nothing else.

#include "app/cli/files.hpp"
#include "app/cli/secret_options.hpp"
#include "app/text.hpp"
#include "model/utf8.hpp"

namespace coffer::app::cli {
namespace {

struct GetOptions : SecretOptions {
  std::uint64_t version = 0;
  std::optional<std::string> item, out;
};

std::string data_as_json(const v1::Secret& secret) {
  std::map<std::string, std::string> sorted(secret.data().begin(), secret.data().end());
  std::string text = "{";
  for (const auto& [key, value] : sorted) {
    text += (text.size() == 1 ? "\n  " : ",\n  ") + json_quote(key) + ": " + json_quote(value);
  }
  return text + "\n}\n";
}

std::string as_table(const v1::Secret& secret) {
  std::ostringstream out;
  print_metadata(metadata_of(secret), {}, out);
  out << "\n";
  Table table({"KEY", "VALUE"});
  if (secret.has_value()) table.add({"value", secret.value()});
  if (secret.has_value_base64()) table.add({"value_base64", base64(secret.value_base64())});
  std::map<std::string, std::string> sorted(secret.data().begin(), secret.data().end());
  for (const auto& [key, value] : sorted) table.add({key, value});
  table.print(out);
  return out.str();
}

/// What is written: bytes as they are, a map as a JSON object, or what --output and --item ask for.
model::Result<std::string> render(const GetOptions& o, const v1::Secret& secret) {
  if (o.item) {
    const auto found = secret.data().find(*o.item);
    if (found != secret.data().end()) return found->second;
    std::string keys;
    for (const auto& [key, value] : secret.data()) keys += (keys.empty() ? "" : ", ") + key;
    return model::Error(
        model::Code::entry_not_found,
        "the secret has no key '" + *o.item + "'" + (keys.empty() ? ": it is a single value" : ": it has " + keys));
  }
  if (o.output.json()) return to_json(secret);
  if (o.output.format == "table") return as_table(secret);
  if (secret.has_value()) return secret.value();
  if (secret.has_value_base64()) return secret.value_base64();
  return data_as_json(secret);
}

Outcome get(const GetOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  v1::GetRequest request;
  address(request, o, *connection);
  request.set_version(o.version);
  const auto stub = v1::Secrets::NewStub(connection->channel());
  v1::Secret reply;
  failure = connection->call(o.what("get"), [&](auto* context) { return stub->Get(context, request, &reply); });
  if (failure) return failure;
  auto text = render(o, reply);
  if (!text.ok()) return Failure(text.error());
  if (!o.out) {
    io.out << *text;
    return std::nullopt;
  }
  const auto written = write_private_file(*o.out, *text);
  return written.ok() ? Outcome() : Outcome(Failure(written.error()));
}

}  // namespace

void add_get(CLI::App& root, Program& program) {
  auto o = std::make_shared<GetOptions>();
  auto* command =
      root.add_subcommand("get", "Print a secret's value: the exact bytes of a single value, a JSON object of a map.");
  command->add_option("--version", o->version, "This version instead of the newest")
      ->type_name("VERSION")
      ->check(check_whole_number);
  auto* item = command->add_option("-i,--item", o->item, "Only this item of a map, exact bytes")->type_name("KEY");
  command->add_option("--out", o->out, "Write to this file instead: mode 0600, complete or not at all")
      ->type_name("FILE");
  add_secret(command, *o);
  item->excludes(command->get_option("--output"));
  program.on(command, [o, &program] { return get(*o, program.io); });
}

}  // namespace coffer::app::cli
