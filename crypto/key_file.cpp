// The seal that is a file: 64 hexadecimal digits, a key-encrypting key, beside the node or mounted into it. Read once
// at start; any thread.

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "crypto/key_ring.hpp"
#include "crypto/openssl.hpp"
#include "crypto/seal.hpp"
#include "crypto/wrap.hpp"

namespace coffer::crypto {
namespace {

constexpr std::uint32_t kSealFormat = 1;
constexpr std::size_t kKeyDigits = 2 * Key::kSize;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

model::Error bad_file(const std::string& path, const std::string& what) {
  return {model::Code::invalid_argument, "The key file " + path + " " + what};
}
model::Error failed_file(const std::string& path, const std::string& what) {
  return {model::Code::disk_error, "The key file " + path + " " + what + ": " + std::strerror(errno) + "."};
}

/// What a person may compare: it says which key a file holds and nothing about the key.
std::string fingerprint(const Key& key) { return hex(derive(key, "coffer key file fingerprint").bytes().substr(0, 8)); }

/// Text of a record, for an error: only when it is harmless to print.
std::string printable(const std::string& text) {
  const bool plain = !text.empty() && text.size() <= 32 &&
                     text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  return plain ? text : "unknown";
}

class KeyFileSeal final : public Seal {
 public:
  KeyFileSeal(std::string path, const Key& file_key)
      : path_(std::move(path)), fingerprint_(fingerprint(file_key)), wrapping_(derive(file_key, "coffer root key")) {}

  std::string_view kind() const override { return kKeyFileSeal; }

  model::Result<store::v1::SealRecord> wrap(const Key& root, std::string_view cluster_id, Random& random) override {
    store::v1::SealRecord record;
    record.set_kind(std::string(kKeyFileSeal));
    record.set_name(fingerprint_);
    fill_seal(record, wrapping_, root, cluster_id, random);
    return record;
  }

  model::Result<Key> unwrap(const store::v1::SealRecord& record, std::string_view cluster_id) override {
    if (auto status = check_format("seal's record", record.format(), kSealFormat); !status.ok()) return status.error();
    if (record.kind() != kKeyFileSeal) {
      return mismatch("is not what seals this cluster: its root key is behind a seal of kind " +
                      printable(record.kind()) + ".");
    }
    if (record.name() != fingerprint_) {
      return mismatch("does not open this cluster: it holds key " + fingerprint_ +
                      ", and the root key is sealed with key " + printable(record.name()) + ".");
    }
    auto root = open_seal(record, wrapping_, cluster_id);
    if (root.ok()) return root;
    return model::Error(model::Code::data_loss,
                        "The key file " + path_ +
                            " is the right one, but the sealed root key does not open with it: the "
                            "stored record was altered, or it is of another cluster.");
  }

 private:
  model::Error mismatch(const std::string& what) const {
    return {model::Code::key_mismatch, "The key file " + path_ + " " + what};
  }

  const std::string path_;
  const std::string fingerprint_;
  const Key wrapping_;
};

/// Reads at most out.size() bytes; -1 on an error.
ssize_t read_all(int fd, model::Secret& out) {
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t n = ::read(fd, out.expose_mutable() + have, out.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(have);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool sync_directory_of(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.valid() && ::fsync(fd.get()) == 0;
}

}  // namespace

model::Result<std::unique_ptr<Seal>> open_key_file_seal(const std::string& path) {
  // Without O_NONBLOCK a named pipe in the place of the file would hang the start.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) return bad_file(path, "does not exist.");
    return bad_file(path, std::string("cannot be opened: ") + std::strerror(errno) + ".");
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return failed_file(path, "cannot be examined");
  if (!S_ISREG(info.st_mode)) return bad_file(path, "is not a regular file.");
  if ((info.st_mode & 077) != 0) {
    return bad_file(path,
                    "can be used by others than its owner; say chmod 600, and make a new key if others had access.");
  }
  model::Secret text = model::Secret::of_size(kKeyDigits + 2);  // one byte more than right, to see a longer file
  const ssize_t size = read_all(fd.get(), text);
  if (size < 0) return failed_file(path, "cannot be read");
  std::string_view digits = text.expose().substr(0, static_cast<std::size_t>(size));
  if (digits.size() == kKeyDigits + 1 && digits.back() == '\n') digits.remove_suffix(1);
  model::Secret raw = model::Secret::of_size(Key::kSize);
  if (!from_hex_into(digits, raw.expose_mutable(), raw.size())) {
    return bad_file(path, "is malformed: it must hold 64 hexadecimal digits and a newline.");
  }
  return std::unique_ptr<Seal>(std::make_unique<KeyFileSeal>(path, Key::from_bytes(raw.expose())));
}

model::Status create_key_file(const std::string& path, Random& random) {
  const Key key = Key::generate(random);
  model::Secret text = model::Secret::of_size(kKeyDigits + 1);
  hex_into(key.bytes(), text.expose_mutable());
  text.expose_mutable()[kKeyDigits] = '\n';
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    if (errno == EEXIST) return bad_file(path, "exists already; it is not overwritten.");
    return bad_file(path, std::string("cannot be made: ") + std::strerror(errno) + ".");
  }
  // fchmod, because the umask may have taken the owner's own rights.
  if (::fchmod(fd.get(), 0600) == 0 && write_all(fd.get(), text.expose()) && ::fsync(fd.get()) == 0 &&
      sync_directory_of(path)) {
    return {};
  }
  model::Error error = failed_file(path, "cannot be written");
  ::unlink(path.c_str());  // no half a key stays behind
  return error;
}

}  // namespace coffer::crypto
