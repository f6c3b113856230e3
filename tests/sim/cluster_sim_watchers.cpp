// Watchers: one for each tenant follows its changes from the first one on, asking one node after the other for what comes
// at the next revision, as a listener does. What it is told must ascend without repetition, and be what the log holds in the
// end: nothing left out by a failover or a move. See cluster_sim.hpp.

#include <algorithm>
#include <utility>

#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

namespace {

bool may_ask_again(model::Code code) {
  return code == model::Code::unavailable || code == model::Code::outcome_unknown || code == model::Code::sealed ||
         code == model::Code::overloaded;
}

std::string text_of(const WatchedKey& told) {
  return "revision " + std::to_string(told.revision) + (told.is_delete ? " deletes " : " puts ") + told.name;
}

}  // namespace

class ClusterSim::WatchCall final : public actors::Call {
 public:
  WatchCall(ClusterSim& sim, std::size_t watcher, std::uint64_t attempt, std::uint64_t at)
      : sim_(sim), watcher_(watcher), attempt_(attempt), at_(at), life_(sim.node(at).life()) {}
  void complete() noexcept override {
    const std::unique_ptr<WatchCall> owned(this);
    const bool is_sent = sim_.node(at_).is_up() && sim_.node(at_).life() == life_;
    if (!is_sent || (!sim_.healed_ && sim_.rng_.chance(15))) {
      return;
    }
    auto answer = std::make_shared<model::Result<model::Reply>>(std::move(reply));
    sim_.time_.after(sim_.rng_.between(1, 8), [&sim = sim_, watcher = watcher_, attempt = attempt_, answer] {
      sim.told(watcher, attempt, *answer);
    });
  }

 private:
  ClusterSim& sim_;
  const std::size_t watcher_;
  const std::uint64_t attempt_, at_, life_;
};

void ClusterSim::watch(std::size_t number) {
  if (!tenants_[number].is_made) {
    return watch_later(number, rng_.between(100, 500));
  }
  const std::uint64_t attempt = ++watchers_[number].attempt;
  const std::uint64_t where = rng_.between(1, size());
  model::Watch request;
  request.from = watchers_[number].is_late ? model::Revision{} : watchers_[number].next;
  request.space = "kv";
  request.limit = static_cast<std::uint32_t>(rng_.between(1, 8));
  time_.after(hops(where), [this, number, attempt, where, request] {
    at(where, [this, number, attempt, where, request] {
      if (!node(where).is_up()) {
        return;
      }
      auto call = std::make_unique<WatchCall>(*this, number, attempt, where);
      call->request.credential.kind = model::CredentialKind::dev_root;
      call->request.operation = model::TenantOperation(request);
      node(where).call(number, actors::CallHandle(call.release()));
    });
  });
  watch_later(number, rng_.between(300, 900));
}

/// Unless an answer comes before.
void ClusterSim::watch_later(std::size_t number, std::uint64_t ms) {
  time_.after(ms, [this, number, attempt = watchers_[number].attempt] {
    if (watchers_[number].attempt == attempt) {
      watch(number);
    }
  });
}

void ClusterSim::told(std::size_t number, std::uint64_t attempt, const model::Result<model::Reply>& answer) {
  Watcher& watcher = watchers_[number];
  if (watcher.attempt != attempt) {
    return;
  }
  ++watcher.attempt;
  if (!answer.ok() && answer.error().code == model::Code::revision_compacted) {
    watcher.is_late = true;
    return watch_later(number, rng_.between(5, 60));
  }
  if (!answer.ok()) {
    require(may_ask_again(answer.error().code),
            "a watcher is refused: " + std::string(answer.error().message()) + " " + answer.error().detail);
    return watch_later(number, rng_.between(5, 60));
  }
  const auto& reply = std::get<model::WatchReply>(answer->body);
  if (std::exchange(watcher.is_late, false)) {
    require(reply.changes.empty() && reply.next_revision > watcher.next.counter, "a watcher begins anew in the past");
    watcher.gaps.emplace_back(watcher.next.counter, reply.next_revision);
  }
  std::uint64_t newest = watcher.next.counter;
  for (const model::WatchedChange& change : reply.changes) {
    require(change.revision >= newest && change.revision < reply.next_revision,
            "a watcher is told of a change twice, or out of order");
    newest = change.revision;
    watcher.told.push_back({change.revision, change.name, change.type == model::ChangeType::del});
    ++report_.watched;
  }
  require(reply.next_revision >= watcher.next.counter, "a watcher is sent back");
  watcher.next = {answer->revision.epoch, reply.next_revision};
  trace_.add(reply.next_revision);
  watch_later(number, reply.changes.empty() ? rng_.between(100, 500) : rng_.between(5, 200));
}

/// Everything that is committed was looked at.
bool ClusterSim::is_watched() const {
  for (std::size_t number = 0; number < tenants_.size(); ++number) {
    if (watchers_[number].next.counter <= tenants_[number].revision) {
      return false;
    }
  }
  return true;
}

void ClusterSim::check_watchers() const {
  for (std::size_t number = 0; number < tenants_.size(); ++number) {
    std::vector<WatchedKey> expected, told = watchers_[number].told;
    const auto was_kept = [&](std::uint64_t revision) {
      const auto& gaps = watchers_[number].gaps;
      return std::none_of(gaps.begin(), gaps.end(),
                          [revision](const auto& gap) { return gap.first <= revision && revision < gap.second; });
    };
    for (const Op& op : tenants_[number].history) {
      for (const Change& change : op.changes) {
        if (op.committed_at != 0 && was_kept(op.committed_at)) {
          expected.push_back({op.committed_at, "k" + std::to_string(change.key), change.is_delete});
        }
      }
    }
    std::sort(expected.begin(), expected.end());
    std::sort(told.begin(), told.end());
    const auto [missing, extra] = std::mismatch(expected.begin(), expected.end(), told.begin(), told.end());
    require(missing == expected.end() && extra == told.end(),
            "a watcher is told something else than what was committed: " +
                (missing == expected.end() ? "nothing more" : text_of(*missing)) + " was, and it heard of " +
                (extra == told.end() ? "nothing more" : text_of(*extra)));
  }
}

}  // namespace coffer::sim
