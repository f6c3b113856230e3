// coffer server and coffer config check: from the command line to a checked Config.

#include <algorithm>

#include "app/cli/program.hpp"
#include "app/parse.hpp"

namespace coffer::app::cli {
namespace {

void print_problems(const ConfigFile& file, const std::string& name, std::ostream& err) {
  for (const auto& problem : file.problems) err << to_string(problem, name) << "\n";
}

std::string count(std::size_t n, const std::string& thing) {
  return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

/// run_server's own exit code is the program's, so this one does not go through Program::on.
int start(const ServerOverrides& overrides, Program& program) {
  const auto file = load_config(overrides);
  if (file.problems.empty()) return program.run_server(file.config, overrides);
  print_problems(file, overrides.config_file, program.io.err);
  print_failure(
      {Exit::usage, "the configuration has " + count(file.problems.size(), "problem") + "; the server was not started"},
      program.io.err);
  return static_cast<int>(Exit::usage);
}

std::string summary(const net::Listener& listener) {
  return listener.address +
         (listener.tls ? listener.tls->client_ca.empty() ? ", TLS" : ", TLS with client certificates" : ", no TLS");
}

Outcome check(const ServerOverrides& overrides, Io& io) {
  const auto file = load_config(overrides);
  if (!file.problems.empty()) {
    print_problems(file, overrides.config_file, io.err);
    const bool lacks_tls =
        !overrides.insecure && !overrides.dev &&
        std::ranges::any_of(file.problems, [](const auto& p) { return p.setting.ends_with(".tls"); });
    return Failure(Exit::usage, overrides.config_file + " has " + count(file.problems.size(), "problem"),
                   lacks_tls ? "of a server that is started with --insecure or --dev, check it with the same" : "");
  }
  const auto& c = file.config;
  io.out << overrides.config_file << ": OK\n"
         << "  data   " << c.data_dir << "\n"
         << "  http   " << summary(c.http) << "\n"
         << "  grpc   " << summary(c.grpc) << "\n"
         << "  admin  " << summary(c.admin) << "\n"
         << "  peer   " << (c.peer.address.empty() ? "none" : c.peer.address) << "\n"
         << "  seal   " << (c.seal_key_file.empty() ? "a key file of its own" : c.seal_key_file) << "\n"
         << "  dapr   " << count(c.doors.dapr_stores.size(), "store") << ", "
         << (c.doors.dapr_runtime_statuses ? "runtime" : "reference") << " statuses\n";
  return std::nullopt;
}

}  // namespace

void add_server(CLI::App& root, Program& program) {
  auto o = std::make_shared<ServerOverrides>();
  auto* command = root.add_subcommand("server", "Run a server.");
  command->add_flag("--dev", o->dev, "Try it out: no TLS, on this machine only, a root token in <data>/dev/root.token");
  command->add_option("--config", o->config_file, "Settings; the options here go over them")->type_name("FILE");
  command->add_option("--data", o->data, "Data directory (default ./coffer-data)")->type_name("DIR");
  command->add_option("--http", o->http, "HTTP address (default 127.0.0.1:7780)")->type_name("ADDR");
  command->add_option("--grpc", o->grpc, "gRPC address (default 127.0.0.1:7781)")->type_name("ADDR");
  command->add_option("--admin", o->admin, "Admin gRPC address (default 127.0.0.1:7782)")->type_name("ADDR");
  command->add_option("--seal-key", o->seal_key_file, "File that unseals this node")->type_name("FILE");
  command->add_option("--peer", o->peer, "Address for the other nodes of a cluster (default: none, the node is alone)")
      ->type_name("ADDR");
  command->add_option("--advertise", o->advertise, "Where the other nodes reach it, when that is not --peer")
      ->type_name("ADDR");
  command
      ->add_option("--join", o->join,
                   "Join the cluster of the node at this peers' address; the data directory is empty")
      ->type_name("ADDR");
  command->add_option("--token", o->join_token, "Token of `coffer admin cluster join-token` for --join")
      ->type_name("TOKEN");
  command->add_option("--token-file", o->join_token_file, "File with the token, which other users cannot see in ps")
      ->type_name("FILE");
  command->add_flag("--insecure", o->insecure, "Start without TLS, outside --dev");
  command->callback([o, &program] { program.action = [o, &program] { return start(*o, program); }; });
}

void add_config(CLI::App& root, Program& program) {
  auto* config = root.add_subcommand("config", "Look at a server's configuration.");
  config->require_subcommand(1);
  auto o = std::make_shared<ServerOverrides>();
  auto* command = config->add_subcommand("check", "Check a file as a whole, without starting anything.");
  command->add_option("FILE", o->config_file, "The file")->required()->type_name("");
  command->add_flag("--dev", o->dev, "As for a server that is started with --dev");
  command->add_flag("--insecure", o->insecure, "As for a server that is started with --insecure");
  program.on(command, [o, &program] { return check(*o, program.io); });
}

}  // namespace coffer::app::cli
