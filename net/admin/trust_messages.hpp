#pragma once
// Between the admin API's issuers and certificate rules and the tenant's. Used by the admin door; pure.

#include "coffer/admin/v1/admin.pb.h"
#include "model/identity.hpp"
#include "model/result.hpp"

namespace coffer::net::admin {

/// Looks at the keys, too, which the shard cannot. What the server sets is left empty. Errors: invalid_argument that
/// names the field.
model::Result<model::Issuer> to_issuer(const ::coffer::admin::v1::Issuer& in);
model::Result<model::CertificateRule> to_certificate_rule(const ::coffer::admin::v1::CertificateRule& in);

void to_message(const model::Issuer& issuer, ::coffer::admin::v1::Issuer* out);
void to_message(const model::CertificateRule& rule, ::coffer::admin::v1::CertificateRule* out);

}  // namespace coffer::net::admin
