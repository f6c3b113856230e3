// The stored records of actors/, byte for byte: what an earlier build wrote must be readable for ever.
// COFFER_WRITE_GOLDEN=1 writes the file anew; the reviewer reads its difference.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "actors/change_records.hpp"
#include "actors/records.hpp"
#include "actors/tenant_move.hpp"
#include "crypto/hash.hpp"

namespace coffer::actors {
namespace {

const std::string kPath = std::string(COFFER_SOURCE_DIR) + "/tests/unit/actors/golden/records.hex";

model::Entry sample_entry() {
  model::Entry entry;
  entry.space = "kv";
  entry.name = "db/password";
  entry.description = "the database";
  entry.owner = "ann";
  entry.tags = {{"env", "prod"}};
  entry.attributes = {{"stype", "1"}};
  entry.created_at = 1700000000001;
  entry.updated_at = 1700000000002;
  entry.created_by = "token:0011223344556677";
  entry.expires_at = 1800000000000;
  entry.max_versions = 10;
  entry.last_version = 3;
  entry.versions = {{2, model::State::deleted, 1700000000001, "dev-root", 1700000000003, 12},
                    {3, model::State::active, 1700000000002, "dev-root", 0, 34}};
  entry.write_only = true;
  return entry;
}

// What came to the records later has samples of its own: the older ones must keep their bytes.
model::Entry sample_shared_entry() {
  model::Entry entry = sample_entry();
  entry.permissions = {{"role:ops", model::Level::read}, {"user:ann", model::Level::admin}};
  return entry;
}

model::PolicySet sample_policy() {
  return {3,
          {{"reader", "reads", {{model::Effect::allow, 7, {"kv"}, {"app/*"}, {1700000000001, 1800000000000}}}},
           {"no-prod", "", {{model::Effect::deny, 255, {"*"}, {"app/prod/*"}, {}}}}},
          {{"reader", {"user:ann", "role:ops"}, {1700000000002, 1800000000001}}},
          1700000000009,
          "operator"};
}

model::TokenInfo sample_token() {
  return {"0011223344556677", "ci", "operator", {{5, {"kv"}, {"app/*"}}}, 1700000000001, 1800000000000, 1700000000009};
}

model::Issuer sample_issuer() {
  model::Issuer issuer;
  issuer.name = "corp";
  issuer.iss = "https://id.example";
  issuer.public_keys = {"pem one", "pem two"};
  issuer.jwks = "{}";
  issuer.jwks_url = "https://id.example/jwks";
  issuer.jwks_ca = "pem ca";
  issuer.audiences = {"coffer"};
  issuer.algorithms = 5;
  issuer.clock_skew_s = 30;
  issuer.mapping = "tapis";
  issuer.claims = {"org/tenant", "user.name", "roles", "kind", true};
  issuer.version = 300;
  issuer.changed_at = 1700000000001;
  issuer.changed_by = "operator";
  return issuer;
}

model::CertificateRule sample_rule() {
  return {"web", "uri:spiffe://prod/web", "service:web", {"reader"}, 301, 1700000000002, "operator"};
}

model::TokenInfo sample_renewable_token() {
  model::TokenInfo token = sample_token();
  token.addresses = {"10.0.0.0/8", "::1"};
  token.renewable = true;
  token.ttl = 60000;
  token.max_expires_at = 1800000000000;
  return token;
}

model::Quota sample_quota() {
  model::Quota quota;
  quota[model::Limit::entries] = 1000;
  quota[model::Limit::bytes] = 0;
  quota[model::Limit::other_burst] = 20;
  quota.version = 3;
  quota.changed_at = 1700000000009;
  quota.changed_by = "operator";
  return quota;
}

model::AuditSettings sample_audit_settings() { return {true, false, 4, 1700000000009, "operator"}; }

DirectoryTenant sample_tenant() {
  DirectoryTenant tenant;
  tenant.info.id.bytes.fill(0xab);
  tenant.info.name = "acme";
  tenant.info.group = model::GroupId{7};
  tenant.info.doors = {{model::Door::direktiv, "acme-ns"}};
  tenant.info.created_at = 1700000000001;
  tenant.owner_public_key = std::string(32, 'p');
  tenant.request_key = std::string(32, 'k');
  tenant.request_hash = std::string(32, 'h');
  return tenant;
}

DirectoryTenant sample_moving_tenant() {
  DirectoryTenant tenant = sample_tenant();
  tenant.info.moves = 3;
  tenant.info.moving_to = model::GroupId{2};
  tenant.info.moved_from = model::GroupId{5};
  tenant.info.former_groups = {model::GroupId{5}, model::GroupId{6}};
  return tenant;
}

const MoveMark kSampleMark{MoveMark::State::coming, 3, model::GroupId{7}, std::string(16, 'm')};

std::map<std::string, std::string> today() {
  store::v1::TenantHeader header;
  header.set_format(kRecordFormat);
  header.set_epoch(1);
  header.set_revision(300);
  header.set_leader_time_ms(1700000000001);
  header.set_entries(4);
  header.set_bytes(1024);
  header.set_seals(900);
  header.set_oldest_change(2);
  header.set_oldest_request(3);
  header.set_next_request(5);
  store::v1::RequestRecord request;
  request.set_format(kRecordFormat);
  request.set_request_hash(std::string(32, 'h'));
  request.set_revision(300);
  request.set_time_ms(1700000000001);
  request.set_reply("reply");
  request.set_sequence(4);
  store::v1::ResealRecord reseal;
  reseal.set_format(kRecordFormat);
  reseal.set_paused(true);
  reseal.set_rows_per_second(500);
  reseal.set_tenants_done(7);
  reseal.set_rows_done(300);
  store::v1::AuditRecord audit;
  audit.set_format(kRecordFormat);
  audit.set_time_ms(1700000000001);
  audit.set_principal("operator");
  audit.set_action("put");
  audit.set_door("native");
  audit.set_entry_hash(std::string(32, 'e'));
  audit.set_version(3);
  audit.set_outcome("ok");
  audit.set_address("127.0.0.1:5");
  audit.set_request_id("id-1");
  store::v1::AuditedOperation& one = *audit.add_operations();
  one.set_action("destroy");
  one.set_entry_hash(std::string(32, 'o'));
  one.set_version(2);
  one.set_space("kv");
  one.set_name("a");
  store::v1::WriteSet set;
  set.set_format(kRecordFormat);
  set.set_tenant(std::string(16, 't'));
  set.set_epoch(1);
  set.set_revision(300);
  set.set_leader_time_ms(1700000000001);
  auto* put = set.add_puts();
  put->set_key("key");
  put->set_value("value");
  set.add_deletes("gone");
  set.set_audit("audit");
  return {{"audit", audit.SerializeAsString()},
          {"certificate_rule", encode_certificate_rule(sample_rule())},
          {"changes", encode_changes(300, 1700000000001,
                                     {{model::ChangeType::put, "kv", "a", 3}, {model::ChangeType::del, "kv", "b", 1}})},
          {"entry", encode_entry(sample_entry())},
          {"entry_shared", encode_entry(sample_shared_entry())},
          {"header", header.SerializeAsString()},
          {"header_moved", moved_header(header, 3).SerializeAsString()},
          {"issuer", encode_issuer(sample_issuer())},
          {"move_mark", encode_mark(kSampleMark)},
          {"operator", encode_operator({"root", std::string(32, 'o'), 1700000000001, true})},
          {"policy", encode_policy(sample_policy())},
          {"quota", encode_quota(sample_quota())},
          {"audit_settings", encode_audit_settings(sample_audit_settings())},
          {"request", request.SerializeAsString()},
          {"reseal", reseal.SerializeAsString()},
          {"tenant", encode_tenant(sample_tenant())},
          {"tenant_moving", encode_tenant(sample_moving_tenant())},
          {"token", encode_token(sample_token())},
          {"token_renewable", encode_token(sample_renewable_token())},
          {"write_set", set.SerializeAsString()}};
}

std::map<std::string, std::string> golden() {
  std::map<std::string, std::string> records;
  std::ifstream in(kPath);
  for (std::string name, hex; in >> name >> hex;) records[name] = hex;
  return records;
}

TEST(ActorsGolden, EveryRecordIsWrittenAsEver) {
  if (std::getenv("COFFER_WRITE_GOLDEN") != nullptr) {
    std::ofstream out(kPath);
    for (const auto& [name, bytes] : today()) out << name << ' ' << crypto::hex(bytes) << '\n';
  }
  const auto stored = golden();
  ASSERT_EQ(stored.size(), today().size());
  for (const auto& [name, bytes] : today()) EXPECT_EQ(stored.at(name), crypto::hex(bytes)) << name;
}

std::string stored_bytes(const std::string& name) {
  std::string bytes;
  const std::string hex = golden().at(name);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

TEST(ActorsGolden, WhatAnEarlierBuildWroteIsRead) {
  EXPECT_EQ(*decode_entry(stored_bytes("entry")), sample_entry());
  EXPECT_EQ(*decode_entry(stored_bytes("entry_shared")), sample_shared_entry());
  EXPECT_EQ(*decode_token(stored_bytes("token")), sample_token());
  EXPECT_EQ(*decode_issuer(stored_bytes("issuer")), sample_issuer());
  EXPECT_EQ(*decode_certificate_rule(stored_bytes("certificate_rule")), sample_rule());
  EXPECT_EQ(*decode_token(stored_bytes("token_renewable")), sample_renewable_token());
  EXPECT_EQ(*decode_quota(stored_bytes("quota")), sample_quota());
  EXPECT_EQ(*decode_audit_settings(stored_bytes("audit_settings")), sample_audit_settings());
  EXPECT_EQ(*decode_policy(stored_bytes("policy")), sample_policy());
  const auto tenant = decode_tenant(stored_bytes("tenant"));
  ASSERT_TRUE(tenant.ok());
  EXPECT_EQ(tenant->info.id, sample_tenant().info.id);
  EXPECT_EQ(tenant->info.doors, sample_tenant().info.doors);
  EXPECT_EQ(tenant->request_key, sample_tenant().request_key);
  const auto moving = decode_tenant(stored_bytes("tenant_moving"));
  ASSERT_TRUE(moving.ok());
  EXPECT_EQ(moving->info.moves, 3U);
  EXPECT_EQ(moving->info.moving_to, model::GroupId{2});
  EXPECT_EQ(moving->info.moved_from, model::GroupId{5});
  EXPECT_EQ(moving->info.former_groups, sample_moving_tenant().info.former_groups);
  EXPECT_EQ(*decode_mark(stored_bytes("move_mark")), kSampleMark);
  EXPECT_EQ(decode_header(stored_bytes("header_moved"))->continuous_epoch(), 1U);
  EXPECT_TRUE(decode_operator(stored_bytes("operator"))->dev_root);
  EXPECT_EQ(decode_header(stored_bytes("header"))->revision(), 300U);
  EXPECT_EQ(decode_request(stored_bytes("request"))->sequence(), 4U);
  EXPECT_EQ(decode_reseal(stored_bytes("reseal"))->rows_per_second(), 500U);
}

TEST(ActorsGolden, AnUnknownFormatIsRefusedWithASentence) {
  store::v1::EntryRecord record;
  record.set_format(2);
  const auto entry = decode_entry(record.SerializeAsString());
  ASSERT_FALSE(entry.ok());
  EXPECT_EQ(entry.error().code, model::Code::data_loss);
  EXPECT_NE(entry.error().message().find("format 2"), std::string_view::npos);
  EXPECT_FALSE(decode_token("\xff\xff").ok());
}

TEST(ActorsGolden, AGrantWithAnEffectOfALaterProgramIsNotTakenForAnAllowance) {
  model::PolicySet policy = sample_policy();
  policy.roles[1].grants[0].effect = static_cast<model::Effect>(3);
  EXPECT_EQ(decode_policy(encode_policy(policy)).error().code, model::Code::data_loss);
  model::Entry entry = sample_shared_entry();
  entry.permissions[0].level = static_cast<model::Level>(4);
  EXPECT_EQ(decode_entry(encode_entry(entry)).error().code, model::Code::data_loss);
}

}  // namespace
}  // namespace coffer::actors
