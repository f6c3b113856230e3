// See key_file_place.hpp.

#include "actors/key_file_place.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace coffer::actors {

namespace fs = std::filesystem;

model::Result<std::string> key_file_place(const std::string& directory, const std::string& name) {
  const auto refused = [](const std::string& why) { return model::Error(model::Code::invalid_argument, why); };
  if (name.empty()) return refused("key_file: the name of the file on the node");
  if (name.find('\0') != std::string::npos) return refused("key_file: a name of a file");
  if (directory.empty()) {
    return refused(
        "key_file: this node's configuration says nowhere that key files may be made or read: set seal.key_directory");
  }
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  if (error) return refused("key_file: this node's seal.key_directory " + directory + " is not there");
  const std::string beyond = "key_file: it must lie in this node's seal.key_directory, which is " + root.string();
  const fs::path wanted = fs::path(directory) / name;  // an absolute name stands for itself
  const fs::path file = wanted.filename();
  if (file.empty() || file == "." || file == "..") return refused("key_file: the name of a file, not of a folder");
  const fs::path folder = fs::canonical(wanted.parent_path(), error);
  // The same answer whatever is there: nobody learns by it what else the node has on its disk.
  if (error) return refused(beyond);
  const auto [in_root, in_folder] = std::mismatch(root.begin(), root.end(), folder.begin(), folder.end());
  if (in_root != root.end()) return refused(beyond);
  const fs::path place = folder / file;
  if (fs::is_symlink(fs::symlink_status(place, error))) return refused("key_file: it is a symbolic link");
  return place.string();
}

}  // namespace coffer::actors
