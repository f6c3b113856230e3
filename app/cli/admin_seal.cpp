// coffer admin seal status|now|add|verify|remove, coffer admin unseal, coffer admin operator-token.

#include "app/cli/confirm.hpp"
#include "app/cli/connection.hpp"
#include "app/cli/files.hpp"
#include "app/cli/holder_input.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "coffer/admin/v1/keys.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

struct SealOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  HolderOptions holder;
  std::string name, kind, key_file, out;
  std::uint32_t threshold = 0, shares = 0;
  bool replace = false, yes = false, revoke_others = false;
};
using SealOptionsPtr = std::shared_ptr<SealOptions>;

std::string describe(const admin::SealInfo& seal) {
  if (seal.threshold() != 0) {
    return "any " + std::to_string(seal.threshold()) + " of " + std::to_string(seal.shares()) + ", set " +
           seal.set_id();
  }
  return seal.detail();
}

void print(const admin::SealStatus& status, const OutputOption& output, std::ostream& out) {
  if (output.json()) {
    out << to_json(status);
    return;
  }
  Record record;
  record.add("cluster", status.cluster_id());
  record.add("state", status.sealed() ? "sealed" : "open");
  record.add("because", status.reason());
  if (status.sealed() && status.needed() != 0) {
    record.add("shares", std::to_string(status.given()) + " of " + std::to_string(status.needed()) + " given");
  }
  record.print(out);
  if (status.seals().empty()) return;
  Table table({"SEAL", "KIND", "CREATED", "WHAT OPENS IT"});
  for (const auto& seal : status.seals()) {
    table.add({seal.name(), seal.kind(), show_time(seal.has_created_at(), seal.created_at()), describe(seal)});
  }
  table.print(out);
}

const std::pair<grpc::StatusCode, std::string> kUnknownSeal{grpc::StatusCode::NOT_FOUND,
                                                            "see which there are: coffer admin seal status"};
const std::pair<grpc::StatusCode, std::string> kTakenSeal{
    grpc::StatusCode::ALREADY_EXISTS, "another name, or --replace to put it in the place of that one"};
/// Of calls whose callers prove themselves by what they give, without a token.
const std::pair<grpc::StatusCode, std::string> kWrongShare{
    grpc::StatusCode::UNAUTHENTICATED,
    "what was given before still counts; look whether the share or passphrase is one of this cluster's seals: coffer "
    "admin seal status"};

/// Calls one method of the Seal service.
template <class Request, class Reply>
Outcome call(const SealOptions& o, Io& io, const std::string& what, const Request& request, Reply& reply,
             grpc::Status (admin::Seal::Stub::*method)(grpc::ClientContext*, const Request&, Reply*)) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  const auto stub = admin::Seal::NewStub(connection->channel());
  Advice advice{kUnknownSeal, kTakenSeal};
  if (std::is_same_v<Request, admin::UnsealRequest> || std::is_same_v<Request, admin::RegenerateTokenRequest>) {
    advice.push_back(kWrongShare);
  }
  return connection->call(
      what, [&](auto* context) { return ((*stub).*method)(context, request, &reply); }, advice);
}

template <class Request>
Outcome call_and_print(const SealOptions& o, Io& io, const std::string& what, const Request& request,
                       grpc::Status (admin::Seal::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                 admin::SealStatus*)) {
  admin::SealStatus reply;
  auto failure = call(o, io, what, request, reply, method);
  if (!failure) print(reply, o.output, io.out);
  return failure;
}

Outcome unseal(const SealOptions& o, Io& io) {
  auto given = read_holder(o.holder, io);
  if (!given) return Failure(given.error());
  admin::UnsealRequest request;
  request.set_share(std::string(given->share.expose()));
  request.set_passphrase(std::string(given->passphrase.expose()));
  return call_and_print(o, io, "unseal the node", request, &admin::Seal::Stub::Unseal);
}

Outcome seal_now(const SealOptions& o, Io& io) {
  const std::string warning = "the node stops answering until it is unsealed by hand";
  if (auto refused = confirm(o.yes, warning, "seal", io)) return refused;
  admin::SealStatus ordered;
  if (auto failure = call(o, io, "seal the node", admin::SealRequest(), ordered, &admin::Seal::Stub::Seal))
    return failure;
  // The node ends what is under way, wipes the keys and starts anew; it says what it is when it has.
  return call_and_print(o, io, "see that it is sealed", admin::SealStatusRequest(), &admin::Seal::Stub::Status);
}

Outcome add(const SealOptions& o, Io& io) {
  admin::AddSealRequest request;
  request.set_name(o.name);
  request.set_kind(o.kind);
  request.set_threshold(o.threshold);
  request.set_shares(o.shares);
  request.set_key_file(o.key_file);
  request.set_replace(o.replace);
  if (o.kind == "passphrase") {
    auto given = read_holder(o.holder, io);
    if (!given) return Failure(given.error());
    request.set_passphrase(std::string(given->passphrase.expose()));
  }
  admin::AddSealResponse reply;
  const std::string what = o.name.empty() ? "add a " + o.kind + " seal" : "add the seal " + o.name;
  if (auto failure = call(o, io, what, request, reply, &admin::Seal::Stub::Add)) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  if (reply.shares().empty()) {
    io.out << "the seal " << reply.seal().name() << " (" << reply.seal().kind() << ") is in force";
    if (o.kind == "key-file" && !reply.seal().detail().empty()) io.out << ", " << reply.seal().detail();
    io.out << "\n";
    if (o.kind == "key-file") {
      if (!o.replace && !o.name.empty() && o.name != reply.seal().name()) {
        io.err << "A key file's seal is called by its fingerprint, not " << o.name << ".\n";
      }
      io.err << "A node opens by it when its seal.key_file names the file.\n";
    }
    return std::nullopt;
  }
  for (const auto& share : reply.shares()) io.out << share << "\n";
  io.err << "These shares are not shown again. They become a seal when " << reply.seal().threshold()
         << " of them were given back: coffer admin seal verify\n";
  return std::nullopt;
}

Outcome verify(const SealOptions& o, Io& io) {
  auto given = read_holder(o.holder, io);
  if (!given) return Failure(given.error());
  admin::VerifyShareRequest request;
  request.set_share(std::string(given->share.expose()));
  admin::VerifyShareResponse reply;
  if (auto failure = call(o, io, "verify the share", request, reply, &admin::Seal::Stub::VerifyShare)) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else if (reply.has_seal()) {
    io.out << "the seal " << reply.seal().name() << " is in force: " << describe(reply.seal()) << "\n";
  } else {
    io.out << reply.given() << " of " << reply.needed() << " shares are verified\n";
  }
  return std::nullopt;
}

Outcome remove(const SealOptions& o, Io& io) {
  const std::string warning =
      "the seal " + o.name + " opens the cluster no more; copies of the data from before still open with it";
  if (auto refused = confirm(o.yes, warning, o.name, io)) return refused;
  admin::RemoveSealRequest request;
  request.set_name(o.name);
  return call_and_print(o, io, "remove the seal " + o.name, request, &admin::Seal::Stub::Remove);
}

Outcome operator_token(const SealOptions& o, Io& io) {
  if (!o.out.empty()) {
    if (const auto status = check_new_file(o.out); !status) return Failure(status.error());
  }
  auto given = read_holder(o.holder, io);
  if (!given) return Failure(given.error());
  admin::RegenerateTokenRequest request;
  request.set_share(std::string(given->share.expose()));
  request.set_passphrase(std::string(given->passphrase.expose()));
  request.set_revoke_others(o.revoke_others);
  admin::RegenerateTokenResponse reply;
  if (auto failure = call(o, io, "make an operator's token", request, reply, &admin::Seal::Stub::RegenerateToken)) {
    return failure;
  }
  if (reply.token().empty()) {
    // Not to stdout, which may be the token's file.
    io.err << reply.given() << " of " << reply.needed() << " shares are given; the last one is answered the token\n";
    return std::nullopt;
  }
  if (o.out.empty()) {
    io.out << reply.token() << "\n";
    return std::nullopt;
  }
  if (auto status = write_private_file(o.out, reply.token() + "\n", Existing::kept); !status) {
    return Failure(Exit::usage, status.error().detail,
                   "the token is lost; revoke it (coffer admin operators list) and make another one");
  }
  io.out << "the token is in " << o.out << "\n";
  return std::nullopt;
}

CLI::App* add_command(CLI::App* parent, const char* name, const char* description, const SealOptionsPtr& o) {
  auto* command = parent->add_subcommand(name, description);
  add_output(command, o->output);
  add_connection(command, o->connection);
  return command;
}

}  // namespace

void add_admin_seal(CLI::App& root, Program& program) {
  auto* seal = root.add_subcommand("seal", "Seals: what keeps the root key while a node is down.");
  seal->require_subcommand(1);

  auto s = std::make_shared<SealOptions>();
  auto* command = add_command(seal, "status", "Show whether the node is sealed, and the seals.", s);
  program.on(command, [s, &program] {
    return call_and_print(*s, program.io, "look at the seals", admin::SealStatusRequest(), &admin::Seal::Stub::Status);
  });

  auto n = std::make_shared<SealOptions>();
  command =
      add_command(seal, "now", "Wipe the keys from the node's memory; it answers nothing until it is unsealed.", n);
  command->add_flag("-y,--yes", n->yes, "Do not ask");
  program.on(command, [n, &program] { return seal_now(*n, program.io); });

  auto a = std::make_shared<SealOptions>();
  command = add_command(seal, "add", "Add a seal around the same root key, or change one (--replace).", a);
  command
      ->add_option("NAME", a->name,
                   "Its name: a-z, 0-9 and '-' (a key file's is its fingerprint; with --replace: the one that goes)")
      ->type_name("");
  command->add_option("--kind", a->kind, "key-file, passphrase, shamir or pkcs11")
      ->required()
      ->type_name("key-file|passphrase|shamir|pkcs11");
  command->add_option("--shares", a->shares, "Of a shamir set: how many")->type_name("N");
  command->add_option("--threshold", a->threshold, "Of a shamir set: how many of them open it")->type_name("N");
  command
      ->add_option("--key-file", a->key_file,
                   "The file on the node, in its seal.key_directory; made when it is missing")
      ->type_name("FILE");
  command->add_flag("--replace", a->replace, "It takes the place of the seal of this name and kind");
  add_holder(command, a->holder);
  program.on(command, [a, &program] { return add(*a, program.io); });

  auto v = std::make_shared<SealOptions>();
  command = add_command(seal, "verify", "Give back a share of a new set; with enough of them it becomes a seal.", v);
  add_holder(command, v->holder);
  program.on(command, [v, &program] { return verify(*v, program.io); });

  auto d = std::make_shared<SealOptions>();
  command = add_command(seal, "remove", "Remove a seal; the last one stays.", d);
  command->add_option("NAME", d->name, "The seal's name")->required()->type_name("");
  command->add_flag("-y,--yes", d->yes, "Do not ask");
  program.on(command, [d, &program] { return remove(*d, program.io); });

  auto u = std::make_shared<SealOptions>();
  command = add_command(&root, "unseal", "Give a share or a passphrase; the node opens when enough was given.", u);
  add_holder(command, u->holder);
  program.on(command, [u, &program] { return unseal(*u, program.io); });

  auto t = std::make_shared<SealOptions>();
  command = add_command(&root, "operator-token", "Make a new operator's token for a quorum of shares.", t);
  add_holder(command, t->holder);
  command->add_flag("--revoke-others", t->revoke_others, "Every other operator's token ends with it");
  command->add_option("--out", t->out, "Write the token to this file (mode 0600)")->type_name("FILE");
  program.on(command, [t, &program] { return operator_token(*t, program.io); });
}

}  // namespace coffer::app::cli
