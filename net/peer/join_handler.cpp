// See join_handler.hpp.

#include "net/peer/join_handler.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "model/requests.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;
using model::Result;

constexpr std::chrono::milliseconds kJoinDeadline{10'000};

model::TimeMs deadline_in(std::chrono::milliseconds time) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now + time).count();
}

/// A call of a node to the directory, which deletes itself when it is complete.
class NodeCall final : public actors::Call {
 public:
  using Done = std::function<void(Result<model::JoinReply>)>;
  /// `who`: "node:<id>", which the link's certificate proves; a node that joins has no id yet.
  NodeCall(model::DirectoryOperation operation, const std::string& who, std::string from,
           std::chrono::milliseconds time, Done done)
      : done_(std::move(done)) {
    request.credential.kind = model::CredentialKind::node;
    request.credential.principal = who;
    request.credential.door = model::Door::admin;
    request.info.door = model::Door::admin;
    request.info.deadline = deadline_in(time);
    request.info.address = std::move(from);
    request.operation = std::move(operation);
  }
  void complete() noexcept override {
    if (!reply.ok()) {
      done_(reply.error());
    } else if (auto* joined = std::get_if<model::JoinReply>(&reply->body)) {
      done_(std::move(*joined));
    } else {
      done_(Error(Code::internal, "the reply does not fit the request"));
    }
    delete this;
  }

 private:
  Done done_;
};

peer::Joined to_joined(model::JoinReply reply) {
  peer::Joined joined{reply.node,          std::move(reply.cluster_id),
                      reply.data_groups,   std::move(reply.certificate),
                      std::move(reply.ca), {}};
  for (model::NodeInfo& node : reply.nodes) {
    if (node.id != reply.node && node.state != model::NodeState::removed) {
      joined.peers.push_back({node.id, std::move(node.address)});
    }
  }
  return joined;
}

}  // namespace

JoinHandler make_join_handler(actors::Gateway& gateway) {
  return [&gateway](peer::Join asked, std::function<void(Result<peer::Joined>)> done) {
    model::JoinNode join{std::move(asked.token_id), std::move(asked.secret), std::move(asked.address),
                         std::move(asked.certificate_request), asked.content_format};
    gateway.submit(new NodeCall(std::move(join), "node:joining", std::move(asked.from), kJoinDeadline,
                                [done = std::move(done)](Result<model::JoinReply> reply) {
                                  if (!reply) return done(reply.error());
                                  done(to_joined(*std::move(reply)));
                                }));
  };
}

Result<model::JoinReply> renew_certificate(actors::Gateway& gateway, model::NodeId node,
                                           std::string certificate_request, std::chrono::milliseconds timeout) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable come;
    std::optional<Result<model::JoinReply>> reply;
  };
  const auto answer = std::make_shared<Answer>();
  gateway.submit(new NodeCall(model::RenewNodeCertificate{node, std::move(certificate_request)},
                              "node:" + std::to_string(node.value), {}, timeout,
                              [answer](Result<model::JoinReply> reply) {
                                const std::lock_guard lock(answer->mutex);
                                answer->reply = std::move(reply);
                                answer->come.notify_all();
                              }));
  std::unique_lock lock(answer->mutex);
  // A little longer than the call's own deadline, which answers it.
  answer->come.wait_for(lock, timeout + std::chrono::seconds(1), [&] { return answer->reply.has_value(); });
  if (!answer->reply) return Error(Code::deadline_exceeded);
  return *std::move(answer->reply);
}

}  // namespace coffer::net
