// See render.hpp.

#include "net/tapis/render.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "net/rendering.hpp"

namespace coffer::net::tapis {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;
using model::Result;

std::string_view text_in(const json::value& value) { return {value.get_string().data(), value.get_string().size()}; }
std::string key_in(const json::key_value_pair& member) { return {member.key().data(), member.key().size()}; }
json::value json_of(const model::Secret& text) { return json::string_view(text.expose().data(), text.size()); }

const json::object* object_in(const json::object& body, const char* name, Problems& problems) {
  static const json::object kEmpty;
  const json::value* value = body.if_contains(name);
  if (!value || value->is_null()) return &kEmpty;
  if (value->is_object()) return &value->get_object();
  problems.push_back(std::string("body, ") + name + ": Input should be a valid dictionary");
  return &kEmpty;
}

/// A name out of a request as one word of an audit record.
std::string word(std::string_view name) {
  constexpr std::size_t kShown = 128;
  std::string out(name.substr(0, kShown));
  for (char& c : out) {
    if (c <= ' ' || c > '~' || c == '=') c = '?';
  }
  return out;
}

std::string detail(std::string_view name, std::string_view reason) {
  std::string out = "env_var=" + word(name);
  if (!reason.empty()) out.append(" reason=").append(reason);
  return out;
}

void read_map(const json::object& map, RenderRequest& request, Problems& problems) {
  model::Texts& out = request.input.secret_map;
  if (map.size() > kMostRenderKeys) problems.push_back("secret_map: Value error, at most 500 keys are allowed");
  for (const auto& member : map) {
    const std::string key = key_in(member);
    const bool is_good = is_secret_id(key);
    if ((!is_good || !member.value().is_string()) && request.notes.size() < kMostRenderKeys) {
      request.notes.push_back({.invalid = true, .details = detail(key, is_good ? "not_a_string" : "bad_key")});
    }
    if (!is_good) {
      problems.push_back("secret_map: Value error, a key must be alphanumeric, with '_' and '-' allowed");
    } else if (!member.value().is_string()) {
      problems.push_back("secret_map: Value error, the value of '" + key + "' must be a string");
    } else {
      out.emplace_back(key, model::Secret(text_in(member.value())));
    }
  }
}

void read_files(const json::object& mounts, model::Texts& out, Problems& problems) {
  for (const auto& member : mounts) {
    const json::object* mount = member.value().if_object();
    const json::value* content = mount ? mount->if_contains("config_content") : nullptr;
    if (!mount) {
      problems.push_back("volume_mounts: Value error, each must be an object");
    } else if (content && content->is_string() && content->get_string().size() > kMostRenderFile) {
      problems.push_back("volume_mounts: Value error, config_content must have at most 1 MiB");
    } else if (content && content->is_string()) {
      out.emplace_back(key_in(member), model::Secret(text_in(*content)));
    } else if (content && !content->is_null()) {
      problems.push_back("volume_mounts: Value error, config_content must be a string");
    }
  }
}

/// 443, also as 443.0, which JSON Schema takes for an integer.
std::optional<int> port_in(const json::value& value) {
  if (!value.is_number()) return std::nullopt;
  const auto number = value.to_number<double>();
  if (!(number >= 0 && number <= 65535) || number != std::floor(number)) return std::nullopt;
  return static_cast<int>(number);
}

void read_networks(const json::object& networking, std::map<std::string, model::Network>& out, Problems& problems) {
  for (const auto& member : networking) {
    const json::object* network = member.value().if_object();
    if (!network) {
      problems.push_back("networking: Value error, each must be an object");
      continue;
    }
    const auto field = [&](const char* name, bool is_port) -> std::string {
      const json::value* value = network->if_contains(name);
      if (!value || value->is_null()) return {};
      if (value->is_string()) return std::string(text_in(*value));
      if (const auto port = is_port ? port_in(*value) : std::nullopt) return std::to_string(*port);
      problems.push_back("networking: Value error, the " + std::string(name) + " of '" + word(key_in(member)) +
                         "' must be a string" + (is_port ? " or an integer from 0 to 65535" : ""));
      return {};
    };
    out[key_in(member)] = {field("url", false), field("port", true), field("protocol", false)};
  }
}

void read_stack(const json::object& secrets, std::map<std::string, std::string>& out, Problems& problems) {
  for (const auto& member : secrets) {
    if (member.value().is_string()) {
      out[key_in(member)] = text_in(member.value());
    } else {
      problems.push_back("stack_secrets: Value error, the value of '" + word(key_in(member)) + "' must be a string");
    }
  }
}

/// The key, variable or path.
std::string_view name_of(const model::RenderProblem& problem) {
  return std::string_view(problem.where).substr(problem.where.find('.') + 1);
}

/// Problems and warnings as upstream groups them: by the place, in order.
json::object show_unresolved(const model::RenderOutput& output, const model::Texts& files) {
  std::map<std::string_view, std::size_t> indexes;
  for (const auto& file : files) indexes.emplace(file.first, indexes.size());
  std::map<std::string, json::array> lists;
  std::string last;
  for (const model::RenderProblem& problem : output.problems) {
    const std::size_t dot = problem.where.find('.');
    const std::string kind = problem.where.substr(0, dot), name = problem.where.substr(dot + 1);
    json::array& list = lists[kind];
    if (problem.where != last) {
      json::object place;
      if (kind == "volume_mounts") {
        place["index"] = indexes[name];
      } else {
        place["key"] = name;
      }
      place["patterns"] = json::array();
      list.push_back(std::move(place));
      last = problem.where;
    }
    list.back().as_object()["patterns"].as_array().push_back(
        json::object{{"pattern", problem.pattern}, {"type", std::string(to_string(problem.kind))}});
  }
  json::array warnings;
  for (const model::RenderProblem& warning : output.warnings) {
    warnings.push_back(json::object{{"location", warning.where},
                                    {"issue", std::string(to_string(warning.kind))},
                                    {"found", warning.pattern},
                                    {"suggestion", warning.message},
                                    {"explanation", "It was taken literally."}});
  }
  json::object shown;
  shown["has_unresolved"] = !output.problems.empty();
  shown["secret_map_unresolved"] = std::move(lists["secret_map"]);
  shown["env_vars_unresolved"] = std::move(lists["environment_variables"]);
  shown["config_unresolved"] = std::move(lists["volume_mounts"]);
  shown["syntax_warnings"] = std::move(warnings);
  shown["summary"] =
      std::to_string(output.problems.size()) + " unresolved, " + std::to_string(output.warnings.size()) + " warnings";
  return shown;
}

/// What each token of the map stands for, and what is wrong before any secret was read: found by a render without them.
void note_tokens(RenderRequest& request) {
  const auto needed = model::secrets_needed(request.input);
  const std::size_t looks = render_looks(request.inject);
  for (const auto& [key, value] : request.input.secret_map) {
    const model::RenderToken token = model::parse_map_value(value.expose());
    if (token.kind != model::TokenKind::user_secret) continue;
    const auto at = std::lower_bound(needed.begin(), needed.end(), token.name) - needed.begin();
    request.notes.push_back({.item = (static_cast<std::uint64_t>(at) + 1) * looks,
                             .owner = std::string(token.second),
                             .details = detail(key, {})});
  }
  request.input.any_owner = true;
  const model::RenderOutput output = render(
      request.input,
      {[](auto, auto) { return Result<model::Secret>(model::Secret()); }, [](std::size_t) { return std::string(); }});
  for (const model::RenderProblem& problem : output.problems) {
    request.notes.push_back({.details = detail(name_of(problem), to_string(problem.kind))});
  }
  // A secret within a longer text is no token; upstream refuses a map that so much as mentions somebody else's.
  for (const model::RenderProblem& warning : output.warnings) {
    const model::RenderToken token = model::parse_map_value(warning.pattern);
    if (token.kind != model::TokenKind::user_secret || token.second.empty()) continue;
    request.notes.push_back(
        {.invalid = true, .owner = std::string(token.second), .details = detail(name_of(warning), {})});
  }
}

}  // namespace

RenderRequest read_render(const json::object& body, Problems& problems) {
  RenderRequest request;
  for (const auto& member : body) {
    const std::string name = key_in(member);
    const auto known = {
        "secret_map", "environment_variables", "volume_mounts", "networking", "stack_secrets", "pod_id", "mode",
        "strict"};
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      problems.push_back("body, " + name.substr(0, 64) + ": Extra inputs are not permitted");
    }
  }
  read_map(*object_in(body, "secret_map", problems), request, problems);
  for (const auto& member : *object_in(body, "environment_variables", problems)) {
    if (member.value().is_string()) {
      request.input.environment.emplace_back(key_in(member), model::Secret(text_in(member.value())));
    }
  }
  read_files(*object_in(body, "volume_mounts", problems), request.input.files, problems);
  read_networks(*object_in(body, "networking", problems), request.input.networks, problems);
  read_stack(*object_in(body, "stack_secrets", problems), request.input.stack_secrets, problems);
  if (const json::value* pod_id = body.if_contains("pod_id"); pod_id && pod_id->is_string()) {
    request.input.pod_id = text_in(*pod_id);
  } else if (pod_id && !pod_id->is_null()) {
    problems.push_back("body, pod_id: Input should be a valid string");
  }
  if (const json::value* mode = body.if_contains("mode")) {
    request.inject = *mode == "inject";
    if (!request.inject && *mode != "display") problems.push_back("body, mode: Input should be 'inject' or 'display'");
  }
  if (const json::value* strict = body.if_contains("strict")) {
    if (!strict->is_bool()) problems.push_back("body, strict: Input should be a valid boolean");
    request.strict = *strict == true;
  }
  return request;
}

model::TenantOperation ask_render(RenderRequest request, std::string_view acting_for) {
  model::BatchGet ask;
  if (request.notes.empty()) {
    auto operation = ask_for_secrets(std::string(model::kTapisSpace), request.input, request.inject);
    if (auto* batch = std::get_if<model::BatchGet>(&operation)) ask = std::move(*batch);
    note_tokens(request);
    if (request.notes.empty() && ask.items.empty()) return operation;
  }
  ask.acting_for = acting_for;
  ask.notes = std::move(request.notes);
  if (request.input.pod_id.empty()) return ask;
  for (model::RenderNote& note : ask.notes) note.details += " pod_id=" + word(request.input.pod_id);
  return ask;
}

Result<Rendered> show_render(RenderRequest request, const json::object& body, const model::ReplyBody& reply,
                             std::string_view principal, std::string_view actor) {
  const auto secrets = needed_secrets(request.input, request.inject, reply);
  if (!secrets) return secrets.error();
  request.input.actor = actor;
  const auto find = [&](std::string_view, std::string_view id) -> Result<model::Secret> {
    const auto found = secrets->find(id);
    if (found == secrets->end()) return Error(Code::internal, "the secret was not asked for");
    const NeededSecret& secret = found->second;
    // The shard has looked at owners; one of a node that is not yet as new as this one has not.
    const bool is_foreign =
        secret.is_there && secret.owner != principal && secret.owner != "user:" + std::string(actor);
    if (!is_foreign && (secret.value.ok() || secret.value.error().code != Code::not_owned)) return secret.value;
    return Error(Code::not_owned, "Secret '" + std::string(id) + "' is not owned by '" + std::string(actor) + "'");
  };
  const model::RenderOutput output = render(request.input, {find, make_password});
  if (!output.status) return output.status.error();
  Rendered rendered;
  json::array errors;
  for (const model::RenderProblem& problem : output.problems) {
    const std::string text = problem.where + ": " + problem.message;
    errors.emplace_back(text);
    rendered.failure += (rendered.failure.empty() ? "Failed to resolve secrets: " : "; ") + text;
  }
  if (!request.strict) rendered.failure.clear();

  json::object map, environment, mounts;
  for (const auto& [key, value] : output.secret_map) map[key] = json_of(value);
  Problems none;
  environment = *object_in(body, "environment_variables", none);
  for (const auto& [name, value] : output.environment) environment[name] = json_of(value);
  for (const auto& [path, value] : output.files) mounts[path] = json::object{{"config_content", json_of(value)}};
  rendered.result = {{"secret_map", std::move(map)},
                     {"environment_variables", std::move(environment)},
                     {"volume_mounts", std::move(mounts)}};
  rendered.metadata = {{"secrets_resolved", output.problems.empty()},
                       {"errors", std::move(errors)},
                       {"unresolved_patterns", show_unresolved(output, request.input.files)}};
  return rendered;
}

}  // namespace coffer::net::tapis
