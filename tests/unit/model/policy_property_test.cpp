// The evaluator against the obvious one, over random policies on an alphabet so small that everything collides.
// COFFER_SEED repeats a run; the failure prints it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/unit/model/policy_reference.hpp"

namespace coffer::model::test {
namespace {

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return *(all.begin() + static_cast<std::ptrdiff_t>(below(all.size())));
  }

  std::string name() {
    std::string text;
    for (std::uint64_t n = below(4); text.size() < n;) text += one_of<char>({'a', 'b', '/', '*'});
    return text;
  }
  std::vector<std::string> patterns() {
    std::vector<std::string> all(below(3));
    for (std::string& one : all) one = chance(30) ? "*" : name() + (chance(50) ? "*" : "");
    return all;
  }
  std::string subject() {
    return one_of<std::string>({"*", "user:a", "user:b", "user:*", "user:a*", "token:1", "token:*", "role:x", "role:y",
                                "role:*", "door:dapr", "cert:a", "service:a"});
  }
  Period period() {
    if (chance(60)) return {};
    return {static_cast<TimeMs>(below(4)), static_cast<TimeMs>(below(5))};
  }
  std::uint32_t capabilities() { return static_cast<std::uint32_t>(below(kAllCapabilities + 1)); }

  PolicySet policy() {
    PolicySet made;
    for (std::uint64_t i = 0, n = below(4); i < n; ++i) {
      Role role{"role" + std::to_string(i), "", {}};
      for (std::uint64_t g = 0, grants = below(4); g < grants; ++g) {
        role.grants.push_back(
            {chance(30) ? Effect::deny : Effect::allow, capabilities(), patterns(), patterns(), period()});
      }
      made.roles.push_back(std::move(role));
    }
    for (std::uint64_t i = 0, n = below(5); i < n; ++i) {
      std::vector<std::string> subjects(below(3));
      for (std::string& one : subjects) one = subject();
      made.bindings.push_back({"role" + std::to_string(below(4)), std::move(subjects), period()});
    }
    return made;
  }

  Principal principal() {
    Principal made;
    made.name = one_of<std::string>({"user:a", "user:ab", "user:b", "token:1", "door:dapr", "cert:a", "service:a"});
    made.everything = chance(3);
    for (std::uint64_t i = 0, n = chance(30) ? below(3) : 0; i < n; ++i) {
      made.scopes.push_back({capabilities(), patterns(), patterns()});
    }
    for (std::uint64_t i = 0, n = below(3); i < n; ++i) made.roles.push_back(one_of<std::string>({"x", "y", "z"}));
    return made;
  }

  Entry entry() {
    Entry made;
    made.owner = one_of<std::string>({"", "user:a", "user:b", "token:1"});
    for (std::uint64_t i = 0, n = below(3); i < n; ++i) {
      made.permissions.push_back({subject(), static_cast<Level>(1 + below(3))});
    }
    return made;
  }

 private:
  std::mt19937_64 random_;
};

TEST(PolicyProperty, TheEvaluatorDecidesAsTheObviousOne) {
  const char* given = std::getenv("COFFER_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : 20261120;
  Maker maker(seed);
  std::size_t allowed = 0, refused = 0, by_entry = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto policy = std::make_shared<const PolicySet>(maker.policy());
    Principal who = maker.principal();
    who.rights = rights_of(policy, who.name, who.roles);
    for (int ask = 0; ask < 8; ++ask) {
      const auto what = static_cast<Capability>(1u << maker.below(8));
      const std::string space = maker.name(), name = maker.name();
      const Entry entry = maker.entry();
      const Entry* const given_entry = maker.chance(50) ? &entry : nullptr;
      const auto now = static_cast<TimeMs>(maker.below(6));
      const bool expected = reference_may(*policy, who, what, space, name, given_entry, now);
      const PolicyAuthorizer authorizer;
      const Verdict verdict = authorizer.judge(who, what, space, name, given_entry, now);
      ASSERT_EQ(verdict == Verdict::allowed, expected)
          << "COFFER_SEED=" << seed << " round " << round << ": " << who.name << " " << to_string(what) << " " << name
          << " in " << space << " at " << now;
      // What is said before the entry is known holds, unless it says that the entry may add something.
      const Verdict early = authorizer.judge(who, what, space, name, nullptr, now);
      if (early != Verdict::lacking) {
        ASSERT_EQ(early, verdict) << "COFFER_SEED=" << seed << " round " << round;
      } else if (verdict == Verdict::allowed) {
        ++by_entry;
      }
      ++(expected ? allowed : refused);
    }
  }
  EXPECT_GT(allowed, 10'000U) << "the cases must be worth comparing";
  EXPECT_GT(refused, 10'000U);
  EXPECT_GT(by_entry, 1'000U);
}

TEST(PolicyProperty, ADifferenceIsEmptyOnlyBetweenPoliciesThatDecideTheSame) {
  Maker maker(7);
  for (int round = 0; round < 3'000; ++round) {
    PolicySet before = maker.policy();
    const PolicySet after = maker.chance(30) ? before : maker.policy();
    Principal first = maker.principal(), second = first;
    first.rights = rights_of(std::make_shared<const PolicySet>(before), first.name, first.roles);
    second.rights = rights_of(std::make_shared<const PolicySet>(after), second.name, second.roles);
    if (!policy_difference(before, after).empty()) continue;
    for (int ask = 0; ask < 8; ++ask) {
      const auto what = static_cast<Capability>(1u << maker.below(8));
      const std::string space = maker.name(), name = maker.name();
      const auto now = static_cast<TimeMs>(maker.below(6));
      ASSERT_EQ(PolicyAuthorizer().judge(first, what, space, name, nullptr, now),
                PolicyAuthorizer().judge(second, what, space, name, nullptr, now));
    }
  }
}

}  // namespace
}  // namespace coffer::model::test
