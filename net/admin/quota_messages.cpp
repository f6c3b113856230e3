// See quota_messages.hpp. The fields of the message are called as the limits are, so reflection finds them.

#include "net/admin/quota_messages.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "net/timestamps.hpp"

namespace coffer::net::admin {
namespace {

namespace api = ::coffer::admin::v1;
using model::Limit;

const google::protobuf::FieldDescriptor* field_of(Limit limit) {
  return api::Quota::descriptor()->FindFieldByName(std::string(model::limit_name(limit)));
}

void set(Limit limit, std::uint64_t value, api::Quota* out) {
  out->GetReflection()->SetUInt64(out, field_of(limit), value);
}

}  // namespace

model::Result<model::SetQuota> to_set_quota(const api::SetQuotaRequest& in) {
  model::SetQuota request;
  const auto* reflection = in.quota().GetReflection();
  for (const Limit limit : model::kAllLimits) {
    const auto* field = field_of(limit);
    if (reflection->HasField(in.quota(), field)) {
      request.changes.push_back({limit, reflection->GetUInt64(in.quota(), field)});
    }
  }
  for (const std::string& name : in.inherit()) {
    const auto limit = model::parse_limit(name);
    if (!limit) return model::Error(limit.error().code, "inherit: " + std::string(limit.error().message()));
    request.changes.push_back({*limit, std::nullopt});
  }
  return request;
}

void to_message(const model::QuotaReply& reply, api::TenantQuota* out) {
  api::Quota* own = out->mutable_own();
  api::Quota* limits = out->mutable_limits();
  for (const Limit limit : model::kAllLimits) {
    if (reply.own[limit]) set(limit, *reply.own[limit], own);
    set(limit, reply.limits[limit], limits);
  }
  out->set_held_entries(reply.entries);
  out->set_held_bytes(reply.bytes);
  out->set_version(reply.own.version);
  if (reply.own.changed_at > 0) to_timestamp(reply.own.changed_at, out->mutable_changed_at());
  out->set_changed_by(reply.own.changed_by);
}

}  // namespace coffer::net::admin
