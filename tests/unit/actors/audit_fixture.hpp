#pragma once
// What the tests of the audit trail share: a folder of their own, a signer, and the files' lines to read and to damage.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "actors/audit_trail.hpp"
#include "actors/audit_verify.hpp"
#include "crypto/random.hpp"

namespace coffer::actors {

class AuditFixture : public ::testing::Test {
 protected:
  AuditFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coffer-audit-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    options.cluster = "00ff";
    options.node = 1;
  }
  ~AuditFixture() override { std::filesystem::remove_all(path); }

  std::unique_ptr<AuditTrail> open() {
    auto directory = storage::AuditDirectory::open(path + "/audit");
    EXPECT_TRUE(directory.ok());
    auto trail = AuditTrail::open(std::move(*directory), options, signer, now);
    EXPECT_TRUE(trail.ok());
    return std::move(*trail);
  }
  /// A trail of `count` records, signed at its end. The file's head is record 1.
  void write_records(int count) {
    const auto trail = open();
    for (int i = 0; i < count; ++i) add(*trail, "\"kind\":\"request\",\"n\":" + std::to_string(i));
    EXPECT_TRUE(trail->checkpoint(now, [](std::string_view) {}).ok());
  }
  void add(AuditTrail& trail, const std::string& fields) {
    trail.add(now, fields);
    EXPECT_TRUE(trail.write(now, [](std::string_view) {}).ok());
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    const auto all = directory().files();
    for (const auto& file : *all) names.push_back(path + "/audit/" + file.name);
    return names;
  }
  storage::AuditDirectory directory() const { return std::move(*storage::AuditDirectory::open(path + "/audit")); }
  static std::vector<std::string> lines(const std::string& file) {
    std::ifstream in(file);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  static void write_lines(const std::string& file, const std::vector<std::string>& all) {
    std::ofstream out(file, std::ios::trunc);
    for (const std::string& line : all) out << line << "\n";
  }
  /// What verifying says, without a server that knows how far the trail goes.
  std::vector<std::string> problems() const {
    const std::string key = signer.public_key();
    const auto verdict = verify_audit(directory(), {[key](std::uint32_t) { return key; }, std::nullopt});
    EXPECT_TRUE(verdict.ok());
    return verdict->problems;
  }

  std::string path;
  crypto::SeededRandom random{7};
  crypto::ChainSigner signer{crypto::Key::generate(random)};
  AuditTrailOptions options;
  model::TimeMs now = 1'760'000'000'000;
};

}  // namespace coffer::actors
