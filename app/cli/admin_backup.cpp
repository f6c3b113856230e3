// coffer admin backup create|verify|restore, coffer admin tenants export|import.

#include <sys/resource.h>

#include "app/cli/connection.hpp"
#include "app/cli/files.hpp"
#include "app/cli/holder_input.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/restore.hpp"
#include "app/text.hpp"
#include "coffer/admin/v1/backup.grpc.pb.h"
#include "crypto/encoding.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"
#include "storage/steady_file.hpp"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

constexpr int kNiceness = 10;
constexpr std::size_t kImportPiece = 512 << 10;
constexpr int kMostImports = 5;  // of one file, when each is cut off

struct BackupOptions {
  ConnectionOptions connection{.target = Target::admin};
  HolderOptions holder;
  std::string file = "-", data, config_file, seal_key_file, tenant, name, private_key_file, receiving_key;
  std::vector<std::string> tenants, share_files;
  bool to_owner = false;
};
using BackupOptionsPtr = std::shared_ptr<BackupOptions>;

/// A file that is either whole or not there, or stdout.
class Sink {
 public:
  Sink(std::string path, Io& io) : path_(std::move(path)), io_(io) {}
  Outcome open() {
    if (path_ == "-") return std::nullopt;
    auto file = storage::SteadyFile::create(path_);
    if (!file) return Failure(file.error());
    file_.emplace(std::move(*file));
    return std::nullopt;
  }
  Outcome write(std::string_view bytes) {
    if (file_) return outcome(file_->write(bytes));
    io_.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return io_.out ? std::nullopt : Outcome(Failure(Exit::failed, "stdout takes no more"));
  }
  Outcome finish() {
    if (file_) return outcome(file_->finish());
    io_.out.flush();
    return io_.out ? std::nullopt : Outcome(Failure(Exit::failed, "stdout takes no more"));
  }

 private:
  static Outcome outcome(const model::Status& status) {
    return status ? std::nullopt : Outcome(Failure(status.error()));
  }
  const std::string path_;
  Io& io_;
  std::optional<storage::SteadyFile> file_;
};

/// Piece after piece until the end; a lost answer is asked for again by its number.
Outcome receive(Connection& connection, admin::Backup::Stub& stub, const std::string& id, Sink& sink) {
  if (auto failure = sink.open()) return failure;
  // On the server's own machine what it has to do for others goes first.
  ::setpriority(PRIO_PROCESS, 0, kNiceness);
  admin::ReadBackupRequest request;
  request.set_id(id);
  for (std::uint64_t sequence = 0;; ++sequence) {
    request.set_sequence(sequence);
    admin::BackupPiece piece;
    if (auto failure =
            connection.call("read the backup", [&](auto* context) { return stub.Read(context, request, &piece); })) {
      return failure;
    }
    if (auto failure = sink.write(piece.data())) return failure;
    if (piece.last()) return sink.finish();
  }
}

Outcome create(const BackupOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Backup::NewStub(connection->channel());
  admin::StartBackupRequest request;
  for (const auto& tenant : o.tenants) request.add_tenants(tenant);
  admin::BackupStream stream;
  failure = connection->call("start a backup", [&](auto* context) { return stub->Start(context, request, &stream); });
  if (failure) return failure;
  Sink sink(o.file, io);
  failure = receive(*connection, *stub, stream.id(), sink);
  if (!failure && o.file != "-") io.err << "the backup is in " << o.file << "\n";
  return failure;
}

Outcome export_tenant(const BackupOptions& o, Io& io) {
  admin::ExportTenantRequest request;
  request.set_tenant(o.tenant);
  request.set_to_owner(o.to_owner);
  if (!o.receiving_key.empty()) {
    std::string key(32, '\0');
    if (!crypto::from_hex_into(o.receiving_key, key.data(), key.size())) {
      return Failure(Exit::usage, "--to-key: an X25519 public key has 64 hexadecimal digits");
    }
    request.set_receiving_key(key);
  }
  if (!o.to_owner && o.receiving_key.empty()) {
    if (o.holder.passphrase_file.empty() && !io.in_is_terminal) {
      return Failure(Exit::usage, "say for whom: --passphrase-file, --to-key or --to-owner");
    }
    auto given = o.holder.passphrase_file.empty() ? io.read_hidden("Passphrase of the file: ")
                                                  : read_line_of(o.holder.passphrase_file, io);
    if (!given) return Failure(given.error());
    request.set_passphrase(std::string(given->expose()));
  }
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Backup::NewStub(connection->channel());
  admin::BackupStream stream;
  failure = connection->call("export tenant " + o.tenant,
                             [&](auto* context) { return stub->Export(context, request, &stream); });
  if (failure) return failure;
  Sink sink(o.file, io);
  return receive(*connection, *stub, stream.id(), sink);
}

/// 32 raw bytes, as CreateBucket answers them, or their hexadecimal digits.
model::Result<model::Secret> read_private_key(const std::string& path, Io& io) {
  auto bytes = read_file(path, 4096);
  if (!bytes) return bytes.error();
  if (bytes->size() != 32) bytes = read_line_of(path, io);
  if (!bytes) return bytes.error();
  model::Secret key = *bytes;
  if (key.size() == 64) {
    key = model::Secret::of_size(32);
    if (!crypto::from_hex_into(bytes->expose(), key.expose_mutable(), key.size())) key = model::Secret();
  }
  if (key.size() == 32) return key;
  return model::Error(model::Code::invalid_argument, path + " holds no X25519 private key of 32 bytes");
}

/// From the file's beginning to the tenant. What is answered ABORTED was cut off, and leaves nothing: it may be begun anew.
Outcome import_once(const BackupOptions& o, Connection& connection, const admin::ImportTenantRequest& begin,
                    admin::ImportedTenant& imported, bool& cut_off) {
  auto file = open_backup_file(o.file);
  if (!file) return Failure(file.error());
  const auto stub = admin::Backup::NewStub(connection.channel());
  const auto call = [&](const char* what, const Connection::Attempt& attempt) {
    const auto noted = [&](grpc::ClientContext* context) {
      const auto status = attempt(context);
      cut_off = status.error_code() == grpc::StatusCode::ABORTED;
      return status;
    };
    return connection.call(what, noted, {{grpc::StatusCode::ABORTED, "the same command once more"}});
  };
  admin::ImportStream stream;
  auto failure = call("begin the import", [&](auto* context) { return stub->Import(context, begin, &stream); });
  if (failure) return failure;
  admin::WriteImportRequest write;
  write.set_id(stream.id());
  std::uint64_t sequence = 0;
  for (;;) {
    auto bytes = (*file)();
    if (!bytes) return Failure(bytes.error());
    if (bytes->empty()) break;
    for (std::size_t at = 0; at < bytes->size(); at += kImportPiece) {
      write.set_sequence(sequence++);
      write.set_data(bytes->substr(at, kImportPiece));
      failure = call("import the file", [&](auto* context) { return stub->Write(context, write, &stream); });
      if (failure) return failure;
    }
  }
  admin::FinishImportRequest finish;
  finish.set_id(stream.id());
  return call("finish the import", [&](auto* context) { return stub->FinishImport(context, finish, &imported); });
}

Outcome import_tenant(const BackupOptions& o, Io& io) {
  admin::ImportTenantRequest begin;
  begin.set_name(o.name);
  if (!o.private_key_file.empty()) {
    const auto key = read_private_key(o.private_key_file, io);
    if (!key) return Failure(key.error());
    begin.set_private_key(std::string(key->expose()));
  } else {
    auto given = o.holder.passphrase_file.empty() && io.in_is_terminal
                     ? io.read_hidden("Passphrase of the file: ")
                     : read_line_of(o.holder.passphrase_file.empty() ? "-" : o.holder.passphrase_file, io);
    if (!given) return Failure(given.error());
    begin.set_passphrase(std::string(given->expose()));
  }
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::ImportedTenant imported;
  for (int times = 1;; ++times) {
    bool cut_off = false;
    failure = import_once(o, *connection, begin, imported, cut_off);
    if (!cut_off || o.file == "-" || times == kMostImports) break;
    io.err << "coffer: " << failure->what << "; beginning anew\n" << std::flush;
  }
  if (!failure) {
    io.out << "tenant " << imported.name() << " (" << imported.id() << ") is imported with " << imported.entries()
           << " secrets\n";
  }
  return failure;
}

/// The seal that is given; `wants` is false when none is.
model::Result<BackupOpener> opener_of(const BackupOptions& o, Io& io, bool& wants) {
  BackupOpener opener;
  ServerOverrides overrides;
  overrides.config_file = o.config_file;
  overrides.manual_seal = true;
  overrides.insecure = true;
  if (!o.seal_key_file.empty()) overrides.seal_key_file = o.seal_key_file;
  if (!o.data.empty()) overrides.data = o.data;
  const auto file = load_config(overrides);
  if (!file.problems.empty())
    return model::Error(model::Code::invalid_argument, to_string(file.problems[0], o.config_file));
  opener.config = file.config;
  for (const auto& path : o.share_files) {
    auto share = read_line_of(path, io);
    if (!share) return share.error();
    opener.shares.push_back(std::move(*share));
  }
  if (!o.holder.passphrase_file.empty()) {
    auto passphrase = read_line_of(o.holder.passphrase_file, io);
    if (!passphrase) return passphrase.error();
    opener.passphrase = std::move(*passphrase);
  }
  if (!o.private_key_file.empty()) {
    auto key = read_private_key(o.private_key_file, io);
    if (!key) return key.error();
    opener.private_key = std::move(*key);
  }
  wants = !opener.private_key.empty() || !opener.shares.empty() || !opener.passphrase.empty() ||
          !opener.config.seal_key_file.empty() || !opener.config.seal.pkcs11.module.empty();
  return opener;
}

void print(const actors::BackupSummary& summary, const char* what, Io& io) {
  Record record;
  record.add("backup", what);
  record.add("kind", summary.kind);
  record.add("cluster", summary.cluster_id);
  record.add("made by", summary.program);
  record.add("made at", show_time(true, to_timestamp(summary.created_at_ms)));
  if (summary.opened) {
    record.add("tenants", std::to_string(summary.tenants));
    if (summary.checked) {
      record.add("entries", std::to_string(summary.entries));
      record.add("values", std::to_string(summary.versions));
    }
    record.add("rows", std::to_string(summary.rows));
    record.add("bytes", std::to_string(summary.bytes));
  }
  record.print(io.out);
}

Outcome verify(const BackupOptions& o, Io& io) {
  bool wants = false;
  auto opener = opener_of(o, io, wants);
  if (!opener) return Failure(opener.error());
  if (wants && o.file == "-") {
    return Failure(Exit::usage, "stdin is read only once, and opening every row takes two readings",
                   "give a file, or no seal: then the checksums are compared");
  }
  const auto summary = verify_file(o.file, wants ? &*opener : nullptr);
  if (!summary) return Failure(summary.error());
  const char* const opener_of_kind = summary->kind == "export" ? "--passphrase-file or --private-key-file"
                                                               : "--seal-key, --share-file or --passphrase-file";
  print(*summary, wants ? "whole, and every row opens" : "whole by its checksums; no row was opened", io);
  if (!wants) io.err << "Give what opens it, and every row is opened as well: " << opener_of_kind << "\n";
  return std::nullopt;
}

Outcome restore(const BackupOptions& o, Io& io) {
  bool wants = false;
  auto opener = opener_of(o, io, wants);
  if (!opener) return Failure(opener.error());
  if (!wants) return Failure(Exit::usage, "say what opens the backup", "--seal-key, --share-file or --passphrase-file");
  const auto summary = restore_into(opener->config, o.file, *opener, o.tenant);
  if (!summary) return Failure(summary.error());
  print(*summary, ("restored into " + opener->config.data_dir).c_str(), io);
  return std::nullopt;
}

void add_opener(CLI::App* command, const BackupOptionsPtr& o) {
  command->add_option("--config", o->config_file, "The server's settings (data directory, seal)")->type_name("FILE");
  command->add_option("--seal-key", o->seal_key_file, "Key file that opens it")->type_name("FILE");
  add_repeated(command, "--share-file", o->share_files, "A share that opens it; once for each")->type_name("FILE");
  command->add_option("--passphrase-file", o->holder.passphrase_file, "Passphrase that opens it")->type_name("FILE");
}

}  // namespace

void add_admin_backup(CLI::App& root, Program& program) {
  auto* backup = root.add_subcommand("backup", "Backups: consistent, sealed, checked.");
  backup->require_subcommand(1);

  auto c = std::make_shared<BackupOptions>();
  auto* command = backup->add_subcommand("create", "Write a backup of all tenants, or of some, while they are used.");
  command->add_option("--out", c->file, "File (default: stdout)")->type_name("FILE");
  add_repeated(command, "--tenant", c->tenants, "Only this tenant; may be repeated")->type_name("TENANT");
  add_connection(command, c->connection);
  program.on(command, [c, &program] { return create(*c, program.io); });

  auto v = std::make_shared<BackupOptions>();
  command = backup->add_subcommand("verify", "Read a backup to its end without restoring it.");
  command->add_option("FILE", v->file, "The backup (- is stdin)")->required()->type_name("");
  add_opener(command, v);
  command->add_option("--private-key-file", v->private_key_file, "X25519 private key that opens an exported tenant")
      ->type_name("FILE");
  program.on(command, [v, &program] { return verify(*v, program.io); });

  auto r = std::make_shared<BackupOptions>();
  command = backup->add_subcommand("restore", "Make a new node's data of a backup, of all tenants or of one.");
  command->add_option("FILE", r->file, "The backup (- is stdin)")->required()->type_name("");
  command->add_option("--data", r->data, "Data directory; new or empty")->type_name("DIR");
  command->add_option("--tenant", r->tenant, "Only this tenant")->type_name("TENANT");
  add_opener(command, r);
  program.on(command, [r, &program] { return restore(*r, program.io); });
}

void add_admin_transfer(CLI::App& tenants, Program& program) {
  auto e = std::make_shared<BackupOptions>();
  auto* command = tenants.add_subcommand("export", "Write a tenant to a file for another cluster.");
  command->add_option("TENANT", e->tenant, "The tenant's name")->required()->type_name("");
  command->add_option("--out", e->file, "File (default: stdout)")->type_name("FILE");
  command->add_option("--passphrase-file", e->holder.passphrase_file, "For whoever knows this passphrase")
      ->type_name("FILE");
  command->add_option("--to-key", e->receiving_key, "For the holder of this X25519 public key")->type_name("HEX");
  command->add_flag("--to-owner", e->to_owner, "For the owner of the bucket, who has its pkey");
  add_connection(command, e->connection);
  program.on(command, [e, &program] { return export_tenant(*e, program.io); });

  auto i = std::make_shared<BackupOptions>();
  command = tenants.add_subcommand("import", "Take a tenant in from an exported file.");
  command->add_option("FILE", i->file, "The file (- is stdin)")->required()->type_name("");
  command->add_option("--name", i->name, "Another name for it")->type_name("TENANT");
  command->add_option("--passphrase-file", i->holder.passphrase_file, "The file's passphrase")->type_name("FILE");
  command
      ->add_option("--private-key-file", i->private_key_file, "The receiving key's private half, or the bucket's pkey")
      ->type_name("FILE");
  add_connection(command, i->connection);
  program.on(command, [i, &program] { return import_tenant(*i, program.io); });
}

}  // namespace coffer::app::cli
