#pragma once
// What the secrets' commands have in common: which secret is meant, and how its metadata is shown. Main's thread.

#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "coffer/v1/secrets.grpc.pb.h"

namespace coffer::app::cli {

/// Options of a command on one secret.
struct SecretOptions {
  ConnectionOptions connection;
  OutputOption output;
  std::string space = "kv";
  std::string name;

  /// "put kv/db/password": for error messages.
  std::string what(const std::string& verb) const { return verb + " " + space + "/" + name; }
};
/// Adds --tenant, --space, the connection's options and --output.
void add_space(CLI::App* command, SecretOptions& options);
/// Adds NAME and what add_space adds.
void add_secret(CLI::App* command, SecretOptions& options);

/// Sets tenant, space and name of a request.
template <class Request>
void address(Request& request, const SecretOptions& options, const Connection& connection) {
  request.set_tenant(connection.endpoint().tenant);
  request.set_space(options.space);
  request.set_name(options.name);
}

/// Of a request with an id of the user's, which is the same request each time: an expiry from now on is not.
model::Error no_moving_expiry();
/// "k=v" arguments as a map. Errors: invalid_argument for one without a key or '=', or a key given twice.
model::Result<std::map<std::string, std::string>> parse_tags(const std::vector<std::string>& arguments);

void print_metadata(const v1::Metadata& metadata, const OutputOption& output, std::ostream& out);
/// A secret's metadata, without its payload.
v1::Metadata metadata_of(const v1::Secret& secret);

}  // namespace coffer::app::cli
