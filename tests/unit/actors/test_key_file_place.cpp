// Which files operators may name for key files: those in the configured directory, and nothing that leads out of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "actors/key_file_place.hpp"

namespace coffer::actors {
namespace {

namespace fs = std::filesystem;
using model::Code;
using ::testing::HasSubstr;

class KeyFilePlace : public ::testing::Test {
 protected:
  KeyFilePlace() {
    std::string pattern = (fs::temp_directory_path() / "coffer-place-XXXXXX").string();
    path = fs::canonical(::mkdtemp(pattern.data()));
    keys = path / "keys";
    fs::create_directories(keys / "deep");
    fs::create_directories(path / "keys-of-others");
    std::ofstream(path / "outside") << "x";
  }
  ~KeyFilePlace() override { fs::remove_all(path); }
  std::string refusal(const std::string& name) const {
    const auto place = key_file_place(keys, name);
    if (place) return "allowed: " + *place;
    EXPECT_EQ(place.error().code, Code::invalid_argument);
    return std::string(place.error().message());
  }

  fs::path path, keys;
};

TEST_F(KeyFilePlace, ANameIsTakenBelowTheDirectoryAndAPathMustLieBelowIt) {
  EXPECT_EQ(*key_file_place(keys, "a.key"), keys / "a.key");
  EXPECT_EQ(*key_file_place(keys, "deep/a.key"), keys / "deep/a.key");
  EXPECT_EQ(*key_file_place(keys, (keys / "a.key").string()), keys / "a.key");
  EXPECT_EQ(*key_file_place(keys, "deep/../a.key"), keys / "a.key");
  EXPECT_EQ(*key_file_place(keys.string() + "/", "a.key"), keys / "a.key");
}

TEST_F(KeyFilePlace, WhatLeadsOutIsRefusedWithWhatIsAllowed) {
  for (const std::string& name : {std::string("../outside"), (path / "outside").string(), std::string("/etc/shadow"),
                                  std::string("deep/../../outside"), (path / "keys-of-others/a").string(),
                                  std::string("no-such-folder/a"), std::string("/dev/shm/a")}) {
    EXPECT_THAT(refusal(name), HasSubstr("must lie in this node's seal.key_directory, which is " + keys.string()))
        << name;
  }
}

TEST_F(KeyFilePlace, NoLinkIsFollowedOut) {
  fs::create_symlink(path / "outside", keys / "link");
  EXPECT_THAT(refusal("link"), HasSubstr("symbolic link"));
  fs::create_symlink(path / "nowhere", keys / "dangling");
  EXPECT_THAT(refusal("dangling"), HasSubstr("symbolic link"));
  fs::create_directory_symlink(path / "keys-of-others", keys / "folder");
  EXPECT_THAT(refusal("folder/a"), HasSubstr("must lie in"));
  // The directory itself may be reached by one: it is the configuration that says so.
  fs::create_directory_symlink(keys, path / "alias");
  EXPECT_EQ(*key_file_place(path / "alias", "a"), keys / "a");
  EXPECT_EQ(*key_file_place(path / "alias", (path / "alias/a").string()), keys / "a");
}

TEST_F(KeyFilePlace, NamesThatAreNoFilesAndNodesWithoutADirectoryAreRefused) {
  for (const std::string name : {"", ".", "..", "deep/", "/"}) EXPECT_THAT(refusal(name), HasSubstr("name of")) << name;
  EXPECT_THAT(refusal(std::string("a\0b", 3)), HasSubstr("name of"));
  EXPECT_THAT(key_file_place("", "a").error().message(), HasSubstr("set seal.key_directory"));
  EXPECT_THAT(key_file_place(path / "none", "a").error().message(), HasSubstr("is not there"));
}

}  // namespace
}  // namespace coffer::actors
