// The Direktiv door: statuses, texts and bytes of its seven RPCs, table by table as its upstream answers them.

#include <gtest/gtest.h>

#include <google/protobuf/empty.pb.h>

#include "net/direktiv/door.hpp"
#include "pkg/secrets/secrets.pb.h"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {
namespace {

using google::protobuf::Empty;
using model::Category;
using model::Code;
using model::Error;

class DirektivDoorTest : public ::testing::Test {
 protected:
  DirektivDoorTest() { caller.headers["authorization"] = "Bearer tenant-token"; }
  template <class Out, class In>
  Outcome<Out> run(const std::string& method, const In& in) {
    Doors settings;
    settings.dev = dev;
    const auto door = make_direktiv_door(settings, gateway);
    return call<Out>(*door, gateway, caller, method, in);
  }
  void as_operator() { caller.headers["authorization"] = "Bearer operator-token"; }
  template <class Out>
  void expect(const Outcome<Out>& outcome, Category code, const std::string& text) {
    EXPECT_EQ(outcome.code(), code) << outcome.message();
    EXPECT_EQ(outcome.message(), text);
  }

  static secrets::SecretsStoreRequest store_request() {
    secrets::SecretsStoreRequest in;
    in.set_namespace_("ns");
    in.set_name("n");
    in.set_data(std::string("\0\xff data", 7));
    in.set_stype(secrets::SECRET);
    return in;
  }
  static model::EntryReply entry(const std::string& name, model::Payload payload) {
    model::EntryReply reply;
    reply.entry.name = name;
    reply.payload = std::move(payload);
    return reply;
  }

  FakeGateway gateway;
  FakeCaller caller;
  bool dev = false;
};

TEST_F(DirektivDoorTest, ServesTheSevenMethodsUnderTheirUpstreamNames) {
  const auto door = make_direktiv_door({}, gateway);
  std::vector<std::string> names;
  for (const Method& method : door->methods()) names.push_back(method.descriptor->full_name());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names,
            (std::vector<std::string>{"secrets.SecretsService.CreateBucket", "secrets.SecretsService.DeleteBucket",
                                      "secrets.SecretsService.DeleteSecret", "secrets.SecretsService.GetSecrets",
                                      "secrets.SecretsService.GetSecretsWithData",
                                      "secrets.SecretsService.RetrieveSecret", "secrets.SecretsService.StoreSecret"}));
}

TEST_F(DirektivDoorTest, StoreMakesACreateOnlyPutOfTheBytesInTheNamespacesTenant) {
  gateway.answer(model::EntryReply{});
  const auto outcome = run<Empty>("StoreSecret", store_request());
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  const auto& request = gateway.request();
  EXPECT_EQ(request.tenant.name, "");
  EXPECT_EQ(request.tenant.door, (model::DoorName{model::Door::direktiv, "ns"}));
  EXPECT_FALSE(request.tenant.create_at_first_use);
  EXPECT_EQ(request.info.door, model::Door::direktiv);
  EXPECT_EQ(request.credential.kind, model::CredentialKind::token);
  const auto put = gateway.operation<model::Put>();
  EXPECT_EQ(put.space, "direktiv");
  EXPECT_EQ(put.name, "n");
  EXPECT_TRUE(put.create_only);
  EXPECT_EQ(put.payload, model::Payload::of_bytes(std::string_view("\0\xff data", 7)));
  EXPECT_EQ(put.attributes, (std::map<std::string, std::string>{{"stype", ""}}));
}

TEST_F(DirektivDoorTest, StoreWritesARegistryAsAnAttributeAndCreatesTheTenantInDev) {
  dev = true;
  gateway.answer(model::EntryReply{});
  auto in = store_request();
  in.set_stype(secrets::REGISTRY);
  ASSERT_TRUE(run<Empty>("StoreSecret", in).ok());
  EXPECT_TRUE(gateway.request().tenant.create_at_first_use);
  EXPECT_EQ(gateway.operation<model::Put>().attributes.at("stype"), "1");
}

TEST_F(DirektivDoorTest, StoreRefusesAbsentFieldsAndEmptyDataWithUpstreamsText) {
  std::vector<secrets::SecretsStoreRequest> table(6, store_request());
  table[0].clear_namespace_();
  table[1].clear_name();
  table[2].clear_data();
  table[3].clear_stype();
  table[4].set_data("");
  table[5] = {};
  for (const auto& in : table) expect(run<Empty>("StoreSecret", in), Category::unknown, "all attributes are required");
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DirektivDoorTest, StoreRefusesWhatNobodyCouldName) {
  auto in = store_request();
  in.set_namespace_("");
  expect(run<Empty>("StoreSecret", in), Category::unknown, "namespace must not be empty");
  in.set_namespace_("a\nb");
  expect(run<Empty>("StoreSecret", in), Category::unknown, "namespace must not hold control characters");
  in.set_namespace_(std::string(513, 'n'));
  expect(run<Empty>("StoreSecret", in), Category::unknown, "namespace has 513 bytes: at most 512");
  in = store_request();
  in.set_name("");
  expect(run<Empty>("StoreSecret", in), Category::unknown, "name must not be empty");
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DirektivDoorTest, StoreTakes65536BytesAndNotOneMore) {
  gateway.answer(model::EntryReply{});
  auto in = store_request();
  in.set_data(std::string(65536, 'x'));
  EXPECT_TRUE(run<Empty>("StoreSecret", in).ok());
  in.set_data(std::string(65537, 'x'));
  expect(run<Empty>("StoreSecret", in), Category::unknown, "data has 65537 bytes: at most 65536");
  EXPECT_EQ(gateway.requests.size(), 1u);
}

TEST_F(DirektivDoorTest, StoresFailuresInUpstreamsWords) {
  const struct {
    Error error;
    Category code;
    std::string text;
  } table[] = {
      {Code::entry_exists, Category::unknown, "secret already exists"},
      {Code::tenant_not_found, Category::unknown, "namespace 'ns' has no bucket: create it first"},
      {Error(Code::invalid_argument, "name: bad"), Category::unknown, "name: bad"},
      {Error(Code::too_large, "name: long"), Category::unknown, "name: long"},
      {Error(Code::permission_denied, "no"), Category::permission_denied, "no"},
      {Error(Code::unauthenticated, "revoked"), Category::unauthenticated, "revoked"},
      {Error(Code::unavailable, "again"), Category::unavailable, "again"},
      {Error(Code::outcome_unknown, "perhaps"), Category::unavailable, "perhaps"},
      {Error(Code::overloaded, "later"), Category::resource_exhausted, "later"},
      {Error(Code::deadline_exceeded, "late"), Category::deadline_exceeded, "late"},
      {Error(Code::internal, "oops"), Category::internal, "oops"},
  };
  for (const auto& row : table) {
    gateway.reply = row.error;
    expect(run<Empty>("StoreSecret", store_request()), row.code, row.text);
  }
}

TEST_F(DirektivDoorTest, RetrieveAnswersTheBytesInFieldThree) {
  gateway.answer(entry("n", model::Payload::of_bytes("abc")));
  secrets::SecretsRetrieveRequest in;
  in.set_namespace_("ns");
  in.set_name("n");
  const auto outcome = run<secrets::SecretsRetrieveResponse>("RetrieveSecret", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(outcome.out.SerializeAsString(),
            "\x1a\x03"
            "abc");
  const auto get = gateway.operation<model::Get>();
  EXPECT_EQ(get.space, "direktiv");
  EXPECT_EQ(get.name, "n");
  EXPECT_EQ(get.version, 0u);
  EXPECT_TRUE(get.with_payload);
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);
}

TEST_F(DirektivDoorTest, RetrieveShowsWhatOtherDoorsWroteAsBytes) {
  secrets::SecretsRetrieveRequest in;
  in.set_namespace_("ns");
  in.set_name("n");
  gateway.answer(entry("n", model::Payload::of_text("täxt")));
  EXPECT_EQ(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", in).out.data(), "täxt");
  model::Payload map{model::PayloadKind::map, {}, {}};
  map.map.emplace_back("a", model::Secret("1"));
  gateway.answer(entry("n", std::move(map)));
  EXPECT_EQ(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", in).out.data(), R"({"a":"1"})");
}

TEST_F(DirektivDoorTest, RetrieveOfWhatIsMissingIsNotFoundWhateverIsMissing) {
  secrets::SecretsRetrieveRequest in;
  in.set_namespace_("ns");
  in.set_name("n");
  for (const Code code : {Code::entry_not_found, Code::version_not_found, Code::tenant_not_found, Code::not_active}) {
    gateway.reply = code;
    expect(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", in), Category::not_found, "secret 'n' not found");
  }
  for (const std::string& name : {std::string(), std::string(513, 'x'), std::string("a\nb"), std::string("\xff")}) {
    in.set_name(name);
    gateway.reply = model::check_name(name, {}).error();
    expect(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", in), Category::not_found,
           "secret '" + name + "' not found");
  }
  gateway.requests.clear();
  in.set_name("n");
  in.set_namespace_("");
  expect(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", in), Category::not_found, "secret 'n' not found");
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DirektivDoorTest, RetrieveAndDeleteRefuseAbsentFieldsWithUpstreamsText) {
  secrets::SecretsRetrieveRequest retrieve;
  expect(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", retrieve), Category::unknown,
         "required attributes are missing");
  retrieve.set_name("n");
  expect(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", retrieve), Category::unknown,
         "required attributes are missing");
  retrieve.clear_name();
  retrieve.set_namespace_("ns");
  expect(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", retrieve), Category::unknown,
         "required attributes are missing");
  secrets::SecretsDeleteRequest del;
  del.set_namespace_("ns");
  del.set_name("n");
  expect(run<secrets::SecretsDeleteResponse>("DeleteSecret", del), Category::unknown,
         "required attributes are missing");
  del.set_stype(secrets::SECRET);
  del.clear_name();
  expect(run<secrets::SecretsDeleteResponse>("DeleteSecret", del), Category::unknown,
         "required attributes are missing");
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DirektivDoorTest, DeleteFiltersByTypeAndAnswersTheCountAlsoWhenItIsNone) {
  secrets::SecretsDeleteRequest in;
  in.set_namespace_("ns");
  in.set_name("n");
  in.set_stype(secrets::REGISTRY);
  gateway.answer(model::DeleteReply{1, {}});
  auto outcome = run<secrets::SecretsDeleteResponse>("DeleteSecret", in);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.out.count(), 1);
  const auto del = gateway.operation<model::Delete>();
  EXPECT_EQ(del.only_if_attribute, std::pair(std::string("stype"), std::string("1")));
  EXPECT_TRUE(del.missing_is_ok);

  gateway.answer(model::DeleteReply{});
  outcome = run<secrets::SecretsDeleteResponse>("DeleteSecret", in);
  EXPECT_EQ(outcome.out.SerializeAsString(), std::string("\x08\x00", 2)) << "the count is present";
}

TEST_F(DirektivDoorTest, DeleteInAnUnknownNamespaceAndOfAnEmptyNameCountsNone) {
  secrets::SecretsDeleteRequest in;
  in.set_namespace_("unknown");
  in.set_name("n");
  in.set_stype(secrets::SECRET);
  gateway.reply = Code::tenant_not_found;
  auto outcome = run<secrets::SecretsDeleteResponse>("DeleteSecret", in);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.out.SerializeAsString(), std::string("\x08\x00", 2));
  for (const std::string& name : {std::string(), std::string(513, 'x')}) {
    in.set_name(name);
    gateway.reply = model::check_name(name, {}).error();
    outcome = run<secrets::SecretsDeleteResponse>("DeleteSecret", in);
    ASSERT_TRUE(outcome.ok());
    EXPECT_TRUE(outcome.out.has_count());
  }
  in.set_name("n");
  gateway.reply = Code::unavailable;
  EXPECT_EQ(run<secrets::SecretsDeleteResponse>("DeleteSecret", in).code(), Category::unavailable);
}

TEST_F(DirektivDoorTest, ListsAskForOneTypeWholeAndSecretIsTheDefault) {
  secrets::GetSecretsRequest in;
  in.set_namespace_("ns");
  gateway.answer(
      model::ListReply{{entry("a", model::Payload::of_bytes("1")), entry("b", model::Payload::of_bytes("2"))}, false});
  const auto names = run<secrets::GetSecretsResponse>("GetSecrets", in);
  ASSERT_TRUE(names.ok());
  ASSERT_EQ(names.out.secrets_size(), 2);
  EXPECT_EQ(names.out.secrets(1).name(), "b");
  auto list = gateway.operation<model::List>();
  EXPECT_EQ(list.space, "direktiv");
  EXPECT_EQ(list.attribute, std::pair(std::string("stype"), std::string()));
  EXPECT_EQ(list.limit, 0u);
  EXPECT_FALSE(list.with_payload);
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);

  gateway.requests.clear();
  in.set_stype(secrets::REGISTRY);
  const auto data = run<secrets::GetSecretsDataResponse>("GetSecretsWithData", in);
  ASSERT_EQ(data.out.secrets_size(), 2);
  EXPECT_EQ(data.out.secrets(0).data(), "1");
  list = gateway.operation<model::List>();
  EXPECT_EQ(list.attribute->second, "1");
  EXPECT_TRUE(list.with_payload);
}

TEST_F(DirektivDoorTest, ListsOfAnUnknownOrAbsentNamespaceAreEmptyAndMakeNoTenant) {
  dev = true;
  secrets::GetSecretsRequest in;
  EXPECT_TRUE(run<secrets::GetSecretsResponse>("GetSecrets", in).ok());
  EXPECT_TRUE(gateway.requests.empty());
  in.set_namespace_("unknown");
  gateway.reply = Code::tenant_not_found;
  for (const auto& outcome : {run<secrets::GetSecretsResponse>("GetSecrets", in)}) {
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.out.SerializeAsString(), "");
  }
  EXPECT_TRUE(run<secrets::GetSecretsDataResponse>("GetSecretsWithData", in).ok());
  for (const auto& request : gateway.requests) EXPECT_FALSE(request.tenant.create_at_first_use);
  gateway.reply = Code::permission_denied;
  EXPECT_EQ(run<secrets::GetSecretsResponse>("GetSecrets", in).code(), Category::permission_denied);
}

TEST_F(DirektivDoorTest, CreateBucketMakesATenantAndAnswersItsKeyOnce) {
  as_operator();
  model::TenantReply reply;
  reply.owner_private_key = model::Secret(std::string(32, '\x80'));
  gateway.answer(std::move(reply));
  secrets::SecretsCreateBucketRequest in;
  in.set_namespace_("bucket");
  const auto outcome = run<secrets::SecretsCreateBucketResponse>("CreateBucket", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(outcome.out.pkey(), std::string(32, '\x80'));
  const auto create = gateway.directory_operation<model::CreateTenant>();
  EXPECT_EQ(create.name, "");
  EXPECT_EQ(create.doors, (std::vector<model::DoorName>{{model::Door::direktiv, "bucket"}}));
  EXPECT_TRUE(create.with_owner_key);
  EXPECT_FALSE(create.existing_is_ok);
}

TEST_F(DirektivDoorTest, BucketsNeedTheCapabilityOfTheirTenants) {
  as_operator();
  gateway.answer(model::TenantReply{});
  secrets::SecretsCreateBucketRequest create;
  create.set_namespace_("b");
  secrets::SecretsDeleteBucketRequest del;
  del.set_namespace_("b");
  gateway.operator_may = {"tenants.delete", "tokens"};
  EXPECT_EQ(run<secrets::SecretsCreateBucketResponse>("CreateBucket", create).code(), Category::permission_denied);
  EXPECT_TRUE(gateway.requests.empty());
  EXPECT_TRUE(run<google::protobuf::Empty>("DeleteBucket", del).ok());
  gateway.requests.clear();
  gateway.operator_may = {"tenants.create"};
  EXPECT_EQ(run<google::protobuf::Empty>("DeleteBucket", del).code(), Category::permission_denied);
  EXPECT_TRUE(gateway.requests.empty());
  EXPECT_TRUE(run<secrets::SecretsCreateBucketResponse>("CreateBucket", create).ok());
}

TEST_F(DirektivDoorTest, BucketsFailuresSayWhichBucket) {
  as_operator();
  secrets::SecretsCreateBucketRequest create;
  expect(run<secrets::SecretsCreateBucketResponse>("CreateBucket", create), Category::unknown,
         "required attributes are missing");
  create.set_namespace_("");
  expect(run<secrets::SecretsCreateBucketResponse>("CreateBucket", create), Category::unknown,
         "namespace must not be empty");
  create.set_namespace_("b");
  for (const Code code : {Code::tenant_exists, Code::door_taken}) {
    gateway.reply = code;
    expect(run<secrets::SecretsCreateBucketResponse>("CreateBucket", create), Category::already_exists,
           "bucket 'b' already exists");
  }
  secrets::SecretsDeleteBucketRequest del;
  expect(run<Empty>("DeleteBucket", del), Category::unknown, "required attributes are missing");
  del.set_namespace_("b");
  gateway.reply = Code::tenant_not_found;
  expect(run<Empty>("DeleteBucket", del), Category::not_found, "bucket 'b' not found");
  gateway.requests.clear();
  gateway.answer(model::TenantReply{});
  EXPECT_TRUE(run<Empty>("DeleteBucket", del).ok());
  EXPECT_EQ(gateway.directory_operation<model::DeleteTenant>().door, (model::DoorName{model::Door::direktiv, "b"}));
}

TEST_F(DirektivDoorTest, BucketsAreForOperatorsAndSecretsAreNot) {
  secrets::SecretsCreateBucketRequest create;
  create.set_namespace_("b");
  EXPECT_EQ(run<secrets::SecretsCreateBucketResponse>("CreateBucket", create).code(), Category::permission_denied);
  secrets::SecretsDeleteBucketRequest del;
  del.set_namespace_("b");
  EXPECT_EQ(run<Empty>("DeleteBucket", del).code(), Category::permission_denied);
  as_operator();
  EXPECT_EQ(run<Empty>("StoreSecret", store_request()).code(), Category::permission_denied);
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DirektivDoorTest, NeedsATokenUnlessItIsOpenInDevOnLoopback) {
  caller.headers.clear();
  gateway.answer(model::EntryReply{});
  EXPECT_EQ(run<Empty>("StoreSecret", store_request()).code(), Category::unauthenticated);
  caller.loopback = true;
  EXPECT_EQ(run<Empty>("StoreSecret", store_request()).code(), Category::unauthenticated);
  dev = true;
  EXPECT_TRUE(run<Empty>("StoreSecret", store_request()).ok());
  EXPECT_EQ(gateway.request().credential.kind, model::CredentialKind::open_door);
  caller.headers["authorization"] = "Bearer forged";
  EXPECT_EQ(run<Empty>("StoreSecret", store_request()).code(), Category::unauthenticated);
}

TEST_F(DirektivDoorTest, AJwtThatNobodyHasCheckedGetsNoAnswerAtOnceAndMakesNoBucket) {
  caller.headers["authorization"] = "Bearer a.jwt.token";
  secrets::GetSecretsRequest list;
  list.set_namespace_("");
  EXPECT_EQ(run<secrets::GetSecretsResponse>("GetSecrets", list).code(), Category::unauthenticated);
  secrets::SecretsDeleteRequest del;
  del.set_namespace_("");
  del.set_name("n");
  del.set_stype(secrets::SECRET);
  EXPECT_EQ(run<secrets::SecretsDeleteResponse>("DeleteSecret", del).code(), Category::unauthenticated);
  secrets::SecretsRetrieveRequest retrieve;
  retrieve.set_namespace_("");
  retrieve.set_name("n");
  EXPECT_EQ(run<secrets::SecretsRetrieveResponse>("RetrieveSecret", retrieve).code(), Category::unauthenticated);
  secrets::SecretsCreateBucketRequest create;
  create.set_namespace_("ns");
  EXPECT_EQ(run<secrets::SecretsCreateBucketResponse>("CreateBucket", create).code(), Category::permission_denied);
  EXPECT_TRUE(gateway.requests.empty());
}

}  // namespace
}  // namespace coffer::net
