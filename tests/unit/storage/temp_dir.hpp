#pragma once
// A directory of one test, removed with it. In memory where the machine has that: what a disk may lose is simulated
// (faulty_env.hpp), and real syncs would only make the tests slow.

#include <filesystem>
#include <stdexcept>
#include <string>

#include <stdlib.h>

namespace coffer::test {

class TempDir {
 public:
  TempDir() {
    for (const std::string& parent : {std::string("/dev/shm"), std::filesystem::temp_directory_path().string()}) {
      std::string name = parent + "/coffer-storage-XXXXXX";
      if (::mkdtemp(name.data()) == nullptr) continue;
      path_ = name;
      return;
    }
    throw std::runtime_error("no temporary directory");
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace coffer::test
