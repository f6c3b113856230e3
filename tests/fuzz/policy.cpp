// The evaluator of rights against the obvious one of the tests, over policies that the input spells; and the checks that
// a policy of strangers passes.

#include <memory>

#include "tests/fuzz/fuzz.hpp"
#include "tests/unit/model/policy_reference.hpp"

namespace coffer::fuzz {
namespace {

using namespace model;

/// Everything on an alphabet so small that names, patterns and subjects meet.
class Speller {
 public:
  explicit Speller(Input& in) : in_(in) {}
  std::string name() {
    std::string text;
    for (std::uint64_t n = in_.below(4); text.size() < n;) text += "ab/*"[in_.below(4)];
    return text;
  }
  std::vector<std::string> patterns() {
    std::vector<std::string> all(in_.below(3));
    for (std::string& one : all) one = in_.chance(30) ? "*" : name() + (in_.chance(50) ? "*" : "");
    return all;
  }
  std::string subject() {
    static const char* const kAll[] = {"*",      "user:a", "user:b", "user:*", "user:a*",   "token:1", "token:*",
                                       "role:x", "role:y", "role:*", "",       "door:dapr", "cert:a"};
    return kAll[in_.below(std::size(kAll))];
  }
  Period period() {
    if (in_.chance(60)) return {};
    return {static_cast<TimeMs>(in_.below(4)), static_cast<TimeMs>(in_.below(5))};
  }
  std::uint32_t capabilities() { return static_cast<std::uint32_t>(in_.below(kAllCapabilities + 1)); }
  PolicySet policy() {
    PolicySet made;
    for (std::uint64_t i = 0, n = in_.below(4); i < n; ++i) {
      Role role{"role" + std::to_string(i), "", {}};
      for (std::uint64_t g = 0, grants = in_.below(4); g < grants; ++g) {
        role.grants.push_back(
            {in_.chance(30) ? Effect::deny : Effect::allow, capabilities(), patterns(), patterns(), period()});
      }
      made.roles.push_back(std::move(role));
    }
    for (std::uint64_t i = 0, n = in_.below(5); i < n; ++i) {
      std::vector<std::string> subjects(in_.below(3));
      for (std::string& one : subjects) one = subject();
      made.bindings.push_back({"role" + std::to_string(in_.below(4)), std::move(subjects), period()});
    }
    return made;
  }
  Principal principal() {
    static const char* const kNames[] = {"user:a", "user:ab", "user:b", "token:1", "door:dapr", "cert:a", "service:a"};
    Principal made;
    made.name = kNames[in_.below(std::size(kNames))];
    made.everything = in_.chance(3);
    for (std::uint64_t i = 0, n = in_.chance(30) ? in_.below(3) : 0; i < n; ++i) {
      made.scopes.push_back({capabilities(), patterns(), patterns()});
    }
    for (std::uint64_t i = 0, n = in_.below(3); i < n; ++i) made.roles.push_back(std::string(1, "xyz"[in_.below(3)]));
    return made;
  }
  Entry entry() {
    Entry made;
    static const char* const kOwners[] = {"", "user:a", "user:b", "token:1"};
    made.owner = kOwners[in_.below(std::size(kOwners))];
    for (std::uint64_t i = 0, n = in_.below(3); i < n; ++i) {
      made.permissions.push_back({subject(), static_cast<Level>(1 + in_.below(3))});
    }
    return made;
  }

 private:
  Input& in_;
};

}  // namespace

COFFER_FUZZ(policy) {
  Input in(input);
  Speller speller(in);
  const auto policy = std::make_shared<const PolicySet>(speller.policy());
  Principal who = speller.principal();
  who.rights = rights_of(policy, who.name, who.roles);
  const PolicyAuthorizer authorizer;
  for (int ask = 0; ask < 4; ++ask) {
    const auto what = static_cast<Capability>(1u << in.below(8));
    const std::string space = speller.name(), name = speller.name();
    const Entry entry = speller.entry();
    const Entry* const given = in.chance(50) ? &entry : nullptr;
    const auto now = static_cast<TimeMs>(in.below(6));
    const Verdict verdict = authorizer.judge(who, what, space, name, given, now);
    require((verdict == Verdict::allowed) == test::reference_may(*policy, who, what, space, name, given, now),
            "the evaluator decides as the obvious one");
    const Verdict early = authorizer.judge(who, what, space, name, nullptr, now);
    if (early != Verdict::lacking) require(early == verdict, "what is said before the entry is known stays");
  }
  // A policy against its change: the difference is empty only when both say the same.
  const PolicySet other = speller.policy();
  if (!policy_difference(*policy, other).empty()) return;
  Principal second = who;
  second.rights = rights_of(std::make_shared<const PolicySet>(other), who.name, who.roles);
  const std::string space = speller.name(), name = speller.name();
  for (unsigned bit = 0; bit < 8; ++bit) {
    const auto what = static_cast<Capability>(1u << bit);
    require(
        authorizer.judge(who, what, space, name, nullptr, 3) == authorizer.judge(second, what, space, name, nullptr, 3),
        "policies without a difference decide alike");
  }
}

/// Line by line: names, subjects and patterns as somebody may write them.
COFFER_FUZZ(policy_checks) {
  Input in(input);
  PolicySet policy;
  const Limits limits;
  while (!in.empty() && policy.roles.size() < 40) {
    const std::string role(in.line()), subject(in.line()), space(in.line()), name(in.line());
    policy.roles.push_back({role, subject, {{Effect::allow, in.byte(), {space}, {name}, {}}}});
    policy.bindings.push_back({role, {subject}, {}});
    (void)check_subject("s", subject, limits);
  }
  if (!check_policy(policy, limits)) return;
  for (const Role& role : policy.roles) {
    require(!role.name.empty() && role.name.size() <= 63, "a checked role has a name");
    for (const unsigned char c : role.name) require(c > 0x20 && c < 0x7f && c != '*', "of plain signs");
  }
}

}  // namespace coffer::fuzz
