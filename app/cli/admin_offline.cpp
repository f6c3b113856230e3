// coffer admin cluster reissue and recover: what is done to a stopped node, by its data directory. They talk to no server.

#include "app/cli/confirm.hpp"
#include "app/cli/program.hpp"

namespace coffer::app::cli {
namespace {

struct OfflineOptions {
  std::string config_file, data, seal_key_file;
  bool yes = false;
};
using OfflineOptionsPtr = std::shared_ptr<OfflineOptions>;

int with_config(const OfflineOptions& options, Program& program, const std::function<int(const Config&)>& work) {
  ServerOverrides overrides;
  overrides.config_file = options.config_file;
  overrides.insecure = true;  // nothing listens
  if (!options.data.empty()) overrides.data = options.data;
  if (!options.seal_key_file.empty()) overrides.seal_key_file = options.seal_key_file;
  const auto file = load_config(overrides);
  for (const auto& problem : file.problems) program.io.err << to_string(problem, options.config_file) << "\n";
  if (!file.problems.empty()) {
    print_failure({Exit::usage, "nothing was changed"}, program.io.err);
    return static_cast<int>(Exit::usage);
  }
  return work(file.config);
}

void add_options(CLI::App* command, const OfflineOptionsPtr& o) {
  command->add_option("--config", o->config_file, "The node's settings (data directory, key file)")->type_name("FILE");
  command->add_option("--data", o->data, "The stopped node's data directory")->type_name("DIR");
  command->add_option("--seal-key", o->seal_key_file, "File that unseals the node")->type_name("FILE");
}

int recover(const OfflineOptions& options, Program& program) {
  return with_config(options, program, [&](const Config& config) {
    const auto refused = confirm(options.yes,
                                 "this makes the node in " + config.data_dir +
                                     " a cluster of its own. What only other nodes hold is lost, and they must never "
                                     "run again with the data that they have",
                                 "recover", program.io);
    if (!refused) return program.offline.recover(config);
    print_failure(*refused, program.io.err);
    return static_cast<int>(refused->exit);
  });
}

}  // namespace

void add_admin_offline(CLI::App& cluster, Program& program) {
  auto c = std::make_shared<OfflineOptions>();
  auto* command =
      cluster.add_subcommand("reissue", "Give a stopped node a new certificate, when the old one has expired.");
  add_options(command, c);
  command->callback(
      [c, &program] { program.action = [c, &program] { return with_config(*c, program, program.offline.reissue); }; });

  auto r = std::make_shared<OfflineOptions>();
  command = cluster.add_subcommand(
      "recover", "Make a stopped node a cluster of its own, when most of the others are lost for ever.");
  add_options(command, r);
  command->add_flag("-y,--yes", r->yes, "Do not ask");
  command->callback([r, &program] { program.action = [r, &program] { return recover(*r, program); }; });
}

}  // namespace coffer::app::cli
