// coffer dev-token: a JWT as a door's own platform would make it, signed by the issuer that a --dev server trusts. Talks
// to no server; it reads the key that the server left in its data directory.

#include "app/cli/connection.hpp"
#include "app/cli/program.hpp"
#include "app/dev_key.hpp"
#include "app/parse.hpp"
#include "net/jwt/mint.hpp"

namespace coffer::app::cli {
namespace {

struct DevTokenOptions {
  net::jwt::DevToken token{.door = "native", .tenant = "default", .user = {}, .roles = {}};
  std::string data = "./coffer-data", expires = "1h";
};

Outcome mint(const DevTokenOptions& o, Io& io) {
  net::jwt::DevToken token = o.token;
  const auto end = parse_expiry(o.expires, io.now());
  if (!end.ok()) return Failure(end.error());
  token.lifetime_ms = *end - io.now();
  const std::string path = dev_key_path(o.data);
  const auto key = read_dev_key(path);
  if (!key.ok()) {
    return Failure(Exit::usage, std::string(key.error().message()),
                   "start `coffer server --dev` first, or name its data directory with --data");
  }
  const auto text = net::jwt::mint_dev_token(*key, token, io.now(), new_request_id());
  if (!text.ok()) return Failure(text.error());
  io.out << text->expose() << "\n";
  return std::nullopt;
}

}  // namespace

void add_dev_token(CLI::App& root, Program& program) {
  auto o = std::make_shared<DevTokenOptions>();
  auto* command = root.add_subcommand("dev-token", "Make a JWT that a --dev server trusts; it goes to stdout.");
  command->add_option("--door", o->token.door, "Whose claims it has: native, cloudforet or tapis (default native)")
      ->type_name("DOOR");
  command->add_option("--tenant", o->token.tenant, "Tenant, Cloudforet domain or Tapis tenant (default default)")
      ->type_name("NAME")
      ->envname("COFFER_TENANT");
  command->add_option("--user", o->token.user, "Who its bearer is")->type_name("NAME")->required();
  add_repeated(command, "--role", o->token.roles, "A role that it brings; may be repeated")->type_name("ROLE");
  command->add_flag("--service", o->token.service, "Its bearer is a service, not a user");
  command->add_flag("--system", o->token.system, "Cloudforet: a token of the platform itself, which reads values");
  command->add_option("--expires", o->expires, "When it expires: 8h, or 2030-01-31T12:00:00Z (default 1h)")
      ->type_name("WHEN");
  command->add_option("--data", o->data, "The server's data directory (default ./coffer-data)")->type_name("DIR");
  program.on(command, [o, &program] { return mint(*o, program.io); });
}

}  // namespace coffer::app::cli
