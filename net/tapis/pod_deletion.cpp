// See pod_deletion.hpp. Each call is made where the one before it was completed.

#include "net/tapis/pod_deletion.hpp"

#include <memory>
#include <utility>

namespace coffer::net::tapis {
namespace {

using model::Code;
using model::Error;

/// Owns itself until it has completed the exchange.
class Deletion final : public actors::Call {
 public:
  Deletion(HttpExchange& exchange, actors::Gateway& gateway) : exchange_(exchange), gateway_(gateway) {}

  void begin(std::string pod_id) noexcept {
    try {
      model::List list;
      list.space = model::kTapisSpace;
      list.limit = 0;
      list.attribute = {"pod_id", std::move(pod_id)};
      submit(std::move(list));
    } catch (const std::bad_alloc&) {
      finish(Error(Code::overloaded));
    }
  }

  void complete() noexcept override {
    try {
      if (!reply) {
        // Somebody else may have destroyed it meanwhile.
        if (listed_ && reply.error().code == Code::entry_not_found) return next();
        return finish(reply.error());
      }
      if (listed_) {
        gone_.entries.push_back(std::move(at_->entries[done_ - 1]));
        return next();
      }
      auto* list = std::get_if<model::ListReply>(&reply->body);
      if (!list) return finish(Error(Code::internal, "the reply does not fit the request"));
      listed_ = true;
      at_ = std::make_unique<model::ListReply>(std::move(*list));
      next();
    } catch (const std::bad_alloc&) {
      finish(Error(Code::outcome_unknown));
    }
  }

 private:
  void submit(model::TenantOperation operation) {
    request = model::Request();
    request.tenant = exchange_.request.tenant;
    request.credential = exchange_.request.credential;
    request.info = exchange_.request.info;
    request.info.request_id.clear();  // it is the whole's; each part may be repeated as it is
    request.operation = std::move(operation);
    reply = Code::unavailable;
    reroutes = 0;
    gateway_.submit(this);
  }
  void next() {
    const std::string me = request.credential.principal;
    while (done_ < at_->entries.size()) {
      const model::Entry& entry = at_->entries[done_++].entry;
      if (entry.owner != me && !request.info.as_admin) continue;
      return submit(model::Destroy{entry.space, entry.name, {}, true});
    }
    finish(model::Reply{{}, std::move(gone_)});
  }
  void finish(model::Result<model::Reply> outcome) noexcept {
    HttpExchange& exchange = exchange_;
    exchange.reply = std::move(outcome);
    delete this;
    exchange.complete();
  }

  HttpExchange& exchange_;
  actors::Gateway& gateway_;
  std::unique_ptr<model::ListReply> at_;
  std::size_t done_ = 0;  // entries that were looked at
  bool listed_ = false;
  model::ListReply gone_;
};

}  // namespace

void delete_of_pod(HttpExchange& exchange, actors::Gateway& gateway, std::string pod_id) {
  try {
    auto deletion = std::make_unique<Deletion>(exchange, gateway);
    deletion.release()->begin(std::move(pod_id));
  } catch (const std::bad_alloc&) {
    exchange.reply = Error(Code::overloaded);
    exchange.complete();
  }
}

}  // namespace coffer::net::tapis
