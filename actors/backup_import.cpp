// Importing a tenant from an exported file; see backup_sessions.hpp. Its place in the directory is reserved first; its rows
// are written as they come, for nobody can reach them yet; its keys, its header and the directory's word that it is a tenant
// come last, when the file's end was seen. An import that ends before leaves a tenant to be purged.

#include "actors/backup_sessions.hpp"

#include <algorithm>

#include "actors/disk_watch.hpp"
#include "actors/import_steps.hpp"
#include "actors/new_life.hpp"
#include "actors/records.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::ptrdiff_t kMostImports = 2;
constexpr std::chrono::hours kLongestImport{20};  // the directory keeps the place for a day
constexpr std::chrono::seconds kImportAnswer{3};  // a node that stops waits for a question that nobody answers any more
constexpr std::chrono::seconds kTellOfImports{5};

/// A mark alone is what a tenant leaves where it once was.
bool holds_rows(const storage::TenantRows& rows) {
  auto scan = rows.scan("", "");
  if (scan->valid() && rows.row_of(scan->key()) == storage::kMoveRow) scan->next();
  return scan->valid();
}

/// May the question have been heard although nothing says so?
bool may_be_done(const Error& error) {
  return error.code == Code::outcome_unknown || error.code == Code::unavailable ||
         error.code == Code::deadline_exceeded || error.code == Code::overloaded;
}

/// Whoever says when to ask again has done nothing: the tenant is still being purged, or this node leads nothing yet.
bool is_to_wait(const Error& error) { return error.code == Code::unavailable && error.retry_after_s != 0; }

constexpr char kImportAgain[] = "; what came of the tenant goes by itself: import the file again";

/// Another node leads the group that takes the tenant by now, or nobody knows how far it came. Whoever begins anew finds a
/// leader; asking for the same piece again is of no use, so this is not *unavailable*.
Error cut_off(const Error& error) {
  if (error.code != Code::unavailable && error.code != Code::outcome_unknown) return error;
  return {Code::cas_mismatch, "the import was cut off: " + std::string(error.message()) + kImportAgain};
}

/// What another life of this node was importing it does not know any more, nor what nobody went on with for too long.
Error not_known() {
  return {
      Code::cas_mismatch,
      std::string("the import was cut off: this node knows of none, for it has started anew, or nobody continued the "
                  "import for two minutes") +
          kImportAgain};
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
  const auto is_alive = [](const auto& one) { return !one.second.failure; };
  if (std::count_if(imports_.begin(), imports_.end(), is_alive) >= kMostImports) {
    return Error(Code::overloaded, "two imports are under way already");
  }
  model::StreamReply reply;
  reply.id = crypto::hex(random_.bytes(16));
  Importing importing;
  importing.name = import.name;
  importing.passphrase = import.passphrase;
  importing.private_key = import.private_key;
  importing.begun = importing.used = Clock::now();
  imports_.emplace(reply.id, std::move(importing));
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> BackupSessions::write_import(const model::WriteImport& write) {
  auto found = imports_.find(write.id);
  if (found == imports_.end()) return not_known();
  Importing& import = found->second;
  if (import.failure) return *import.failure;
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
  model::Status status;
  if (import.first) {  // the piece was taken, and its tenant was still being purged
    status = take_first(import);
  } else {
    import.reader.feed(write.data);
  }
  if (Clock::now() - import.begun > kLongestImport) {
    status = Error(Code::deadline_exceeded, "the import has taken too long; begin again");
  }
  while (status) {
    auto kind = import.reader.next();
    if (!kind) status = kind.error();
    if (!status || !kind->has_value()) break;
    status = take(import, **kind);
    if (!status) break;
  }
  if (!status && is_to_wait(status.error())) return status.error();
  if (!status) return fail(import, cut_off(status.error()));
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
  if (import.keys) return take_rows(import, *rows);
  import.first = std::move(*rows);
  return take_first(import);
}

model::Status BackupSessions::take_first(Importing& import) {
  const store::v1::BackupRows& rows = *import.first;
  if (!rows.has_keys() || rows.directory().id() != rows.tenant()) return another_order("its keys do not come first");
  const model::TenantId id = model::TenantId::from_raw(rows.tenant());
  if (id.is_zero()) return another_order("its keys are nobody's");
  std::vector<model::GroupId> led;
  for (std::uint64_t group = 1; group <= host_.data_groups(); ++group) {
    if (host_.leads(model::GroupId{group})) led.push_back(model::GroupId{group});
  }
  if (led.empty())
    return Error(Code::unavailable, "this node leads no group that could take the tenant; ask another", 1);
  const crypto::Key wrapping = crypto::derive(*import.file_key, "coffer exported keys");
  store::v1::TenantKeysRecord keys = rows.keys();  // whether they open; they are wrapped when all is there
  if (auto status = host_.ring()->rewrap_from(wrapping, id, keys, random_); !status) return status;
  import.group = led[static_cast<unsigned char>(random_.bytes(1)[0]) % led.size()];
  import.directory = rows.directory();
  if (!import.name.empty()) import.directory.set_name(import.name);
  import.directory.set_group(static_cast<std::uint32_t>(import.group.value));
  // Greater than of every move that an earlier life of the tenant has left a mark of, in whatever group.
  import.directory.set_moves(first_move_of_life(std::chrono::system_clock::now()));
  import.directory.set_moving_to(0);
  import.directory.set_moved_from(0);
  import.directory.clear_former_groups();
  if (auto status = reserve(import, id, led); !status) return status;
  import.keys = rows.keys();
  import.first.reset();
  return {};
}

model::Status BackupSessions::reserve(Importing& import, const model::TenantId& id,
                                      const std::vector<model::GroupId>& led) {
  if (auto status = forget_begun(); !status) return status;
  store::v1::TenantRecord place = import.directory;
  place.set_format(import_steps::kFormat);
  place.set_state(import_steps::kReserve);
  place.set_importing_node(host_.self().value);
  const auto reserved = ask(host_, {}, model::DirectoryOperation(model::AdoptTenant{place.SerializeAsString()}));
  import.reserved = reserved.ok() || (may_be_done(reserved.error()) && !is_to_wait(reserved.error()));
  if (!reserved) return reserved.error();
  import.directory.set_state(1);
  import.directory.set_importing_node(0);
  // Nobody has the tenant: rows of it are what older versions left of imports that were cut off.
  for (const model::GroupId group : led) {
    if (auto status = host_.bring_up_to_date(group); !status) return status;
    const storage::TenantRows there(host_.state(), group, host_.generation(group), id);
    if (!holds_rows(there)) continue;
    if (auto status = remove_tenant_rows(host_, group, id, "import-leftovers"); !status) return status;
  }
  return {};
}

model::Status BackupSessions::take_rows(Importing& import, const store::v1::BackupRows& rows) {
  if (rows.tenant() != import.directory.id()) return another_order("it holds rows of somebody else");
  std::vector<storage::RowChange> changes;
  for (const auto& row : rows.rows()) {
    if (row.key() == storage::kKeysRow || row.key() == storage::kMoveRow) continue;
    // Their MACs are the exporting cluster's. Where that is this one, a token that was revoked since must not come back.
    if (row.key().starts_with(storage::kTokenRows) || row.key().starts_with(storage::kChangeRows)) continue;
    if (row.key() == storage::kHeaderRow) {
      auto header = decode_header(row.value());
      if (!header) return header.error();
      begin_new_life(*header, std::chrono::system_clock::now());  // the file may lack what came behind it
      header->set_moves(import.directory.moves());
      import.entries = header->entries();
      import.header = std::move(*header);
      continue;
    }
    changes.push_back({row.key(), row.value()});
  }
  if (changes.empty()) return {};
  // Not as one who is to wait: the piece is taken, and asking for it again would find the next one.
  if (host_.is_low_on_disk()) return Error(Code::unavailable, low_on_disk().detail);
  return host_.write_rows(import.group, model::TenantId::from_raw(rows.tenant()), std::move(changes), "import-tenant");
}

model::Status BackupSessions::write_last(Importing& import, const model::TenantId& id) {
  store::v1::TenantKeysRecord keys = *import.keys;
  const crypto::Key wrapping = crypto::derive(*import.file_key, "coffer exported keys");
  // Not sooner: the cluster's key may have been rotated since the import began, and retired.
  if (auto status = host_.ring()->rewrap_from(wrapping, id, keys, random_); !status) return status;
  return host_.write_rows(import.group, id,
                          {{storage::kKeysRow, keys.SerializeAsString()},
                           {storage::kHeaderRow, import.header->SerializeAsString()},
                           {storage::kMoveRow, std::nullopt}},
                          "import-tenant");
}

model::Result<model::ReplyBody> BackupSessions::finish_import(const model::FinishImport& finish) {
  auto found = imports_.find(finish.id);
  if (found == imports_.end()) return not_known();
  Importing& import = found->second;
  if (import.failure) return *import.failure;
  import.used = Clock::now();
  if (auto status = import.reader.finish(); !status) return fail(import, status.error());
  if (!import.ended || !import.keys || !import.header) {
    return fail(import, another_order("it lacks its keys or its header"));
  }
  const model::TenantId id = model::TenantId::from_raw(import.directory.id());
  if (!import.written) {  // once: when the directory's answer was lost, somebody may use the tenant already
    if (auto status = write_last(import, id); !status) {
      const bool may_go_on = may_be_done(status.error()) && host_.leads(import.group);
      return may_go_on ? status.error() : fail(import, cut_off(status.error()));
    }
    import.written = true;
  }
  auto adopted = ask(host_, {}, model::DirectoryOperation(model::AdoptTenant{import.directory.SerializeAsString()}));
  if (!adopted) return may_be_done(adopted.error()) ? adopted.error() : fail(import, adopted.error());
  model::StreamReply reply;
  reply.id = to_string(id);
  reply.name = import.directory.name();
  reply.entries = import.entries;
  imports_.erase(found);
  return model::ReplyBody(std::move(reply));
}

Error BackupSessions::fail(Importing& import, const Error& error) {
  if (import.reserved) given_up_.push_back(import.directory.id());
  import.reserved = false;
  import.failure = error;
  import.file_key.reset();
  return error;
}

/// What a former life of this node was importing: nobody goes on with it. Before this node's first import, or it would be
/// taken for one of those.
model::Status BackupSessions::forget_begun() {
  while (!forgot_begun_) {
    store::v1::TenantRecord all;
    all.set_format(import_steps::kFormat);
    all.set_id(std::string(16, '\0'));
    all.set_state(import_steps::kGiveUp);
    all.set_importing_node(host_.self().value);
    const auto told =
        ask(host_, {}, model::DirectoryOperation(model::AdoptTenant{all.SerializeAsString()}), kImportAnswer);
    if (!told && told.error().code != Code::tenant_not_found) return told.error();
    forgot_begun_ = !told;
  }
  return {};
}

void BackupSessions::give_up_imports() {
  tell_again_ = Clock::now() + kTellOfImports;
  if (!forget_begun()) return;
  std::erase_if(given_up_, [this](const std::string& id) {
    store::v1::TenantRecord record;
    record.set_format(import_steps::kFormat);
    record.set_id(id);
    record.set_state(import_steps::kGiveUp);
    record.set_importing_node(host_.self().value);
    const auto told =
        ask(host_, {}, model::DirectoryOperation(model::AdoptTenant{record.SerializeAsString()}), kImportAnswer);
    return told.ok() || told.error().code == Code::tenant_not_found;
  });
}

}  // namespace coffer::actors
