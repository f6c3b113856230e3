// See membership.hpp.

#include "cluster/membership.hpp"

#include <algorithm>

namespace coffer::cluster {

namespace {

const Voter* find_server(const std::vector<Voter>& servers, model::NodeId id) {
  const auto found = std::find_if(servers.begin(), servers.end(), [id](const Voter& v) { return v.id == id; });
  return found == servers.end() ? nullptr : &*found;
}

class StepPlanner {
 public:
  StepPlanner(const MembershipView& view, const std::vector<Voter>& wanted) : view_(view), wanted_(wanted) {}

  MembershipStep next() const {
    for (auto rule : {&StepPlanner::add, &StepPlanner::promote, &StepPlanner::leave}) {
      if (MembershipStep step = (this->*rule)(); step.kind != MembershipStep::Kind::done) {
        return step;
      }
    }
    return {};
  }

 private:
  bool is_here(model::NodeId id) const {
    const auto peer = progress_of(id);
    return id == view_.self || (peer != nullptr && peer->heard_at != 0 && view_.now < peer->heard_at + view_.silence);
  }
  const PeerProgress* progress_of(model::NodeId id) const {
    const auto found = std::find_if(view_.progress.begin(), view_.progress.end(),
                                    [id](const PeerProgress& peer) { return peer.id == id; });
    return found == view_.progress.end() ? nullptr : &*found;
  }
  /// Could these servers decide now?
  bool decides(const std::vector<Voter>& servers) const {
    std::size_t voters = 0, here = 0;
    for (const Voter& server : servers) {
      if (server.role == ServerRole::voter) {
        ++voters;
        here += is_here(server.id) ? 1 : 0;
      }
    }
    return here > voters / 2;
  }
  /// The change, when these servers could decide, else patience.
  MembershipStep change_to(std::vector<Voter> servers) const {
    if (!decides(servers)) {
      return {MembershipStep::Kind::wait, {}, {}};
    }
    return {MembershipStep::Kind::change, std::move(servers), {}};
  }
  std::vector<Voter> with_role(model::NodeId id, ServerRole role) const {
    std::vector<Voter> next = view_.servers;
    std::find_if(next.begin(), next.end(), [id](const Voter& v) { return v.id == id; })->role = role;
    return next;
  }

  MembershipStep add() const {
    for (const Voter& server : wanted_) {
      if (find_server(view_.servers, server.id) == nullptr) {
        std::vector<Voter> next = view_.servers;
        next.push_back(server);
        next.back().role = ServerRole::standby;
        return change_to(std::move(next));
      }
    }
    return {};
  }

  MembershipStep promote() const {
    MembershipStep step;
    for (const Voter& server : wanted_) {
      const Voter* present = find_server(view_.servers, server.id);
      if (server.role != ServerRole::voter || present->role == ServerRole::voter) {
        continue;
      }
      const PeerProgress* peer = progress_of(server.id);
      const bool caught_up = peer != nullptr && is_here(server.id) && peer->match.value != 0 &&
                             peer->match.value + view_.caught_up_by >= view_.last.value;
      if (caught_up) {
        const MembershipStep bury = leave_the_dead();
        return bury.kind == MembershipStep::Kind::change ? bury : change_to(with_role(server.id, ServerRole::voter));
      }
      step.kind = MembershipStep::Kind::wait;
    }
    return step;
  }

  bool goes(const Voter& server) const {
    const Voter* kept = find_server(wanted_, server.id);
    return kept == nullptr || (kept->role != ServerRole::voter && server.role == ServerRole::voter);
  }
  MembershipStep change_without(const Voter& server) const {
    std::vector<Voter> next = view_.servers;
    if (find_server(wanted_, server.id) != nullptr) {
      next = with_role(server.id, ServerRole::standby);
    } else {
      std::erase_if(next, [&](const Voter& v) { return v.id == server.id; });
    }
    return change_to(std::move(next));
  }

  // A voter that is away and will go, goes before its successor votes: beside it the successor would be one more of whom a
  // majority is needed, and its death would leave two dead of four.
  MembershipStep leave_the_dead() const {
    for (const Voter& server : view_.servers) {
      if (server.role == ServerRole::voter && goes(server) && !is_here(server.id)) return change_without(server);
    }
    return {};
  }

  // Voters go one by one, those that are away first, so that what is left can always decide.
  MembershipStep leave() const {
    MembershipStep step;
    const Voter* chosen = nullptr;
    for (const Voter& server : view_.servers) {
      const bool is_better =
          chosen == nullptr || chosen->id == view_.self || (is_here(chosen->id) && !is_here(server.id));
      if (goes(server) && is_better) {
        chosen = &server;
      }
    }
    if (chosen == nullptr) {
      return step;
    }
    if (chosen->id == view_.self) {
      return hand_over();
    }
    return change_without(*chosen);
  }

  MembershipStep hand_over() const {
    const PeerProgress* best = nullptr;
    for (const Voter& server : wanted_) {
      const PeerProgress* peer = progress_of(server.id);
      const Voter* present = find_server(view_.servers, server.id);
      const bool can_lead = server.role == ServerRole::voter && peer != nullptr && present != nullptr &&
                            present->role == ServerRole::voter && is_here(server.id);
      if (can_lead && (best == nullptr || peer->match > best->match)) {
        best = peer;
      }
    }
    if (best == nullptr) {
      return {MembershipStep::Kind::wait, {}, {}};
    }
    return {MembershipStep::Kind::hand_over, {}, best->id};
  }

  const MembershipView& view_;
  const std::vector<Voter>& wanted_;
};

}  // namespace

MembershipStep next_membership_step(const MembershipView& view, const std::vector<Voter>& wanted) {
  return StepPlanner(view, wanted).next();
}

}  // namespace coffer::cluster
