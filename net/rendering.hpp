#pragma once
// What the doors that render share: which secrets a render needs of the tenant, and what became of each. The renderer
// itself is model/render.hpp. Used by net/tapis and net/native; pure, any thread.

#include <map>
#include <string>
#include <string_view>

#include "model/render.hpp"
#include "model/requests.hpp"

namespace coffer::net {

/// What stands in place of a value that may not be read.
inline constexpr std::string_view kWriteOnlyMark = "<<write-only>>";
/// Values of a secret_map: two looks for each stay within one batch.
inline constexpr std::size_t kMostRenderKeys = 500;
inline constexpr std::size_t kMostRenderFile = 1 << 20;

/// How often a secret is asked for; the last time it is read.
constexpr std::size_t render_looks(bool inject) { return inject ? 1 : 2; }
/// What the shard is asked: each secret that is needed, to inject it or to show it. When nothing is needed it is asked
/// something small, because the caller is to be somebody all the same.
model::TenantOperation ask_for_secrets(const std::string& space, const model::RenderInput& input, bool inject);

struct NeededSecret {
  /// Errors: entry_not_found (also for what is not the caller's to read), not_owned, and what the shard said of its
  /// value.
  model::Result<model::Secret> value{model::Code::internal};
  bool is_there = false;  // then `owner` is known
  std::string owner;      // a principal, as "user:ann"; empty: nobody
  bool write_only = false;
};
using NeededSecrets = std::map<std::string, NeededSecret, std::less<>>;
/// `reply` is the answer to ask_for_secrets. Errors: permission_denied when something may not be injected.
model::Result<NeededSecrets> needed_secrets(const model::RenderInput& input, bool inject,
                                            const model::ReplyBody& reply);

/// `length` letters, digits and signs of !@#$%^&*, each as likely as the others.
std::string make_password(std::size_t length);

/// "user:alice" as "alice"; a service's name likewise.
std::string username_of(std::string_view principal);

}  // namespace coffer::net
