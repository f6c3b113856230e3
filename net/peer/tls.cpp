// See tls.hpp.

#include "net/peer/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "net/certificate.hpp"

namespace coffer::net::peer {
namespace {

namespace ssl = boost::asio::ssl;
using model::Code;
using model::Error;
using model::Status;

Error refused(const std::string& what) {
  ERR_clear_error();
  return Error(Code::invalid_argument, "the node's " + what);
}

void restrict_to_tls13(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  // Whoever comes back shows his certificate again: a resumed session would outlive its renewal.
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
}

Status fill(ssl::context& context, const PeerCredentials& credentials) {
  SSL_CTX* const native = context.native_handle();
  boost::system::error_code ec;
  restrict_to_tls13(native);
  context.use_certificate_chain(boost::asio::buffer(credentials.certificate + credentials.ca), ec);
  if (ec) return refused("certificate is not one: " + ec.message());
  const auto key = credentials.key.expose();
  context.use_private_key(boost::asio::buffer(key.data(), key.size()), ssl::context::pem, ec);
  if (ec || SSL_CTX_check_private_key(native) != 1) return refused("key does not belong to its certificate");
  context.add_certificate_authority(boost::asio::buffer(credentials.ca), ec);
  if (ec) return refused("cluster CA is not a certificate: " + ec.message());
  return {};
}

Status check_own(SSL_CTX* context, const std::string& certificate) {
  const auto facts = crypto::read_certificate(certificate);
  if (!facts) return facts.error();
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  if (!check || X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context), SSL_CTX_get0_certificate(context),
                                    nullptr) != 1) {
    return refused("certificate cannot be checked");
  }
  X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_SERVER);
  if (X509_verify_cert(check.get()) == 1) return {};
  return refused(std::string("certificate does not hold: ") +
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get())));
}

/// Finds the CA among what the other side sent and verifies the rest under it, as if it had been known before.
int verify_pinned(X509_STORE_CTX* given, void* pin) {
  const auto& ca_hash = *static_cast<const std::string*>(pin);
  STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(given);
  X509* root = nullptr;
  for (int i = 0; i < sk_X509_num(sent); ++i) {
    std::string hash(32, '\0');
    unsigned size = 0;
    X509* const one = sk_X509_value(sent, i);
    if (X509_digest(one, EVP_sha256(), reinterpret_cast<unsigned char*>(hash.data()), &size) == 1 &&
        crypto::equal_constant_time(hash, ca_hash)) {
      root = one;
    }
  }
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  int verdict = 0;
  if (root != nullptr && store && check && X509_STORE_add_cert(store.get(), root) == 1 &&
      X509_STORE_CTX_init(check.get(), store.get(), X509_STORE_CTX_get0_cert(given), nullptr) == 1) {
    X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_SERVER);
    verdict = X509_verify_cert(check.get());
  }
  if (verdict != 1) {
    const int error = root != nullptr && check ? X509_STORE_CTX_get_error(check.get()) : X509_V_ERR_CERT_UNTRUSTED;
    const bool is_time = error == X509_V_ERR_CERT_NOT_YET_VALID || error == X509_V_ERR_CERT_HAS_EXPIRED;
    X509_STORE_CTX_set_error(given, is_time ? error : X509_V_ERR_CERT_UNTRUSTED);
  }
  return verdict == 1 ? 1 : 0;
}

int pin_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* pin, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(pin); });
  return slot;
}

}  // namespace

model::Result<std::shared_ptr<TlsContexts>> make_contexts(const PeerCredentials& credentials) {
  auto contexts = std::make_shared<TlsContexts>();
  for (ssl::context* context : {&contexts->accepting, &contexts->dialing}) {
    if (Status status = fill(*context, credentials); !status) return status.error();
  }
  // A joining node has no certificate, so none is demanded; without one nothing but joining is possible.
  SSL_CTX_set_verify(contexts->accepting.native_handle(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify(contexts->dialing.native_handle(), SSL_VERIFY_PEER, nullptr);
  if (Status status = check_own(contexts->dialing.native_handle(), credentials.certificate); !status) {
    return status.error();
  }
  const std::string names = certificate_names(credentials.certificate);
  const auto name = names.starts_with("uri:") ? crypto::parse_node_uri(names.substr(4)) : std::nullopt;
  if (!name) return refused("certificate names no node of a cluster");
  contexts->name = *name;
  contexts->cluster_id.resize(kClusterIdSize);
  crypto::from_hex_into(name->cluster_id, contexts->cluster_id.data(), kClusterIdSize);
  return contexts;
}

std::unique_ptr<ssl::context> make_pinned_context(const std::string& ca_hash) {
  auto context = std::make_unique<ssl::context>(ssl::context::tlsv13_client);
  SSL_CTX* const native = context->native_handle();
  restrict_to_tls13(native);
  auto* pin = new std::string(ca_hash);  // goes with the context
  SSL_CTX_set_ex_data(native, pin_slot(), pin);
  SSL_CTX_set_cert_verify_callback(native, verify_pinned, pin);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  return context;
}

std::optional<crypto::NodeName> peer_name(SSL* ssl) {
  const std::string names = certificate_names(ssl);
  return names.starts_with("uri:") ? crypto::parse_node_uri(std::string_view(names).substr(4)) : std::nullopt;
}

bool shows_certificate(SSL* ssl) { return SSL_get0_peer_certificate(ssl) != nullptr; }

}  // namespace coffer::net::peer
