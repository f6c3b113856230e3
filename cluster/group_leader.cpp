// What only a leader does: reads without a log write, and handing the leadership over. See group_impl.hpp and, for why
// such reads are linearizable, read_gate.hpp.

#include <algorithm>
#include <utility>

#include "cluster/group_impl.hpp"

namespace coffer::cluster {
namespace {

constexpr std::uint64_t kMostBehind = 1024;  // entries that a next leader may lack when a transfer to it begins

}  // namespace

// ---- reads

void GroupCore::Impl::on_read(const std::vector<std::uint64_t>& cookies) {
  const bool serves = running() && !blocked() && leading && published.ready;
  const bool leased = serves && now < gate.lease_until();
  for (const std::uint64_t cookie : cookies) {
    if (!serves) {
      actions.reads_refused.push_back(
          {cookie, {model::Code::unavailable, "this node does not lead the group, or does not yet"}});
    } else if (leased) {
      actions.reads_ready.push_back({cookie, model::Index(commit)});
    } else if (gate.waiting() >= config.max_waiting_reads) {
      actions.reads_refused.push_back({cookie, {model::Code::overloaded, "too many reads wait for a majority"}});
    } else {
      gate.ask(cookie, model::Index(commit));
    }
  }
}

void GroupCore::Impl::answer_reads() {
  for (const ReadGate::Answer& answer : gate.confirmed()) {
    actions.reads_ready.push_back({answer.cookie, answer.index});
  }
}

void GroupCore::Impl::ping() {
  if (!leading || !gate.take_ping_due()) {
    return;
  }
  for (const Voter& server : servers) {
    if (server.role == ServerRole::voter && server.id != config.self) {
      send({config.group, config.self, server.id, StampPing{leading_term}, {0, gate.stamp(now).round}});
    }
  }
}

// A follower's part. The stamp goes back only when the message's sender is whom this node follows after it, in the
// message's term, and not before that term is durable.
void GroupCore::Impl::echo(const Message& message) {
  const bool stamped = message.stamp != Stamp{};
  const auto term = std::get<StampPing>(message.body).term;
  if (running() && stamped && raft->state() == ServerState::follower && raft->term() == term &&
      raft->leader() == message.from) {
    // The answer to a heartbeat leaves in the same moment and takes it along: hundreds of idle groups do little else. A
    // leader of an older program does not look there; it asks a majority when somebody reads.
    std::vector<Message>& out = blocked() ? held.messages : actions.messages;
    const auto* answer = out.empty() ? nullptr : std::get_if<AppendEntriesResult>(&out.back().body);
    if (answer != nullptr && answer->term == term && out.back().to == message.from && out.back().stamp == Stamp{}) {
      out.back().stamp = message.stamp;
    } else {
      send({config.group, config.self, message.from, StampEcho{term}, message.stamp});
    }
  }
}

void GroupCore::Impl::on_stamp(model::NodeId from, model::Term term, const Stamp& stamp) {
  if (leading && term == leading_term && stamp.sent_at <= now) {
    gate.heard(from, stamp);
  }
}

void GroupCore::Impl::publish_lease() {
  const bool serves = running() && leading && published.ready && published.term == leading_term;
  const MonotonicMs lease = serves ? gate.lease_until() : 0;
  if (lease != published_lease) {
    published_lease = lease;
    actions.lease_until = lease;
  }
}

// ---- what it knows of the others, and transfers

std::vector<PeerProgress> GroupCore::Impl::peers() const {
  std::vector<PeerProgress> out;
  for (const Voter& server : servers) {
    if (server.id == config.self) {
      continue;
    }
    const auto heard = heard_at.find(server.id);
    out.push_back({server.id, server.role, raft->match_index(server.id).value_or(model::Index()),
                   heard == heard_at.end() ? 0 : heard->second});
  }
  return out;
}

model::NodeId GroupCore::Impl::furthest_voter() const {
  PeerProgress best;
  for (const PeerProgress& peer : peers()) {
    if (peer.role == ServerRole::voter && is_alive(peer, 1) && (best.id.value == 0 || peer.match > best.match)) {
      best = peer;
    }
  }
  return best.id;
}

/// Proposals wait while a transfer is under way, so one that cannot end in time only holds up everybody who writes.
bool GroupCore::Impl::is_near(model::NodeId voter) const {
  const std::vector<PeerProgress> others = peers();
  return std::any_of(others.begin(), others.end(), [&](const PeerProgress& peer) {
    return peer.id == voter && is_alive(peer, 1) && peer.match.value + kMostBehind >= cache.last();
  });
}

model::Status GroupCore::Impl::begin_transfer(model::NodeId to) {
  if (!running() || blocked() || !leading || !published.ready || transfer) {
    return model::Error(model::Code::unavailable, "this node does not lead the group, or a transfer is under way");
  }
  const model::NodeId target = to.value == 0 ? furthest_voter() : to;
  const bool votes = std::any_of(servers.begin(), servers.end(), [&](const Voter& server) {
    return server.id == target && server.role == ServerRole::voter && server.id != config.self;
  });
  if (!votes) {
    return model::Error(model::Code::invalid_argument, "there is no such voter that could lead the group");
  }
  if (to.value != 0 && !is_near(target)) {
    return model::Error(model::Code::unavailable, "that voter lacks too much of the log, or was not heard of lately");
  }
  gate.suspend_lease();
  transfer = Transfer{target, now + config.election_timeout, false};
  drive_transfer();
  return {};
}

// libraft would tell the next leader to begin as soon as any acknowledgement came, also when it does not hold the last
// entries yet, and then never again. So it hears of the transfer only when the next leader has everything.
void GroupCore::Impl::drive_transfer() {
  if (!leading || blocked() || failed) {
    return;
  }
  if (!transfer && !config.may_campaign && published.ready) {
    // Sealed. Nobody may be able to take it, and then this node goes on being asked.
    if (const model::NodeId next = furthest_voter(); next.value != 0) {
      gate.suspend_lease();
      transfer = Transfer{next, now + config.election_timeout, false};
    }
  }
  if (!transfer) {
    return;
  }
  const bool holds_all = raft->match_index(transfer->to) == model::Index(cache.last());
  if (now >= transfer->until || (transfer->is_sent && raft->transferee().value == 0)) {
    end_transfer();
  } else if (!transfer->is_sent && holds_all) {
    transfer->is_sent = true;
    auto outcome = raft->transfer(now, transfer->to);
    if (outcome.ok() || outcome.error().code == model::Code::internal) {
      step(std::move(outcome));
    } else {
      end_transfer();
    }
  }
}

void GroupCore::Impl::end_transfer() {
  transfer.reset();
  gate.resume_lease();
  ProposalBatch waited = std::exchange(parked, {});
  if (!waited.empty()) {
    queue.emplace_front(std::move(waited));
  }
}

}  // namespace coffer::cluster
