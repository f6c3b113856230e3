// The native door: what its messages become.

#include <gtest/gtest.h>

#include "tests/unit/net/native_door_fixture.hpp"

namespace coffer::net {
namespace {

using model::Category;
using model::Code;
using model::Error;

TEST_F(NativeDoorTest, ServesEveryMethodOfTheServiceAndRestWhereItIsAnnotated) {
  const auto door = make_native_door({}, gateway);
  const auto methods = door->methods();
  EXPECT_EQ(static_cast<int>(methods.size()), methods.front().descriptor->service()->method_count());
  for (const Method& method : methods) {
    EXPECT_EQ(method.rest, method.descriptor->name() != "Describe") << method.descriptor->name();
    EXPECT_EQ(method.in_prototype->GetDescriptor(), method.descriptor->input_type());
    EXPECT_EQ(method.out_prototype->GetDescriptor(), method.descriptor->output_type());
  }
}

TEST_F(NativeDoorTest, PutTakesExactlyOneOfDataValueAndBase64) {
  gateway.answer(entry());
  auto in = of<v1::PutRequest>();
  auto outcome = run<v1::Metadata>("Put", in);
  EXPECT_EQ(outcome.code(), Category::invalid_argument);
  EXPECT_EQ(outcome.message(), "exactly one of data (not empty), value and value_base64 is needed: none is given");
  in.set_value("v");
  in.set_value_base64("v");
  outcome = run<v1::Metadata>("Put", in);
  EXPECT_EQ(outcome.message(), "exactly one of data (not empty), value and value_base64 is needed: several are given");
  EXPECT_TRUE(gateway.requests.empty());

  in.clear_value_base64();
  ASSERT_TRUE(run<v1::Metadata>("Put", in).ok());
  EXPECT_EQ(gateway.operation<model::Put>().payload, model::Payload::of_text("v"));
  gateway.requests.clear();
  in.clear_value();
  in.set_value_base64(std::string("\0\xff", 2));
  ASSERT_TRUE(run<v1::Metadata>("Put", in).ok());
  EXPECT_EQ(gateway.operation<model::Put>().payload, model::Payload::of_bytes(std::string_view("\0\xff", 2)));
  gateway.requests.clear();
  in.clear_value_base64();
  for (const char* key : {"z", "a", "m"}) (*in.mutable_data())[key] = std::string("of ") + key;
  ASSERT_TRUE(run<v1::Metadata>("Put", in).ok());
  const auto payload = gateway.operation<model::Put>().payload;
  ASSERT_EQ(payload.kind, model::PayloadKind::map);
  ASSERT_EQ(payload.map.size(), 3u);
  EXPECT_EQ(payload.map[0].first, "a");
  EXPECT_EQ(payload.map[2].first, "z");
  EXPECT_EQ(payload.map[2].second.expose(), "of z");
}

TEST_F(NativeDoorTest, AnEmptyValueIsAValue) {
  gateway.answer(entry());
  auto in = of<v1::PutRequest>();
  in.set_value("");
  ASSERT_TRUE(run<v1::Metadata>("Put", in).ok());
  EXPECT_EQ(gateway.operation<model::Put>().payload, model::Payload::of_text(""));
}

TEST_F(NativeDoorTest, PutCarriesEveryFieldAndTellsAbsentFromEmpty) {
  gateway.answer(entry());
  auto in = of<v1::PutRequest>();
  in.set_value("v");
  ASSERT_TRUE(run<v1::Metadata>("Put", in).ok());
  auto put = gateway.operation<model::Put>();
  EXPECT_EQ(put.space, "kv");
  EXPECT_EQ(put.name, "app/db");
  EXPECT_FALSE(put.cas || put.tags || put.description || put.expires_at || put.create_only);
  gateway.requests.clear();
  in.set_cas(0);
  (*in.mutable_tags())["env"] = "prod";
  in.set_description("");
  in.mutable_expires_at()->set_seconds(2'000'000'000);
  in.mutable_expires_at()->set_nanos(1'999'999);
  in.set_request_id("r-1");
  ASSERT_TRUE(run<v1::Metadata>("Put", in).ok());
  put = gateway.operation<model::Put>();
  EXPECT_EQ(put.cas, 0u);
  EXPECT_EQ(put.tags->at("env"), "prod");
  EXPECT_EQ(put.description, "");
  EXPECT_EQ(put.expires_at, 2'000'000'000'001);
  const auto& request = gateway.request();
  EXPECT_EQ(request.info.request_id, "r-1");
  EXPECT_EQ(request.info.door, model::Door::native);
  EXPECT_EQ(request.tenant.name, "acme");
  EXPECT_EQ(request.credential.kind, model::CredentialKind::token);
}

TEST_F(NativeDoorTest, RefusesTimesThatCannotBe) {
  auto in = of<v1::PutRequest>();
  in.set_value("v");
  const struct {
    std::int64_t seconds;
    std::int32_t nanos;
    const char* message;
  } table[] = {{0, 0, "expires_at must be later than 1970-01-01T00:00:00Z"},
               {-1, 0, "expires_at must be later than 1970-01-01T00:00:00Z"},
               {1, -1, "expires_at is not a valid time"},
               {1, 1'000'000'000, "expires_at is not a valid time"},
               {253402300800, 0, "expires_at is not a valid time"}};
  for (const auto& row : table) {
    in.mutable_expires_at()->set_seconds(row.seconds);
    in.mutable_expires_at()->set_nanos(row.nanos);
    EXPECT_EQ(run<v1::Metadata>("Put", in).message(), row.message);
  }
}

TEST_F(NativeDoorTest, GetReadsVersionAndView) {
  gateway.answer(entry());
  auto in = of<v1::GetRequest>();
  in.set_version(2);
  in.set_view("metadata");
  ASSERT_TRUE(run<v1::Secret>("Get", in).ok());
  EXPECT_EQ(gateway.operation<model::Get>().version, 2u);
  EXPECT_FALSE(gateway.operation<model::Get>().with_payload);
  gateway.requests.clear();
  in.set_view("full");
  ASSERT_TRUE(run<v1::Secret>("Get", in).ok());
  EXPECT_TRUE(gateway.operation<model::Get>().with_payload);
  in.set_view("all");
  EXPECT_EQ(run<v1::Secret>("Get", in).message(), "view is neither 'full' nor 'metadata'");
}

TEST_F(NativeDoorTest, UpdateMetadataCarriesItsFields) {
  gateway.answer(entry());
  auto in = of<v1::UpdateMetadataRequest>();
  (*in.mutable_set_tags())["a"] = "1";
  in.add_remove_tags("b");
  in.set_max_versions(7);
  in.set_cas(3);
  in.set_clear_expires_at(true);
  ASSERT_TRUE(run<v1::Metadata>("UpdateMetadata", in).ok());
  const auto update = gateway.operation<model::UpdateMetadata>();
  EXPECT_EQ(update.set_tags.at("a"), "1");
  EXPECT_EQ(update.remove_tags, std::vector<std::string>{"b"});
  EXPECT_EQ(update.max_versions, 7u);
  EXPECT_EQ(update.cas, 3u);
  EXPECT_EQ(update.expires_at, 0);
  EXPECT_FALSE(update.description.has_value());
  in.mutable_expires_at()->set_seconds(5);
  EXPECT_EQ(run<v1::Metadata>("UpdateMetadata", in).message(),
            "expires_at and clear_expires_at contradict each other: send one of them");
}

TEST_F(NativeDoorTest, DeleteUndeleteDestroyAndHistoryNameVersions) {
  model::DeleteReply deleted{1, entry().entry};
  gateway.answer(deleted);
  auto del = of<v1::DeleteRequest>();
  del.add_versions(2);
  del.set_cas(3);
  const auto outcome = run<v1::Metadata>("Delete", del);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.out.version(), 3u);
  EXPECT_EQ(gateway.operation<model::Delete>().versions, std::vector<std::uint64_t>{2});
  EXPECT_EQ(gateway.operation<model::Delete>().cas, 3u);
  EXPECT_FALSE(gateway.operation<model::Delete>().missing_is_ok);
  gateway.requests.clear();
  gateway.answer(entry());
  auto undelete = of<v1::UndeleteRequest>();
  undelete.add_versions(1);
  ASSERT_TRUE(run<v1::Metadata>("Undelete", undelete).ok());
  EXPECT_EQ(gateway.operation<model::Undelete>().versions, std::vector<std::uint64_t>{1});
  gateway.requests.clear();
  ASSERT_TRUE(run<v1::Metadata>("Destroy", of<v1::DestroyRequest>()).ok());
  EXPECT_TRUE(gateway.operation<model::Destroy>().versions.empty());
  gateway.requests.clear();
  gateway.answer(
      model::HistoryReply{{{3, model::State::active, 1200, "token:2"}, {2, model::State::deleted, 1100, "token:1"}}});
  const auto history = run<v1::HistoryResponse>("History", of<v1::HistoryRequest>()).out;
  ASSERT_EQ(history.versions_size(), 2);
  EXPECT_EQ(history.versions(0).version(), 3u);
  EXPECT_EQ(history.versions(0).created_by(), "token:2");
  EXPECT_EQ(history.versions(1).state(), "deleted");
}

TEST_F(NativeDoorTest, ListPagesThroughAndItsTokenBelongsToItsQuery) {
  model::ListReply reply;
  reply.entries.push_back(entry());
  reply.more = true;
  gateway.answer(reply);
  v1::ListRequest in;
  in.set_space("kv");
  in.set_prefix("app/");
  in.set_filter("tags.env=prod");
  const auto first = run<v1::ListResponse>("List", in);
  ASSERT_TRUE(first.ok()) << first.message();
  auto list = gateway.operation<model::List>();
  EXPECT_EQ(list.prefix, "app/");
  EXPECT_EQ(list.tags, (std::vector<std::pair<std::string, std::string>>{{"env", "prod"}}));
  EXPECT_EQ(list.limit, 100u);
  EXPECT_EQ(list.after, "");
  EXPECT_FALSE(list.with_payload);
  ASSERT_EQ(first.out.secrets_size(), 1);
  EXPECT_EQ(first.out.secrets(0).name(), "app/db");

  gateway.requests.clear();
  in.set_page_token(first.out.next_page_token());
  in.set_page_size(1000);
  ASSERT_TRUE(run<v1::ListResponse>("List", in).ok());
  list = gateway.operation<model::List>();
  EXPECT_EQ(list.after, "app/db");
  EXPECT_EQ(list.limit, 1000u);
  gateway.requests.clear();

  for (const auto& change : std::vector<std::function<void(v1::ListRequest&)>>{
           [](auto& r) { r.set_prefix("app"); }, [](auto& r) { r.set_filter(""); }, [](auto& r) { r.set_space("kw"); },
           [](auto& r) { r.set_tenant("other"); }}) {
    v1::ListRequest other = in;
    change(other);
    EXPECT_EQ(run<v1::ListResponse>("List", other).message(),
              "page_token belongs to another query: send the same one for every page");
  }
  for (const char* token : {"!!", "AA", "AgAAAAAAAAAAYQ", "AQ"}) {
    in.set_page_token(token);
    EXPECT_EQ(run<v1::ListResponse>("List", in).message(), "page_token is not one that this server made") << token;
  }
  in.clear_page_token();
  in.set_page_size(1001);
  EXPECT_EQ(run<v1::ListResponse>("List", in).message(), "page_size is 1001: at most 1000");
  EXPECT_TRUE(gateway.requests.empty());
  in.set_page_size(1);
  reply.more = false;
  gateway.answer(reply);
  EXPECT_EQ(run<v1::ListResponse>("List", in).out.next_page_token(), "");
}

TEST_F(NativeDoorTest, TransactCarriesItsOperationsAndNamesTheWrongOne) {
  v1::TransactRequest in;
  EXPECT_EQ(run<v1::TransactResponse>("Transact", in).message(), "operations is empty: there is nothing to do");
  auto* put = in.add_operations()->mutable_put();
  put->set_name("a");
  put->set_value("v");
  put->set_cas(1);
  auto* del = in.add_operations()->mutable_delete_();
  del->set_name("b");
  del->set_cas(2);
  auto* check = in.add_operations()->mutable_check();
  check->set_name("c");
  check->set_version(4);
  in.set_request_id("t-1");
  gateway.answer(model::TransactReply{{2, 0, 4}}, model::Revision{1, 9});
  const auto outcome = run<v1::TransactResponse>("Transact", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(outcome.out.revision(), (std::uint64_t{1} << 40) + 9);
  ASSERT_EQ(outcome.out.results_size(), 3);
  EXPECT_EQ(outcome.out.results(0).version(), 2u);
  const auto transact = gateway.operation<model::Transact>();
  ASSERT_EQ(transact.operations.size(), 3u);
  EXPECT_EQ(std::get<model::Put>(transact.operations[0]).cas, 1u);
  EXPECT_EQ(std::get<model::Delete>(transact.operations[1]).cas, 2u);
  EXPECT_EQ(std::get<model::Check>(transact.operations[2]).version, 4u);
  EXPECT_EQ(gateway.request().info.request_id, "t-1");

  put->set_value_base64("v");
  EXPECT_EQ(run<v1::TransactResponse>("Transact", in).message(),
            "operations[0]: exactly one of data (not empty), value and value_base64 is needed: several are given");
  put->clear_value_base64();
  in.add_operations();
  EXPECT_EQ(run<v1::TransactResponse>("Transact", in).message(),
            "operations[3]: one of put, delete and check is needed");
  while (in.operations_size() < 101) in.add_operations();
  EXPECT_EQ(run<v1::TransactResponse>("Transact", in).message(), "operations has 101 items: at most 100");
}

}  // namespace
}  // namespace coffer::net
