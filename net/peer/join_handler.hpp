#pragma once
// What a link answers to a node that wants to join: the directory is asked, wherever its leader is. Made by app/ once the
// node takes calls; runs on the link's thread and completes on any.

#include "actors/gateway.hpp"
#include "net/peer/link.hpp"

namespace coffer::net {

/// The gateway must take calls for as long as the link runs.
JoinHandler make_join_handler(actors::Gateway& gateway);

/// Asks for a new certificate for `node`, which this process is, and waits for the answer; for the thread of whoever
/// keeps the certificate. Errors: those of the directory; deadline_exceeded.
model::Result<model::JoinReply> renew_certificate(actors::Gateway& gateway, model::NodeId node,
                                                  std::string certificate_request, std::chrono::milliseconds timeout);

}  // namespace coffer::net
