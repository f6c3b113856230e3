#pragma once
// What the Tapis Pods service does before it starts a pod: secret_map, environment and configuration files with tokens
// like ${pods:secrets:KEY}, resolved. A pure renderer: linear in its input, one pass, and what was put in is never looked
// at again. Used by net/tapis and `coffer run`; any thread.
//
// In a secret_map's value, as a whole:   ${secret:ID}  ${secret:OWNER:ID}  ${:?WHY}  ${pods:default:VALUE[:?WHY]}
//                                        ${pods:random:LENGTH}
// within it:                             ${pods:url}  ${pods:tapis_url}  ${pods:pod_id}  ${pods:networking:NET:FIELD}
//                                        ${stack:secrets:KEY}
// within environment values and files:   ${pods:secrets:KEY[:?WHY]}
// What looks like one of these and is none is a problem, and so is one at a place that is not its own. Two slips are taken
// literally, with a warning, as Tapis does: a whole value's token within a longer text of the map, and a bad
// ${pods:secrets:...}. The native API (`native`) has no such exceptions. Everything else is itself.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::model {

enum class TokenKind : std::uint8_t {
  literal,
  user_secret,
  required_placeholder,
  default_placeholder,
  random_password,
  networking_reference,
  pod_url,
  tapis_url,
  pod_id,
  stack_secret,
  secret_map_reference,
  unknown,  // looks like one of ours and is none
};
/// "user_secret", as the Tapis API names them.
std::string_view to_string(TokenKind kind);

/// One "${...}". The views point into the text that was read.
struct RenderToken {
  TokenKind kind = TokenKind::literal;
  std::string_view name;    // secret id, key, network, length or default value
  std::string_view second;  // owner of a secret (empty: the actor), field of a network
  std::string_view reason;  // WHY
};
/// A value of a secret_map as a whole; `literal` when it is no whole token, `unknown` when it was meant to be one.
/// `native`: ${secret:NAME} and ${secret:OWNER:NAME} with a NAME of the native API (check_name) that has none of "${}", and
/// without an OWNER no ':'.
RenderToken parse_map_value(std::string_view text, bool native = false);

using Texts = std::vector<std::pair<std::string, Secret>>;
struct Network {
  std::string url, port, protocol;
};
struct RenderInput {
  Texts secret_map, environment, files;  // by key, variable and path; each name once
  std::string actor;                     // whose secrets ${secret:ID} means; empty: nobody's
  bool any_owner = false;                // ${secret:ID} is anybody's, an owner that is named is for the source to check
  bool native = false;                   // names of the native API, and nothing that looks like a token is a literal
  std::string pod_id;
  std::map<std::string, Network> networks;           // "default" is that of ${pods:url}
  std::map<std::string, std::string> stack_secrets;  // the stack's own map
};

/// Where something is wrong. `pattern` is the token, never a value.
struct RenderProblem {
  std::string where;  // "secret_map.KEY", "environment_variables.NAME", "volume_mounts.PATH"
  std::string pattern;
  TokenKind kind = TokenKind::unknown;
  std::string message;
};
/// Of all values together, those of the secret_map and what is told of problems among them: a short text may refer to a
/// long value a thousand times. A door's largest message is no larger.
inline constexpr std::size_t kMostRendered = 4 << 20;

struct RenderOutput {
  Status status;     // too_large: more than kMostRendered; then nothing else of this is to be shown
  Texts secret_map;  // as given, with what was generated in place of ${pods:random:...}: keep it
  Texts environment, files;
  std::vector<RenderProblem> problems;  // each token that was left in place, in the order of the input
  std::vector<RenderProblem> warnings;  // what looks like a slip and was taken literally
  std::size_t looked = 0;               // characters that were looked at: a few times the input's, whatever it is
};

struct RenderSources {
  /// The value of a secret; the error's message goes into the problem. The owner is the actor, or with any_owner the
  /// one that the token names (empty: none).
  std::function<Result<Secret>(std::string_view owner, std::string_view secret_id)> secret;
  /// A password of so many of a-z A-Z 0-9 !@#$%^&*.
  std::function<std::string(std::size_t length)> random;
};

/// The ids that the map's secrets need, each once.
std::vector<std::string> secrets_needed(const RenderInput& input);
RenderOutput render(const RenderInput& input, const RenderSources& sources);

}  // namespace coffer::model
