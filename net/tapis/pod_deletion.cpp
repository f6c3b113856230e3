// See pod_deletion.hpp. The second call is made where the first was completed.

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
  Deletion(HttpExchange& exchange, actors::Gateway& gateway, std::string pod_id)
      : exchange_(exchange), gateway_(gateway), pod_id_(std::move(pod_id)) {}

  void begin() noexcept {
    try {
      model::List list;
      list.space = model::kTapisSpace;
      list.limit = 0;
      list.attribute = {"pod_id", pod_id_};
      submit(std::move(list));
    } catch (const std::bad_alloc&) {
      finish(Error(Code::overloaded));
    }
  }

  void complete() noexcept override {
    try {
      if (!reply || cleared_) return finish(reply ? gone() : model::Result<model::Reply>(reply.error()));
      auto* list = std::get_if<model::ListReply>(&reply->body);
      if (!list) return finish(Error(Code::internal, "the reply does not fit the request"));
      clear(*list);
    } catch (const std::bad_alloc&) {
      finish(Error(cleared_ ? Code::outcome_unknown : Code::overloaded));
    }
  }

 private:
  void submit(model::TenantOperation operation) {
    request = model::Request();
    request.tenant = exchange_.request.tenant;
    request.credential = exchange_.request.credential;
    request.info = exchange_.request.info;
    request.operation = std::move(operation);
    reply = Code::unavailable;
    reroutes = 0;
    gateway_.submit(this);
  }
  /// Destroys what was listed in one write set. A secret that left the pod meanwhile stays.
  void clear(model::ListReply& list) {
    const std::string me = request.credential.principal;
    model::Transact transact;
    for (model::EntryReply& one : list.entries) {
      const model::Entry& entry = one.entry;
      if (entry.owner != me && !request.info.as_admin) continue;
      transact.operations.emplace_back(model::Destroy{entry.space, entry.name, {}, false, {{"pod_id", pod_id_}}});
      destroyed_.entries.push_back(std::move(one));
    }
    if (transact.operations.empty()) return finish(gone());
    cleared_ = true;
    submit(std::move(transact));
  }
  model::Reply gone() { return {{}, std::move(destroyed_)}; }
  void finish(model::Result<model::Reply> outcome) noexcept {
    HttpExchange& exchange = exchange_;
    exchange.reply = std::move(outcome);
    delete this;
    exchange.complete();
  }

  HttpExchange& exchange_;
  actors::Gateway& gateway_;
  const std::string pod_id_;
  bool cleared_ = false;  // the write was asked for
  model::ListReply destroyed_;
};

}  // namespace

void delete_of_pod(HttpExchange& exchange, actors::Gateway& gateway, std::string pod_id) {
  try {
    auto deletion = std::make_unique<Deletion>(exchange, gateway, std::move(pod_id));
    deletion.release()->begin();
  } catch (const std::bad_alloc&) {
    exchange.reply = Error(Code::overloaded);
    exchange.complete();
  }
}

}  // namespace coffer::net::tapis
