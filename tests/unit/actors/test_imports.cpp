// Importing a tenant: its place is reserved before a byte is written, whatever cuts the import off leaves no rows, and a
// tenant that was purged comes back from its file.

#include "keeper_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

const char kPassphrase[] = "correct horse battery";

std::string export_of(Cluster& cluster, const std::string& tenant) {
  model::ExportTenant wanted;
  wanted.tenant = tenant;
  wanted.passphrase = model::Secret(kPassphrase);
  auto begun = cluster.keep(std::move(wanted));
  if (!begun) ADD_FAILURE() << begun.error().message();
  std::string file;
  for (std::uint64_t sequence = 0; begun; ++sequence) {
    auto piece = cluster.keep(model::ReadBackup{std::get<model::StreamReply>(begun->body).id, sequence});
    if (!piece) ADD_FAILURE() << piece.error().message();
    if (!piece) break;
    file += std::get<model::StreamReply>(piece->body).data;
    if (std::get<model::StreamReply>(piece->body).last) break;
  }
  return file;
}

/// An import that goes as far as it is told.
class Import {
 public:
  Import(Cluster& cluster, const std::string& name) : cluster_(cluster) {
    begun_ = cluster.keep(model::ImportTenant{name, model::Secret(kPassphrase), {}});
    if (begun_.ok()) id_ = std::get<model::StreamReply>(begun_->body).id;
  }
  model::Result<model::Reply> write(std::string_view bytes) {
    if (!begun_) return begun_;
    constexpr std::size_t kPiece = 1000;
    model::Result<model::Reply> taken = begun_;
    for (std::size_t at = 0; at < bytes.size() && taken.ok(); at += kPiece) {
      taken = cluster_.keep(model::WriteImport{id_, sequence_++, std::string(bytes.substr(at, kPiece))});
    }
    return taken;
  }
  /// One piece, which is given again for as long as the node says that it is to be asked in a moment.
  model::Result<model::Reply> insist(std::string_view bytes, int& refusals) {
    for (;; ++refusals) {
      auto taken = cluster_.keep(model::WriteImport{id_, sequence_, std::string(bytes)});
      const bool again = !taken && taken.error().code == Code::unavailable && taken.error().retry_after_s != 0;
      if (taken) ++sequence_;
      if (!again || refusals > 1000) return taken;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  model::Result<model::Reply> finish() { return cluster_.keep(model::FinishImport{id_}); }

 private:
  Cluster& cluster_;
  model::Result<model::Reply> begun_ = model::Error(Code::internal);
  std::string id_;
  std::uint64_t sequence_ = 0;
};

model::Result<model::Reply> import_all(Cluster& cluster, const std::string& name, const std::string& file) {
  Import import(cluster, name);
  if (auto taken = import.write(file); !taken) return taken;
  return import.finish();
}

std::vector<model::TenantInfo> deleted_of(Cluster& cluster) {
  model::ListTenants list;
  list.only_deleted = true;
  auto reply = cluster.direct(list);
  return reply ? std::get<model::TenantsReply>(reply->body).tenants : std::vector<model::TenantInfo>(1);
}

/// Rows of the tenant in the data groups, as the stopped node has them on its disk.
std::size_t rows_on_disk(Cluster& cluster, const model::TenantId& tenant) {
  cluster.node.reset();
  const auto state = std::move(*storage::open_leveldb(Cluster::at(cluster.path + "/state")));
  std::size_t rows = 0;
  for (std::uint64_t group = 1; group <= 2; ++group) {
    for (std::uint64_t generation = 1; generation <= 4; ++generation) {
      const storage::TenantRows there(*state, model::GroupId{group}, model::Generation{generation}, tenant);
      for (auto scan = there.scan("", ""); scan->valid(); scan->next()) ++rows;
    }
  }
  return rows;
}

void put_many(Cluster& cluster, const std::string& tenant, int entries) {
  for (int i = 0; i < entries; ++i) {
    ASSERT_TRUE(cluster.put(tenant, "a" + std::to_string(i), "v" + std::to_string(i)).ok());
  }
}

model::TenantId id_of(Cluster& cluster, const std::string& tenant) {
  auto reply = cluster.direct(model::GetTenant{tenant});
  EXPECT_TRUE(reply.ok());
  return reply ? std::get<model::TenantReply>(reply->body).tenant.id : model::TenantId{};
}

TEST(Imports, APurgedTenantComesBackFromItsFileWithoutTheTokensOfItsFormerLife) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  put_many(cluster, "t", 20);
  model::CreateToken create;
  create.scopes.push_back({1, {"*"}, {"*"}});
  const auto token = cluster.run(model::TenantOperation(create), "t");
  const std::string file = export_of(cluster, "t");
  const model::TenantId id = id_of(cluster, "t");
  // While it is there in any way it is not imported, and nothing is written.
  EXPECT_EQ(import_all(cluster, "u", file).error().code, Code::tenant_exists);
  model::DeleteTenant gone;
  gone.name = "t";
  ASSERT_TRUE(cluster.direct(gone).ok());
  const auto refused = import_all(cluster, "t", file);
  EXPECT_EQ(refused.error().code, Code::tenant_exists);
  EXPECT_NE(refused.error().message().find("undelete"), std::string::npos) << refused.error().message();
  model::UndeleteTenant back;
  back.id = id;
  ASSERT_TRUE(cluster.direct(back).ok());
  gone.purge = true;
  ASSERT_TRUE(cluster.direct(gone).ok());
  ASSERT_TRUE(eventually([&] { return deleted_of(cluster).empty(); }));
  const auto done = import_all(cluster, "t", file);
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(id_of(cluster, "t"), id);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(cluster.get("t", "a" + std::to_string(i)), "v" + std::to_string(i));
  if (token.ok()) {
    const auto left = cluster.run(model::TenantOperation(model::ListTokens{}), "t");
    ASSERT_TRUE(left.ok());
    EXPECT_TRUE(std::get<model::TokensReply>(left->body).tokens.empty());
  } else {
    ADD_FAILURE() << token.error().message();
  }
  // And again: each life counts its revisions, and its moves, further than the one before.
  model::GetTenant get;
  get.name = "t";
  const auto known = cluster.direct(get);
  ASSERT_TRUE(known.ok());
  EXPECT_GT(std::get<model::TenantReply>(known->body).tenant.moves, 1'000'000U);
  const auto first = cluster.run(model::TenantOperation(model::Get{"kv", "a1", 0, true}), "t")->revision;
  ASSERT_TRUE(cluster.direct(gone).ok());
  ASSERT_TRUE(eventually([&] { return deleted_of(cluster).empty(); }));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  ASSERT_TRUE(import_all(cluster, "t", file).ok());
  EXPECT_GT(cluster.run(model::TenantOperation(model::Get{"kv", "a1", 0, true}), "t")->revision, first);
  ASSERT_TRUE(cluster.start().ok());
  EXPECT_EQ(cluster.get("t", "a7"), "v7");
}

TEST(Imports, OneThatComesDuringThePurgeWaitsForItsEndAndGoesOnWithTheSamePiece) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  put_many(cluster, "t", 20);
  const std::string file = export_of(cluster, "t");
  model::DeleteTenant gone;
  gone.name = "t";
  gone.purge = true;
  ASSERT_TRUE(cluster.direct(gone).ok());
  Import import(cluster, "t");
  int refusals = 0;
  const std::size_t half = file.size() / 2;
  const auto taken = import.insist(std::string_view(file).substr(0, half), refusals);
  ASSERT_TRUE(taken.ok()) << taken.error().message();
  EXPECT_GT(refusals, 0) << "the purge takes two seconds at least";
  ASSERT_TRUE(import.insist(std::string_view(file).substr(half), refusals).ok());
  ASSERT_TRUE(import.finish().ok());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(cluster.get("t", "a" + std::to_string(i)), "v" + std::to_string(i));
}

/// Where a restart cuts the import off: how much of the file was taken.
TEST(Imports, ARestartAtAnyPieceLeavesNoRowsAndTheTenantCanBeImported) {
  Cluster from;
  ASSERT_TRUE(from.start().ok());
  put_many(from, "t", 60);
  const std::string file = export_of(from, "t");
  const model::TenantId id = id_of(from, "t");
  for (const std::size_t part : {file.size() / 3, file.size() - 500, file.size()}) {
    Cluster to;
    ASSERT_TRUE(to.start().ok());
    for (int times = 0; times < 2; ++times) {
      {
        Import import(to, "moved");
        const auto taken = import.write(std::string_view(file).substr(0, part));
        ASSERT_TRUE(taken.ok()) << part << ": " << taken.error().message();
      }
      if (part == file.size()) {
        EXPECT_GT(rows_on_disk(to, id), 0U) << "the test is to cut something off";
      }
      ASSERT_TRUE(to.start().ok());
      ASSERT_TRUE(eventually([&] { return deleted_of(to).empty(); })) << part;
      EXPECT_EQ(to.direct(model::GetTenant{"moved"}).error().code, Code::tenant_not_found);
    }
    if (part != file.size()) {
      EXPECT_EQ(rows_on_disk(to, id), 0U) << part;
      continue;
    }
    const auto done = import_all(to, "moved", file);
    ASSERT_TRUE(done.ok()) << done.error().message();
    for (int i = 0; i < 60; ++i) EXPECT_EQ(to.get("moved", "a" + std::to_string(i)), "v" + std::to_string(i));
    ASSERT_TRUE(to.start().ok());
    EXPECT_EQ(to.get("moved", "a7"), "v7") << "a restart gives up what is not finished, and nothing else";
  }
}

// `coffer admin tenants import` begins anew by itself when it hears that, and gives up at anything else.
TEST(Imports, WhoGoesOnAfterARestartHearsThatTheImportWasCutOff) {
  Cluster from, to;
  ASSERT_TRUE(from.start().ok());
  put_many(from, "t", 30);
  const std::string file = export_of(from, "t");
  for (const bool finishes : {false, true}) {
    ASSERT_TRUE(to.start().ok());
    Import import(to, "moved");
    ASSERT_TRUE(import.write(std::string_view(file).substr(0, file.size() / 2)).ok());
    ASSERT_TRUE(to.start().ok());
    const auto cut = finishes ? import.finish() : import.write(std::string_view(file).substr(file.size() / 2));
    EXPECT_EQ(cut.error().code, Code::cas_mismatch);
    EXPECT_NE(cut.error().message().find("the import was cut off"), std::string::npos) << cut.error().message();
    EXPECT_NE(cut.error().message().find("import the file again"), std::string::npos) << cut.error().message();
    ASSERT_TRUE(eventually([&] { return deleted_of(to).empty(); }));
  }
  EXPECT_TRUE(import_all(to, "moved", file).ok());
}

TEST(Imports, ARefusalBeforeTheFirstRowWritesNothing) {
  Cluster from, to;
  ASSERT_TRUE(from.start().ok());
  ASSERT_TRUE(to.start().ok());
  put_many(from, "t", 5);
  const std::string file = export_of(from, "t");
  const model::TenantId id = id_of(from, "t");
  ASSERT_TRUE(to.put("taken", "a", "1").ok());
  Import import(to, "taken");
  const auto refused = import.write(file);
  EXPECT_EQ(refused.error().code, Code::tenant_exists);
  EXPECT_NE(refused.error().message().find("another name"), std::string::npos);
  EXPECT_EQ(import.write("x").error().code, Code::tenant_exists) << "whoever asks again hears the same";
  EXPECT_EQ(rows_on_disk(to, id), 0U);
}

TEST(Imports, WhatTheDirectoryRefusesAtTheEndIsRemovedToTheLastRow) {
  Cluster from, to;
  ASSERT_TRUE(from.start().ok());
  ASSERT_TRUE(to.start().ok());
  put_many(from, "t", 30);
  const std::string file = export_of(from, "t");
  const model::TenantId id = id_of(from, "t");
  Import import(to, "moved");
  ASSERT_TRUE(import.write(file).ok());
  EXPECT_EQ(import_all(to, "other", file).error().code, Code::tenant_exists) << "one import of a tenant at a time";
  ASSERT_EQ(deleted_of(to).size(), 1U);
  model::UndeleteTenant back;
  back.id = id;
  EXPECT_EQ(to.direct(back).error().code, Code::not_active) << "half a tenant is none";
  ASSERT_TRUE(to.put("moved", "a", "somebody else's").ok());
  EXPECT_EQ(import.finish().error().code, Code::tenant_exists);  // its keys and its header are written by now
  ASSERT_TRUE(eventually([&] { return deleted_of(to).empty(); }));
  EXPECT_EQ(to.get("moved", "a"), "somebody else's");
  EXPECT_EQ(rows_on_disk(to, id), 0U);
}

}  // namespace
}  // namespace coffer::actors
