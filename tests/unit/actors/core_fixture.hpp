#pragma once
// What the tests of TenantCore and DirectoryCore share: a memory engine, a generated key ring, a clock that the test
// moves, and a "group" that commits and applies what a core submitted when the test says so.

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "actors/directory_core.hpp"
#include "actors/tenant_core.hpp"
#include "crypto/token.hpp"
#include "storage/keys.hpp"
#include "storage/open.hpp"

namespace coffer::actors {

/// A call whose answer the test looks at.
class TestCall final : public Call {
 public:
  void complete() noexcept override { ++completed; }
  int completed = 0;
};

inline model::Payload text(std::string_view value) { return model::Payload::of_text(value); }

inline model::Put put(std::string name, std::string_view value, std::optional<std::uint64_t> cas = {}) {
  model::Put request;
  request.space = "kv";
  request.name = std::move(name);
  request.payload = text(value);
  request.cas = cas;
  return request;
}

inline model::Get get(std::string name, std::uint64_t version = 0) { return {"kv", std::move(name), version, true}; }

class CoreFixture {
 public:
  CoreFixture()
      : engine(storage::open_memory()),
        ring(crypto::KeyRing::generate(crypto::Key::generate(random), random, 1)),
        deps{*engine, ring, random, authorizer, [this] { return now; }, budget, {}},
        directory_deps{*engine, ring, random, [this] { return now; }, routing, operators, model::Generation{1}, 4} {
    tenant.bytes.fill(7);
  }

  std::unique_ptr<TenantCore> open() {
    auto core = TenantCore::open(deps, {tenant, model::GroupId{1}, model::Generation{1}, 1, {}});
    if (!core) ADD_FAILURE() << core.error().message();
    return core ? std::move(*core) : nullptr;
  }

  /// The fixture owns it, too: a core may hold a call for as long as it lives.
  std::shared_ptr<TestCall> call(model::TenantOperation operation, std::string request_id = {}) {
    auto made = std::make_shared<TestCall>();
    calls.push_back(made);
    made->request.credential.kind = model::CredentialKind::dev_root;
    made->request.operation = std::move(operation);
    made->request.info.request_id = std::move(request_id);
    return made;
  }

  /// Hands the call to the core; what it submits waits for commit().
  void send(TenantCore& core, TestCall& call) {
    std::vector<Submission> out;
    core.handle(CallHandle(&call), out);
    for (Submission& submission : out) log.push_back(std::move(submission));
    while (core.has_work()) core.work();
  }

  /// Applies the write set to the engine, as the state writer does, and tells the core.
  void commit(TenantCore& core, bool apply = true) {
    Submission next = std::move(log.front());
    log.pop_front();
    ++index;
    if (apply) apply_write_set(home, *next.write_set), applied = index;
    last_write_set = *next.write_set;
    core.committed(next.sequence, model::Index{index}, model::Index{applied});
  }
  void commit_all(TenantCore& core) {
    while (!log.empty()) commit(core);
  }

  void apply_write_set(model::GroupId of, const std::string& bytes) {
    store::v1::WriteSet set;
    ASSERT_TRUE(set.ParseFromString(bytes));
    std::vector<storage::RowChange> changes;
    for (const auto& row : set.puts()) changes.push_back({row.key(), row.value()});
    for (const auto& row : set.deletes()) changes.push_back({row, std::nullopt});
    storage::StateWriter writer(*engine);
    writer.apply(of, model::Generation{1}, model::TenantId::from_raw(set.tenant()), changes);
    ASSERT_TRUE(writer.write().ok());
  }

  /// Sends, commits and answers the reply.
  model::Result<model::Reply> run(TenantCore& core, model::TenantOperation operation, std::string request_id = {}) {
    auto made = call(std::move(operation), std::move(request_id));
    send(core, *made);
    commit_all(core);
    EXPECT_EQ(made->completed, 1);
    return std::move(made->reply);
  }

  /// A token's credential, as net makes it after the MAC check.
  model::Credential credential_of(const model::TokenReply& token) {
    auto claims = crypto::verify_token(ring, token.secret.expose());
    model::Credential credential;
    credential.kind = model::CredentialKind::token;
    credential.tenant = claims->tenant;
    credential.token_hash = claims->id_hash;
    return credential;
  }
  model::TokenReply create_token(TenantCore& core, const model::CreateToken& request) {
    auto reply = run(core, request);
    if (!reply) ADD_FAILURE() << reply.error().message();
    return std::move(std::get<model::TokenReply>(reply->body));
  }
  model::Result<model::Reply> run_as(TenantCore& core, const model::Credential& credential,
                                     model::TenantOperation operation, std::string address = "127.0.0.1:5") {
    auto made = call(std::move(operation));
    made->request.credential = credential;
    made->request.info.address = std::move(address);
    send(core, *made);
    commit_all(core);
    return std::move(made->reply);
  }

  crypto::SeededRandom random{42};
  std::unique_ptr<storage::Engine> engine;
  crypto::KeyRing ring;
  model::PolicyAuthorizer authorizer;
  CacheBudget budget{1 << 20};
  model::TimeMs now = 1'700'000'000'000;
  TenantDeps deps;
  RoutingTable routing;
  OperatorTable operators;
  DirectoryDeps directory_deps;
  model::TenantId tenant;
  std::deque<Submission> log;
  model::GroupId home{1};  // whose state commits are applied to
  std::vector<std::shared_ptr<TestCall>> calls;
  std::uint64_t index = 0, applied = 0;
  std::string last_write_set;
};

inline const model::EntryReply& entry_of(const model::Result<model::Reply>& reply) {
  return std::get<model::EntryReply>(reply->body);
}

}  // namespace coffer::actors
