// coffer run: starts a program with secrets in its environment. The map is what the Tapis Pods service calls a pod's
// secret_map and environment_variables (model/render.hpp has the tokens); values reach that process and nobody else.

#include <cerrno>
#include <cstring>

#include <unistd.h>

#include <boost/json/parse.hpp>

#include "app/cli/files.hpp"
#include "app/cli/secret_options.hpp"
#include "app/text.hpp"
#include "model/render.hpp"

namespace coffer::app::cli {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;

constexpr std::size_t kMostMap = 4 << 20;

struct RunOptions : SecretOptions {
  std::string map;
  std::vector<std::string> program;
};

model::Result<model::Texts> read_texts(const json::object& map, const char* member) {
  model::Texts texts;
  const json::value* found = map.if_contains(member);
  if (!found) return texts;
  const json::object* object = found->if_object();
  if (!object) return Error(Code::invalid_argument, std::string(member) + " is not an object");
  for (const auto& one : *object) {
    const std::string name(one.key().data(), one.key().size());
    const json::string* text = one.value().if_string();
    if (!text) return Error(Code::invalid_argument, std::string(member) + "." + printable(name) + " is not a string");
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos) {
      return Error(Code::invalid_argument, std::string(member) + " has a name that no variable can have");
    }
    texts.emplace_back(name, model::Secret(std::string_view(text->data(), text->size())));
  }
  return texts;
}

model::Result<model::RenderInput> read_map(const RunOptions& o) {
  const auto text = read_file(o.map, kMostMap);
  if (!text) return text.error();
  boost::system::error_code ec;
  const json::value value = json::parse({text->expose().data(), text->expose().size()}, ec);
  const json::object* map = ec ? nullptr : value.if_object();
  if (!map) return Error(Code::invalid_argument, "'" + o.map + "' is not a JSON object");
  for (const auto& member : *map) {
    if (member.key() != "secret_map" && member.key() != "environment_variables") {
      return Error(Code::invalid_argument, "'" + o.map + "' may have secret_map and environment_variables, not '" +
                                               printable(std::string(member.key())) + "'");
    }
  }
  model::RenderInput input;
  auto secrets = read_texts(*map, "secret_map");
  if (!secrets) return secrets.error();
  auto environment = read_texts(*map, "environment_variables");
  if (!environment) return environment.error();
  input.secret_map = std::move(*secrets);
  input.environment = std::move(*environment);
  // Whose rights count is the token's matter here; an owner can be named only in a map that a server renders.
  input.actor = "coffer run";
  return input;
}

/// The secrets that the map needs, by the caller's own rights.
Outcome fetch(const RunOptions& o, Connection& connection, const std::vector<std::string>& names,
              std::map<std::string, model::Secret, std::less<>>& values) {
  const auto stub = v1::Secrets::NewStub(connection.channel());
  for (const std::string& name : names) {
    v1::GetRequest request;
    request.set_tenant(connection.endpoint().tenant);
    request.set_space(o.space);
    request.set_name(name);
    v1::Secret reply;
    auto failure = connection.call("get " + o.space + "/" + name,
                                   [&](auto* context) { return stub->Get(context, request, &reply); });
    if (failure) return failure;
    if (!reply.has_value()) {
      return Failure(Exit::usage, o.space + "/" + name + " is no text, which is all that a variable can hold");
    }
    values.emplace(name, model::Secret(reply.value()));
    model::wipe(reply.mutable_value()->data(), reply.value().size());
  }
  return std::nullopt;
}

/// Becomes the program; comes back only when that failed.
Failure become(const std::vector<std::string>& program, const model::Texts& environment) {
  for (const auto& [name, value] : environment) {
    if (value.expose().find('\0') != std::string_view::npos) {
      return {Exit::usage, "environment_variables." + printable(name) + " has a zero byte, which no variable can hold"};
    }
  }
  for (const auto& [name, value] : environment) setenv(name.c_str(), std::string(value.expose()).c_str(), 1);
  unsetenv("COFFER_TOKEN");  // the program gets what the map says, not the means to ask for more
  std::vector<char*> arguments;
  for (const std::string& argument : program) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return {Exit::failed, "'" + printable(program[0]) + "' cannot be started: " + std::strerror(errno)};
}

Outcome run_program(const RunOptions& o, Io& io) {
  const auto input = read_map(o);
  if (!input) return Failure(input.error());
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  std::map<std::string, model::Secret, std::less<>> values;
  if ((failure = fetch(o, *connection, secrets_needed(*input), values))) return failure;
  bool asks_for_random = false;
  const auto output = render(*input, {[&](std::string_view, std::string_view name) -> model::Result<model::Secret> {
                                        return values.find(name)->second;
                                      },
                                      [&](std::size_t length) {
                                        asks_for_random = true;
                                        return std::string(length, '0');
                                      }});
  if (asks_for_random) {
    return Failure(Exit::usage, "${pods:random:N} makes a value that must be kept, and nothing is kept here",
                   "make it once and `coffer put` it");
  }
  for (const auto& warning : output.warnings) {
    io.err << "coffer: " << printable(warning.where) << ": " << printable(warning.pattern) << ": " << warning.message
           << "\n";
  }
  if (!output.problems.empty()) {
    std::string all;
    for (const auto& problem : output.problems) {
      all += "\n  " + printable(problem.where) + ": " + printable(problem.pattern) + ": " + printable(problem.message);
    }
    return Failure(Exit::usage, "the program was not started, because something is not resolved:" + all);
  }
  return become(o.program, output.environment);
}

}  // namespace

void add_run(CLI::App& root, Program& program) {
  auto o = std::make_shared<RunOptions>();
  auto* command = root.add_subcommand("run", "Start a program with secrets in its environment, and nowhere else.");
  command
      ->add_option("--map", o->map,
                   "JSON with secret_map and environment_variables: ${secret:NAME}, ${pods:secrets:KEY}")
      ->type_name("FILE")
      ->required();
  command->add_option("PROGRAM", o->program, "The program and its arguments, behind --")
      ->required()
      ->type_name("")
      ->expected(1, CLI::detail::expected_max_vector_size);
  add_space(command, *o);
  command->remove_option(command->get_option("--output"));
  program.on(command, [o, &program] { return run_program(*o, program.io); });
}

}  // namespace coffer::app::cli
