#pragma once
// Between the admin API's quotas and the tenant's. Used by the admin door; pure.

#include "coffer/admin/v1/admin.pb.h"
#include "model/requests.hpp"
#include "model/result.hpp"

namespace coffer::net::admin {

/// What is given, and what is to be inherited again. Errors: invalid_argument.
model::Result<model::SetQuota> to_set_quota(const ::coffer::admin::v1::SetQuotaRequest& in);
void to_message(const model::QuotaReply& reply, ::coffer::admin::v1::TenantQuota* out);

}  // namespace coffer::net::admin
