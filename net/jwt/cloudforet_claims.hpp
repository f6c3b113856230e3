#pragma once
// What a verified token of Cloudforet's identity service says beyond its bearer (contract section 3.5), in both of its
// layouts: 2.x (own, rol, wid, projects) and 1.12 (user_type). Used by verify.cpp; pure.

#include <memory>

#include <boost/json/object.hpp>

#include "model/cloudforet.hpp"
#include "model/result.hpp"

namespace coffer::net::jwt {

/// Errors: unauthenticated, when a claim has a form that could widen what it allows if it were ignored.
model::Result<std::shared_ptr<const model::CloudforetClaims>> read_cloudforet_claims(const boost::json::object& claims);

}  // namespace coffer::net::jwt
