// See render.hpp.

#include "net/native/render.hpp"

#include <algorithm>

#include "model/text.hpp"
#include "net/rendering.hpp"

namespace coffer::net::native {
namespace {

using model::Code;
using model::Error;
using model::Result;

constexpr std::size_t kMostTold = 4000;  // bytes of the sentence that says why a strict render failed

/// A map's fields have no order of their own; sorted, the same request gives the same answer.
template <class Map, class Text>
model::Texts sorted(const Map& map, const Text& text) {
  model::Texts texts;
  for (const auto& [key, value] : map) texts.emplace_back(key, model::Secret(text(value)));
  std::sort(texts.begin(), texts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return texts;
}

const std::string& same(const std::string& text) { return text; }

model::Status check(const v1::RenderRequest& in) {
  if (!in.mode().empty() && in.mode() != "display" && in.mode() != "inject") {
    return Error(Code::invalid_argument, "mode is neither 'display' nor 'inject'");
  }
  if (static_cast<std::size_t>(in.secret_map_size()) > kMostRenderKeys) {
    return Error(Code::too_large, "secret_map has " + std::to_string(in.secret_map_size()) + " keys: at most " +
                                      std::to_string(kMostRenderKeys));
  }
  for (const auto& [key, value] : in.secret_map()) {
    const bool good = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
    if (!good) {
      return Error(Code::invalid_argument,
                   "secret_map: the key " + model::in_quotes(key) + " has more than letters, digits, '_' and '-'");
    }
  }
  for (const auto& [path, mount] : in.volume_mounts()) {
    if (mount.config_content().size() > kMostRenderFile) {
      return Error(Code::too_large, "volume_mounts: the content of " + model::in_quotes(path) + " has more than 1 MiB");
    }
  }
  return {};
}

model::RenderInput input_of(const v1::RenderRequest& in) {
  model::RenderInput input;
  input.any_owner = input.native = true;
  input.secret_map = sorted(in.secret_map(), same);
  input.environment = sorted(in.environment_variables(), same);
  input.files =
      sorted(in.volume_mounts(), [](const auto& mount) -> const std::string& { return mount.config_content(); });
  input.pod_id = in.pod_id();
  for (const auto& [name, network] : in.networking()) {
    input.networks[name] = {network.url(), network.port(), network.protocol()};
  }
  input.stack_secrets = {in.stack_secrets().begin(), in.stack_secrets().end()};
  return input;
}

template <class Problems>
void add(const std::vector<model::RenderProblem>& problems, Problems* out) {
  for (const model::RenderProblem& problem : problems) {
    auto& told = *out->Add();
    told.set_where(problem.where);
    told.set_pattern(problem.pattern);
    told.set_type(std::string(to_string(problem.kind)));
    told.set_message(problem.message);
  }
}

Error strict_failure(const std::vector<model::RenderProblem>& problems) {
  std::string all = "nothing was rendered, because something is not resolved";
  char join = ':';
  for (const model::RenderProblem& problem : problems) {
    if (all.size() > kMostTold) break;
    all.append(1, join).append(" ").append(problem.where).append(": ").append(problem.message);
    join = ';';
  }
  return {Code::invalid_argument, std::move(all)};
}

}  // namespace

Result<model::TenantOperation> to_operation(const v1::RenderRequest& in) {
  if (const model::Status ok = check(in); !ok) return ok.error();
  return ask_for_secrets(in.space(), input_of(in), in.mode() == "inject");
}

model::Status to_message(const v1::RenderRequest& in, const model::ReplyBody& reply, v1::RenderResponse* out) {
  const model::RenderInput input = input_of(in);
  const auto secrets = needed_secrets(input, in.mode() == "inject", reply);
  if (!secrets) return secrets.error();
  const auto find = [&](std::string_view owner, std::string_view name) -> Result<model::Secret> {
    const auto found = secrets->find(name);
    if (found == secrets->end()) return Error(Code::internal, "the secret was not asked for");
    const NeededSecret& secret = found->second;
    if (owner.empty() || !secret.is_there || username_of(secret.owner) == owner) return secret.value;
    return Error(Code::permission_denied,
                 "Secret '" + std::string(name) + "' is not owned by '" + std::string(owner) + "'");
  };
  const model::RenderOutput output = render(input, {find, make_password});
  if (!output.status) return output.status;
  if (in.strict() && !output.problems.empty()) return strict_failure(output.problems);
  for (const auto& [key, value] : output.secret_map) (*out->mutable_secret_map())[key] = value.expose();
  for (const auto& [name, value] : output.environment) (*out->mutable_environment_variables())[name] = value.expose();
  for (const auto& [path, value] : output.files) {
    (*out->mutable_volume_mounts())[path].set_config_content(std::string(value.expose()));
  }
  add(output.problems, out->mutable_errors());
  add(output.warnings, out->mutable_warnings());
  for (const auto& [name, secret] : *secrets) {
    if (secret.write_only) out->add_write_only(name);
  }
  return {};
}

}  // namespace coffer::net::native
