#pragma once
// POST /pods/secrets/render: the door's words around model/render.hpp. The body is read when the request comes in, to
// know which secrets it needs, and again when they are there. Pure, any thread.

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "model/render.hpp"
#include "model/requests.hpp"
#include "net/tapis/body.hpp"

namespace coffer::net::tapis {

struct RenderRequest {
  model::RenderInput input;  // without the actor
  bool inject = false;       // real values, also of what may not be read; else those are shown as <<write-only>>
  bool strict = false;       // any problem fails the whole
  /// What is wrong with the secret_map's keys and values: the contract wants it audited, so the shard is told although
  /// the request will be refused.
  std::vector<model::RenderNote> notes;
};
/// What could be read of it; it is good when `problems` stays empty.
RenderRequest read_render(const boost::json::object& body, Problems& problems);

/// What the shard is asked: each secret that is needed, to inject it or to show it; of a bad map nothing but to note it.
/// `acting_for` is a username or empty; it counts when a service calls.
model::TenantOperation ask_render(RenderRequest request, std::string_view acting_for);

struct Rendered {
  boost::json::object result, metadata;
  std::string failure;  // strict and something is wrong: everything that is, in one sentence
};
/// `reply` is the answer to ask_render; `body` what read_render read, whose values that are no text stay as they are.
/// Errors: permission_denied when something may not be injected.
model::Result<Rendered> show_render(RenderRequest request, const boost::json::object& body,
                                    const model::ReplyBody& reply, std::string_view principal, std::string_view actor);

}  // namespace coffer::net::tapis
