// What the directory promises: names and doors lead to one tenant each, and only committed ones are seen.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class DirectoryCoreTest : public ::testing::Test, public CoreFixture {
 protected:
  void SetUp() override { core = open_directory(); }
  std::unique_ptr<DirectoryCore> open_directory() {
    auto opened = DirectoryCore::open(directory_deps);
    if (!opened) ADD_FAILURE() << opened.error().message();
    return opened ? std::move(*opened) : nullptr;
  }
  std::shared_ptr<TestCall> ask(model::DirectoryOperation operation, std::string request_id = {}) {
    auto made = std::make_shared<TestCall>();
    calls.push_back(made);
    made->request.credential.kind = model::CredentialKind::operator_;
    made->request.operation = std::move(operation);
    made->request.info.request_id = std::move(request_id);
    return made;
  }
  void deliver(TestCall& made) {
    std::vector<Submission> out;
    core->handle(CallHandle(&made), out);
    for (Submission& submission : out) log.push_back(std::move(submission));
  }
  void commit_next() {
    Submission next = std::move(log.front());
    log.pop_front();
    apply_write_set(model::kMetaGroup, *next.write_set);
    std::vector<Submission> out;
    core->committed(next.sequence, out);
    for (Submission& submission : out) log.push_back(std::move(submission));
  }
  model::Result<model::Reply> run(model::DirectoryOperation operation, std::string request_id = {}) {
    auto made = ask(std::move(operation), std::move(request_id));
    deliver(*made);
    while (!log.empty()) commit_next();
    EXPECT_EQ(made->completed, 1);
    return std::move(made->reply);
  }
  static model::CreateTenant create(std::string name, std::vector<model::DoorName> doors = {}) {
    model::CreateTenant request;
    request.name = std::move(name);
    request.doors = std::move(doors);
    return request;
  }
  static const model::TenantInfo& tenant_of(const model::Result<model::Reply>& reply) {
    return std::get<model::TenantReply>(reply->body).tenant;
  }
  bool routed(const std::string& name) {
    model::TenantRef ref;
    ref.name = name;
    return routing.find(ref) != nullptr;
  }

  std::unique_ptr<DirectoryCore> core;
};

TEST_F(DirectoryCoreTest, ATenantIsRoutedOnlyAfterItsCommit) {
  auto made = ask(create("a"));
  deliver(*made);
  EXPECT_FALSE(routed("a"));
  EXPECT_EQ(made->completed, 0);
  commit_next();
  EXPECT_TRUE(routed("a"));
  EXPECT_TRUE(made->reply.ok());
}

TEST_F(DirectoryCoreTest, ANameIsTakenOnceAlsoWhileTheFirstIsPending) {
  auto first = ask(create("a")), second = ask(create("a"));
  deliver(*first);
  deliver(*second);
  commit_next();
  EXPECT_TRUE(first->reply.ok());
  EXPECT_EQ(second->reply.error().code, Code::tenant_exists);
  EXPECT_TRUE(log.empty());
}

TEST_F(DirectoryCoreTest, ADoorLeadsToOneTenant) {
  const model::DoorName door{model::Door::direktiv, "ns"};
  ASSERT_TRUE(run(create("a", {door})).ok());
  EXPECT_EQ(run(create("b", {door})).error().code, Code::door_taken);
  ASSERT_TRUE(run(create("b")).ok());
  EXPECT_EQ(run(model::OpenDoor{"b", door}).error().code, Code::door_taken);
  EXPECT_TRUE(run(model::OpenDoor{"a", door}).ok()) << "opening it again is no change";
  ASSERT_TRUE(run(model::OpenDoor{"b", {model::Door::tapis, "ns"}}).ok()) << "another door's ids are apart";
}

TEST_F(DirectoryCoreTest, ATenantOfADoorGetsAnAllowedNameOfItsOwn) {
  const auto first = tenant_of(run(create("", {{model::Door::direktiv, "My Namespace"}}))).name;
  const auto second = tenant_of(run(create("", {{model::Door::direktiv, "my namespace"}}))).name;
  EXPECT_TRUE(model::check_tenant_name(first).ok()) << first;
  EXPECT_TRUE(model::check_tenant_name(second).ok()) << second;
  EXPECT_NE(first, second);
}

TEST_F(DirectoryCoreTest, ADeletedTenantIsGoneAndItsNameLeadsToANewOne) {
  const auto first = tenant_of(run(create("a", {{model::Door::direktiv, "ns"}}))).id;
  model::TenantId stopped;
  core->on_deleted = [&](const model::TenantId& id) { stopped = id; };
  ASSERT_TRUE(run(model::DeleteTenant{"", model::DoorName{model::Door::direktiv, "ns"}}).ok());
  EXPECT_EQ(stopped, first);
  EXPECT_FALSE(routed("a"));
  EXPECT_EQ(run(model::GetTenant{"a"}).error().code, Code::tenant_not_found);
  EXPECT_EQ(run(model::DeleteTenant{"a", {}}).error().code, Code::tenant_not_found);
  EXPECT_NE(tenant_of(run(create("a", {{model::Door::direktiv, "ns"}}))).id, first) << "ids are never reused";
}

TEST_F(DirectoryCoreTest, ARetriedCreationOrDeletionAnswersItsFirstOutcome) {
  const auto id = tenant_of(run(create("a"), "r1")).id;
  EXPECT_EQ(tenant_of(run(create("a"), "r1")).id, id);
  EXPECT_EQ(run(create("a"), "r2").error().code, Code::tenant_exists);
  EXPECT_EQ(run(create("a", {{model::Door::tapis, "x"}}), "r1").error().code, Code::request_id_reused);
  ASSERT_TRUE(run(model::DeleteTenant{"a", {}}, "r3").ok());
  EXPECT_EQ(tenant_of(run(model::DeleteTenant{"a", {}}, "r3")).id, id);
}

TEST_F(DirectoryCoreTest, EverythingIsThereAfterARestartAndSealedOnDisk) {
  ASSERT_TRUE(run(create("tenant-name", {{model::Door::direktiv, "the-namespace"}})).ok());
  ASSERT_TRUE(run(create("gone")).ok());
  ASSERT_TRUE(run(model::DeleteTenant{"gone", {}}).ok());
  auto scan = engine->scan("", "");
  for (; scan->valid(); scan->next()) {
    EXPECT_EQ(scan->value().find("tenant-name"), std::string_view::npos);
    EXPECT_EQ(scan->value().find("the-namespace"), std::string_view::npos);
  }
  core = open_directory();
  EXPECT_TRUE(routed("tenant-name"));
  EXPECT_FALSE(routed("gone"));
  auto list = run(model::ListTenants{"", "", 10, true});
  EXPECT_EQ(std::get<model::TenantsReply>(list->body).tenants.size(), 2U);
}

TEST_F(DirectoryCoreTest, TenantsSpreadOverTheGroups) {
  std::map<std::uint64_t, int> groups;
  for (int i = 0; i < 12; ++i) ++groups[tenant_of(run(create("t" + std::to_string(i)))).group.value];
  EXPECT_THAT(groups, ::testing::ElementsAre(::testing::Pair(1, 3), ::testing::Pair(2, 3), ::testing::Pair(3, 3),
                                             ::testing::Pair(4, 3)));
}

TEST_F(DirectoryCoreTest, OnlyOperatorsChangeTheDirectory) {
  for (const auto kind : {model::CredentialKind::none, model::CredentialKind::token, model::CredentialKind::presented,
                          model::CredentialKind::jwt, model::CredentialKind::certificate}) {
    auto made = ask(create("a"));
    made->request.credential.kind = kind;
    deliver(*made);
    EXPECT_FALSE(made->reply.ok());
  }
  auto listing = ask(model::ListTenants{});
  listing->request.credential.kind = model::CredentialKind::open_door;
  deliver(*listing);
  EXPECT_EQ(listing->reply.error().code, Code::permission_denied) << "a door may create, not look around";
  EXPECT_TRUE(log.empty());
}

TEST_F(DirectoryCoreTest, TheDevIssuersBearerMakesHisTenantAndDoesNothingElse) {
  const auto as_alice = [&](model::DirectoryOperation operation) {
    auto made = ask(std::move(operation));
    made->request.credential.kind = model::CredentialKind::jwt;
    made->request.credential.of_node = true;
    made->request.credential.principal = "user:alice";
    deliver(*made);
    return made;
  };
  EXPECT_EQ(as_alice(model::ListTenants{})->reply.error().code, Code::permission_denied);
  EXPECT_EQ(as_alice(model::DeleteTenant{"a", {}})->reply.error().code, Code::permission_denied);
  EXPECT_TRUE(log.empty());
  as_alice(create("a"));
  EXPECT_EQ(log.size(), 1U);
}

TEST_F(DirectoryCoreTest, AnOperatorIsInForceAfterTheCommitAndAfterARestart) {
  const auto minted = crypto::mint_token(ring, model::TenantId{}, random);
  std::vector<Submission> out;
  core->add_operator({"root", minted.id_hash, now, false}, out);
  for (Submission& submission : out) log.push_back(std::move(submission));
  EXPECT_EQ(operators.find(minted.id_hash), nullptr);
  commit_next();
  EXPECT_NE(operators.find(minted.id_hash), nullptr);
}

TEST_F(DirectoryCoreTest, ListPagesByName) {
  for (const char* name : {"b", "a", "c", "d"}) ASSERT_TRUE(run(create(name)).ok());
  auto page = run(model::ListTenants{"", "", 2, false});
  const auto& first = std::get<model::TenantsReply>(page->body);
  ASSERT_EQ(first.tenants.size(), 2U);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(first.tenants[1].name, "b");
  auto rest = run(model::ListTenants{"", "b", 10, false});
  EXPECT_EQ(std::get<model::TenantsReply>(rest->body).tenants.size(), 2U);
}

TEST_F(DirectoryCoreTest, AClusterKeyThatHasSealedEnoughIsToBeReplacedAndTheNextIsCountedAnew) {
  std::vector<std::uint32_t> worn;
  directory_deps.max_seals = 6;
  directory_deps.cluster_key_worn = [&](std::uint32_t version) { worn.push_back(version); };
  core = open_directory();
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(run(create(name)).ok());
  core = open_directory();  // another leader: what was sealed before it counts, too
  for (const char* name : {"d", "e"}) ASSERT_TRUE(run(create(name)).ok());
  EXPECT_TRUE(worn.empty());
  ASSERT_TRUE(run(create("f")).ok());
  EXPECT_EQ(worn, (std::vector<std::uint32_t>{1}));
  ASSERT_TRUE(run(create("g")).ok());
  EXPECT_EQ(worn, (std::vector<std::uint32_t>{1, 1})) << "said again until it is done";

  directory_deps.keys_changed = [&](const KeyChanges& changes) {
    store::v1::KeyRingRecord record;
    ASSERT_TRUE(record.ParseFromString(*changes.front().second));
    ASSERT_TRUE(ring.adopt(record).ok());
  };
  std::string stored;
  const auto change = [&](const store::v1::KeyRingRecord& next) {
    const std::string bytes = next.SerializeAsString();
    auto made = ask(model::ChangeKeys{"rotate-cluster-key", stored, {{storage::kKeyRingRow, bytes}}});
    made->request.credential.of_node = true;
    deliver(*made);
    while (!log.empty()) commit_next();
    ASSERT_TRUE(made->reply.ok()) << made->reply.error().message();
    stored = bytes;
  };
  change(ring.with_cluster_key(random, now));
  EXPECT_EQ(worn.size(), 3U) << "another key is there, but this one still seals";
  change(ring.with_newest_current());
  for (const char* name : {"h", "i", "j", "k", "l"}) ASSERT_TRUE(run(create(name)).ok());
  EXPECT_EQ(worn.size(), 3U) << "a new key begins with nothing";
  ASSERT_TRUE(run(create("m")).ok());
  EXPECT_EQ(worn.back(), 2U);
}

}  // namespace
}  // namespace coffer::actors
