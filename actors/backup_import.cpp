// Importing a tenant from an exported file; see backup_sessions.hpp. Its rows are written as they come, for nobody can
// reach them yet; its keys, its header and its place in the directory come last, when the file's end was seen.

#include "actors/backup_sessions.hpp"
#include "actors/records.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kMostImports = 2;

/// A mark alone is what a tenant leaves where it once was.
bool holds_rows(const storage::TenantRows& rows) {
  auto scan = rows.scan("", "");
  if (scan->valid() && rows.row_of(scan->key()) == storage::kMoveRow) scan->next();
  return scan->valid();
}

Error another_order(const char* what) {
  return {Code::data_loss, std::string("the file is no exported tenant: ") + what};
}

}  // namespace

model::Result<model::ReplyBody> BackupSessions::begin_import(const model::ImportTenant& import) {
  if (!import.name.empty()) {
    if (auto status = model::check_tenant_name(import.name); !status) return status.error();
  }
  if (import.passphrase.empty() == import.private_key.empty()) {
    return Error(Code::invalid_argument, "give a passphrase, or a private key: one of both");
  }
  if (imports_.size() >= kMostImports) return Error(Code::overloaded, "two imports are under way already");
  model::StreamReply reply;
  reply.id = crypto::hex(random_.bytes(16));
  Importing importing;
  importing.name = import.name;
  importing.passphrase = import.passphrase;
  importing.private_key = import.private_key;
  importing.used = Clock::now();
  imports_.emplace(reply.id, std::move(importing));
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> BackupSessions::write_import(const model::WriteImport& write) {
  auto found = imports_.find(write.id);
  if (found == imports_.end()) return Error(Code::entry_not_found, "there is no such import under way; begin again");
  Importing& import = found->second;
  import.used = Clock::now();
  model::StreamReply reply;
  reply.id = write.id;
  if (write.sequence + 1 == import.sequence) {  // it was taken, and the answer was lost
    reply.sequence = import.sequence;
    return model::ReplyBody(std::move(reply));
  }
  if (write.sequence != import.sequence) {
    return Error(Code::invalid_argument, "sequence: piece " + std::to_string(import.sequence) + " is next");
  }
  import.reader.feed(write.data);
  model::Status status;
  for (;;) {
    auto kind = import.reader.next();
    if (!kind) status = kind.error();
    if (!status || !kind->has_value()) break;
    status = take(import, **kind);
    if (!status) break;
  }
  if (!status) {
    import.used = {};  // tidy() removes what it wrote
    return status.error();
  }
  reply.sequence = ++import.sequence;
  return model::ReplyBody(std::move(reply));
}

model::Status BackupSessions::take(Importing& import, BackupReader::Kind kind) {
  if (kind == BackupReader::Kind::manifest) {
    const store::v1::BackupManifest& manifest = import.reader.manifest();
    if (manifest.kind() != "export") {
      return Error(Code::invalid_argument, "the file is a backup of a cluster: it is restored, not imported");
    }
    auto key = import.passphrase.empty() ? crypto::open_private_key_slot(manifest, import.private_key)
                                         : crypto::open_passphrase_slot(manifest, import.passphrase);
    if (!key) return key.error();
    import.reader.use_key(*key);
    import.file_key = std::move(*key);
    return {};
  }
  if (kind == BackupReader::Kind::end) {
    auto end = import.reader.end();
    if (!end) return end.error();
    import.ended = true;
    return {};
  }
  auto rows = import.reader.rows();
  if (!rows) return rows.error();
  if (!import.keys) return take_first(import, *rows);
  return take_rows(import, *rows);
}

model::Status BackupSessions::take_first(Importing& import, const store::v1::BackupRows& rows) {
  if (!rows.has_keys() || rows.directory().id() != rows.tenant()) return another_order("its keys do not come first");
  const model::TenantId id = model::TenantId::from_raw(rows.tenant());
  // The same tenant may not be here already, deleted or not: its rows would be written over.
  std::vector<model::GroupId> led;
  for (std::uint64_t group = 1; group <= host_.data_groups(); ++group) {
    const storage::TenantRows there(host_.state(), model::GroupId{group}, host_.generation(model::GroupId{group}), id);
    if (holds_rows(there)) {
      return Error(Code::tenant_exists, "this very tenant is in the cluster already; purge it before it is imported");
    }
    if (host_.leads(model::GroupId{group})) led.push_back(model::GroupId{group});
  }
  if (led.empty()) return Error(Code::unavailable, "this node leads no group that could take the tenant; ask another");
  const std::string name = import.name.empty() ? rows.directory().name() : import.name;
  auto taken = ask(host_, {}, model::DirectoryOperation(model::GetTenant{name}));
  if (taken) return Error(Code::tenant_exists, "there is a tenant " + name + "; import it under another name");
  if (taken.error().code != Code::tenant_not_found) return taken.error();
  import.keys = rows.keys();
  const crypto::Key wrapping = crypto::derive(*import.file_key, "coffer exported keys");
  if (auto status = host_.ring()->rewrap_from(wrapping, id, *import.keys, random_); !status) return status;
  import.group = led[static_cast<unsigned char>(random_.bytes(1)[0]) % led.size()];
  import.directory = rows.directory();
  import.directory.set_name(name);
  import.directory.set_group(static_cast<std::uint32_t>(import.group.value));
  import.directory.set_state(1);
  import.directory.set_moves(0);
  import.directory.set_moving_to(0);
  import.directory.set_moved_from(0);
  import.directory.clear_former_groups();
  return {};
}

model::Status BackupSessions::take_rows(Importing& import, const store::v1::BackupRows& rows) {
  if (rows.tenant() != import.directory.id()) return another_order("it holds rows of somebody else");
  std::vector<storage::RowChange> changes;
  for (const auto& row : rows.rows()) {
    if (row.key() == storage::kKeysRow || row.key() == storage::kMoveRow) continue;
    if (row.key() == storage::kHeaderRow) {
      auto header = decode_header(row.value());
      if (!header) return header.error();
      header->set_epoch(header->epoch() + 1);
      header->set_continuous_epoch(0);  // the file may lack what came behind it
      header->set_moves(0);
      import.entries = header->entries();
      import.header = std::move(*header);
      continue;
    }
    changes.push_back({row.key(), row.value()});
  }
  if (changes.empty()) return {};
  return host_.write_rows(import.group, model::TenantId::from_raw(rows.tenant()), std::move(changes), "import-tenant");
}

model::Result<model::ReplyBody> BackupSessions::finish_import(const model::FinishImport& finish) {
  auto found = imports_.find(finish.id);
  if (found == imports_.end()) return Error(Code::entry_not_found, "there is no such import under way; begin again");
  Importing& import = found->second;
  if (auto status = import.reader.finish(); !status) return status.error();
  if (!import.ended || !import.keys || !import.header) return another_order("it lacks its keys or its header");
  const model::TenantId id = model::TenantId::from_raw(import.directory.id());
  auto status = host_.write_rows(import.group, id,
                                 {{storage::kKeysRow, import.keys->SerializeAsString()},
                                  {storage::kHeaderRow, import.header->SerializeAsString()},
                                  {storage::kMoveRow, std::nullopt}},
                                 "import-tenant");
  if (!status) return status.error();
  auto adopted = ask(host_, {}, model::DirectoryOperation(model::AdoptTenant{import.directory.SerializeAsString()}));
  if (!adopted) return adopted.error();
  model::StreamReply reply;
  reply.id = to_string(id);
  reply.name = import.directory.name();
  reply.entries = import.entries;
  imports_.erase(found);
  return model::ReplyBody(std::move(reply));
}

}  // namespace coffer::actors
