#pragma once
// From the servers that a group has to those that it should have, one safe change after the other; a pure function. The
// group's leader asks for the next step whenever something has moved, and carries it out: change_voters() or transfer().
// A new server comes as a standby and votes when it has caught up; one that goes is first replaced (a dead one goes when
// its successor has caught up, right before that votes); a leader that goes hands over first. The order of servers is kept, for libraft keeps its progress by position.

#include <vector>

#include "cluster/group_core.hpp"
#include "cluster/types.hpp"

namespace coffer::cluster {

struct MembershipView {
  model::NodeId self;  // the leader
  std::vector<Voter> servers;
  std::vector<PeerProgress> progress;
  model::Index last;  // of the leader's log
  MonotonicMs now = 0;
  MonotonicMs silence = 1000;       // who was not heard of for as long counts as away
  std::uint64_t caught_up_by = 64;  // entries that a standby may lack when it becomes a voter
};

struct MembershipStep {
  enum class Kind {
    done,       // the group has the servers that it should have
    wait,       // for somebody to catch up or to come back; ask again
    change,     // change_voters(servers)
    hand_over,  // transfer(to)
  };
  Kind kind = Kind::done;
  std::vector<Voter> servers;
  model::NodeId to;
};

/// `wanted` in any order; it has a voter. Nothing is changed that would leave fewer reachable voters than a majority.
MembershipStep next_membership_step(const MembershipView& view, const std::vector<Voter>& wanted);

}  // namespace coffer::cluster
