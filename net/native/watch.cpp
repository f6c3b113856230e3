// See watch.hpp.

#include "net/native/watch.hpp"

#include <charconv>

#include "net/streaming.hpp"
#include "net/timestamps.hpp"

namespace coffer::net::native {
namespace {

using model::Code;
using model::Error;

std::string_view name_of(model::ChangeType type) {
  switch (type) {
    case model::ChangeType::put: return "put";
    case model::ChangeType::del: return "delete";
    case model::ChangeType::undelete: return "undelete";
    case model::ChangeType::destroy: return "destroy";
    case model::ChangeType::metadata: return "metadata";
  }
  return "put";
}

}  // namespace

model::Result<model::TenantOperation> to_operation(const v1::WatchRequest& in, std::string_view last_event_id) {
  model::Watch watch;
  watch.from = model::to_revision(in.from_revision());
  watch.space = in.space();
  watch.prefix = in.prefix();
  if (!last_event_id.empty()) {
    std::uint64_t last = 0;
    const auto [end, error] = std::from_chars(last_event_id.data(), last_event_id.data() + last_event_id.size(), last);
    if (error != std::errc() || end != last_event_id.data() + last_event_id.size() || last == UINT64_MAX) {
      return Error(Code::invalid_argument, "last-event-id: expected a revision, as an event's id gave it");
    }
    watch.from = model::to_revision(last + 1);
  }
  return model::TenantOperation(std::move(watch));
}

model::Result<StreamPart> advance(const model::Reply& reply, model::Request& next) {
  const auto* told = std::get_if<model::WatchReply>(&reply.body);
  if (told == nullptr) return Error(Code::internal, "the reply does not fit the request");
  const auto number = [&](std::uint64_t counter) { return model::to_number({reply.revision.epoch, counter}); };
  StreamPart part;
  for (std::size_t i = 0; i < told->changes.size(); ++i) {
    const model::WatchedChange& change = told->changes[i];
    auto message = std::make_unique<v1::Change>();
    message->set_revision(number(change.revision));
    message->set_type(std::string(name_of(change.type)));
    message->set_space(change.space);
    message->set_name(change.name);
    message->set_version(change.version);
    to_timestamp(change.time_ms, message->mutable_time());
    const bool is_last = i + 1 == told->changes.size() || told->changes[i + 1].revision != change.revision;
    part.events.push_back(
        {std::move(message), name_of(change.type), is_last ? std::to_string(number(change.revision)) : ""});
  }
  part.position = std::to_string(number(told->next_revision - 1));
  auto progress = std::make_unique<v1::Change>();
  progress->set_revision(number(told->next_revision - 1));
  progress->set_type("progress");
  part.progress = std::move(progress);

  auto& watch = std::get<model::Watch>(std::get<model::TenantOperation>(next.operation));
  watch.from = {reply.revision.epoch, told->next_revision};
  watch.wait_ms = kStreamWait.count();
  return part;
}

}  // namespace coffer::net::native
