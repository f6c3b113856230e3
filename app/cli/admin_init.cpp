// coffer admin init: the first step of a production node. It talks to no server; it makes the data directory.

#include "app/cli/program.hpp"

namespace coffer::app::cli {
namespace {

struct InitOptions {
  std::string config_file, data, seal_key_file, operator_token_file = "operator.token";
  std::uint32_t shares = 0, threshold = 0;
};

int init(const InitOptions& options, Program& program) {
  ServerOverrides overrides;
  overrides.config_file = options.config_file;
  overrides.insecure = true;  // nothing listens yet; `coffer server` checks TLS
  if (!options.data.empty()) overrides.data = options.data;
  if (!options.seal_key_file.empty()) overrides.seal_key_file = options.seal_key_file;
  overrides.manual_seal = options.shares != 0;
  auto file = load_config(overrides);
  for (const auto& problem : file.problems) program.io.err << to_string(problem, options.config_file) << "\n";
  if (!file.problems.empty()) {
    print_failure({Exit::usage, "nothing was made"}, program.io.err);
    return static_cast<int>(Exit::usage);
  }
  if ((options.shares == 0) != (options.threshold == 0)) {
    print_failure({Exit::usage, "--shares and --threshold belong together: give both or none"}, program.io.err);
    return static_cast<int>(Exit::usage);
  }
  file.config.seal.shares = options.shares;
  file.config.seal.threshold = options.threshold;
  return program.init_node(file.config, options.operator_token_file);
}

}  // namespace

void add_admin_init(CLI::App& admin, Program& program) {
  auto o = std::make_shared<InitOptions>();
  auto* command = admin.add_subcommand(
      "init", "Make a new cluster of one node: keys, every seal that is configured, and the first operator's token.");
  command->add_option("--config", o->config_file, "The server's settings (data directory, key file)")
      ->type_name("FILE");
  command->add_option("--data", o->data, "Data directory (default ./coffer-data)")->type_name("DIR");
  command->add_option("--seal-key", o->seal_key_file, "File that unseals the node; made when it is missing")
      ->type_name("FILE");
  command->add_option("--operator-token", o->operator_token_file, "Where to write the token (default operator.token)")
      ->type_name("FILE");
  command->add_option("--shares", o->shares, "Seal the root key with so many shares, too; they are shown once")
      ->type_name("N");
  command->add_option("--threshold", o->threshold, "How many of the shares open it")->type_name("N");
  command->callback([o, &program] { program.action = [o, &program] { return init(*o, program); }; });
}

}  // namespace coffer::app::cli
