// A new node's first conversation; see link.hpp. Blocking, on an io_context of its own: main's thread, before anything
// else of the node runs.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include "crypto/join_token.hpp"
#include "net/flight.hpp"
#include "net/listen.hpp"
#include "net/peer/connection.hpp"

namespace coffer::net {
namespace peer {
namespace {

using boost::system::error_code;
using model::Code;
using model::Error;
using model::Result;

Error unreachable(const std::string& step, const error_code& ec) {
  return Error(Code::unavailable, step + ": " + ec.message());
}

/// The certificates that were signed must be those of the pinned CA and of the node that is named, and count today.
std::optional<Error> check(const Joined& joined, const std::string& ca_hash) {
  const auto hash = crypto::certificate_hash(joined.ca);
  const auto facts = crypto::read_certificate(joined.certificate);
  const auto name = facts && facts->uris.size() == 1 ? crypto::parse_node_uri(facts->uris.front()) : std::nullopt;
  if (!hash || *hash != ca_hash || !name || name->node != joined.node) {
    return Error(Code::unauthenticated, "the answer's certificates do not fit the token");
  }
  // With such a certificate the node would not start, and it has shown its token.
  const model::TimeMs now = wall_clock_ms();
  if (facts->not_before <= now && now < facts->not_after) return std::nullopt;
  return Error(Code::invalid_argument, "the certificate that was signed does not count by this node's clock, which " +
                                           std::string(now < facts->not_before ? "is behind" : "is ahead of") +
                                           " that of the cluster; set the clocks and remove node " +
                                           std::to_string(joined.node.value) + ", which was made for this attempt");
}

Await<Result<Joined>> converse(asio::io_context& context, asio::ssl::context& tls, const HostPort& address,
                               const Join& request) {
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(context);
  auto [resolve_error, found] = co_await resolver.async_resolve(address.host, std::to_string(address.port), kAwait);
  if (resolve_error) co_return unreachable(address.host + " has no address", resolve_error);
  asio::ssl::stream<Socket> stream(context, tls);
  auto [connect_error, endpoint] = co_await asio::async_connect(stream.next_layer(), found, kAwait);
  if (connect_error) co_return unreachable("cannot connect", connect_error);
  auto [handshake_error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAwait);
  if (handshake_error) {
    const long verdict = SSL_get_verify_result(stream.native_handle());
    if (verdict == X509_V_ERR_CERT_NOT_YET_VALID || verdict == X509_V_ERR_CERT_HAS_EXPIRED) {
      co_return Error(Code::unavailable, "by this node's clock the certificate of who answers does not count: " +
                                             std::string(X509_verify_cert_error_string(verdict)));
    }
    if (verdict != X509_V_OK) {
      co_return Error(Code::unauthenticated, "who answers is not of the cluster that made the token");
    }
    co_return unreachable("the TLS handshake failed", handshake_error);
  }
  if (!peer_name(stream.native_handle())) {
    co_return Error(Code::unauthenticated, "who answers is no node of a cluster");
  }
  model::Secret bytes;
  append(request, bytes);
  auto [write_error, written] = co_await asio::async_write(stream, asio::buffer(bytes.expose()), kAwait);
  if (write_error) co_return unreachable("the request was not sent", write_error);
  Decoder decoder;
  decoder.set_most(kMostMessage);  // from a node that has proved to be one
  Message message;
  for (auto state = Decoder::State::more; state != Decoder::State::message;) {
    constexpr std::size_t kRead = 16 << 10;
    auto [ec, size] = co_await stream.async_read_some(asio::buffer(decoder.prepare(kRead), kRead), kAwait);
    if (ec) co_return unreachable("there was no answer", ec);
    decoder.commit(size);
    state = decoder.next(message);
    if (state == Decoder::State::broken) co_return Error(Code::unavailable, "the answer is none");
  }
  if (auto* goodbye = std::get_if<Goodbye>(&message)) co_return std::move(goodbye->error);
  if (auto* joined = std::get_if<Joined>(&message)) co_return std::move(*joined);
  co_return Error(Code::unavailable, "the answer is none");
}

}  // namespace
}  // namespace peer

model::Result<peer::Joined> join_cluster(const std::string& address, std::string_view token, peer::Join request,
                                         std::chrono::milliseconds timeout) {
  using namespace peer;
  const auto parsed = parse_address(address);
  if (!parsed) return parsed.error();
  auto permission = crypto::parse_join_token(token);
  if (!permission) return permission.error();
  request.token_id = permission->id;
  request.secret = std::move(permission->secret);
  const auto tls = make_pinned_context(permission->ca_hash);
  std::optional<Result<Joined>> result;
  {
    asio::io_context context(1);
    asio::co_spawn(
        context, [&]() -> Await<void> { result = co_await converse(context, *tls, *parsed, request); }, asio::detached);
    context.run_for(timeout);
  }
  if (!result) return Error(Code::unavailable, address + " did not answer in time");
  if (!result->ok()) return result->error();
  if (auto wrong = check(**result, permission->ca_hash)) return *std::move(wrong);
  return *std::move(result);
}

}  // namespace coffer::net
