// A backup's file: read back in pieces of any size, and whatever is done to it is found, with the place.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "actors/backup_file.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class BackupFileTest : public ::testing::Test {
 protected:
  std::string file(int frames = 3) {
    store::v1::BackupManifest manifest;
    manifest.set_format(kBackupFormat);
    manifest.set_kind("backup");
    manifest.set_id(std::string(16, 'i'));
    BackupWriter writer(manifest, key_, random_);
    std::string bytes = writer.head();
    for (int i = 0; i < frames; ++i) {
      store::v1::BackupRows rows;
      rows.set_tenant(std::string(16, static_cast<char>('a' + i)));
      auto* row = rows.add_rows();
      row->set_key("key" + std::to_string(i));
      row->set_value(std::string(100, static_cast<char>('0' + i)));
      bytes += writer.rows(rows);
    }
    return bytes + writer.end(static_cast<std::uint64_t>(frames));
  }
  /// Reads all of it, opened; the number of rows.
  model::Result<int> read(const std::string& bytes, std::size_t piece, const crypto::Key* key) {
    BackupReader reader;
    int found = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.feed(std::string_view(bytes).substr(at, piece));
      for (;;) {
        auto kind = reader.next();
        if (!kind) return kind.error();
        if (!kind->has_value()) break;
        if (**kind == BackupReader::Kind::manifest && key != nullptr) reader.use_key(*key);
        if (key == nullptr) continue;
        if (**kind == BackupReader::Kind::rows) {
          auto rows = reader.rows();
          if (!rows) return rows.error();
          found += rows->rows_size();
        }
        if (**kind == BackupReader::Kind::end) {
          if (auto end = reader.end(); !end) return end.error();
        }
      }
    }
    if (auto status = reader.finish(); !status) return status.error();
    return found;
  }

  crypto::SeededRandom random_{9};
  const crypto::Key key_ = crypto::Key::generate(random_);
};

TEST_F(BackupFileTest, IsReadBackInPiecesOfAnySize) {
  const std::string bytes = file();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100}, bytes.size()}) {
    const auto rows = read(bytes, piece, &key_);
    ASSERT_TRUE(rows.ok()) << piece << ": " << rows.error().message();
    EXPECT_EQ(*rows, 3);
  }
}

TEST_F(BackupFileTest, AFlippedBitIsFoundWithoutAKeyAndThePlaceIsNamed) {
  const std::string good = file();
  for (std::size_t i = 0; i < good.size(); i += 3) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    const auto rows = read(bad, 64, nullptr);
    ASSERT_FALSE(rows.ok()) << "byte " << i;
    EXPECT_EQ(rows.error().code, Code::data_loss);
  }
  std::string bad = good;
  bad[good.size() / 2] = static_cast<char>(bad[good.size() / 2] ^ 1);
  EXPECT_NE(read(bad, 64, nullptr).error().message().find("damaged at byte "), std::string::npos);
}

TEST_F(BackupFileTest, IsCutOffWithoutItsEnd) {
  const std::string good = file();
  for (std::size_t size = 0; size < good.size(); size += 5) {
    EXPECT_FALSE(read(good.substr(0, size), 64, nullptr).ok()) << size;
  }
  EXPECT_FALSE(read(good + "x", 64, nullptr).ok());
}

TEST_F(BackupFileTest, FramesOfAnotherFileOrOrderDoNotOpen) {
  // Whoever knows the format can make checksums fit; the seals bind each frame to its file and its number.
  store::v1::BackupManifest manifest;
  manifest.set_format(kBackupFormat);
  manifest.set_id(std::string(16, 'j'));
  const crypto::Key other = crypto::Key::generate(random_);
  EXPECT_EQ(read(file(), 64, &other).error().code, Code::data_loss);
}

TEST_F(BackupFileTest, EachHolderOpensTheFilesKey) {
  store::v1::BackupManifest manifest;
  manifest.set_id(std::string(16, 'i'));
  const crypto::Key root = crypto::Key::generate(random_);
  const auto pair = crypto::generate_owner_key(random_);
  const model::Secret passphrase("correct horse battery");
  *manifest.add_slots() = crypto::slot_for_root(key_, root, manifest.id(), random_);
  *manifest.add_slots() = *crypto::slot_for_passphrase(key_, passphrase, manifest.id(), random_, {64, 1});
  *manifest.add_slots() = *crypto::slot_for_public_key(key_, pair.public_key, manifest.id(), random_);
  EXPECT_TRUE(*crypto::open_root_slot(manifest, root) == key_);
  EXPECT_TRUE(*crypto::open_passphrase_slot(manifest, passphrase) == key_);
  EXPECT_TRUE(*crypto::open_private_key_slot(manifest, pair.private_key) == key_);
  EXPECT_EQ(crypto::open_root_slot(manifest, key_).error().code, Code::key_mismatch);
  EXPECT_EQ(crypto::open_passphrase_slot(manifest, model::Secret("correct horse buttery")).error().code,
            Code::key_mismatch);
  EXPECT_EQ(crypto::open_private_key_slot(manifest, crypto::generate_owner_key(random_).private_key).error().code,
            Code::key_mismatch);
  manifest.set_id(std::string(16, 'k'));
  EXPECT_FALSE(crypto::open_root_slot(manifest, root).ok());
}

TEST_F(BackupFileTest, ReadsTheFileThatAnEarlierBuildWrote) {
  // COFFER_WRITE_GOLDEN=1 writes it anew; a difference is a new format and needs a new number.
  const std::string path = std::string(COFFER_SOURCE_DIR) + "/tests/unit/actors/golden/backup.hex";
  const std::string fresh = file();
  if (const char* write = std::getenv("COFFER_WRITE_GOLDEN"); write != nullptr && std::string_view(write) == "1") {
    std::ofstream out(path);
    const std::string digits = crypto::hex(fresh);
    for (std::size_t at = 0; at < digits.size(); at += 64) out << digits.substr(at, 64) << "\n";
  }
  std::ifstream in(path);
  std::string digits, line;
  while (std::getline(in, line)) digits += line;
  EXPECT_EQ(digits, crypto::hex(fresh));
  std::string bytes(digits.size() / 2, '\0');
  for (std::size_t k = 0; k < bytes.size(); ++k) {
    bytes[k] = static_cast<char>(std::stoi(digits.substr(2 * k, 2), nullptr, 16));
  }
  const auto rows = read(bytes, 100, &key_);
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  EXPECT_EQ(*rows, 3);
}

}  // namespace
}  // namespace coffer::actors
