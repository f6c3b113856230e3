#pragma once
// Decodes the native API's messages into operations of the tenant. Used by the native door on the listener's io thread;
// pure. What needs no more than the message is checked here, names, sizes and tags by the shard (model/rules.hpp).

#include "coffer/v1/secrets.pb.h"
#include "model/requests.hpp"
#include "model/result.hpp"

namespace coffer::net::native {

/// Errors of all: invalid_argument with the field and what would be right.
model::Result<model::TenantOperation> to_operation(const v1::PutRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::GetRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::DescribeRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::UpdateMetadataRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::DeleteRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::UndeleteRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::DestroyRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::HistoryRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::ListRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::BatchGetRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::TransactRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::SetPermissionRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::GetPermissionsRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::LookupSelfRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::RenewSelfRequest& in);
model::Result<model::TenantOperation> to_operation(const v1::RevokeSelfRequest& in);

}  // namespace coffer::net::native
