#pragma once
// The Cloudforet door: Secret, TrustedSecret, SecretGroup and UserSecret over gRPC and REST. README.md in this folder says
// what it does and where it does better than upstream.

#include <memory>

#include "net/cloudforet/encryption.hpp"
#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// `newer`: the generation 2.x, for a listener of its own, because both have the same names. `encryption` may be null.
std::unique_ptr<Door> make_cloudforet_door(const Doors& settings, actors::Gateway& gateway, bool newer,
                                           std::shared_ptr<const cloudforet::Encryption> encryption);

}  // namespace coffer::net
