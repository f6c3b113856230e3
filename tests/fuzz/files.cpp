// Files that come from elsewhere: a backup that is restored or looked at, and an audit trail that somebody may have
// written to. Only what the keys made is taken for whole.

#include <filesystem>
#include <fstream>

#include "actors/audit_verify.hpp"
#include "actors/backup_file.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace coffer::fuzz {
namespace {

const crypto::Key& file_key() {
  static crypto::SeededRandom random(11);
  static const crypto::Key key = crypto::Key::generate(random);
  return key;
}

struct Backup {
  std::uint64_t rows = 0;
  bool whole = false;
  model::Code code = model::Code::ok;
};
/// Reads it all, in pieces of `step` bytes.
Backup read_backup(std::string_view bytes, std::size_t step) {
  using actors::BackupReader;
  Backup backup;
  BackupReader reader;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    reader.feed(bytes.substr(0, step));
    for (;;) {
      const auto kind = reader.next();
      if (!kind) return backup.code = kind.error().code, backup;
      if (!kind->has_value()) break;
      model::Status status;
      if (**kind == BackupReader::Kind::manifest) reader.use_key(file_key());
      if (**kind == BackupReader::Kind::rows) {
        const auto rows = reader.rows();
        if (rows) backup.rows += static_cast<std::uint64_t>(rows->rows_size());
        if (!rows) status = rows.error();
      } else if (**kind == BackupReader::Kind::end) {
        if (const auto end = reader.end(); !end) status = end.error();
      }
      if (!status) return backup.code = status.error().code, backup;
    }
  }
  const auto finished = reader.finish();
  backup.whole = finished.ok();
  if (!finished) backup.code = finished.error().code;
  return backup;
}

constexpr model::TimeMs kNow = 1'760'000'000'000;
constexpr const char* kFile = "audit-00000000000000000001.jsonl";

crypto::ChainSigner& signer() {
  static crypto::SeededRandom random(7);
  static crypto::ChainSigner made{crypto::Key::generate(random)};
  return made;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// A folder of this process with a trail of three records, and what is in it.
struct Trail {
  std::string path, file, head;
  Trail() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coffer-fuzz-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    auto directory = storage::AuditDirectory::open(path);
    require(directory.ok(), "there is a folder");
    crypto::SeededRandom random(7);
    actors::AuditTrailOptions options;
    options.cluster = "00ff";
    options.node = 1;
    auto trail = actors::AuditTrail::open(std::move(*directory), options,
                                          crypto::ChainSigner{crypto::Key::generate(random)}, kNow);
    require(trail.ok(), "there is a trail");
    for (const char* name : {"a", "b", "c"}) {
      (*trail)->add(kNow, std::string("\"kind\":\"request\",\"entry\":\"") + name + "\",\"outcome\":\"OK\"");
    }
    require((*trail)->checkpoint(kNow, [](std::string_view) {}).ok(), "it is signed");
    file = text_of(std::filesystem::path(path) / kFile);
    head = (*trail)->directory().head();
  }
  ~Trail() { std::filesystem::remove_all(path); }
};
Trail& trail() {
  static Trail made;
  return made;
}

}  // namespace

COFFER_FUZZ(backup_file) {
  const Backup whole = read_backup(input, input.size() + 1), slow = read_backup(input, 1), some = read_backup(input, 7);
  for (const Backup* other : {&slow, &some}) {
    require(whole.whole == other->whole && whole.rows == other->rows && whole.code == other->code,
            "how it arrives does not matter");
  }
  require(whole.whole || whole.code == model::Code::data_loss || whole.code == model::Code::unimplemented,
          "damage is called damage");
}

// The text of the file of a trail; an empty one is the trail as it was written.
COFFER_FUZZ(audit_trail) {
  Trail& written = trail();
  const std::string text = input.empty() ? written.file : std::string(input);
  std::ofstream(std::filesystem::path(written.path) / kFile, std::ios::binary | std::ios::trunc) << text;
  auto directory = storage::AuditDirectory::open(written.path);
  require(directory.ok() && directory->write_head(written.head).ok(), "there is a folder");
  const auto verdict = actors::verify_audit(*directory, {[](std::uint32_t) { return signer().public_key(); }, {}});
  require(verdict.ok(), "whatever stands in it, it can be looked at");
  require(verdict->problems.empty() == (text == written.file), "what was written is whole, and nothing else");
  model::AuditQuery query;
  query.entry = "a";
  query.outcome = "OK";
  const auto page = actors::search_audit(*directory, query, ~0ULL);
  require(page.ok() && page->lines.size() <= query.limit, "and be searched");
}

}  // namespace coffer::fuzz
