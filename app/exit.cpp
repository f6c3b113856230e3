// The one mapping from error categories to exit codes.

#include "app/exit.hpp"

namespace coffer::app {

Exit exit_of(model::Category category) {
  switch (category) {
    using enum model::Category;
    case ok: return Exit::ok;
    case invalid_argument: return Exit::usage;
    case not_found: return Exit::not_found;
    case already_exists:
    case failed_precondition:
    case aborted: return Exit::conflict;
    case unauthenticated:
    case permission_denied: return Exit::denied;
    case unavailable:
    case deadline_exceeded: return Exit::unavailable;
    case resource_exhausted: return Exit::limit;
    case unknown:
    case unimplemented:
    case internal:
    case data_loss:
    case out_of_range: return Exit::failed;
  }
  return Exit::failed;  // a category of a newer server
}

std::string_view exit_code_help() {
  return "Exit codes:\n"
         "  0  done\n"
         "  1  failed in a way that no other code names\n"
         "  2  the command line, a file or the configuration is wrong\n"
         "  3  not found: secret, version, tenant or token\n"
         "  4  conflict: --cas did not match, it exists already, or its state forbids it\n"
         "  5  not authenticated or not permitted\n"
         "  6  the server is not reachable or did not answer in time\n"
         "  7  a quota or a size limit\n";
}

}  // namespace coffer::app
