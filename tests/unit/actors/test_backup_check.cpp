// Verifying and restoring row by row: whoever can write a file whose frames open cannot hide a row that does not.

#include <gmock/gmock.h>

#include "actors/backup_check.hpp"
#include "keeper_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::HasSubstr;

using Change = std::function<void(store::v1::BackupRows&)>;

class BackupCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(cluster.start().ok());
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(cluster.put("t" + std::to_string(i % 2), "a" + std::to_string(i), "v" + std::to_string(i)).ok());
    }
    ASSERT_TRUE(cluster.put("t0", "a0", "newer").ok());
    ASSERT_TRUE(cluster.put("t0", "empty", "").ok());
    auto begun = cluster.keep(model::StartBackup{});
    ASSERT_TRUE(begun.ok());
    for (std::uint64_t sequence = 0;; ++sequence) {
      auto piece = cluster.keep(model::ReadBackup{std::get<model::StreamReply>(begun->body).id, sequence});
      ASSERT_TRUE(piece.ok());
      file += std::get<model::StreamReply>(piece->body).data;
      if (std::get<model::StreamReply>(piece->body).last) break;
    }
  }
  RootSource root() const {
    return [path = cluster.path + "/key"](const store::v1::BackupManifest& manifest) -> model::Result<crypto::Key> {
      return (*crypto::open_key_file_seal(path))->unwrap(manifest.seals(0), manifest.cluster_id());
    };
  }
  static BackupInput input_of(const std::string& bytes) {
    auto given = std::make_shared<bool>(false);
    return {
        [bytes, given]() -> model::Result<std::string> { return std::exchange(*given, true) ? std::string() : bytes; },
        {}};
  }
  model::Result<BackupSummary> verify(const std::string& bytes) const {
    return verify_rows({[&bytes]() -> model::Result<BackupInput> { return input_of(bytes); }, root(), {}},
                       crypto::system_random());
  }
  /// The same file, written anew with other rows by somebody who has its key.
  std::string rewritten(const Change& change) const {
    BackupReader reader;
    reader.feed(file);
    EXPECT_TRUE(reader.next().ok());
    const store::v1::BackupManifest manifest = reader.manifest();
    const auto key = crypto::open_root_slot(manifest, *root()(manifest));
    reader.use_key(*key);
    BackupWriter writer(manifest, *key, crypto::system_random());
    std::string out = writer.head();
    for (;;) {
      auto kind = reader.next();
      if (!kind || !kind->has_value()) return {};
      if (**kind == BackupReader::Kind::end) return out + writer.end(reader.end()->tenants());
      auto rows = reader.rows();
      change(*rows);
      out += writer.rows(std::move(*rows));
    }
  }
  /// The first row of the kind in a tenant's rows, or null.
  static store::v1::WriteSet::Put* first(store::v1::BackupRows& rows, char kind) {
    if (rows.tenant() == std::string(16, '\0')) return nullptr;
    for (auto& row : *rows.mutable_rows()) {
      if (row.key()[0] == kind) return &row;
    }
    return nullptr;
  }
  static void drop(store::v1::BackupRows& rows, const store::v1::WriteSet::Put* which) {
    for (int i = 0; i < rows.rows_size(); ++i) {
      if (&rows.rows(i) == which) return rows.mutable_rows()->DeleteSubrange(i, 1);
    }
  }
  /// Once, in the first tenant that has one.
  static Change once(char kind, std::function<void(store::v1::BackupRows&, store::v1::WriteSet::Put*)> what) {
    auto done = std::make_shared<bool>(false);
    return [=](store::v1::BackupRows& rows) {
      if (auto* row = first(rows, kind); row != nullptr && !std::exchange(*done, true)) what(rows, row);
    };
  }

  Cluster cluster;
  std::string file;
};

TEST_F(BackupCheckTest, OpensEveryEntryAndEveryValue) {
  const auto summary = verify(file);
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_TRUE(summary->checked);
  EXPECT_EQ(summary->entries, 31U);
  EXPECT_EQ(summary->versions, 32U);
  EXPECT_TRUE(verify(rewritten([](store::v1::BackupRows&) {})).ok()) << "writing anew changes nothing";
}

TEST_F(BackupCheckTest, ARowThatDoesNotOpenIsNamedThoughEveryFrameOpens) {
  for (const char kind : {'e', 'v', 'c', 'h', 'k'}) {
    const std::string bad = rewritten(once(kind, [](auto&, auto* row) { row->mutable_value()->back() ^= 1; }));
    ASSERT_TRUE(verify_backup(input_of(bad)).ok());
    const auto found = verify(bad);
    // A header is plain numbers: a changed one may well be another valid one.
    if (kind == 'h') continue;
    ASSERT_FALSE(found.ok()) << kind;
    if (kind == 'k') continue;  // the tenant's keys do not open, before any of its rows is looked at
    EXPECT_THAT(std::string(found.error().message()), HasSubstr(std::string("(kind '") + kind + "')"));
  }
}

TEST_F(BackupCheckTest, AValueUnderAnotherEntrysKeyIsFound) {
  const auto bad = rewritten(once('v', [](auto& rows, auto* row) {
    for (auto& other : *rows.mutable_rows()) {
      if (other.key()[0] == 'v' && &other != row) return other.mutable_value()->swap(*row->mutable_value());
    }
  }));
  EXPECT_EQ(verify(bad).error().code, Code::data_loss);
}

TEST_F(BackupCheckTest, AMissingValueIsFoundWhicheverItIsAnEmptyOneToo) {
  int values = 0;
  rewritten([&values](store::v1::BackupRows& rows) {
    for (const auto& row : rows.rows()) values += row.key()[0] == 'v' ? 1 : 0;
  });
  ASSERT_EQ(values, 32);
  for (int n = 0; n < values; ++n) {
    const auto found = verify(rewritten([left = std::make_shared<int>(n)](store::v1::BackupRows& rows) {
      for (auto& row : *rows.mutable_rows()) {
        if (row.key()[0] == 'v' && (*left)-- == 0) return drop(rows, &row);
      }
    }));
    ASSERT_FALSE(found.ok()) << "value " << n;
    EXPECT_THAT(std::string(found.error().message()), HasSubstr("lacks the value of a version"));
  }
}

TEST_F(BackupCheckTest, MissingKeysAreFound) {
  const auto found = verify(rewritten(once('k', [](auto& rows, auto* row) { drop(rows, row); })));
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(std::string(found.error().message()), HasSubstr("keys are missing"));
}

TEST_F(BackupCheckTest, AKindThatNobodyKnowsIsRefused) {
  const auto bad = rewritten(once('e', [](auto& rows, auto*) {
    auto* row = rows.add_rows();
    row->set_key("?x");
    row->set_value("x");
  }));
  EXPECT_EQ(verify(bad).error().code, Code::data_loss);
}

TEST_F(BackupCheckTest, RowsThatNoTenantOfTheDirectoryOwnsAreNoDamage) {
  // As an import that was under way leaves them.
  const auto with = rewritten([done = std::make_shared<bool>(false)](store::v1::BackupRows& rows) {
    if (rows.tenant() != std::string(16, '\0') && !std::exchange(*done, true)) rows.set_tenant(std::string(16, '\x7f'));
  });
  const auto found = verify(with);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_LT(found->entries, 31U);
}

TEST_F(BackupCheckTest, WhatAMoveLeftInAnotherGroupIsNoDamage) {
  const auto with = rewritten([](store::v1::BackupRows& rows) {
    auto* value = first(rows, 'v');
    if (value == nullptr) return;
    drop(rows, value);
    rows.set_group(rows.group() + 1);  // where the directory does not have the tenant
  });
  const auto found = verify(with);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->entries, 0U);
}

TEST_F(BackupCheckTest, ARestoreThatReadsBackSomethingElseMakesNoNode) {
  const std::string bad = rewritten(once('v', [](auto&, auto* row) { row->mutable_value()->back() ^= 1; }));
  auto log = storage::open_memory(), state = storage::open_memory();
  const auto restored = restore_backup(input_of(bad), *log, *state, std::nullopt, root(), crypto::system_random());
  ASSERT_FALSE(restored.ok());
  EXPECT_THAT(std::string(restored.error().message()), HasSubstr("(kind 'v') does not open"));
  EXPECT_FALSE(log->scan("", "")->valid()) << "without a log the state is nobody's";

  auto other_log = storage::open_memory(), other_state = storage::open_memory();
  const auto whole =
      restore_backup(input_of(file), *other_log, *other_state, std::nullopt, root(), crypto::system_random());
  ASSERT_TRUE(whole.ok()) << whole.error().message();
  EXPECT_TRUE(whole->checked);
  EXPECT_EQ(whole->entries, 31U);
  EXPECT_EQ(whole->versions, 32U);
}

}  // namespace
}  // namespace coffer::actors
