// See requests.hpp.

#include "net/native/requests.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "net/native/filter.hpp"
#include "net/page_token.hpp"
#include "net/timestamps.hpp"

namespace coffer::net::native {
namespace {

using model::Code;
using model::Error;
using model::Result;
using model::TenantOperation;

constexpr int kMostBatchItems = 1000, kMostOperations = 100;

using StringMap = google::protobuf::Map<std::string, std::string>;
using Numbers = google::protobuf::RepeatedField<std::uint64_t>;

std::map<std::string, std::string> to_map(const StringMap& in) { return {in.begin(), in.end()}; }
std::vector<std::uint64_t> to_vector(const Numbers& in) { return {in.begin(), in.end()}; }

/// A payload as it was put. `In` is PutRequest or TransactRequest.Put.
template <class In>
Result<model::Payload> to_payload(const In& in) {
  const int given = (in.data().empty() ? 0 : 1) + (in.has_value() ? 1 : 0) + (in.has_value_base64() ? 1 : 0);
  if (given != 1) {
    return Error(Code::invalid_argument,
                 std::string("exactly one of data (not empty), value and value_base64 is needed: ") +
                     (given == 0 ? "none is given" : "several are given"));
  }
  if (in.has_value()) return model::Payload::of_text(in.value());
  if (in.has_value_base64()) return model::Payload::of_bytes(in.value_base64());
  model::Payload payload;
  payload.kind = model::PayloadKind::map;
  for (const auto& [key, value] : in.data()) payload.map.emplace_back(key, model::Secret(value));
  std::sort(payload.map.begin(), payload.map.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return payload;
}

template <class In>
Result<model::Put> to_put(const In& in) {
  auto payload = to_payload(in);
  if (!payload) return payload.error();
  model::Put put;
  put.space = in.space();
  put.name = in.name();
  put.payload = std::move(*payload);
  if (in.has_cas()) put.cas = in.cas();
  if (!in.tags().empty()) put.tags = to_map(in.tags());
  if (in.has_description()) put.description = in.description();
  if (in.has_expires_at()) {
    const auto time = from_timestamp(in.expires_at(), "expires_at");
    if (!time) return time.error();
    put.expires_at = *time;
  }
  return put;
}

using Operation = decltype(model::Transact::operations)::value_type;

Result<Operation> to_transact_operation(const v1::TransactRequest::Operation& in) {
  switch (in.kind_case()) {
    case v1::TransactRequest::Operation::kPut: {
      auto put = to_put(in.put());
      if (!put) return put.error();
      return Operation(std::move(*put));
    }
    case v1::TransactRequest::Operation::kDelete: {
      model::Delete del;
      del.space = in.delete_().space();
      del.name = in.delete_().name();
      if (in.delete_().has_cas()) del.cas = in.delete_().cas();
      return Operation(std::move(del));
    }
    case v1::TransactRequest::Operation::kCheck:
      return Operation(model::Check{in.check().space(), in.check().name(), in.check().version()});
    case v1::TransactRequest::Operation::KIND_NOT_SET: break;
  }
  return Error(Code::invalid_argument, "one of put, delete and check is needed");
}

Error too_many(std::string_view what, int given, int most) {
  return Error(Code::invalid_argument,
               std::string(what) + " has " + std::to_string(given) + " items: at most " + std::to_string(most));
}

}  // namespace

Result<TenantOperation> to_operation(const v1::PutRequest& in) {
  auto put = to_put(in);
  if (!put) return put.error();
  return TenantOperation(std::move(*put));
}

Result<TenantOperation> to_operation(const v1::GetRequest& in) {
  if (!in.view().empty() && in.view() != "full" && in.view() != "metadata") {
    return Error(Code::invalid_argument, "view is neither 'full' nor 'metadata'");
  }
  return TenantOperation(model::Get{in.space(), in.name(), in.version(), in.view() != "metadata"});
}

Result<TenantOperation> to_operation(const v1::DescribeRequest& in) {
  return TenantOperation(model::Get{in.space(), in.name(), 0, false});
}

Result<TenantOperation> to_operation(const v1::UpdateMetadataRequest& in) {
  model::UpdateMetadata update;
  update.space = in.space();
  update.name = in.name();
  update.set_tags = to_map(in.set_tags());
  update.remove_tags.assign(in.remove_tags().begin(), in.remove_tags().end());
  if (in.has_description()) update.description = in.description();
  if (in.has_expires_at() && in.clear_expires_at()) {
    return Error(Code::invalid_argument, "expires_at and clear_expires_at contradict each other: send one of them");
  }
  if (in.has_expires_at()) {
    const auto time = from_timestamp(in.expires_at(), "expires_at");
    if (!time) return time.error();
    update.expires_at = *time;
  } else if (in.clear_expires_at()) {
    update.expires_at = 0;
  }
  if (in.has_max_versions()) update.max_versions = in.max_versions();
  if (in.has_cas()) update.cas = in.cas();
  return TenantOperation(std::move(update));
}

Result<TenantOperation> to_operation(const v1::DeleteRequest& in) {
  model::Delete del;
  del.space = in.space();
  del.name = in.name();
  del.versions = to_vector(in.versions());
  if (in.has_cas()) del.cas = in.cas();
  return TenantOperation(std::move(del));
}

Result<TenantOperation> to_operation(const v1::UndeleteRequest& in) {
  return TenantOperation(model::Undelete{in.space(), in.name(), to_vector(in.versions())});
}

Result<TenantOperation> to_operation(const v1::DestroyRequest& in) {
  return TenantOperation(model::Destroy{in.space(), in.name(), to_vector(in.versions())});
}

Result<TenantOperation> to_operation(const v1::HistoryRequest& in) {
  return TenantOperation(model::History{in.space(), in.name()});
}

Result<TenantOperation> to_operation(const v1::ListRequest& in) {
  auto tags = parse_filter(in.filter());
  if (!tags) return tags.error();
  const auto limit = read_page_size(in.page_size());
  if (!limit) return limit.error();
  auto after = read_page_token({in.tenant(), in.space(), in.prefix(), in.filter()}, in.page_token());
  if (!after) return after.error();
  model::List list;
  list.space = in.space();
  list.prefix = in.prefix();
  list.tags = std::move(*tags);
  list.after = std::move(*after);
  list.limit = *limit;
  return TenantOperation(std::move(list));
}

Result<TenantOperation> to_operation(const v1::BatchGetRequest& in) {
  if (in.secrets_size() > kMostBatchItems) return too_many("secrets", in.secrets_size(), kMostBatchItems);
  if (in.secrets().empty()) return Error(Code::invalid_argument, "secrets is empty: there is nothing to read");
  model::BatchGet batch;
  for (const auto& item : in.secrets()) batch.items.push_back({item.space(), item.name(), item.version(), true});
  return TenantOperation(std::move(batch));
}

Result<TenantOperation> to_operation(const v1::TransactRequest& in) {
  if (in.operations_size() > kMostOperations) return too_many("operations", in.operations_size(), kMostOperations);
  if (in.operations().empty()) return Error(Code::invalid_argument, "operations is empty: there is nothing to do");
  model::Transact transact;
  for (int i = 0; i < in.operations_size(); ++i) {
    auto operation = to_transact_operation(in.operations(i));
    if (!operation) {
      return Error(operation.error().code,
                   "operations[" + std::to_string(i) + "]: " + std::string(operation.error().message()));
    }
    transact.operations.push_back(std::move(*operation));
  }
  return TenantOperation(std::move(transact));
}

Result<TenantOperation> to_operation(const v1::SetPermissionRequest& in) {
  model::SetPermission set{in.space(), in.name(), in.subject(), std::nullopt};
  for (const model::Level level : {model::Level::read, model::Level::user, model::Level::admin}) {
    if (in.level() == model::to_string(level)) set.level = level;
  }
  if (!set.level && in.level() != "NONE") {
    return Error(Code::invalid_argument, "level is none of READ, USER, ADMIN and NONE");
  }
  return TenantOperation(std::move(set));
}

Result<TenantOperation> to_operation(const v1::GetPermissionsRequest& in) {
  return TenantOperation(model::Get{in.space(), in.name(), 0, false});
}

Result<TenantOperation> to_operation(const v1::LookupSelfRequest&) { return TenantOperation(model::LookupSelf{}); }

Result<TenantOperation> to_operation(const v1::RenewSelfRequest& in) {
  // What does not fit becomes a number that the shard refuses.
  constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / 1000;
  return TenantOperation(model::RenewSelf{std::clamp(in.ttl_seconds(), -kMostSeconds, kMostSeconds) * 1000});
}

Result<TenantOperation> to_operation(const v1::RevokeSelfRequest&) { return TenantOperation(model::RevokeSelf{}); }

}  // namespace coffer::net::native
