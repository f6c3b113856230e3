// See peer_identity.hpp.

#include "app/peer_identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace coffer::app {
namespace {

using model::Code;
using model::Error;
using model::Secret;

constexpr std::string_view kHeading = "coffer-peer-identity 1";
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::size_t kMost = 1 << 20;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

Error disk(const std::string& doing, const std::string& path) {
  return Error(Code::disk_error, "cannot " + doing + " " + path + ": " + std::strerror(errno));
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

template <class Int>
bool read_number(std::string_view text, Int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_field(std::string_view line, PeerIdentity& out) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, space), value = line.substr(space + 1);
  if (name == "node") return read_number(value, out.node.value) && out.node.value != 0;
  if (name == "data_groups") return read_number(value, out.data_groups);
  if (name == "cluster") {
    out.cluster_id = value;
    return value.size() == 32 && value.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  }
  if (name != "peer") return false;
  const auto gap = value.find(' ');
  cluster::Peer peer;
  if (gap == std::string_view::npos || !read_number(value.substr(0, gap), peer.id.value)) return false;
  peer.address = value.substr(gap + 1);
  out.peers.push_back(std::move(peer));
  return true;
}

/// The PEM block at the front.
std::string_view take_block(std::string_view& text) {
  const auto end = text.find("\n-----END ");
  if (!text.starts_with(kBegin) || end == std::string_view::npos) return {};
  const auto line = text.find('\n', end + 1);
  const std::size_t size = line == std::string_view::npos ? text.size() : line + 1;
  const std::string_view block = text.substr(0, size);
  text.remove_prefix(size);
  return block;
}

bool parse(std::string_view text, PeerIdentity& out) {
  if (take_line(text) != kHeading) return false;
  while (!text.empty() && !text.starts_with(kBegin)) {
    if (!read_field(take_line(text), out)) return false;
  }
  out.credentials.key = Secret(take_block(text));
  out.credentials.certificate = std::string(take_block(text));
  out.credentials.ca = std::string(take_block(text));
  return out.node.value != 0 && !out.cluster_id.empty() && !out.credentials.ca.empty() && text.empty();
}

Secret format(const PeerIdentity& identity) {
  Secret text(kHeading);
  text.append("\nnode " + std::to_string(identity.node.value) + "\ncluster " + identity.cluster_id + "\ndata_groups " +
              std::to_string(identity.data_groups) + "\n");
  for (const cluster::Peer& peer : identity.peers) {
    text.append("peer " + std::to_string(peer.id.value) + " " + peer.address + "\n");
  }
  text.append(identity.credentials.key.expose());
  text.append(identity.credentials.certificate);
  text.append(identity.credentials.ca);
  return text;
}

}  // namespace

std::string peer_identity_path(const std::string& data_dir) { return data_dir + "/peer/identity.pem"; }

model::Result<std::optional<PeerIdentity>> read_peer_identity(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<PeerIdentity>();
    return disk("read", path);
  }
  Secret text = Secret::of_size(kMost);
  std::size_t filled = 0;
  while (filled < kMost) {
    const ssize_t size = ::read(file.fd(), text.expose_mutable() + filled, kMost - filled);
    if (size < 0) return disk("read", path);
    if (size == 0) break;
    filled += static_cast<std::size_t>(size);
  }
  PeerIdentity identity;
  if (parse(text.expose().substr(0, filled), identity)) return std::optional(std::move(identity));
  return Error(Code::data_loss,
               path + " is not a node's identity: restore it, or remove it and let the node join anew");
}

model::Status write_peer_identity(const std::string& path, const PeerIdentity& identity) {
  const std::string directory = path.substr(0, path.rfind('/'));
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return disk("make", directory);
  const std::string fresh = path + ".new";
  const Secret text = format(identity);
  {
    const File file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.is_open()) return disk("write", fresh);
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t size = ::write(file.fd(), text.expose().data() + at, text.size() - at);
      if (size < 0) return disk("write", fresh);
      at += static_cast<std::size_t>(size);
    }
    if (::fsync(file.fd()) != 0) return disk("sync", fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return disk("replace", path);
  // The new name, and the directory itself when it is new, must outlive a crash, too.
  for (const std::string& name : {directory, directory.substr(0, directory.rfind('/'))}) {
    const File folder(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open() || ::fsync(folder.fd()) != 0) return disk("sync", name);
  }
  return {};
}

}  // namespace coffer::app
