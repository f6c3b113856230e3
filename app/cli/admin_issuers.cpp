// coffer admin issuers (put, list, delete): whose JWTs a tenant accepts.

#include "app/cli/connection.hpp"
#include "app/cli/files.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"

namespace coffer::app::cli {
namespace {

namespace admin = coffer::admin::v1;

constexpr std::size_t kMostFileBytes = 64 << 10;

struct IssuerOptions {
  ConnectionOptions connection{.target = Target::admin};
  OutputOption output;
  admin::Issuer issuer;
  std::vector<std::string> key_files, audiences, algorithms;
  std::optional<std::string> jwks_file, jwks_ca_file, skew;
};

/// Files and lists into the message. Key files are public: what is read of them may be copied.
model::Status complete(const IssuerOptions& o, admin::Issuer& issuer) {
  const auto read = [](const std::string& path, std::string* out) -> model::Status {
    const auto bytes = read_file(path, kMostFileBytes);
    if (!bytes) return bytes.error();
    if (bytes->expose().find("PRIVATE KEY-----") != std::string_view::npos) {
      return model::Error(model::Code::invalid_argument, "'" + path + "' holds a private key: give the public one");
    }
    *out = std::string(bytes->expose());
    return {};
  };
  for (const std::string& path : o.key_files) {
    if (auto ok = read(path, issuer.add_public_keys()); !ok) return ok;
  }
  if (o.jwks_file) {
    if (auto ok = read(*o.jwks_file, issuer.mutable_jwks()); !ok) return ok;
  }
  if (o.jwks_ca_file) {
    if (auto ok = read(*o.jwks_ca_file, issuer.mutable_jwks_ca()); !ok) return ok;
  }
  if (o.skew) {
    const auto skew = parse_duration(*o.skew);
    if (!skew) return skew.error();
    issuer.set_clock_skew_seconds(static_cast<std::uint32_t>(skew->count() / 1000));
  }
  for (const std::string& audience : o.audiences) issuer.add_audiences(audience);
  for (const std::string& algorithm : o.algorithms) issuer.add_algorithms(algorithm);
  return {};
}

Outcome put(const IssuerOptions& o, Io& io) {
  admin::PutIssuerRequest request;
  *request.mutable_issuer() = o.issuer;
  if (const auto ok = complete(o, *request.mutable_issuer()); !ok.ok()) return Failure(ok.error());
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  request.set_tenant(connection->endpoint().tenant);
  request.set_request_id(new_request_id());
  const auto stub = admin::Issuers::NewStub(connection->channel());
  admin::Issuer reply;
  failure = connection->call("put issuer " + o.issuer.name(),
                             [&](auto* context) { return stub->Put(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    io.out << "tenant " << request.tenant() << " trusts issuer " << reply.name() << " (" << reply.iss() << ")\n";
  }
  return std::nullopt;
}

std::string show_keys(const admin::Issuer& issuer) {
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (!issuer.public_keys().empty()) add(std::to_string(issuer.public_keys_size()) + " PEM");
  if (!issuer.jwks().empty()) add("JWKS");
  if (!issuer.jwks_url().empty()) add(issuer.jwks_url());
  return text;
}

Outcome list(const IssuerOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::ListIssuersRequest request;
  request.set_tenant(connection->endpoint().tenant);
  const auto stub = admin::Issuers::NewStub(connection->channel());
  admin::ListIssuersResponse reply;
  failure = connection->call("list the issuers of tenant " + request.tenant(),
                             [&](auto* context) { return stub->List(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
    return std::nullopt;
  }
  Table table({"NAME", "ISSUER", "KEYS", "MAPPING", "CHANGED", "BY"});
  for (const auto& issuer : reply.issuers()) {
    table.add({issuer.name(), issuer.iss(), show_keys(issuer), issuer.mapping().empty() ? "claims" : issuer.mapping(),
               show_time(issuer.has_changed_at(), issuer.changed_at()), issuer.changed_by()});
  }
  table.print(io.out);
  return std::nullopt;
}

Outcome remove(const IssuerOptions& o, Io& io) {
  Outcome failure;
  const auto connection = connect(o.connection, io, failure);
  if (!connection) return failure;
  admin::DeleteIssuerRequest request;
  request.set_tenant(connection->endpoint().tenant);
  request.set_name(o.issuer.name());
  request.set_request_id(new_request_id());
  const auto stub = admin::Issuers::NewStub(connection->channel());
  admin::Issuer reply;
  failure = connection->call("delete issuer " + o.issuer.name(),
                             [&](auto* context) { return stub->Delete(context, request, &reply); });
  if (failure) return failure;
  if (o.output.json()) {
    io.out << to_json(reply);
  } else {
    io.out << "tenant " << request.tenant() << " trusts issuer " << reply.name() << " no longer\n";
  }
  return std::nullopt;
}

CLI::App* add_command(CLI::App* parent, const char* name, const char* description, IssuerOptions& o) {
  auto* command = parent->add_subcommand(name, description);
  add_tenant(command, o.connection);
  add_output(command, o.output);
  add_connection(command, o.connection);
  return command;
}

CLI::Option* add_text(CLI::App* command, const std::string& name, std::string* out, const std::string& description) {
  return command->add_option(name, *out, description)->type_name("TEXT");
}

void add_put_options(CLI::App* command, IssuerOptions& o) {
  admin::Issuer& issuer = o.issuer;
  add_text(command, "--iss", issuer.mutable_iss(), "The tokens' `iss`, exactly")->required();
  add_repeated(command, "--public-key", o.key_files, "A public key or certificate in PEM; may be repeated")
      ->type_name("FILE");
  command->add_option("--jwks", o.jwks_file, "A JSON Web Key Set")->type_name("FILE");
  add_text(command, "--jwks-url", issuer.mutable_jwks_url(), "Where the server fetches a JSON Web Key Set")
      ->type_name("URL");
  command->add_option("--jwks-ca", o.jwks_ca_file, "Whom to believe at that URL, in PEM (default: the system's CAs)")
      ->type_name("FILE");
  add_repeated(command, "--audience", o.audiences, "A tokens' `aud` must have it; may be repeated")->type_name("TEXT");
  add_repeated(command, "--algorithm", o.algorithms, "RS256, ES256 or EdDSA (default: all three); may be repeated")
      ->type_name("NAME");
  command->add_option("--skew", o.skew, "Clocks may differ by so much: 30s (default 0s, at most 5m)")
      ->type_name("DURATION");
  add_text(command, "--mapping", issuer.mutable_mapping(),
           "The claims of cloudforet or tapis, instead of the following")
      ->type_name("NAME");
  admin::ClaimMapping& claims = *issuer.mutable_claims();
  add_text(command, "--tenant-claim", claims.mutable_tenant(), "Claim that names the tenant")->type_name("PATH");
  add_text(command, "--principal-claim", claims.mutable_principal(), "Claim that names the bearer (default sub)")
      ->type_name("PATH");
  add_text(command, "--roles-claim", claims.mutable_roles(), "Claim with the bearer's roles")->type_name("PATH");
  add_text(command, "--kind-claim", claims.mutable_kind(), "Claim that says user or service")->type_name("PATH");
  command->add_flag_callback(
      "--service", [&claims] { claims.set_service(true); }, "Bearers are services, not users");
}

}  // namespace

void add_admin_issuers(CLI::App& root, Program& program) {
  auto* issuers = root.add_subcommand("issuers", "Whose JWTs a tenant accepts.");
  issuers->require_subcommand(1);

  auto p = std::make_shared<IssuerOptions>();
  auto* command = add_command(issuers, "put", "Trust an issuer, or change the one of that name.", *p);
  add_text(command, "NAME", p->issuer.mutable_name(), "What to call it")->required()->type_name("");
  add_put_options(command, *p);
  program.on(command, [p, &program] { return put(*p, program.io); });

  auto l = std::make_shared<IssuerOptions>();
  command = add_command(issuers, "list", "List a tenant's issuers.", *l);
  program.on(command, [l, &program] { return list(*l, program.io); });

  auto d = std::make_shared<IssuerOptions>();
  command = add_command(issuers, "delete", "Trust an issuer no longer, at once.", *d);
  add_text(command, "NAME", d->issuer.mutable_name(), "Its name, as in list")->required()->type_name("");
  program.on(command, [d, &program] { return remove(*d, program.io); });
}

}  // namespace coffer::app::cli
