// See render.hpp.

#include "model/render.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "model/entry.hpp"

namespace coffer::model {
namespace {

constexpr std::size_t kLeastRandom = 8, kMostRandom = 128;
constexpr std::size_t kMostTold = 1000;  // problems, and warnings

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
bool is_user_char(char c) { return (is_key_char(c) && c != '-') || c == '@'; }

/// Characters that the render of this thread has looked at. All that looks for the end of something counts here, so that
/// a test can see that the work grows with the input and not with its square.
thread_local std::size_t looked = 0;

template <class Is>
bool all_are(std::string_view text, const Is& is) {
  const auto end = std::find_if_not(text.begin(), text.end(), is);
  looked += static_cast<std::size_t>(end - text.begin()) + 1;
  return !text.empty() && end == text.end();
}
bool is_key(std::string_view text) { return all_are(text, is_key_char); }
bool is_user(std::string_view text) { return all_are(text, is_user_char); }

std::size_t find(std::string_view text, std::string_view what, std::size_t from = 0) {
  const std::size_t found = text.find(what, from);
  looked += std::min(found, text.size()) - std::min(from, text.size()) + 1;
  return found;
}
std::size_t find_any(std::string_view text, std::string_view signs) {
  const std::size_t found = text.find_first_of(signs);
  looked += std::min(found, text.size()) + 1;
  return found;
}

/// Takes `prefix` off the front.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

RenderToken unknown() { return {TokenKind::unknown, {}, {}, {}}; }

RenderToken parse_default(std::string_view text) {
  RenderToken token{TokenKind::default_placeholder, text.substr(0, find(text, ":")), {}, {}};
  text.remove_prefix(token.name.size());
  if (text.empty()) return token;
  if (!take(text, ":?") || text.empty()) return unknown();
  token.reason = text;
  return token;
}

/// A name as the native API has them. "${}" would be tokens within tokens.
bool is_native_name(std::string_view text) {
  static const Limits limits;
  return all_are(text, [](char c) { return c != '$' && c != '{' && c != '}'; }) && check_name(text, limits).ok();
}
bool is_native_owner(std::string_view text) {
  return all_are(text, [](char c) { return is_user_char(c) || c == '-' || c == '.'; });
}

RenderToken parse_secret(std::string_view text, bool native) {
  const auto is_name = native ? is_native_name : is_key;
  const std::size_t colon = find_any(text, ":$");
  if (colon == std::string_view::npos)
    return is_name(text) ? RenderToken{TokenKind::user_secret, text, {}, {}} : unknown();
  const std::string_view owner = text.substr(0, colon), id = text.substr(colon + 1);
  const bool good = (native ? is_native_owner : is_user)(owner) && is_name(id) && text[colon] == ':';
  return good ? RenderToken{TokenKind::user_secret, id, owner, {}} : unknown();
}

RenderToken parse_reference(std::string_view text) {
  RenderToken token{TokenKind::secret_map_reference, text.substr(0, find_any(text, ":?")), {}, {}};
  text.remove_prefix(token.name.size());
  if (!is_key(token.name)) return unknown();
  if (text.empty()) return token;
  if (!take(text, ":?") || text.empty()) return unknown();
  token.reason = text;
  return token;
}

RenderToken parse_network(std::string_view text) {
  const std::size_t colon = find(text, ":");
  if (colon == std::string_view::npos) return unknown();
  const std::string_view net = text.substr(0, colon), field = text.substr(colon + 1);
  for (const std::string_view known : {"url", "hostname", "port", "protocol", "tapis_url"}) {
    if (field == known && is_key(net)) return {TokenKind::networking_reference, net, field, {}};
  }
  return unknown();
}

/// What stands between "${" and the first "}" behind it. `literal` when it is not meant for us ("HOME").
RenderToken parse_inner(std::string_view text, bool native) {
  if (take(text, ":?")) return text.empty() ? unknown() : RenderToken{TokenKind::required_placeholder, {}, {}, text};
  if (take(text, "secret:")) return parse_secret(text, native);
  if (take(text, "stack:secrets:"))
    return is_key(text) ? RenderToken{TokenKind::stack_secret, text, {}, {}} : unknown();
  if (take(text, "stack:")) return unknown();
  if (!take(text, "pods:")) return {};
  if (text == "url") return {TokenKind::pod_url, {}, {}, {}};
  if (text == "tapis_url") return {TokenKind::tapis_url, {}, {}, {}};
  if (text == "pod_id") return {TokenKind::pod_id, {}, {}, {}};
  if (take(text, "secrets:")) return parse_reference(text);
  if (take(text, "default:")) return parse_default(text);
  if (take(text, "networking:")) return parse_network(text);
  if (take(text, "random:")) {
    const bool digits = all_are(text, [](char c) { return c >= '0' && c <= '9'; });
    return digits ? RenderToken{TokenKind::random_password, text, {}, {}} : unknown();
  }
  return unknown();
}

bool is_whole(TokenKind kind) {
  return kind == TokenKind::user_secret || kind == TokenKind::required_placeholder ||
         kind == TokenKind::default_placeholder || kind == TokenKind::random_password;
}
/// What is wrong with a token that is none.
std::string_view why_unknown(std::string_view pattern) {
  constexpr std::pair<std::string_view, std::string_view> kReasons[] = {
      {"${secret:", "a secret is named by ${secret:NAME} or ${secret:OWNER:NAME}"},
      {"${:?", "say behind ':?' what the value is for"},
      {"${pods:secrets:", "write ${pods:secrets:KEY} or, with ':?', ${pods:secrets:KEY:?WHY}"},
      {"${pods:default:",
       "a default value has no ':' (with one it can stand in the map as it is), and only :?WHY follows it"},
      {"${pods:random:", "a random value's length is a number of 8 to 128"},
      {"${pods:networking:", "a network's fields are url, hostname, port, protocol and tapis_url"},
      {"${stack:", "there are no stacks here; of their tokens only ${stack:secrets:KEY} has a value"}};
  for (const auto& [prefix, reason] : kReasons) {
    if (pattern.starts_with(prefix)) return reason;
  }
  return "this is not a token";
}
/// Slips that Tapis takes literally within a longer text of the map.
bool is_meant_whole(std::string_view pattern) {
  const auto prefixes = {"${secret:", "${:?", "${pods:default:", "${pods:random:"};
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* prefix) { return pattern.starts_with(prefix); });
}

bool is_inline_in_map(TokenKind kind) {
  return kind == TokenKind::pod_url || kind == TokenKind::tapis_url || kind == TokenKind::pod_id ||
         kind == TokenKind::networking_reference || kind == TokenKind::stack_secret;
}

/// Walks over a text: what is no token goes to `copy`, each token to `visit` with its pattern. Looks for the closing
/// brace of a token once and remembers it, so that many openings before one brace cost one look.
template <class Copy, class Visit>
void walk(std::string_view text, bool native, const Copy& copy, const Visit& visit) {
  std::size_t copied = 0, at = 0, close = 0;
  while ((at = find(text, "${", at)) != std::string_view::npos) {
    if (close < at + 2) close = find(text, "}", at + 2);
    if (close == std::string_view::npos) break;
    const RenderToken token = parse_inner(text.substr(at + 2, close - at - 2), native);
    if (token.kind == TokenKind::literal || token.kind == TokenKind::unknown) {
      // A token may begin within: "$${pods:url}", "${x ${pods:url}".
      if (token.kind == TokenKind::unknown) visit(token, text.substr(at, close + 1 - at), false);
      at += 2;
      continue;
    }
    copy(text.substr(copied, at - copied));
    visit(token, text.substr(at, close + 1 - at), true);
    at = copied = close + 1;
  }
  copy(text.substr(copied));
}

class Renderer {
 public:
  Renderer(const RenderInput& input, const RenderSources& sources) : input_(input), sources_(sources) {}

  RenderOutput run() {
    looked = 0;
    for (const auto& [key, value] : input_.secret_map) {
      if (output_.status.ok()) map_value(key, value.expose());
    }
    for (const auto& [name, value] : input_.environment) {
      if (!output_.status.ok()) break;
      output_.environment.emplace_back(name, text("environment_variables." + name, value.expose()));
    }
    for (const auto& [path, value] : input_.files) {
      if (!output_.status.ok()) break;
      output_.files.emplace_back(path, text("volume_mounts." + path, value.expose()));
    }
    output_.looked = looked;
    return std::move(output_);
  }

 private:
  /// Before so many bytes are added to the output. False, from then on, when it would have too many.
  bool take_room(const std::string& where, std::size_t bytes) {
    if (output_.status.ok() && bytes > room_) {
      output_.status = Error(Code::too_large, "rendered, all values together have more than " +
                                                  std::to_string(kMostRendered) + " bytes (reached in " +
                                                  shortened(where) + "): render fewer or shorter ones at a time");
    }
    if (!output_.status.ok()) return false;
    room_ -= bytes;
    return true;
  }
  void put(const std::string& where, std::string_view part, Secret& out) {
    if (take_room(where, part.size())) out.append(part);
  }

  /// A pattern is a part of the input, which may be long; what is told of it is short.
  static std::string shortened(std::string_view pattern) {
    return pattern.size() <= 200 ? std::string(pattern) : std::string(pattern.substr(0, 197)) + "...";
  }
  void problem(const std::string& where, std::string_view pattern, TokenKind kind, std::string message) {
    if (output_.problems.size() == kMostTold || !take_room(where, where.size() + message.size())) return;
    output_.problems.push_back({where, shortened(pattern), kind, std::move(message)});
  }
  void warn(const std::string& where, std::string_view pattern, TokenKind kind, std::string message) {
    if (output_.warnings.size() == kMostTold || !take_room(where, where.size() + message.size())) return;
    output_.warnings.push_back({where, shortened(pattern), kind, std::move(message)});
  }

  void map_value(const std::string& key, std::string_view raw) {
    const std::string where = "secret_map." + key;
    const RenderToken token = parse_map_value(raw, input_.native);
    Secret kept(raw);
    if (token.kind == TokenKind::unknown) {
      problem(where, raw, token.kind, std::string(why_unknown(raw)));
    } else if (is_whole(token.kind)) {
      auto value = whole(where, raw, token);
      if (value && !take_room(where, value->size())) return;
      if (value && token.kind == TokenKind::random_password) kept = *value;
      if (value) values_.emplace(key, std::move(*value));
    } else if (auto value = within_map(where, raw)) {
      values_.emplace(key, std::move(*value));
    }
    output_.secret_map.emplace_back(key, std::move(kept));
    keys_.insert(key);
  }

  std::optional<Secret> whole(const std::string& where, std::string_view raw, const RenderToken& token) {
    switch (token.kind) {
      case TokenKind::default_placeholder: return Secret(token.name);
      case TokenKind::required_placeholder:
        problem(where, raw, token.kind, "a value is required: " + shortened(token.reason));
        return std::nullopt;
      case TokenKind::random_password: {
        std::size_t length = 0;
        for (const char c : token.name.substr(0, 6)) length = length * 10 + static_cast<std::size_t>(c - '0');
        if (length >= kLeastRandom && length <= kMostRandom) return Secret(sources_.random(length));
        problem(where, raw, token.kind, "a random value has 8 to 128 characters");
        return std::nullopt;
      }
      default: return secret(where, raw, token);
    }
  }

  bool is_foreign(const RenderToken& token) const {
    return !input_.any_owner && !token.second.empty() && token.second != input_.actor;
  }
  static std::string foreign_text(const RenderToken& token) {
    return "this is a secret of '" + std::string(token.second) + "', who is not acting";
  }
  std::optional<Secret> secret(const std::string& where, std::string_view raw, const RenderToken& token) {
    const bool open = input_.any_owner;
    if (!open && input_.actor.empty() && token.second.empty()) {
      problem(where, raw, token.kind, "nobody is acting, so whose secret this is must be said: ${secret:USER:ID}");
      return std::nullopt;
    }
    if (is_foreign(token)) {
      problem(where, raw, token.kind, foreign_text(token));
      return std::nullopt;
    }
    auto value = sources_.secret(open ? token.second : std::string_view(input_.actor), token.name);
    if (value) return std::move(*value);
    problem(where, raw, token.kind, std::string(value.error().message()));
    return std::nullopt;
  }

  /// Within a longer text of the map: why a token is a problem there, or nothing when it is taken literally.
  std::optional<std::string> why_not_within(const RenderToken& token, std::string_view pattern) const {
    // Upstream refuses a map that so much as mentions somebody else's secret.
    if (token.kind == TokenKind::user_secret && is_foreign(token)) return foreign_text(token);
    if (token.kind == TokenKind::secret_map_reference) return "this token is for the environment and files";
    if (!input_.native && is_meant_whole(pattern)) return std::nullopt;
    return token.kind == TokenKind::unknown ? std::string(why_unknown(pattern)) : "this token must be the whole value";
  }
  /// A value with tokens in it; nothing when one of them has no value.
  std::optional<Secret> within_map(const std::string& where, std::string_view raw) {
    Secret out;
    bool complete = true;
    walk(
        raw, input_.native, [&](std::string_view part) { put(where, part, out); },
        [&](const RenderToken& token, std::string_view pattern, bool taken) {
          if (!output_.status.ok()) return;
          const auto value = is_inline_in_map(token.kind) ? identity(token) : std::nullopt;
          if (value) return put(where, *value, out);
          if (taken) put(where, pattern, out);
          const auto why =
              is_inline_in_map(token.kind)
                  ? std::optional<std::string>("there is no such network, field or stack secret, or the pod has no id")
                  : why_not_within(token, pattern);
          if (!why) {
            // Embedded whole-value tokens are literals upstream, too; nobody writes them on purpose.
            return warn(where, pattern, token.kind,
                        taken ? "this token must be the whole value; it was taken literally" : "this is not a token");
          }
          complete = false;
          problem(where, pattern, token.kind, *why);
        });
    if (!complete) return std::nullopt;
    return out;
  }

  static std::optional<std::string> tapis_part(const std::string& url) {
    const std::size_t at = url.find(".pods.");
    return at == std::string::npos ? std::nullopt : std::optional(url.substr(at + 6));
  }
  static std::optional<std::string> unless_empty(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  }
  std::optional<std::string> identity(const RenderToken& token) const {
    if (token.kind == TokenKind::pod_id) return unless_empty(input_.pod_id);
    if (token.kind == TokenKind::stack_secret) {
      const auto found = input_.stack_secrets.find(std::string(token.name));
      return found == input_.stack_secrets.end() ? std::nullopt : std::optional(found->second);
    }
    const bool named = token.kind == TokenKind::networking_reference;
    const auto found = input_.networks.find(named ? std::string(token.name) : "default");
    if (found == input_.networks.end()) return std::nullopt;
    const Network& network = found->second;
    if (token.kind == TokenKind::tapis_url || token.second == "tapis_url") return tapis_part(network.url);
    if (token.second == "port") return unless_empty(network.port);
    if (token.second == "protocol") return unless_empty(network.protocol);
    return unless_empty(network.url);
  }

  /// An environment value or a file.
  Secret text(const std::string& where, std::string_view raw) {
    Secret out;
    walk(
        raw, input_.native, [&](std::string_view part) { put(where, part, out); },
        [&](const RenderToken& token, std::string_view pattern, bool taken) {
          if (!output_.status.ok()) return;
          if (!taken) {
            const std::string why(why_unknown(pattern));
            // Upstream warns of a reference that is written badly; what starts a program here does not start it.
            const bool is_slip = !input_.native && pattern.starts_with("${pods:secrets:");
            return is_slip ? warn(where, pattern, token.kind, why) : problem(where, pattern, token.kind, why);
          }
          if (token.kind != TokenKind::secret_map_reference) {
            problem(where, pattern, token.kind, "this token is for a secret_map; refer to it by ${pods:secrets:KEY}");
            return put(where, pattern, out);
          }
          const auto value = values_.find(token.name);
          if (value != values_.end()) return put(where, value->second.expose(), out);
          problem(where, pattern, token.kind,
                  keys_.contains(std::string(token.name)) ? "the secret_map's value of this key was not resolved"
                                                          : "the secret_map has no such key");
          put(where, pattern, out);
        });
    return out;
  }

  const RenderInput& input_;
  const RenderSources& sources_;
  std::map<std::string, Secret, std::less<>> values_;
  std::set<std::string> keys_;
  RenderOutput output_;
  std::size_t room_ = kMostRendered;  // bytes that may still be added
};

}  // namespace

std::string_view to_string(TokenKind kind) {
  switch (kind) {
    case TokenKind::literal: return "literal";
    case TokenKind::user_secret: return "user_secret";
    case TokenKind::required_placeholder: return "required_placeholder";
    case TokenKind::default_placeholder: return "default_placeholder";
    case TokenKind::random_password: return "random_password";
    case TokenKind::networking_reference: return "networking_reference";
    case TokenKind::pod_url: return "pod_url";
    case TokenKind::tapis_url: return "tapis_url";
    case TokenKind::pod_id: return "pod_id";
    case TokenKind::stack_secret: return "stack_secret";
    case TokenKind::secret_map_reference: return "secret_map_reference";
    case TokenKind::unknown: break;
  }
  return "unknown";
}

RenderToken parse_map_value(std::string_view text, bool native) {
  if (!text.starts_with("${") || find(text, "}") != text.size() - 1) return {};
  const RenderToken token = parse_inner(text.substr(2, text.size() - 3), native);
  return is_whole(token.kind) || token.kind == TokenKind::unknown ? token : RenderToken{};
}

std::vector<std::string> secrets_needed(const RenderInput& input) {
  std::set<std::string> ids;
  for (const auto& [key, value] : input.secret_map) {
    const RenderToken token = parse_map_value(value.expose(), input.native);
    if (token.kind == TokenKind::user_secret) ids.emplace(token.name);
  }
  return {ids.begin(), ids.end()};
}

RenderOutput render(const RenderInput& input, const RenderSources& sources) { return Renderer(input, sources).run(); }

}  // namespace coffer::model
