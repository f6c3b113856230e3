// A data directory belongs to one server, to nobody else, and each refusal is one sentence that says why.

#include "storage/data_dir.hpp"

#include <fstream>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/open.hpp"
#include "tests/unit/storage/temp_dir.hpp"

namespace coffer::storage {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const std::string& path, std::uint64_t least_free = 0) {
  auto opened = DataDir::open(path, least_free);
  EXPECT_FALSE(opened.ok());
  if (opened.ok()) return {};
  EXPECT_EQ(opened.error().code, model::Code::disk_error);
  return opened.error().detail;
}

::mode_t mode_of(const std::string& path) {
  struct stat info;
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST(DataDir, IsMadeForItsOwnerOnly) {
  test::TempDir dir;
  auto opened = DataDir::open(dir / "data", 0);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(mode_of(dir / "data"), 0700u);
  EXPECT_EQ(mode_of(dir / "data/lock"), 0600u);
  EXPECT_EQ(opened->log_path(), dir / "data/log");
  EXPECT_EQ(opened->state_path(), dir / "data/state");
  auto free = opened->free_bytes();
  ASSERT_TRUE(free.ok());
  EXPECT_GT(*free, 0u);
}

TEST(DataDir, RefusesASecondOpenerAndNamesTheFirst) {
  test::TempDir dir;
  auto first = DataDir::open(dir / "data", 0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(refusal(dir / "data"), "The data directory " + (dir / "data") +
                                       " is in use by another coffer server (process " + std::to_string(::getpid()) +
                                       ").");
}

TEST(DataDir, RefusesASecondProcess) {
  test::TempDir dir;
  auto first = DataDir::open(dir / "data", 0);
  ASSERT_TRUE(first.ok());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(DataDir::open(dir / "data", 0).ok() ? 1 : 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(DataDir, SaysItIsInUseWhenTheHolderLeftNoId) {
  test::TempDir dir;
  auto first = DataDir::open(dir / "data", 0);
  ASSERT_TRUE(first.ok());
  std::ofstream(dir / "data/lock", std::ios::trunc);
  EXPECT_EQ(refusal(dir / "data"), "The data directory " + (dir / "data") + " is in use by another coffer server.");
}

TEST(DataDir, CanBeOpenedAgainAfterItsServerEnded) {
  test::TempDir dir;
  {
    auto first = DataDir::open(dir / "data", 0);
    ASSERT_TRUE(first.ok());
    DataDir moved = std::move(first).value();
    EXPECT_THAT(refusal(dir / "data"), HasSubstr("in use"));
  }
  EXPECT_TRUE(DataDir::open(dir / "data", 0).ok());
}

TEST(DataDir, RefusesAFile) {
  test::TempDir dir;
  std::ofstream(dir / "data") << "x";
  EXPECT_EQ(refusal(dir / "data"), "The data directory " + (dir / "data") + " is not a directory.");
}

TEST(DataDir, RefusesAMissingParent) {
  test::TempDir dir;
  EXPECT_THAT(refusal(dir / "mount/data"), HasSubstr("its parent directory is missing"));
  EXPECT_FALSE(fs::exists(dir / "mount"));
}

TEST(DataDir, ClosesAnEmptyDirectoryThatOthersMayEnter) {
  test::TempDir dir;
  fs::create_directory(dir / "data");
  ::chmod((dir / "data").c_str(), 0755);
  EXPECT_TRUE(DataDir::open(dir / "data", 0).ok());
  EXPECT_EQ(mode_of(dir / "data"), 0700u);
}

TEST(DataDir, RefusesAFilledDirectoryThatOthersMayEnterAndLeavesItAlone) {
  test::TempDir dir;
  fs::create_directory(dir / "data");
  std::ofstream(dir / "data/somebody's") << "x";
  ::chmod((dir / "data").c_str(), 0755);
  EXPECT_THAT(refusal(dir / "data"), AllOf(HasSubstr("open to other users"), HasSubstr("chmod 700")));
  EXPECT_EQ(mode_of(dir / "data"), 0755u);
  EXPECT_FALSE(fs::exists(dir / "data/lock"));
}

TEST(DataDir, RefusesADirectoryWithoutPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  test::TempDir dir;
  fs::create_directory(dir / "data");
  ::chmod((dir / "data").c_str(), 0500);
  EXPECT_THAT(refusal(dir / "data"), HasSubstr("no permission"));
}

// Root may do everything, so a child gives its rights up first.
TEST(DataDir, RefusesAnotherUsersDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  test::TempDir dir;
  ::chmod(dir.path().c_str(), 0755);
  fs::create_directory(dir / "data");
  ::chmod((dir / "data").c_str(), 0700);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(2);
    auto opened = DataDir::open(dir / "data", 0);
    ::_exit(!opened.ok() && opened.error().detail.find("no permission") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(DataDir, RefusesADiskWithTooLittleSpaceAndLetsItGoAgain) {
  test::TempDir dir;
  EXPECT_THAT(refusal(dir / "data", UINT64_MAX), AllOf(HasSubstr("MiB free"), HasSubstr(dir / "data")));
  EXPECT_TRUE(DataDir::open(dir / "data", 0).ok());
}

TEST(DataDir, WhatABackupMayTakeLeavesTheReserveOnTheDataDisksFileSystemOnly) {
  test::TempDir dir;
  const auto free = free_bytes(dir.path());
  ASSERT_TRUE(free.ok());
  constexpr std::uint64_t kReserve = 1 << 20;
  const auto spare = spare_bytes(dir.path(), dir.path(), kReserve);
  ASSERT_TRUE(spare.ok());
  EXPECT_LE(*spare, *free - kReserve + (64 << 20)) << "others write meanwhile";
  EXPECT_EQ(*spare_bytes(dir.path(), dir.path(), UINT64_MAX), 0U);
  EXPECT_GT(*spare_bytes(dir.path(), "/proc", UINT64_MAX), 0U) << "the data is elsewhere";
  EXPECT_FALSE(spare_bytes(dir / "none", dir.path(), 0).ok());
}

/// Runs in a child with a mount name space of its own, so that nothing stays mounted whatever happens.
/// 0: as expected, 1: not, 2: this machine does not allow a mount.
int fill_a_small_disk(const std::string& mount_point) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=256k,mode=0700") != 0) {
    return 2;
  }
  {
    auto opened = DataDir::open(mount_point, 0);
    if (!opened.ok()) return 1;
    LevelDbOptions options;
    options.path = opened->log_path();
    auto engine = open_leveldb(options);
    if (!engine.ok()) return 1;
    Batch batch;
    batch.put("e", std::string(512 << 10, 'x'));
    const model::Status full = (*engine)->write(batch, Durability::synced);
    if (full.ok() || full.error().detail.find("No space is left") == std::string::npos) return 1;
  }
  auto opened = DataDir::open(mount_point);
  return !opened.ok() && opened.error().detail.find("has only 0 MiB free") != std::string::npos ? 0 : 1;
}

TEST(DataDir, AFullDiskIsOneSentenceForTheDirectoryAndForTheDatabase) {
  test::TempDir dir;
  fs::create_directory(dir / "mount");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(fill_a_small_disk(dir / "mount"));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "this machine does not allow a mount";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace coffer::storage
