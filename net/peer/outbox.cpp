// See outbox.hpp.

#include "net/peer/outbox.hpp"

#include "net/peer/wire.hpp"

namespace coffer::net::peer {
namespace {

/// Bytes of each channel in one batch, and the order in which they are taken.
struct Share {
  cluster::PeerChannel channel;
  std::size_t bytes;
};
constexpr std::array<Share, kChannels> kShares{{{cluster::PeerChannel::control, 64 << 10},
                                                {cluster::PeerChannel::raft, 128 << 10},
                                                {cluster::PeerChannel::calls, 64 << 10},
                                                {cluster::PeerChannel::snapshot, 32 << 10}}};

}  // namespace

const char* channel_name(std::size_t index) {
  static constexpr std::array<const char*, kChannels> kNames{"raft", "snapshot", "calls", "control"};
  return kNames[index];
}

Outbox::Push Outbox::push(cluster::PeerFrame frame) {
  const std::size_t channel = index_of(frame.channel);
  const std::size_t size = charge(frame);
  const std::lock_guard lock(mutex_);
  if (!open_) return Push::closed;
  Queue& queue = queues_[channel];
  if (queue.bytes + size > limits_.queued[channel]) return Push::full;
  queue.bytes += size;
  const bool may_wait = frame.may_wait;
  queue.frames.push_back(std::move(frame));
  if (awake_ || may_wait || !may_send(channel)) return Push::queued;
  awake_ = true;
  return Push::queued_first;
}

bool Outbox::wake() {
  const std::lock_guard lock(mutex_);
  if (!open_ || awake_) return false;
  for (std::size_t channel = 0; channel < kChannels && !awake_; ++channel) awake_ = may_send(channel);
  return awake_;
}

void Outbox::open() {
  const std::lock_guard lock(mutex_);
  for (Queue& queue : queues_) queue = Queue{.frames_sent = queue.frames_sent};
  open_ = true;
  awake_ = false;
}

std::size_t Outbox::close() {
  std::array<std::deque<cluster::PeerFrame>, kChannels> dropped;  // wiped outside the lock
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
    for (std::size_t i = 0; i < kChannels; ++i) {
      dropped[i].swap(queues_[i].frames);
      queues_[i].bytes = 0;
      count += dropped[i].size();
    }
  }
  return count;
}

bool Outbox::gather(std::size_t most, model::Secret& out) {
  const std::size_t begin = out.size();
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  for (bool more = true; more && out.size() - begin < most;) {
    more = false;
    for (const Share& share : kShares) {
      const std::size_t channel = index_of(share.channel);
      Queue& queue = queues_[channel];
      for (std::size_t taken = 0; taken < share.bytes && may_send(channel); more = true) {
        const cluster::PeerFrame& frame = queue.frames.front();
        const std::size_t size = charge(frame);
        append_frame(frame, out);
        taken += size;
        queue.sent += size;
        queue.bytes -= size;
        ++queue.frames_sent;
        queue.frames.pop_front();
      }
    }
  }
  awake_ = out.size() > begin;
  return awake_;
}

bool Outbox::credit(cluster::PeerChannel channel, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  Queue& queue = queues_[index_of(channel)];
  if (!open_ || total > queue.sent || total <= queue.credited) return false;
  queue.credited = total;
  if (awake_ || !may_send(index_of(channel))) return false;
  awake_ = true;
  return true;
}

std::uint64_t Outbox::frames(std::size_t channel) const {
  const std::lock_guard lock(mutex_);
  return queues_[channel].frames_sent;
}

std::size_t Outbox::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const Queue& queue : queues_) bytes += queue.bytes;
  return bytes;
}

bool Intake::took(const cluster::PeerFrame& frame) {
  const std::size_t channel = index_of(frame.channel);
  taken_[channel] += frame.body.size() + Outbox::kFrameCharge;
  if (taken_[channel] - told_[channel] < limits_.window[channel] / 4) return false;
  told_[channel] = taken_[channel];
  return true;
}

}  // namespace coffer::net::peer
