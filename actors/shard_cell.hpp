#pragma once
// A shard's core, and whose turn it is to touch it. The shard's actor takes a turn for each message; a transport's thread
// may take one in between, when the shard rests, to answer a Get from memory: that saves the two thread switches by
// which a read would otherwise travel. Whatever is not in memory goes to the actor.
// One per shard, owned by its actor and by the gateway's table. Any thread; see each function.
//
// Linearizable, because a turn sees what the actor's last turn left: a write is made visible in the core before it is
// answered. REQUIRES for a group of several voters: the leader's lease holds at that moment (cluster/), else the actor.

#include <atomic>
#include <memory>

#include "actors/tenant_core.hpp"
#include "actors/turns.hpp"

namespace coffer::actors {

class ShardCell {
 public:
  /// The right to touch the core, until the end of the scope.
  class Turn {
   public:
    explicit Turn(ShardCell& cell) : turn_(cell.turns_.take()), cell_(cell) {}
    /// Null before the group has opened and after close().
    TenantCore* core() const { return cell_.core_.get(); }
    /// `life`: the term of the leadership that it was opened in.
    void set_core(std::unique_ptr<TenantCore> core, model::Term life) const {
      cell_.life_ = life;
      cell_.core_ = std::move(core);
    }

   private:
    Turns::Turn turn_;
    ShardCell& cell_;
  };

  /// The shard's actor. Waits for a reader, which takes microseconds.
  Turn turn();
  /// Any thread. False when it is somebody else's turn, the core is not there, or the answer is not in memory.
  /// Behind true: life() is that of the core that has answered.
  bool try_get(const model::Request& request, model::Result<model::Reply>& reply, AuditNote* note = nullptr);
  model::Term life() const { return life_; }
  /// The shard's actor, at its end: nobody reads from here any more.
  void close();

  /// Was the shard used since this was asked last? A mark and not a time: reading the clock would cost each Get more.
  bool take_mark() { return used_.exchange(false, std::memory_order_relaxed); }
  void mark() { used_.store(true, std::memory_order_relaxed); }

 private:
  Turns turns_;
  std::unique_ptr<TenantCore> core_;
  model::Term life_;  // set once, before the core
  std::atomic<bool> used_{true};
};

}  // namespace coffer::actors
