// A large file is whole under its name, or not there.

#include <sys/stat.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "storage/steady_file.hpp"

namespace coffer::storage {
namespace {

namespace fs = std::filesystem;

class SteadyFileTest : public ::testing::Test {
 protected:
  SteadyFileTest() {
    std::string pattern = (fs::temp_directory_path() / "coffer-steady-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~SteadyFileTest() override { fs::remove_all(folder); }
  std::string read() const {
    std::ifstream in(folder / "f", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  fs::path folder;
};

TEST_F(SteadyFileTest, IsThereWhenItIsWholeWithEveryByteInOrder) {
  auto file = SteadyFile::create(folder / "f");
  ASSERT_TRUE(file.ok());
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    const std::string piece(1'000'003, static_cast<char>('a' + i));
    ASSERT_TRUE(file->write(piece).ok());
    expected += piece;
    EXPECT_FALSE(fs::exists(folder / "f"));
  }
  ASSERT_TRUE(file->finish().ok());
  EXPECT_EQ(read(), expected);
  EXPECT_FALSE(fs::exists(folder / "f.partial"));
}

TEST_F(SteadyFileTest, LeavesNothingBehindWhenItIsGivenUp) {
  {
    auto file = SteadyFile::create(folder / "f");
    ASSERT_TRUE(file->write("x").ok());
    SteadyFile moved = std::move(*file);
    ASSERT_TRUE(moved.write("y").ok());
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(SteadyFileTest, IsItsOwnersAloneWhateverTheMask) {
  const mode_t before = ::umask(0);
  auto file = SteadyFile::create(folder / "f");
  ::umask(before);
  ASSERT_TRUE(file->finish().ok());
  struct stat found {};
  ASSERT_EQ(::stat((folder / "f").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(SteadyFileTest, NamesTheFileThatCannotBeWritten) {
  const auto file = SteadyFile::create(folder / "none/f");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, model::Code::disk_error);
  EXPECT_NE(std::string(file.error().message()).find("none/f"), std::string::npos);
}

}  // namespace
}  // namespace coffer::storage
