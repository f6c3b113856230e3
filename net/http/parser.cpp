// The only file of the server that includes Beast; see parser.hpp.

#include "net/http/parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace coffer::net::http {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;
using beast::string_view;

}  // namespace

struct Parser::Impl final : http::basic_parser<true> {
  Incoming& request;
  std::size_t header_limit;
  bool header_done = false;
  bool http_11 = true;
  Malformed malformed = Malformed::none;

  Impl(Incoming& r, std::size_t limit) : request(r), header_limit(limit) {}

  void on_request_impl(http::verb, string_view method, string_view target, int version, error_code&) override {
    http_11 = version >= 11;
    request.method.assign(method.data(), method.size());
    request.target.assign(target.data(), target.size());
  }
  void on_response_impl(int, string_view, int, error_code&) override {}

  void on_field_impl(http::field, string_view name, string_view value, error_code& ec) override {
    if (header_done) return;  // a trailer must not pass for a header
    Incoming::Field field;
    auto& text = request.text;
    if (text.size() + name.size() + value.size() > header_limit) {
      ec = http::error::header_limit;
      return;
    }
    field.name = static_cast<std::uint32_t>(text.size());
    field.name_size = static_cast<std::uint32_t>(name.size());
    for (const char c : name) text.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
    field.value = static_cast<std::uint32_t>(text.size());
    field.value_size = static_cast<std::uint32_t>(value.size());
    text.append(value.data(), value.size());
    request.fields.push_back(field);
  }

  void on_header_impl(error_code& ec) override {
    header_done = true;
    request.keep_alive = keep_alive();
    request.http_10 = !http_11;
    request.expects_continue = http_11 && beast::iequals(view(request.header("expect")), "100-continue");
    // RFC 9112 3.2: one Host and not more. 6.1: any coding but "chunked" leaves the body's length in doubt.
    if (request.count("host") > 1 || (http_11 && request.count("host") == 0)) ec = http::error::bad_field;
    const auto coding = request.header("transfer-encoding");
    if (!coding.empty() && !beast::iequals(view(coding), "chunked")) {
      malformed = Malformed::bad_coding;
      ec = http::error::bad_transfer_encoding;
    }
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // The declared length is a promise; memory follows what is kept of it.
    if (length) request.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 64 << 10)));
  }
  std::size_t on_body_impl(string_view body, error_code&) override {
    request.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    request.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  static string_view view(std::string_view text) { return {text.data(), text.size()}; }
};

Parser::Parser(std::size_t header_limit, std::uint64_t body_limit, Incoming& request)
    : impl_(std::make_unique<Impl>(request, header_limit)) {
  static_cast<http::basic_parser<true>&>(*impl_).header_limit(static_cast<std::uint32_t>(header_limit));
  impl_->body_limit(body_limit);
}
Parser::~Parser() = default;

std::size_t Parser::feed(std::string_view bytes) {
  impl_->eager(impl_->header_done);
  // Beast 1.81 takes it for granted that a chunked body's last part comes at least so long ("0", two line ends), and
  // aborts the process when less is there. Whatever stands before the end of a body that is right, as much follows.
  constexpr std::size_t kLastChunk = 5;
  const bool may_be_last = bytes.starts_with('0') || bytes.starts_with('\r');
  if (impl_->header_done && impl_->chunked() && may_be_last && bytes.size() < kLastChunk) return 0;
  error_code ec;
  const std::size_t used = impl_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
  if (!ec || ec == http::error::need_more || impl_->malformed != Malformed::none) return used;
  if (ec == http::error::header_limit) {
    impl_->malformed = Malformed::header_too_large;
  } else if (ec == http::error::body_limit) {
    impl_->malformed = Malformed::body_too_large;
  } else {
    impl_->malformed = Malformed::bad_request;
  }
  return used;
}

bool Parser::has_header() const { return impl_->header_done; }
bool Parser::is_done() const { return impl_->is_done(); }
Malformed Parser::malformed() const { return impl_->malformed; }
std::uint64_t Parser::declared_length() const {
  if (!impl_->header_done) return 0;
  const auto length = impl_->content_length();
  return length ? *length : 0;
}

}  // namespace coffer::net::http
