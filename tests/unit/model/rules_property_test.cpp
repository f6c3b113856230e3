// Random stories of one entry, by seed, against a reference that is too small to be wrong: a map from number to state.
// What must hold besides: numbers are never used twice, a payload is stored exactly while its version is kept and not
// destroyed, what expired is not read again unless it was undeleted, and no operation tells whether a sweep came by.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "model/rules.hpp"

namespace coffer::model {
namespace {

constexpr TimeMs kWindow = Limits{}.recovery_window_ms;
using Versions = std::vector<std::uint64_t>;

struct Reference {
  struct Kept {
    State state = State::active;
    TimeMs deleted_at = 0;
  };
  std::map<std::uint64_t, Kept> kept;
  std::uint64_t last = 0;
  std::size_t max = 10;
  TimeMs expires = 0;
  TimeMs now = 0;

  bool exists() const { return last != 0; }
  bool expired() const { return expires != 0 && now >= expires; }
  bool readable() const { return exists() && kept.rbegin()->second.state == State::active && !expired(); }
  std::uint64_t current() const { return readable() ? last : 0; }
  bool restorable(const Kept& v) const { return v.state == State::deleted && now - v.deleted_at < kWindow; }
  bool any_active() const {
    return std::any_of(kept.begin(), kept.end(), [](const auto& v) { return v.second.state == State::active; });
  }
  bool all_kept(const Versions& named) const {
    return std::all_of(named.begin(), named.end(), [this](std::uint64_t n) { return kept.contains(n); });
  }
  Versions meant(const Versions& named) const {
    if (!named.empty()) return named;
    Versions all;
    for (const auto& [number, v] : kept) all.push_back(number);
    return all;
  }
  void tidy() {
    for (auto& [number, v] : kept) {
      if (v.state == State::deleted && !restorable(v)) v.state = State::destroyed;
    }
    while (kept.size() > max) kept.erase(kept.begin());
  }

  void delete_expired() {
    if (!expired()) return;
    for (auto& [number, v] : kept) {
      if (v.state == State::active) v = {State::deleted, expires};
    }
  }

  Code put(std::optional<std::uint64_t> cas, std::optional<TimeMs> new_expiry) {
    if (cas && *cas != current()) return Code::cas_mismatch;
    if (new_expiry && *new_expiry != 0 && *new_expiry <= now) return Code::invalid_argument;
    const bool anew = !readable();
    delete_expired();
    if (anew) expires = 0;
    if (new_expiry) expires = *new_expiry;
    kept[++last] = {};
    tidy();
    return Code::ok;
  }
  Code update(std::optional<std::uint32_t> max_versions, std::optional<TimeMs> new_expiry) {
    if (!readable()) return Code::entry_not_found;
    if (new_expiry && *new_expiry != 0 && *new_expiry <= now) return Code::invalid_argument;
    if (new_expiry) expires = *new_expiry;
    if (max_versions) max = *max_versions;
    tidy();
    return Code::ok;
  }
  Code del(const Versions& named, std::optional<std::uint64_t> cas) {
    if (!exists() || !any_active() || expired()) return Code::entry_not_found;
    if (cas && *cas != current()) return Code::cas_mismatch;
    if (!all_kept(named)) return Code::version_not_found;
    for (const std::uint64_t n : meant(named)) {
      if (kept[n].state == State::active) kept[n] = {State::deleted, now};
    }
    tidy();
    return Code::ok;
  }
  Code undelete(const Versions& named) {
    if (!exists()) return Code::entry_not_found;
    if (!all_kept(named)) return Code::version_not_found;
    Versions restored;
    const auto before = kept;
    delete_expired();
    for (const std::uint64_t n : meant(named)) {
      if (restorable(kept[n]))
        restored.push_back(n);
      else if (!named.empty() && kept[n].state != State::active)
        return kept = before, Code::not_active;
    }
    if (restored.empty()) return kept = before, Code::not_active;
    for (const std::uint64_t n : restored) kept[n] = {};
    if (expired()) expires = 0;
    tidy();
    return Code::ok;
  }
  Code destroy(const Versions& named) {
    if (!exists()) return Code::entry_not_found;
    if (!all_kept(named)) return Code::version_not_found;
    for (const std::uint64_t n : meant(named)) kept[n].state = State::destroyed;
    tidy();
    return Code::ok;
  }
  void sweep() {
    delete_expired();
    tidy();
  }
  Code get(std::uint64_t version) const {
    if (!exists() || expired() || !any_active()) return Code::entry_not_found;
    if (version == 0) return readable() ? Code::ok : Code::entry_not_found;
    if (!kept.contains(version)) return Code::version_not_found;
    return kept.at(version).state == State::active ? Code::ok : Code::not_active;
  }
};

class Story {
 public:
  explicit Story(unsigned seed) : random_(seed) { reference_.now = context_.now = 1'700'000'000'000; }

  void step() {
    const TimeMs before = context_.now;
    if (roll(3) == 0) context_.now += roll(2) == 0 ? roll(1000) : roll(static_cast<unsigned>(kWindow / 2));
    reference_.now = context_.now;
    note_expiry(before);
    if (entry_ && roll(4) == 0) {
      sweep();
      compare();
    }
    std::optional<Story> swept;
    if (entry_) swept = *this, swept->sweep();
    Code expected = Code::ok;
    Result<Decision> decided = decide(&expected);
    ASSERT_EQ(code_of(decided), expected);
    if (swept) swept->decides_alike(decided);
    if (decided) live_on(*decided);
    compare();
  }

 private:
  static Code code_of(const Result<Decision>& decided) { return decided ? Code::ok : decided.error().code; }
  /// The same operation, just after a sweep.
  void decides_alike(const Result<Decision>& other) {
    Code expected = Code::ok;
    const Result<Decision> decided = decide(&expected);
    ASSERT_EQ(code_of(decided), code_of(other));
    if (!decided) return;
    ASSERT_EQ(decided->version, other->version);
    ASSERT_EQ(decided->count, other->count);
    ASSERT_EQ(decided->entry.readable_at(context_.now), other->entry.readable_at(context_.now));
  }

  unsigned roll(unsigned sides) { return std::uniform_int_distribution<unsigned>(0, sides - 1)(random_); }

  std::optional<std::uint64_t> some_cas() {
    switch (roll(6)) {
      case 0: return 0;
      case 1: return reference_.last;
      case 2: return roll(5);
      default: return std::nullopt;
    }
  }
  std::optional<TimeMs> some_expiry() {
    switch (roll(8)) {
      case 0: return 0;
      case 1: return context_.now - roll(2);
      case 2: return context_.now + 1 + roll(2000);
      default: return std::nullopt;
    }
  }
  Versions some_versions() {
    Versions named;
    if (roll(2) == 0 || reference_.last == 0) return named;
    for (unsigned i = 0; i <= roll(3); ++i) {
      const std::uint64_t back = roll(8);
      named.push_back(back < reference_.last ? reference_.last - back : reference_.last + 1);
    }
    return named;
  }
  template <class Operation>
  Operation named(const Versions& versions) {
    Operation operation;
    operation.space = "kv";
    operation.name = "n";
    operation.versions = versions;
    return operation;
  }

  Result<Decision> decide(Code* expected) {
    const Entry* current = entry_ ? &*entry_ : nullptr;
    const Versions versions = some_versions();
    switch (roll(10)) {
      case 0: {
        *expected = reference_.undelete(versions);
        note_undelete(versions, *expected);
        return decide_undelete(current, named<Undelete>(versions), context_);
      }
      case 1: {
        *expected = reference_.destroy(versions);
        return decide_destroy(current, named<Destroy>(versions), context_);
      }
      case 2:
      case 3: {
        auto del = named<Delete>(versions);
        del.cas = some_cas();
        *expected = reference_.del(versions, del.cas);
        return decide_delete(current, del, context_);
      }
      case 4: {
        UpdateMetadata update;
        update.space = "kv";
        update.name = "n";
        if (roll(3) == 0) update.max_versions = 1 + roll(12);
        update.expires_at = some_expiry();
        *expected = reference_.update(update.max_versions, update.expires_at);
        return decide_update(current, update, context_);
      }
      default: {
        Put put;
        put.space = "kv";
        put.name = "n";
        put.payload = Payload::of_text("value");
        put.cas = some_cas();
        put.expires_at = some_expiry();
        *expected = reference_.put(put.cas, put.expires_at);
        return decide_put(current, put, context_);
      }
    }
  }

  // What is due is known beforehand, and a sweep leaves nothing that is due.
  void sweep() {
    const TimeMs due = next_sweep(*entry_, context_.limits);
    const Decision decision = decide_sweep(*entry_, context_);
    ASSERT_EQ(decision.writes, due != 0 && due <= context_.now);
    live_on(decision);
    reference_.sweep();
    const TimeMs next = next_sweep(*entry_, context_.limits);
    ASSERT_TRUE(next == 0 || next > context_.now);
  }

  void live_on(const Decision& decision) {
    for (const std::uint64_t number : decision.dropped_payloads) {
      ASSERT_EQ(payloads_.erase(number), 1u) << "payload " << number << " is dropped, but was not there";
    }
    if (decision.adds_payload) {
      ASSERT_TRUE(used_.insert(decision.version).second) << "version " << decision.version << " is used twice";
      payloads_.insert(decision.version);
    }
    ASSERT_TRUE(decision.writes || decision.dropped_payloads.empty());
    if (!decision.writes) {
      ASSERT_EQ(decision.entry, *entry_) << "what changes nothing must not differ";
    }
    if (decision.writes) entry_ = decision.entry;
  }

  // Versions that were active when their entry expired may come back only by an undelete that names or means them.
  void note_expiry(TimeMs before) {
    if (!entry_ || entry_->expires_at == 0 || before >= entry_->expires_at || context_.now < entry_->expires_at) return;
    for (const Version& version : entry_->versions) {
      if (version.state == State::active) gone_.insert(version.number);
    }
  }
  void note_undelete(const Versions& versions, Code outcome) {
    if (outcome != Code::ok) return;
    if (versions.empty()) gone_.clear();
    for (const std::uint64_t number : versions) gone_.erase(number);
  }

  void compare() {
    ASSERT_EQ(entry_.has_value(), reference_.exists());
    if (!entry_) return;
    ASSERT_EQ(entry_->versions.size(), reference_.kept.size());
    auto expected = reference_.kept.begin();
    std::set<std::uint64_t> with_payload;
    for (const Version& version : entry_->versions) {
      ASSERT_EQ(version.number, expected->first);
      ASSERT_EQ(version.state, expected->second.state) << "version " << version.number;
      if (version.state != State::destroyed) with_payload.insert(version.number);
      ++expected;
    }
    ASSERT_EQ(payloads_, with_payload);
    ASSERT_EQ(entry_->last_version, reference_.last);
    ASSERT_EQ(entry_->expires_at, reference_.expires);
    ASSERT_LE(entry_->updated_at, context_.now);
    for (std::uint64_t number = 0; number <= reference_.last + 1; ++number) {
      Get get;
      get.version = number;
      const auto answered = readable_version(&*entry_, get, context_.now);
      ASSERT_EQ(answered ? Code::ok : answered.error().code, reference_.get(number)) << "get of version " << number;
      if (!answered) continue;
      ASSERT_EQ(*answered, number == 0 ? reference_.last : number);
      ASSERT_FALSE(gone_.contains(*answered)) << "version " << *answered << " has expired and is read again";
    }
  }

  std::mt19937 random_;
  RuleContext context_{0, "token:test", {}};
  Reference reference_;
  std::optional<Entry> entry_;
  std::set<std::uint64_t> payloads_, used_, gone_;
};

TEST(RulesProperty, EveryStoryAgreesWithTheReference) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    Story story(seed);
    for (int step = 0; step < 60; ++step) {
      story.step();
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace coffer::model
