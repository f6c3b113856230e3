// Building, parsing and running the tree of commands; see program.hpp.

#include "app/cli/program.hpp"

#include <algorithm>

#include "app/text.hpp"
#include "app/version.hpp"

namespace coffer::app::cli {

void Program::on(CLI::App* command, std::function<Outcome()> work) {
  command->callback([this, command, work = std::move(work)] {
    if (!command->get_subcommands().empty()) return;  // `bench load`: CLI11 calls the outer command's callback, too
    action = [this, work] {
      const auto outcome = work();
      io.out.flush();
      if (outcome) {
        print_failure(*outcome, io.err);
        return static_cast<int>(outcome->exit);
      }
      if (!io.out) {
        print_failure({Exit::failed, "the output could not be written"}, io.err);
        return static_cast<int>(Exit::failed);
      }
      return static_cast<int>(Exit::ok);
    };
  });
}

void print_failure(const Failure& failure, std::ostream& err) {
  err << "coffer: " << failure.what << "\n";
  if (!failure.advice.empty()) err << "  " << failure.advice << "\n";
}

CLI::Option* add_repeated(CLI::App* command, const std::string& name, std::vector<std::string>& out,
                          const std::string& description) {
  return command->add_option(name, out, description)
      ->type_size(1)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false)
      ->take_all();
}

std::string check_whole_number(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) return "'" + text + "' is not a whole number";
  // CLI11 would read it as an octal number.
  return text.size() > 1 && text[0] == '0' ? "'" + text + "' begins with 0; leave it away" : std::string();
}

namespace {

/// What is wrong with the command line, and which help to read. CLI11 says only that a command is missing when there
/// is one that it does not know.
Failure explain(const CLI::App& root, const CLI::ParseError& error) {
  const auto* app = &root;
  std::string path = root.get_name();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().back();
    path += " " + app->get_name();
  }
  std::string what = error.what();
  std::vector<std::string> commands;
  for (const auto* sub : app->get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(sub->get_name());
  const auto unknown = app->remaining();
  if (!commands.empty() && !unknown.empty() && !unknown[0].starts_with('-')) {
    const auto meant = nearest(unknown[0], commands);
    what = path + " has no command '" + printable(unknown[0]) + "'" + (meant ? "; did you mean " + *meant + "?" : "");
  }
  return {Exit::usage, what, "see: " + path + " --help"};
}

}  // namespace

std::unique_ptr<CLI::App> make_tree(Program& program) {
  auto root = std::make_unique<CLI::App>("Coffer: a multi-tenant secrets service.", "coffer");
  root->set_version_flag("--version", "coffer " + std::string(kVersion), "Print the version");
  root->require_subcommand(1);
  add_server(*root, program);
  add_config(*root, program);
  add_put(*root, program);
  add_get(*root, program);
  add_run(*root, program);
  add_list(*root, program);
  add_watch(*root, program);
  add_tag(*root, program);
  add_delete(*root, program);
  add_token(*root, program);
  add_admin(*root, program);
  add_cloudforet(*root, program);
  add_dev_token(*root, program);
  add_bench(*root, program);
  add_completion(*root, program);
  add_man(*root, program);
  // Last, because commands inherit the footer that their parent has when they are added.
  root->footer("Options stand behind the command; `coffer COMMAND --help` shows them.\n\n" +
               std::string(exit_code_help()));
  return root;
}

int run(std::vector<std::string> arguments, Io& io, RunServer run_server, InitNode init_node, OfflineTools offline) {
  Program program{io, std::move(run_server), std::move(init_node), std::move(offline), {}};
  const auto root = make_tree(program);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    root->parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return root->exit(error, io.out, io.err);  // --help, --version
    print_failure(explain(*root, error), io.err);
    return static_cast<int>(Exit::usage);
  }
  return program.action ? program.action() : static_cast<int>(Exit::usage);
}

}  // namespace coffer::app::cli
