// What a stranger can send as a credential: Coffer tokens, JWTs, key sets, certificates' names, page tokens.

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/token.hpp"
#include "model/payload.hpp"
#include "net/certificate.hpp"
#include "net/jwt/key_set.hpp"
#include "net/jwt/token.hpp"
#include "net/jwt/verify.hpp"
#include "net/page_token.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace coffer::fuzz {
namespace {

/// A ring that is the same in every run, and the tokens that it made.
struct Tokens {
  Tokens() : ring(crypto::KeyRing::generate(crypto::Key::generate(random), random, 1)), verifier(ring) {
    tenant.bytes.fill(7);
    for (int i = 0; i < 4; ++i) made.emplace_back(crypto::mint_token(ring, tenant, random).text.expose());
  }
  crypto::SeededRandom random{42};
  crypto::KeyRing ring;
  crypto::TokenVerifier verifier;
  model::TenantId tenant;
  std::vector<std::string> made;
};

// Of a key that was thrown away: no token that holds under it can be made.
constexpr const char* kPublicKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAhgOQI78WKcsqwDxxpVwwhiVjKLa0MOEK6BGnZ8v8HO4=\n"
    "-----END PUBLIC KEY-----\n";

const net::jwt::TrustedIssuer& issuer() {
  static const net::jwt::TrustedIssuer made = [] {
    model::Issuer settings;
    settings.name = "i";
    settings.iss = "https://i.example";
    settings.public_keys = {kPublicKey};
    settings.mapping = "tapis";
    settings.algorithms = model::kAllJwsAlgorithms;
    auto trusted = net::jwt::trust(std::move(settings));
    require(trusted.ok(), "the fixed issuer is one");
    return std::move(*trusted);
  }();
  return made;
}

}  // namespace

// The first byte chooses a made token and what is done to it; else the whole is the token.
COFFER_FUZZ(token) {
  static Tokens tokens;
  Input in(input);
  std::string text(input);
  if (const std::uint8_t choice = in.byte(); choice < 16) {
    text = tokens.made[choice % 4];
    while (!in.empty()) text[in.byte() % text.size()] = static_cast<char>(in.byte());
  }
  const auto slow = verify_token(tokens.ring, text);
  const auto fast = tokens.verifier.verify(text), again = tokens.verifier.verify(text);
  require(slow.ok() == fast.ok() && fast.ok() == again.ok(), "what is remembered and what is computed agree");
  bool made = false;
  for (const std::string& one : tokens.made) made |= one == text;
  require(slow.ok() == made, "a token holds exactly when it was made here");
  if (slow) require(slow->tenant == tokens.tenant && fast->id_hash == slow->id_hash, "it says for whom it was made");
}

COFFER_FUZZ(jwt) {
  const auto token = net::jwt::parse_token(input);
  if (!token) return;
  require(input.size() <= net::jwt::kMaxTokenBytes, "a token is bounded");
  require(input.starts_with(token->signing_input), "what is signed is what came");
  require(net::jwt::check_signature(issuer(), *token, nullptr) != net::jwt::Signature::valid, "nobody can sign");
  (void)net::jwt::unverified_text(*token, {"tapis/tenant_id"});
  const auto bearer = net::jwt::read_bearer(issuer(), *token, 1'700'000'000'000);
  if (bearer)
    require(!bearer->principal.empty() && bearer->expires_at > 1'700'000'000'000, "a bearer is somebody, for now");
}

// Claims without the packing of a token around them, so that mutations reach the mapping.
COFFER_FUZZ(jwt_claims) {
  const auto pack = [](std::string_view part) {
    std::string text(model::base64_encode(part).expose());
    while (!text.empty() && text.back() == '=') text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
  };
  const std::string text = pack(R"({"alg":"EdDSA","typ":"JWT"})") + "." + pack(input) + "." + std::string(86, 'A');
  const auto token = net::jwt::parse_token(text);
  if (!token) return;
  const auto bearer = net::jwt::read_bearer(issuer(), *token, 1'700'000'000'000);
  if (!bearer) return;
  require(bearer->principal.starts_with("user:") || bearer->principal.starts_with("service:"),
          "a principal has a kind");
  for (const unsigned char c : bearer->principal) require(c >= 0x20 && c != 0x7f, "a principal is one line");
}

COFFER_FUZZ(jwks) {
  const auto keys = net::jwt::parse_jwks(input);
  if (keys) require(keys->size() <= 1000, "a key set is bounded");
}

COFFER_FUZZ(certificate) {
  // DER, because PEM's base64 would eat every mutation.
  const auto* at = reinterpret_cast<const unsigned char*>(input.data());
  X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(input.size()));
  std::string pem(input);
  if (certificate) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    pem.assign(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    X509_free(certificate);
  }
  const std::string names = net::certificate_names(pem);
  require(names.size() <= (16 << 10), "names are bounded");
  Input lines(names);
  while (!lines.empty()) {
    const std::string_view line = lines.line();
    require(line.starts_with("uri:") || line.starts_with("dns:") || line.starts_with("email:"), "every line is a name");
    for (const unsigned char c : line) require(c > 0x20 && c < 0x7f, "a name is one printable word");
  }
}

// A query in the first line, a token behind it.
COFFER_FUZZ(page_token) {
  Input in(input);
  const std::string_view query = in.line();
  const auto after = net::read_page_token({query, "x"}, in.rest());
  if (after && !in.rest().empty()) require(!after->empty(), "a token continues behind a name");
  if (in.rest().empty()) return;
  const std::string made = net::make_page_token({query, "x"}, in.rest());
  const auto read = net::read_page_token({query, "x"}, made);
  require(read.ok() && *read == in.rest(), "a token says what it was made of");
  require(!net::read_page_token({query, "y"}, made).ok(), "and holds for its own query only");
}

}  // namespace coffer::fuzz
