// coffer run: starts a program with secrets in its environment and in files. The map is what the Tapis Pods service calls
// a pod's secret_map, environment_variables and volume_mounts; the server renders it (coffer.v1 Render), values reach that
// program and nobody else.

#include <algorithm>

#include <boost/json/parse.hpp>

#include "app/cli/files.hpp"
#include "app/cli/launch.hpp"
#include "app/cli/secret_options.hpp"
#include "app/text.hpp"
#include "model/render.hpp"

namespace coffer::app::cli {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

constexpr std::size_t kMostMap = 4 << 20;

struct RunOptions : SecretOptions {
  std::string map;
  std::optional<std::string> files;
  bool inject = false;
  std::vector<std::string> program;
};

Error wrong(std::string what) { return {Code::invalid_argument, std::move(what)}; }
std::string key_of(const json::key_value_pair& member) { return {member.key().data(), member.key().size()}; }

Result<const json::object*> object_of(const json::object& map, const char* member) {
  static const json::object kEmpty;
  const json::value* found = map.if_contains(member);
  if (!found) return &kEmpty;
  if (const json::object* object = found->if_object()) return object;
  return wrong(std::string(member) + " is not an object");
}

/// A member that is an object of strings, into a message's map.
template <class Map>
Status read_texts(const json::object& map, const char* member, Map* out) {
  const auto object = object_of(map, member);
  if (!object) return object.error();
  for (const auto& one : **object) {
    const json::string* text = one.value().if_string();
    if (!text) return wrong(std::string(member) + "." + printable(key_of(one)) + " is not a string");
    (*out)[key_of(one)] = std::string(text->data(), text->size());
  }
  return {};
}

Status check_names(const google::protobuf::Map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) {
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos) {
      return wrong("environment_variables has a name that no variable can have");
    }
  }
  return {};
}

Status read_mounts(const json::object& map, v1::RenderRequest& request) {
  const auto mounts = object_of(map, "volume_mounts");
  if (!mounts) return mounts.error();
  for (const auto& one : **mounts) {
    const auto path = file_path(key_of(one));
    if (!path) return path.error();
    const json::object* mount = one.value().if_object();
    const json::value* content = mount ? mount->if_contains("config_content") : nullptr;
    if (!content || !content->is_string()) {
      return wrong("volume_mounts." + printable(*path) +
                   " has no config_content, which is all that can be mounted here");
    }
    const json::string& text = content->get_string();
    auto& slot = (*request.mutable_volume_mounts())[*path];
    slot.set_config_content(std::string(text.data(), text.size()));
  }
  return {};
}

Status read_networks(const json::object& map, v1::RenderRequest& request) {
  const auto networks = object_of(map, "networking");
  if (!networks) return networks.error();
  for (const auto& one : **networks) {
    const json::object* network = one.value().if_object();
    if (!network) return wrong("networking." + printable(key_of(one)) + " is not an object");
    auto& out = (*request.mutable_networking())[key_of(one)];
    const std::pair<const char*, std::string*> fields[] = {
        {"url", out.mutable_url()}, {"port", out.mutable_port()}, {"protocol", out.mutable_protocol()}};
    for (const auto& [name, text] : fields) {
      const json::value* value = network->if_contains(name);
      if (!value || value->is_null()) continue;
      if (value->is_string()) {
        text->assign(value->get_string().data(), value->get_string().size());
      } else if (value->is_int64() && std::string_view(name) == "port") {
        *text = std::to_string(value->get_int64());
      } else {
        return wrong("networking." + printable(key_of(one)) + "." + name + " is not a string");
      }
    }
  }
  return {};
}

Status read_map(const RunOptions& o, v1::RenderRequest& request) {
  const auto text = read_file(o.map, kMostMap);
  if (!text) return text.error();
  boost::system::error_code ec;
  const json::value value = json::parse({text->expose().data(), text->expose().size()}, ec);
  const json::object* map = ec ? nullptr : value.if_object();
  if (!map) return wrong("'" + o.map + "' is not a JSON object");
  const auto known = {"secret_map", "environment_variables", "volume_mounts", "networking", "stack_secrets", "pod_id"};
  for (const auto& member : *map) {
    const std::string name = key_of(member);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return wrong("'" + o.map +
                   "' may have secret_map, environment_variables, volume_mounts, networking, stack_secrets "
                   "and pod_id, not '" +
                   printable(name) + "'");
    }
  }
  if (Status s = read_texts(*map, "secret_map", request.mutable_secret_map()); !s) return s;
  if (Status s = read_texts(*map, "environment_variables", request.mutable_environment_variables()); !s) return s;
  if (Status s = read_texts(*map, "stack_secrets", request.mutable_stack_secrets()); !s) return s;
  if (Status s = check_names(request.environment_variables()); !s) return s;
  if (Status s = read_mounts(*map, request); !s) return s;
  if (Status s = read_networks(*map, request); !s) return s;
  if (const json::value* pod_id = map->if_contains("pod_id"); pod_id && pod_id->is_string()) {
    request.set_pod_id(std::string(pod_id->get_string().data(), pod_id->get_string().size()));
  } else if (pod_id && !pod_id->is_null()) {
    return wrong("pod_id is not a string");
  }
  for (const auto& [key, given] : request.secret_map()) {
    if (model::parse_map_value(given).kind == model::TokenKind::random_password) {
      return wrong("secret_map." + printable(key) +
                   ": ${pods:random:N} makes a value that must be kept, and nothing is kept here: make it once and "
                   "`coffer put` it");
    }
  }
  return {};
}

/// What keeps the program from being started, or nothing.
Outcome check_answer(const v1::RenderResponse& answer) {
  std::string all;
  for (const auto& problem : answer.errors()) {
    all +=
        "\n  " + printable(problem.where()) + ": " + printable(problem.pattern()) + ": " + printable(problem.message());
  }
  for (const std::string& name : answer.write_only()) {
    all += "\n  the secret '" + printable(name) +
           "' may not be read; with the capability inject, --inject starts a "
           "program with it";
  }
  if (!all.empty()) {
    return Failure(Exit::usage, "the program was not started, because something is not resolved:" + all);
  }
  for (const auto& [name, value] : answer.environment_variables()) {
    if (value.find('\0') == std::string::npos) continue;
    return Failure(Exit::usage,
                   "environment_variables." + printable(name) + " has a zero byte, which no variable can hold");
  }
  return std::nullopt;
}

void take(std::string* from, const std::string& name, model::Texts& into) {
  into.emplace_back(name, model::Secret(*from));
  model::wipe(from->data(), from->size());
}

Outcome run_program(const RunOptions& o, Io& io) {
  v1::RenderRequest request;
  if (const Status ok = read_map(o, request); !ok) return Failure(ok.error());
  Launch launched{o.program, {}, {}, o.files};
  {
    Outcome failure;
    const auto connection = connect(o.connection, io, failure);
    if (!connection) return failure;
    request.set_tenant(connection->endpoint().tenant);
    request.set_space(o.space);
    if (o.inject) request.set_mode("inject");
    const auto stub = v1::Secrets::NewStub(connection->channel());
    v1::RenderResponse answer;
    failure = connection->call("render with secrets of " + o.space,
                               [&](auto* context) { return stub->Render(context, request, &answer); });
    if (failure) return failure;
    for (const auto& warning : answer.warnings()) {
      io.err << "coffer: " << printable(warning.where()) << ": " << printable(warning.pattern()) << ": "
             << printable(warning.message()) << "\n";
    }
    if ((failure = check_answer(answer))) return failure;
    for (auto& [name, value] : *answer.mutable_environment_variables()) take(&value, name, launched.environment);
    for (auto& [path, mount] : *answer.mutable_volume_mounts()) {
      take(mount.mutable_config_content(), path, launched.files);
    }
    for (auto& [key, value] : *answer.mutable_secret_map()) model::wipe(value.data(), value.size());
  }
  std::sort(launched.files.begin(), launched.files.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return launch(launched);
}

}  // namespace

void add_run(CLI::App& root, Program& program) {
  auto o = std::make_shared<RunOptions>();
  auto* command = root.add_subcommand(
      "run", "Start a program with secrets in its environment and in files in memory, and nowhere else.");
  command
      ->add_option("--map", o->map,
                   "JSON with secret_map, environment_variables and volume_mounts: ${secret:NAME}, ${pods:secrets:KEY}")
      ->type_name("FILE")
      ->required();
  command->add_flag("--inject", o->inject, "Also what may not be read; needs the capability inject");
  command->add_option("--files", o->files, "Where the files' folder is made (default: a tmpfs); $COFFER_FILES names it")
      ->type_name("DIR");
  command->add_option("PROGRAM", o->program, "The program and its arguments, behind --")
      ->required()
      ->type_name("")
      ->expected(1, CLI::detail::expected_max_vector_size);
  add_space(command, *o);
  command->remove_option(command->get_option("--output"));
  program.on(command, [o, &program] { return run_program(*o, program.io); });
}

}  // namespace coffer::app::cli
