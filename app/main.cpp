// The program `coffer`: hardens the process before it reads the first secret, and hands over to the command line.

#include <string>
#include <vector>

#include "app/cli/io.hpp"
#include "app/cli/program.hpp"
#include "app/server.hpp"
#include "crypto/process.hpp"

// What jemalloc reads at its start: memory that a peak left behind goes back to the system in two seconds, also in an idle
// process. Without jemalloc (sanitizers) nobody reads it.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
  using namespace coffer;
  auto io = app::cli::system_io();
  if (const auto status = crypto::harden_process(); !status.ok()) {
    app::cli::print_failure(app::Failure(status.error()), io.err);
    return static_cast<int>(app::Exit::failed);
  }
  return app::cli::run(std::vector<std::string>(argv + 1, argv + argc), io, app::run_server, app::init_node,
                       {app::reissue_node, app::recover_node});
}
