#pragma once
// The command line as a whole: one CLI11 tree, built anew for each run. Each command's file adds its part (add_*), and
// parsing leaves the chosen command's action behind, which then runs. Main's thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/cli/io.hpp"
#include "app/config.hpp"
#include "app/exit.hpp"

namespace coffer::app::cli {

/// run_server, passed in so that the command line can be tested without a server.
using RunServer = std::function<int(const Config&, const ServerOverrides&)>;

/// init_node, likewise.
using InitNode = std::function<int(const Config&, const std::string& operator_token_file)>;

/// What is done to a stopped node, likewise: reissue_node and recover_node.
struct OfflineTools {
  std::function<int(const Config&)> reissue, recover;
};

struct Program {
  Io& io;
  RunServer run_server;
  InitNode init_node;
  OfflineTools offline;
  std::function<int()> action;  // of the command that was chosen

  /// Makes `work` the action of a command: its failure is printed and becomes the exit code.
  void on(CLI::App* command, std::function<Outcome()> work);
};

/// "coffer: what" and, on the next line, the advice.
void print_failure(const Failure& failure, std::ostream& err);

std::unique_ptr<CLI::App> make_tree(Program& program);
/// Parses and runs; returns the exit code. `arguments` without the program's name.
int run(std::vector<std::string> arguments, Io& io, RunServer run_server, InitNode init_node = {},
        OfflineTools offline = {});

// One for each file of commands.
void add_server(CLI::App& root, Program& program);  // server
void add_config(CLI::App& root, Program& program);  // config check
void add_put(CLI::App& root, Program& program);
void add_get(CLI::App& root, Program& program);
void add_list(CLI::App& root, Program& program);  // list, history, describe
void add_tag(CLI::App& root, Program& program);
void add_watch(CLI::App& root, Program& program);
void add_run(CLI::App& root, Program& program);
void add_delete(CLI::App& root, Program& program);  // delete, undelete, destroy
void add_token(CLI::App& root, Program& program);   // token show, renew, revoke
void add_admin(CLI::App& root, Program& program);   // admin tenants, tokens, policy, status, init
void add_admin_init(CLI::App& admin, Program& program);
void add_admin_tenants(CLI::App& admin, Program& program);
void add_admin_transfer(CLI::App& tenants, Program& program);  // admin tenants export, import
void add_admin_seal(CLI::App& admin, Program& program);        // admin seal, unseal, operator-token
void add_admin_keys(CLI::App& admin, Program& program);
void add_admin_backup(CLI::App& admin, Program& program);
void add_admin_tokens(CLI::App& admin, Program& program);
void add_admin_operators(CLI::App& admin, Program& program);
void add_admin_issuers(CLI::App& admin, Program& program);
void add_admin_certificates(CLI::App& admin, Program& program);
void add_admin_quotas(CLI::App& admin, Program& program);
void add_cloudforet(CLI::App& root, Program& program);  // cloudforet list, get, get-data, stat
void add_admin_cluster(CLI::App& admin, Program& program);
void add_admin_offline(CLI::App& cluster, Program& program);
void add_admin_audit(CLI::App& admin, Program& program);
void add_admin_top(CLI::App& admin, Program& program);
void add_dev_token(CLI::App& root, Program& program);
void add_admin_policy(CLI::App& admin, Program& program);
void add_bench(CLI::App& root, Program& program);
void add_completion(CLI::App& root, Program& program);
void add_man(CLI::App& root, Program& program);

/// An option that may be given several times, each time with one value (CLI11 would otherwise take all that follows).
CLI::Option* add_repeated(CLI::App* command, const std::string& name, std::vector<std::string>& out,
                          const std::string& description);

/// A check for whole numbers: CLI11 takes "-1" for an unsigned option and wraps it around.
std::string check_whole_number(const std::string& text);

}  // namespace coffer::app::cli
