// A coroutine on an io_context of its own, run for the time that is allowed. See fetch.hpp.

#include "net/jwt/fetch.hpp"

#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>

namespace coffer::net::jwt {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using model::Code;
using model::Error;
using model::Result;

struct Target {
  bool tls = false;
  std::string host, port, path, host_header, trace;
};

Result<Target> read_url(const std::string& text) {
  const auto url = boost::urls::parse_uri(text);
  const bool https = url && url->scheme() == "https";
  if (!url || (!https && url->scheme() != "http") || url->encoded_host().empty() || url->has_userinfo() ||
      url->has_fragment()) {
    return Error(Code::invalid_argument, "jwks_url is no http or https URL with a host, without user and fragment");
  }
  Target target;
  target.tls = https;
  target.host = url->host_type() == boost::urls::host_type::ipv6 ? std::string(url->host_ipv6_address().to_string())
                                                                 : std::string(url->host());
  target.port = url->port().empty() ? (https ? "443" : "80") : std::string(url->port());
  target.path = url->encoded_path().empty() ? "/" : std::string(url->encoded_path());
  if (url->has_query()) target.path.append("?").append(std::string(url->encoded_query()));
  target.host_header = std::string(url->encoded_host_and_port());
  return target;
}

Error failed(const char* step, const error_code& ec) {
  return Error(Code::unavailable, std::string(step) + ": " + ec.message());
}

template <class Stream>
asio::awaitable<std::optional<Result<std::string>>> exchange(Stream& stream, const Target& target, std::size_t most) {
  error_code ec;
  http::request<http::empty_body> request{http::verb::get, target.path, 11};
  request.set(http::field::host, target.host_header);
  request.set(http::field::accept, "application/jwk-set+json, application/json");
  request.set(http::field::user_agent, "coffer");
  request.set(http::field::connection, "close");
  if (!target.trace.empty()) request.set("traceparent", target.trace);
  co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return failed("the request was not sent", ec);
  http::response_parser<http::string_body> parser;
  parser.header_limit(16 << 10);
  parser.body_limit(most);
  beast::flat_buffer buffer;
  co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return failed("there was no whole answer", ec);
  if (parser.get().result() != http::status::ok) {
    co_return Error(Code::unavailable, "the answer's status is " + std::to_string(parser.get().result_int()));
  }
  co_return Result<std::string>(std::move(parser.get().body()));
}

asio::awaitable<std::optional<Result<std::string>>> get(const Target& target, const std::string& ca_pem,
                                                        std::size_t most) {
  error_code ec;
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  const auto addresses =
      co_await resolver.async_resolve(target.host, target.port, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return failed("its host has no address", ec);
  asio::ip::tcp::socket socket(executor);
  co_await asio::async_connect(socket, addresses, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return failed("no connection", ec);
  if (!target.tls) co_return co_await exchange(socket, target, most);

  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  if (ca_pem.empty()) {
    context.set_default_verify_paths(ec);
  } else {
    context.add_certificate_authority(asio::buffer(ca_pem), ec);
  }
  if (ec) co_return failed("the CA is not usable", ec);
  context.set_verify_mode(asio::ssl::verify_peer);
  asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(socket), context);
  SSL_set_tlsext_host_name(stream.native_handle(), target.host.c_str());
  stream.set_verify_callback(asio::ssl::host_name_verification(target.host));
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return failed("TLS", ec);
  co_return co_await exchange(stream, target, most);
}

}  // namespace

Result<std::string> fetch(const std::string& url, const std::string& ca_pem, const FetchLimits& limits,
                          const std::string& trace) {
  auto target = read_url(url);
  if (!target) return target.error();
  target->trace = trace;
  try {
    asio::io_context io(1);
    std::optional<Result<std::string>> answer;
    asio::co_spawn(io, get(*target, ca_pem, limits.bytes), [&](const std::exception_ptr& thrown, auto result) {
      answer = thrown ? Result<std::string>(Error(Code::unavailable, "it failed")) : std::move(result);
    });
    io.run_for(limits.time);
    if (answer) return std::move(*answer);
    return Error(Code::unavailable, "there was no answer in time");
  } catch (const std::exception&) {  // of the set-up: sockets, memory
    return Error(Code::unavailable, "no connection could be made");
  }
}

}  // namespace coffer::net::jwt
