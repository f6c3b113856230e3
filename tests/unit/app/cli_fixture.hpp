#pragma once
// Runs the command line in this process, against strings instead of a terminal, and against a fake server. Used by the
// tests of app/cli.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "app/cli/program.hpp"
#include "app/exit.hpp"
#include "coffer/admin/v1/admin.grpc.pb.h"
#include "coffer/v1/secrets.grpc.pb.h"

namespace coffer::app::test {

/// 2026-01-02T03:04:05Z: what commands take for now.
inline constexpr model::TimeMs kNow = 1'767'323'045'000;

struct Ran {
  int code = -1;
  std::string out, err;
};

/// A command line with its environment; `in` is stdin.
class Shell {
 public:
  std::map<std::string, std::string> env;
  bool terminal = false;
  std::string typed = "typed value";
  cli::RunServer run_server = [](const Config&, const ServerOverrides&) { return 0; };
  cli::InitNode init_node = [](const Config&, const std::string&) { return 0; };

  Ran run(std::vector<std::string> arguments, const std::string& in = "") {
    std::istringstream input(in);
    std::ostringstream out, err;
    cli::Io io{input,
               out,
               err,
               terminal,
               [this](const char* name) -> std::optional<std::string> {
                 const auto found = env.find(name);
                 return found == env.end() ? std::nullopt : std::optional(found->second);
               },
               [this](const std::string&) -> model::Result<model::Secret> { return model::Secret(typed); },
               [] { return kNow; }};
    Ran ran;
    ran.code = cli::run(std::move(arguments), io, run_server, init_node);
    ran.out = out.str();
    ran.err = err.str();
    return ran;
  }
};

/// A directory that is removed afterwards.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    auto pattern = (std::filesystem::temp_directory_path() / "coffer-app-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Remembers what it was asked and answers what it was told to. The gRPC server's threads call it.
class FakeSecrets final : public v1::Secrets::Service {
 public:
  template <class Request>
  grpc::Status note(grpc::ServerContext* context, const Request& request, Request& last, const std::string& id) {
    const std::lock_guard lock(mutex);
    last = request;
    ids.push_back(id);
    const auto& sent = context->client_metadata();
    const auto found = sent.find("authorization");
    authorization = found == sent.end() ? "" : std::string(found->second.data(), found->second.size());
    ++calls;
    if (failures.empty()) return always;
    const auto failure = failures.front();
    failures.erase(failures.begin());
    return failure;
  }
  grpc::Status Put(grpc::ServerContext* c, const v1::PutRequest* r, v1::Metadata* out) override {
    auto id = r->request_id();
    *out = metadata;
    return note(c, *r, put, id);
  }
  grpc::Status Get(grpc::ServerContext* c, const v1::GetRequest* r, v1::Secret* out) override {
    std::string id;
    *out = secret;
    return note(c, *r, get, id);
  }
  grpc::Status Describe(grpc::ServerContext* c, const v1::DescribeRequest* r, v1::Metadata* out) override {
    std::string id;
    *out = metadata;
    return note(c, *r, describe, id);
  }
  grpc::Status UpdateMetadata(grpc::ServerContext* c, const v1::UpdateMetadataRequest* r, v1::Metadata* out) override {
    auto id = r->request_id();
    *out = metadata;
    return note(c, *r, update, id);
  }
  grpc::Status Delete(grpc::ServerContext* c, const v1::DeleteRequest* r, v1::Metadata* out) override {
    auto id = r->request_id();
    *out = metadata;
    return note(c, *r, del, id);
  }
  grpc::Status Undelete(grpc::ServerContext* c, const v1::UndeleteRequest* r, v1::Metadata* out) override {
    auto id = r->request_id();
    *out = metadata;
    return note(c, *r, undelete, id);
  }
  grpc::Status Destroy(grpc::ServerContext* c, const v1::DestroyRequest* r, v1::Metadata* out) override {
    auto id = r->request_id();
    *out = metadata;
    return note(c, *r, destroy, id);
  }
  grpc::Status History(grpc::ServerContext* c, const v1::HistoryRequest* r, v1::HistoryResponse* out) override {
    std::string id;
    *out = history;
    return note(c, *r, history_request, id);
  }
  grpc::Status List(grpc::ServerContext* c, const v1::ListRequest* r, v1::ListResponse* out) override {
    std::string id;
    *out = r->page_token().empty() ? first_page : second_page;
    return note(c, *r, list, id);
  }

  grpc::Status LookupSelf(grpc::ServerContext* c, const v1::LookupSelfRequest* r, v1::Token* out) override {
    std::string id;
    *out = token;
    return note(c, *r, lookup_self, id);
  }
  grpc::Status RenewSelf(grpc::ServerContext* c, const v1::RenewSelfRequest* r, v1::Token* out) override {
    auto id = r->request_id();
    *out = token;
    return note(c, *r, renew_self, id);
  }
  grpc::Status RevokeSelf(grpc::ServerContext* c, const v1::RevokeSelfRequest* r, v1::Token* out) override {
    auto id = r->request_id();
    *out = token;
    return note(c, *r, revoke_self, id);
  }

  std::mutex mutex;
  int calls = 0;
  std::vector<std::string> ids;  // request ids, in order
  std::string authorization;
  std::vector<grpc::Status> failures;  // answered first, one for each call
  grpc::Status always;                 // answered after these
  v1::PutRequest put;
  v1::GetRequest get;
  v1::DescribeRequest describe;
  v1::UpdateMetadataRequest update;
  v1::DeleteRequest del;
  v1::UndeleteRequest undelete;
  v1::DestroyRequest destroy;
  v1::HistoryRequest history_request;
  v1::ListRequest list;
  v1::LookupSelfRequest lookup_self;
  v1::RenewSelfRequest renew_self;
  v1::RevokeSelfRequest revoke_self;
  v1::Token token;
  v1::Metadata metadata;
  v1::Secret secret;
  v1::HistoryResponse history;
  v1::ListResponse first_page, second_page;
};

/// Serves any services on a free port of the loopback interface while it lives.
class FakeServer {
 public:
  explicit FakeServer(const std::vector<grpc::Service*>& services) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    for (auto* service : services) builder.RegisterService(service);
    server_ = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~FakeServer() { server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1)); }
  std::string address;

 private:
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace coffer::app::test
