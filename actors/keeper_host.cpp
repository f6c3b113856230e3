// See keeper_host.hpp.

#include "actors/keeper_host.hpp"

#include <chrono>
#include <future>

#include "storage/keys.hpp"

namespace coffer::actors {
namespace {

constexpr std::size_t kPurgeRows = 512;
constexpr std::chrono::milliseconds kLookForTheEnd{20};  // of the node, while a call waits for a leader

class WaitingCall final : public Call {
 public:
  std::future<model::Result<model::Reply>> answer() { return done_.get_future(); }
  void complete() noexcept override {
    done_.set_value(std::move(reply));
    delete this;
  }

 private:
  std::promise<model::Result<model::Reply>> done_;
};

}  // namespace

model::Result<model::Reply> ask(KeeperHost& host, model::TenantRef tenant,
                                std::variant<model::TenantOperation, model::DirectoryOperation> operation,
                                std::chrono::milliseconds patience) {
  auto* call = new WaitingCall;
  model::Request& request = call->request;
  request.tenant = std::move(tenant);
  request.credential.kind = model::CredentialKind::operator_;
  request.credential.door = model::Door::admin;
  request.credential.of_node = true;
  request.info.door = model::Door::admin;
  request.info.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(
                              (std::chrono::system_clock::now() + patience).time_since_epoch())
                              .count();
  std::visit([&](auto& one) { request.operation = std::move(one); }, operation);
  auto answer = call->answer();
  host.submit(call);
  // A call is always completed, for whoever drops it answers; but without a leader that may take all of its patience, and
  // the node cannot end before its keeper's threads.
  while (answer.wait_for(kLookForTheEnd) != std::future_status::ready) {
    if (host.is_ending()) return model::Error(model::Code::outcome_unknown);
  }
  return answer.get();
}

model::Status remove_tenant_rows(KeeperHost& host, model::GroupId group, const model::TenantId& tenant,
                                 std::string_view action) {
  if (auto status = host.bring_up_to_date(group); !status) return status;
  const storage::TenantRows rows(host.state(), group, host.generation(group), tenant);
  // The keys first: whatever happens then, nothing of the tenant opens any more.
  std::vector<storage::RowChange> gone{{storage::kKeysRow, std::nullopt}, {storage::kHeaderRow, std::nullopt}};
  for (;;) {
    std::string after;
    auto scan = rows.scan("", "");
    for (; scan->valid() && gone.size() < kPurgeRows; scan->next()) {
      const std::string row(rows.row_of(scan->key()));
      if (row != storage::kKeysRow && row != storage::kHeaderRow) gone.push_back({row, std::nullopt});
    }
    if (auto status = scan->status(); !status) return status;
    const bool more = scan->valid();
    scan.reset();
    if (auto status = host.write_rows(group, tenant, std::move(gone), action); !status) {
      return status;
    }
    gone.clear();
    // A shard that was ending may have written meanwhile: it is over only when nothing is found.
    if (!more && !rows.scan("", "")->valid()) return {};
  }
}

}  // namespace coffer::actors
