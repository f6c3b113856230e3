// See operator_token.hpp.

#include "actors/operator_token.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/token.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

model::Result<Operator> operator_of_file(const std::string& path, const crypto::KeyRing& ring, crypto::Random& random,
                                         model::TimeMs now, bool dev) {
  Operator op{dev ? "dev-root" : "first-operator", {}, now, dev};
  if (std::ifstream in(path); in) {
    std::string text;
    in >> text;
    auto claims = crypto::verify_token(ring, text);
    model::wipe(text.data(), text.size());
    if (!claims || !claims->tenant.is_zero()) {
      return Error(Code::key_mismatch, path + " holds no operator token of this cluster; remove it to get a new one");
    }
    op.token_hash = claims->id_hash;
    return op;
  }
  const crypto::MintedToken minted = crypto::mint_token(ring, model::TenantId{}, random);
  op.token_hash = minted.id_hash;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Error(Code::disk_error, "cannot create " + path + ": " + std::strerror(errno));
  model::Secret line(minted.text.expose());
  line.append("\n");
  const bool written =
      ::write(fd, line.expose().data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written) {
    ::unlink(path.c_str());
    return Error(Code::disk_error, "cannot write " + path);
  }
  return op;
}

}  // namespace coffer::actors
