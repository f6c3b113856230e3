// See transport_support.hpp.

#include "transport_support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "coffer/v1/secrets.pb.h"

namespace coffer::net::test {

using model::Code;
using model::Error;
using model::Result;
using model::Status;

// ---- gateway --------------------------------------------------------------------------------------------------

FakeGateway::FakeGateway() {
  status_.ready = true;
  answer = [](const model::Request& request) -> Result<model::Reply> {
    model::EntryReply entry;
    entry.version = 7;
    if (const auto* tenant = std::get_if<model::TenantOperation>(&request.operation)) {
      if (const auto* g = std::get_if<model::Get>(tenant)) entry.entry.name = g->name;
      if (const auto* p = std::get_if<model::Put>(tenant)) entry.entry.name = p->name;
    }
    return model::Reply{{}, entry};
  };
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!stopping_ || !queue_.empty()) {
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      while (!queue_.empty()) {
        auto* call = queue_.front();
        queue_.pop_front();
        lock.unlock();
        finish(call);
        lock.lock();
      }
    }
  });
}

FakeGateway::~FakeGateway() {
  release();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FakeGateway::finish(actors::Call* call) {
  call->reply = answer(call->request);
  call->complete();
}

void FakeGateway::submit(actors::Call* call) noexcept {
  const Mode mode = mode_;  // once: the test may change it meanwhile
  {
    const std::lock_guard lock(mutex_);
    last_ = call->request;
    if (mode == Mode::hold) held_.push_back(call);
    if (mode == Mode::other_thread) queue_.push_back(call);
  }
  changed_.notify_all();
  if (mode == Mode::at_once) finish(call);
}

Result<model::Credential> FakeGateway::authenticate(std::string_view, model::Door) const { return model::Credential{}; }

actors::NodeStatus FakeGateway::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::vector<actors::Sample> FakeGateway::samples() const {
  return {{"coffer_test_level", "A gauge.", false, {{"kind", "a"}}, 3},
          {"coffer_test_level", "A gauge.", false, {{"kind", "b"}}, 4},
          {"coffer_test_total", "A counter.", true, {}, 5}};
}

void FakeGateway::set_ready(bool ready, bool sealed) {
  const std::lock_guard lock(mutex_);
  status_.ready = ready;
  status_.sealed = sealed;
}

bool FakeGateway::wait_for_held(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return held_.size() >= count; });
}

void FakeGateway::release() {
  std::deque<actors::Call*> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(held_);
  }
  for (auto* call : calls) finish(call);
}

model::Request FakeGateway::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

// ---- door -----------------------------------------------------------------------------------------------------

namespace {

WireStatus failure_of(const Error& error, std::string_view id) {
  WireStatus status;
  status.grpc_code = error.category();
  status.grpc_message = std::string(error.message());
  status.http_status = model::http_status(error.category());
  status.http_body = "test door: " + std::string(model::info(error.code).name) + ": " + std::string(error.message()) +
                     " (" + std::string(id) + ")";
  status.http_content_type = "text/test";
  return status;
}

Method method_of(const char* name) {
  Method method;
  method.descriptor = coffer::v1::Secret::descriptor()->file()->service(0)->FindMethodByName(name);
  method.rest = true;
  method.rest_omit_empty = {"coffer.v1.Secret.data"};
  method.fail = [](const Rpc& rpc, const Error& error) { return failure_of(error, rpc.caller().call_id()); };
  return method;
}

}  // namespace

std::vector<Method> TestDoor::methods() {
  Method get = method_of("Get");
  get.in_prototype = &coffer::v1::GetRequest::default_instance();
  get.out_prototype = &coffer::v1::Secret::default_instance();
  get.decode = [](Rpc& rpc) -> Result<Step> {
    const auto& in = static_cast<const coffer::v1::GetRequest&>(rpc.in());
    if (in.name() == "refused") return Error(Code::permission_denied, "not for you");
    if (in.name() == "throws") throw std::bad_alloc();
    if (in.name() == "local") {
      static_cast<coffer::v1::Secret&>(rpc.out()).set_value(
          std::string(rpc.caller().address()) + " " + std::string(rpc.caller().header("x-extra")) + " " +
          rpc.caller().client_certificate().names + (rpc.caller().is_tls() ? " tls" : " plain") +
          (rpc.caller().is_loopback() ? " loopback" : " far") + " until " +
          std::to_string(rpc.caller().client_certificate().not_after));
      return Step::done;
    }
    rpc.request.operation = model::TenantOperation(model::Get{in.space(), in.name(), in.version()});
    return Step::submit;
  };
  get.encode = [](Rpc& rpc) -> Status {
    const auto& in = static_cast<const coffer::v1::GetRequest&>(rpc.in());
    if (in.name() == "unencodable") return Error(Code::data_loss);
    auto& out = static_cast<coffer::v1::Secret&>(rpc.out());
    const auto& entry = std::get<model::EntryReply>(rpc.reply.value().body);
    out.set_name(entry.entry.name);
    out.set_space(in.space());
    out.set_version(entry.version);
    out.set_value("of " + entry.entry.name);
    rpc.set_header("etag", "\"7\"");
    if (in.view() == "none") rpc.set_http_status(304);
    if (in.view() == "large") out.set_value(std::string(100'000, 'x'));
    return {};
  };
  get.recover = [](Rpc& rpc, const Error& error) {
    if (error.code != Code::tenant_not_found) return false;
    static_cast<coffer::v1::Secret&>(rpc.out()).set_state("recovered");
    return true;
  };
  Method put = method_of("Put");
  put.in_prototype = &coffer::v1::PutRequest::default_instance();
  put.out_prototype = &coffer::v1::Metadata::default_instance();
  put.decode = [](Rpc& rpc) -> Result<Step> {
    const auto& in = static_cast<const coffer::v1::PutRequest&>(rpc.in());
    model::Put operation;
    operation.space = in.space();
    operation.name = in.name();
    operation.payload = model::Payload::of_text(in.value());
    rpc.request.operation = model::TenantOperation(std::move(operation));
    return Step::submit;
  };
  put.encode = [](Rpc& rpc) -> Status {
    auto& out = static_cast<coffer::v1::Metadata&>(rpc.out());
    out.set_name(std::get<model::EntryReply>(rpc.reply.value().body).entry.name);
    return {};
  };
  Method undelete = put;
  undelete.descriptor = method_of("Undelete").descriptor;
  undelete.in_prototype = &coffer::v1::UndeleteRequest::default_instance();
  undelete.decode = [](Rpc& rpc) -> Result<Step> {
    const auto& in = static_cast<const coffer::v1::UndeleteRequest&>(rpc.in());
    static_cast<coffer::v1::Metadata&>(rpc.out()).set_name("undeleted " + in.name());
    return Step::done;
  };
  return {get, put, undelete};
}

std::vector<HttpRoute> TestDoor::routes() {
  HttpRoute route;
  route.method = "GET";
  route.pattern = "/t/{store}/{key}";
  route.plus_is_space = true;
  route.decode = [](HttpExchange& exchange) -> Result<Step> {
    if (exchange.variable("key") == "refused") return Error(Code::permission_denied, "not for you");
    if (exchange.variable("key") == "submitted") {
      exchange.request.operation = model::TenantOperation(model::Get{"s", "k"});
      return Step::submit;
    }
    std::string text = std::string(exchange.variable("store")) + "|" + std::string(exchange.variable("key"));
    for (const auto& [name, value] : exchange.query()) text.append("|").append(name).append("=").append(value);
    exchange.set_header("x-door", "test");
    exchange.answer(200, "text/plain", text);
    return Step::done;
  };
  route.encode = [](HttpExchange& exchange) {
    exchange.answer(exchange.reply.ok() ? 200 : 500, "text/plain", exchange.reply.ok() ? "submitted" : "failed");
  };
  route.fail = [](const HttpExchange& exchange, const Error& error) {
    return failure_of(error, exchange.caller().call_id());
  };
  HttpRoute bulk = route;
  bulk.pattern = "/t/{store}/bulk";
  bulk.decode = [](HttpExchange& exchange) -> Result<Step> {
    exchange.answer(204, {}, {});
    return Step::done;
  };
  HttpRoute post = route;
  post.method = "POST";
  post.pattern = "/t/echo";
  post.decode = [](HttpExchange& exchange) -> Result<Step> {
    exchange.answer(200, "text/plain", std::string(exchange.body()));
    return Step::done;
  };
  return {route, bulk, post};
}

WireStatus TestDoor::http_failure(const Error& error, std::string_view request_id) const {
  return failure_of(error, request_id);
}

Listener test_listener() {
  Listener listener;
  listener.address = "127.0.0.1:0";
  listener.limits.drain = std::chrono::milliseconds(5000);
  return listener;
}

// ---- client ---------------------------------------------------------------------------------------------------

HttpClient::HttpClient(std::uint16_t port) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{kPatience.count(), 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd_);
    fd_ = -1;
  }
}

HttpClient::~HttpClient() {
  if (ssl_) SSL_free(ssl_);
  if (context_) SSL_CTX_free(context_);
  if (fd_ >= 0) close(fd_);
}

bool HttpClient::start_tls(const Certificates& certificates, const std::string& identity, SSL_SESSION* resumed) {
  context_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_load_verify_locations(context_, certificates.path("ca.pem").c_str(), nullptr);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  if (!identity.empty()) {
    SSL_CTX_use_certificate_file(context_, certificates.path(identity + ".pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, certificates.path(identity + ".key").c_str(), SSL_FILETYPE_PEM);
  }
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, fd_);
  if (resumed) SSL_set_session(ssl_, resumed);
  return SSL_connect(ssl_) == 1;
}

SSL_SESSION* HttpClient::session() const { return SSL_get1_session(ssl_); }
bool HttpClient::has_resumed() const { return SSL_session_reused(ssl_) == 1; }

bool HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const long n = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                        : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

long HttpClient::read(char* to, std::size_t size) {
  return ssl_ ? SSL_read(ssl_, to, static_cast<int>(size)) : recv(fd_, to, size, 0);
}

bool HttpClient::fill() {
  char chunk[16384];
  const long n = read(chunk, sizeof chunk);
  if (n <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(n));
  return true;
}

Response HttpClient::receive(bool no_body) {
  Response response;
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return response;
  }
  std::string_view head = std::string_view(buffer_).substr(0, end + 2);
  response.status = std::atoi(std::string(head.substr(9, 3)).c_str());
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    std::string name(line.substr(0, line.find(':')));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    response.headers[name] = std::string(line.substr(line.find(':') + 2));
  }
  buffer_.erase(0, end + 4);
  if (no_body || !response.headers.contains("content-length")) return response;
  const std::size_t size = std::strtoul(response.headers["content-length"].c_str(), nullptr, 10);
  while (buffer_.size() < size) {
    if (!fill()) return {};
  }
  response.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return response;
}

Response HttpClient::call(std::string_view method, std::string_view target, std::string_view body,
                          std::string_view headers) {
  std::string request = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n";
  request += headers;
  if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  request += "\r\n";
  request += body;
  send(request);
  return receive(method == "HEAD");
}

bool HttpClient::is_closed() {
  char byte;
  return buffer_.empty() && read(&byte, 1) == 0;
}

void HttpClient::close_writing() { shutdown(fd_, SHUT_WR); }

std::string get(std::string_view target, std::string_view headers) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) + "\r\n";
}

// ---- certificates ---------------------------------------------------------------------------------------------

namespace {

void add_extension(X509* certificate, int id, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct Identity {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

Identity make_identity(const char* name, const char* alternative, bool is_ca, const Identity* issuer) {
  static long serial = 1;
  Identity made{EVP_EC_gen("P-256"), X509_new()};
  X509* const c = made.certificate;
  X509_set_version(c, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
  X509_gmtime_adj(X509_getm_notBefore(c), -3600);
  X509_gmtime_adj(X509_getm_notAfter(c), 24 * 3600);
  X509_set_pubkey(c, made.key);
  X509_NAME* subject = X509_get_subject_name(c);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer->certificate) : subject);
  if (is_ca) add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
  if (alternative) add_extension(c, NID_subject_alt_name, alternative);
  X509_sign(c, issuer ? issuer->key : made.key, EVP_sha256());
  return made;
}

void write_pem(const std::string& path, const Identity& identity, bool key) {
  FILE* file = fopen(path.c_str(), "w");
  if (key) {
    PEM_write_PrivateKey(file, identity.key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_X509(file, identity.certificate);
  }
  fclose(file);
}

}  // namespace

Certificates::Certificates() {
  std::string pattern = (std::filesystem::temp_directory_path() / "coffer-net-XXXXXX").string();
  directory_ = mkdtemp(pattern.data());
  const Identity ca = make_identity("test ca", nullptr, true, nullptr);
  const Identity server =
      make_identity("localhost", "email:ops@example,DNS:localhost,IP:127.0.0.1,URI:x:y", false, &ca);
  const Identity client = make_identity("client", "URI:spiffe://test/client", false, &ca);
  const Identity other = make_identity("other", nullptr, false, nullptr);
  const std::pair<const char*, const Identity*> all[] = {
      {"ca", &ca}, {"server", &server}, {"client", &client}, {"other", &other}};
  for (const auto& [name, identity] : all) {
    write_pem(path(std::string(name) + ".pem"), *identity, false);
    write_pem(path(std::string(name) + ".key"), *identity, true);
  }
  for (const auto& [name, identity] : all) {
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
  }
  std::ofstream(path("broken.pem")) << "no certificate\n";
}

Certificates::~Certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string Certificates::read(const std::string& name) const {
  std::ifstream file(path(name));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TlsFiles Certificates::server_files(bool ask_clients) const {
  return {path("server.pem"), path("server.key"), ask_clients ? path("ca.pem") : std::string()};
}

}  // namespace coffer::net::test
