// See audit_queue.hpp. A record in a buffer: a Head, then the texts that it gives the lengths of, then the items.

#include "actors/audit_queue.hpp"

#include <algorithm>
#include <cstring>

#include "actors/audit_line.hpp"

namespace coffer::actors {
namespace {

constexpr std::size_t kTexts = 8;
constexpr std::size_t kFirstBytes = 16 << 10;
/// Of an item, of which a record may have a thousand: more than is written of it (audit_format.cpp).
constexpr std::size_t kMostItemText = 512;

struct Head {
  model::TimeMs time = 0;
  std::uint64_t version = 0, group = 0, index = 0, revision = 0;
  model::TenantId tenant;
  model::NameHash entry{};
  std::array<std::uint32_t, kTexts> texts{};
  std::uint32_t items = 0, epoch = 0;
  model::Code code = model::Code::ok;
  model::Door door = model::Door::native;
  bool is_change = false, has_entry = false;
};

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
bool get(std::string_view& in, T& value) {
  if (in.size() < sizeof value) return false;
  std::memcpy(&value, in.data(), sizeof value);
  in.remove_prefix(sizeof value);
  return true;
}

void append(std::string& out, Head& head, const std::array<std::string_view, kTexts>& texts) {
  for (std::size_t i = 0; i < kTexts; ++i) head.texts[i] = static_cast<std::uint32_t>(texts[i].size());
  put(out, head);
  for (const std::string_view text : texts) out.append(text);
}

struct ItemHead {
  model::NameHash entry{};
  model::Code code = model::Code::ok;
  std::uint16_t action = 0, details = 0;  // lengths
  bool has_entry = false;
};

void append(std::string& out, const model::AuditItem& item) {
  const std::string_view action = cut_audit_text(item.action, kMostItemText);
  const std::string_view details = cut_audit_text(item.details, kMostItemText);
  put(out, ItemHead{item.entry, item.code, static_cast<std::uint16_t>(action.size()),
                    static_cast<std::uint16_t>(details.size()), item.has_entry});
  out.append(action).append(details);
}

std::string_view take_text(std::string_view& in, std::size_t size) {
  const std::string_view text = in.substr(0, size);
  in.remove_prefix(text.size());
  return text;
}

bool get(std::string_view& in, model::AuditItem& item) {
  ItemHead head;
  if (!get(in, head)) return false;
  item.entry = head.entry;
  item.code = head.code;
  item.has_entry = head.has_entry;
  item.action = take_text(in, head.action);
  item.details = take_text(in, head.details);
  return true;
}

void append(std::string& out, const model::AuditEvent& event, model::TimeMs now) {
  Head head;
  head.time = now;
  head.version = event.version;
  head.tenant = event.tenant;
  head.code = event.code;
  head.door = event.door;
  head.has_entry = event.entry != nullptr;
  if (event.entry != nullptr) head.entry = *event.entry;
  head.items = event.items == nullptr ? 0 : static_cast<std::uint32_t>(event.items->size());
  std::array texts{event.principal, event.action,  event.address, event.request_id,
                   event.trace,     event.details, event.space,   event.name};
  for (std::string_view& text : texts) text = cut_audit_text(text);
  append(out, head, texts);
  for (std::uint32_t i = 0; i < head.items; ++i) append(out, (*event.items)[i]);
}

}  // namespace

AuditQueue::Stripe& AuditQueue::mine() {
  static std::atomic<std::size_t> next_thread{0};
  thread_local const std::size_t number = next_thread.fetch_add(1, std::memory_order_relaxed);
  return stripes_[number % kStripes];
}

void AuditQueue::signal(bool urgent) {
  // The flags are looked at before they are set, so that a busy server's threads do not take the line from each other.
  const bool wakes = !filled_.load(std::memory_order_relaxed) && !filled_.exchange(true);
  const bool hurries = urgent && !urgent_.load(std::memory_order_relaxed) && !urgent_.exchange(true);
  if (wakes || hurries) wake();
}

void AuditQueue::wake() {
  { const std::lock_guard lock(mutex_); }
  changed_.notify_one();
}

void AuditQueue::hurry() {
  urgent_ = true;
  wake();
}

void AuditQueue::push(const model::AuditEvent& event, model::TimeMs now) {
  Stripe& stripe = mine();
  {
    const std::lock_guard lock(stripe.mutex);
    if (stripe.batch.bytes.size() >= most_bytes_) {
      ++stripe.batch.dropped;
      dropped_.fetch_add(1, std::memory_order_relaxed);
    } else {
      append(stripe.batch.bytes, event, now);
    }
  }
  signal(false);
}

void AuditQueue::push(const model::AuditEvent& event, model::TimeMs now, Waiter waiter) {
  Stripe& stripe = mine();
  {
    const std::lock_guard lock(stripe.mutex);
    stripe.batch.waiters.push_back(waiter);
    try {
      append(stripe.batch.bytes, event, now);
    } catch (...) {
      stripe.batch.waiters.pop_back();  // its caller answers
      throw;
    }
  }
  signal(true);
}

void AuditQueue::push(const model::AuditedChange& change, model::TimeMs now) {
  Head head;
  head.time = now;
  head.is_change = true;
  head.tenant = change.tenant;
  head.group = change.group.value;
  head.index = change.index.value;
  head.revision = change.revision.counter;
  head.epoch = change.revision.epoch;
  Stripe& stripe = mine();
  {
    const std::lock_guard lock(stripe.mutex);
    if (stripe.batch.bytes.size() >= most_bytes_) {
      ++stripe.batch.dropped;
      dropped_.fetch_add(1, std::memory_order_relaxed);
    } else {
      append(stripe.batch.bytes, head, {change.record});
    }
  }
  signal(false);
}

bool AuditQueue::next(std::string_view& rest, Item& item) {
  Head head;
  if (!get(rest, head)) return false;
  std::array<std::string_view, kTexts> texts;
  for (std::size_t i = 0; i < kTexts; ++i) texts[i] = take_text(rest, head.texts[i]);
  item.items.clear();
  for (std::uint32_t i = 0; i < head.items; ++i) get(rest, item.items.emplace_back());
  item.time = head.time;
  item.is_change = head.is_change;
  item.entry = head.entry;
  item.change = {
      model::GroupId{head.group}, model::Index{head.index}, head.tenant, {head.epoch, head.revision}, texts[0]};
  model::AuditEvent& event = item.event;
  event.door = head.door;
  event.tenant = head.tenant;
  event.code = head.code;
  event.version = head.version;
  event.entry = head.has_entry ? &item.entry : nullptr;
  event.items = item.items.empty() ? nullptr : &item.items;
  event.principal = texts[0];
  event.action = texts[1];
  event.address = texts[2];
  event.request_id = texts[3];
  event.trace = texts[4];
  event.details = texts[5];
  event.space = texts[6];
  event.name = texts[7];
  return true;
}

void AuditQueue::wait(std::chrono::milliseconds least, std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  const auto begin = std::chrono::steady_clock::now();
  changed_.wait_until(lock, begin + most, [this] { return filled_.load() || urgent_.load(); });
  // Records gather for a moment, so that a busy server wakes this thread some dozen times a second and not for each.
  if (filled_) changed_.wait_until(lock, begin + least, [this] { return urgent_.load(); });
}

AuditQueue::Batch AuditQueue::take() {
  urgent_ = false;
  filled_ = false;
  Batch all;
  for (Stripe& stripe : stripes_) {
    {
      const std::lock_guard lock(stripe.mutex);
      if (stripe.batch.bytes.empty() && stripe.batch.dropped == 0) continue;
    }
    Batch one;
    one.bytes.reserve(kFirstBytes);
    {
      const std::lock_guard lock(stripe.mutex);
      std::swap(one, stripe.batch);
    }
    all.dropped += one.dropped;
    all.waiters.insert(all.waiters.end(), one.waiters.begin(), one.waiters.end());
    all.bytes.empty() ? all.bytes.swap(one.bytes) : (void)all.bytes.append(one.bytes);
  }
  return all;
}

AuditQueue::Level AuditQueue::level() const {
  Level level;
  level.most_bytes = most_bytes_ * kStripes;
  std::size_t fullest = 0;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    level.bytes += stripe.batch.bytes.size();
    fullest = std::max(fullest, stripe.batch.bytes.size());
  }
  if (most_bytes_ != 0) level.fullest = static_cast<double>(fullest) / static_cast<double>(most_bytes_);
  return level;
}

}  // namespace coffer::actors
