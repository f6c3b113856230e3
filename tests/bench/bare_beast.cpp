// The yardstick of the HTTP doors: Boost.Beast coroutines on one thread that answer every request with 380 bytes of
// JSON and do nothing else.
//
//     bare_http --port 7791       or      bare_http 127.0.0.1:7791

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Executor = asio::io_context::executor_type;
using Stream = beast::basic_stream<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> kAwait{};

asio::awaitable<void, Executor> serve(Stream stream) {
  beast::flat_buffer buffer;
  const std::string body(380, 'x');
  while (true) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(16 << 10);
    parser.body_limit(4 << 20);
    stream.expires_after(std::chrono::seconds(30));
    auto [failed, size] = co_await http::async_read(stream, buffer, parser, kAwait);
    if (failed) co_return;
    http::response<http::string_body> answer(http::status::ok, 11);
    answer.set(http::field::content_type, "application/json");
    answer.keep_alive(parser.get().keep_alive());
    answer.body() = body;
    answer.prepare_payload();
    auto [broken, written] = co_await http::async_write(stream, answer, kAwait);
    if (broken || !answer.keep_alive()) co_return;
  }
}

asio::awaitable<void, Executor> accept(asio::io_context& context, asio::ip::tcp::endpoint endpoint) {
  Acceptor acceptor(context, endpoint);
  while (true) {
    auto [failed, socket] = co_await acceptor.async_accept(context, kAwait);
    if (failed) continue;
    socket.set_option(asio::ip::tcp::no_delay(true));
    asio::co_spawn(context, serve(Stream(std::move(socket))), asio::detached);
  }
}

unsigned short port_of(int argc, char** argv) {
  const char* text = argc > 1 ? argv[argc - 1] : "7791";
  const char* colon = std::strrchr(text, ':');
  return static_cast<unsigned short>(std::atoi(colon ? colon + 1 : text));
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context context(1);
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port_of(argc, argv));
  asio::co_spawn(context, accept(context, endpoint), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  try {
    context.run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "cannot listen: %s\n", failure.what());
    return 1;
  }
  return 0;
}
