// The query's evaluator against a slow and obvious reference: every operator over values of every kind, found at every
// kind of path; and pages against a full sort.

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "model/query_listing.hpp"
#include "model/query_stages.hpp"
#include "model/text.hpp"
#include "tests/unit/model/query_fixture.hpp"

namespace coffer::model::query {
namespace {

// ---- the reference: values as trees of their own, no shared code with the evaluator

struct Tree {
  enum class Kind { missing, null, boolean, number, text, list, object } kind = Kind::missing;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Tree> items;
  std::vector<std::string> names;
};

std::string text_of_tree(const Tree& t) {
  switch (t.kind) {
    case Tree::Kind::missing:
    case Tree::Kind::null: return "null";
    case Tree::Kind::boolean: return t.boolean ? "true" : "false";
    case Tree::Kind::number: return std::to_string(t.number);
    case Tree::Kind::text: return "\"" + t.text + "\"";
    default: break;
  }
  std::string out(1, t.kind == Tree::Kind::list ? '[' : '{');
  for (std::size_t i = 0; i < t.items.size(); ++i) {
    if (i != 0) out += ",";
    if (t.kind == Tree::Kind::object) out += "\"" + t.names[i] + "\":";
    out += text_of_tree(t.items[i]);
  }
  return out + (t.kind == Tree::Kind::list ? "]" : "}");
}

Tree tree_of(const Literal& l) {
  Tree t;
  t.boolean = l.boolean;
  t.number = l.number;
  t.text = l.text;
  t.names = l.names;
  for (const Literal& item : l.items) t.items.push_back(tree_of(item));
  t.kind = static_cast<Tree::Kind>(static_cast<int>(l.kind) + 1);
  return t;
}

/// Everything that a path leads to; a list on the way is gone through, and by number.
void walk(const Tree& at, std::vector<std::string> path, std::vector<Tree>& out) {
  if (path.empty()) {
    out.push_back(at);
    return;
  }
  const std::string step = path.front();
  const std::vector<std::string> rest(path.begin() + 1, path.end());
  if (at.kind == Tree::Kind::object) {
    for (std::size_t i = 0; i < at.names.size(); ++i) {
      if (at.names[i] == step) return walk(at.items[i], rest, out);
    }
  }
  if (at.kind == Tree::Kind::list) {
    const std::size_t before = out.size();
    if (step == "0" && !at.items.empty()) walk(at.items[0], rest, out);
    for (const Tree& item : at.items) {
      if (item.kind == Tree::Kind::object) walk(item, path, out);
    }
    if (out.size() != before) return;
  }
  out.emplace_back();
}

bool same_tree(const Tree& a, const Tree& b) {
  const auto nothing = [](const Tree& t) { return t.kind == Tree::Kind::missing || t.kind == Tree::Kind::null; };
  if (nothing(a) || nothing(b)) return nothing(a) && nothing(b);
  return a.kind == b.kind && text_of_tree(a) == text_of_tree(b);
}

std::vector<Tree> candidates(const std::vector<Tree>& found) {
  std::vector<Tree> all;
  for (const Tree& t : found) {
    all.push_back(t);
    if (t.kind == Tree::Kind::list) all.insert(all.end(), t.items.begin(), t.items.end());
  }
  return all;
}

bool reference(const Tree& root, const std::vector<std::string>& path, Operator op, const Literal& literal) {
  std::vector<Tree> found;
  walk(root, path, found);
  const std::vector<Tree> all = candidates(found);
  const Tree wanted = tree_of(literal);
  const auto any = [&](const auto& test) { return std::any_of(all.begin(), all.end(), test); };
  const auto contains = [&](const Tree& t, const std::string& needle) {
    return t.kind == Tree::Kind::text && StdRegex::fold(t.text).find(StdRegex::fold(needle)) != std::string::npos;
  };
  const auto ordered = [&](const Tree& t, auto compare) {
    if (t.kind != wanted.kind) return false;
    if (t.kind == Tree::Kind::number) return compare(t.number, wanted.number);
    if (t.kind == Tree::Kind::boolean) return compare(t.boolean, wanted.boolean);
    return t.kind == Tree::Kind::text && compare(t.text, wanted.text);
  };
  switch (op) {
    case Operator::eq: return any([&](const Tree& t) { return same_tree(t, wanted); });
    case Operator::differs: return !any([&](const Tree& t) { return same_tree(t, wanted); });
    case Operator::lt: return any([&](const Tree& t) { return ordered(t, std::less<>()); });
    case Operator::gt: return any([&](const Tree& t) { return ordered(t, std::greater<>()); });
    case Operator::lte:
      if (wanted.kind == Tree::Kind::null) return any([&](const Tree& t) { return same_tree(t, wanted); });
      return any([&](const Tree& t) { return ordered(t, std::less_equal<>()); });
    case Operator::gte:
      if (wanted.kind == Tree::Kind::null) return any([&](const Tree& t) { return same_tree(t, wanted); });
      return any([&](const Tree& t) { return ordered(t, std::greater_equal<>()); });
    case Operator::exists: {
      const bool there =
          std::any_of(found.begin(), found.end(), [](const Tree& t) { return t.kind != Tree::Kind::missing; });
      return there == literal.boolean;
    }
    case Operator::in:
    case Operator::not_in: {
      bool one = false;
      for (const Literal& l : literal.items) one |= any([&](const Tree& t) { return same_tree(t, tree_of(l)); });
      return one == (op == Operator::in);
    }
    case Operator::contain: return any([&](const Tree& t) { return contains(t, literal.text); });
    case Operator::not_contain: return !any([&](const Tree& t) { return contains(t, literal.text); });
    case Operator::contain_in:
      return std::any_of(literal.items.begin(), literal.items.end(),
                         [&](const Literal& l) { return any([&](const Tree& t) { return contains(t, l.text); }); });
    case Operator::not_contain_in:
      return std::any_of(literal.items.begin(), literal.items.end(),
                         [&](const Literal& l) { return !any([&](const Tree& t) { return contains(t, l.text); }); });
    case Operator::regex:
      return any(
          [&](const Tree& t) { return t.kind == Tree::Kind::text && StdRegex(literal.text, false).found_in(t.text); });
    case Operator::regex_in:
      return std::any_of(literal.items.begin(), literal.items.end(), [&](const Literal& l) {
        return any(
            [&](const Tree& t) { return t.kind == Tree::Kind::text && StdRegex(l.text, false).found_in(t.text); });
      });
    case Operator::match:
      for (const Tree& t : found) {
        if (t.kind != Tree::Kind::list) continue;
        for (const Tree& item : t.items) {
          bool good = item.kind == Tree::Kind::object;
          for (std::size_t i = 0; good && i < wanted.names.size(); ++i) {
            std::vector<Tree> members;
            walk(item, {wanted.names[i]}, members);
            const auto each = candidates(members);
            good = std::any_of(each.begin(), each.end(), [&](const Tree& m) { return same_tree(m, wanted.items[i]); });
          }
          if (good) return true;
        }
      }
      return false;
    default: return false;  // times: no JSON value is one
  }
}

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  std::string word() {
    static const char* const kWords[] = {"", "a", "A", "ab", "Ba", "é", "É", "日本", "1", "x.y", "null"};
    return kWords[below(11)];
  }
  Tree tree(int depth) {
    Tree t;
    t.kind = static_cast<Tree::Kind>(1 + below(depth > 0 ? 6 : 4));
    t.boolean = below(2) == 1;
    t.number = below(5) - 2 + (below(3) == 0 ? 0.5 : 0);
    t.text = word();
    if (t.kind == Tree::Kind::list || t.kind == Tree::Kind::object) {
      for (int i = below(4); i-- > 0;) {
        static const char* const kNames[] = {"a", "b", "0", "é"};
        const std::string name = kNames[below(4)];
        if (std::find(t.names.begin(), t.names.end(), name) != t.names.end() && t.kind == Tree::Kind::object) continue;
        t.items.push_back(tree(depth - 1));
        if (t.kind == Tree::Kind::object) t.names.push_back(name);
      }
    }
    return t;
  }
  Literal scalar() {
    switch (below(4)) {
      case 0: return {};
      case 1: return Literal::of(below(2) == 1);
      case 2: return Literal::of(below(5) - 2 + (below(3) == 0 ? 0.5 : 0));
      default: return Literal::of(word());
    }
  }
  Literal literal(Operator op) {
    const bool text = op == Operator::contain || op == Operator::not_contain || op == Operator::contain_in ||
                      op == Operator::not_contain_in || op == Operator::regex || op == Operator::regex_in;
    const auto one = [&] { return text ? Literal::of(word()) : scalar(); };
    if (op >= Operator::timediff_gt) return Literal::of(below(2) == 0 ? "now" : "now/d - 400d");
    if (op > Operator::regex_in) return Literal::of(below(2) == 0 ? "2023-11-14T22:13:20Z" : "1970-01-01");
    switch (takes(op)) {
      case Takes::boolean: return Literal::of(below(2) == 1);
      case Takes::list: {
        std::vector<Literal> items;
        for (int i = below(4); i-- > 0;) items.push_back(one());
        return Literal::of_list(std::move(items));
      }
      case Takes::object: {
        Literal l;
        l.kind = Literal::Kind::object;
        for (const char* name : {"a", "b"}) {
          if (below(2) == 0) continue;
          l.names.emplace_back(name);
          l.items.push_back(scalar());
        }
        return l;
      }
      case Takes::scalar: break;
    }
    return one();
  }

 private:
  std::mt19937 random_;
};

TEST(QueryProperty, EveryOperatorAgreesWithTheReferenceOverValuesOfEveryKind) {
  Generator random(20231114);
  const std::vector<std::vector<std::string>> paths{{"a"}, {"b"}, {"a", "b"}, {"a", "0"}, {"a", "0", "b"}, {"é"}};
  int held = 0, checked = 0;
  for (int round = 0; round < 3000; ++round) {
    Tree root;
    root.kind = Tree::Kind::object;
    for (const char* name : {"a", "b", "é"}) {
      if (random.below(4) == 0) continue;
      root.names.emplace_back(name);
      root.items.push_back(random.tree(3));
    }
    const std::string json = text_of_tree(root);
    const auto doc = tagged(json);
    for (std::size_t i = 0; i < kOperators; ++i) {
      const auto op = static_cast<Operator>(i);
      if (round % 5 != 0 && op > Operator::regex_in) continue;  // JSON has no times: nothing ever holds
      const auto& path = paths[static_cast<std::size_t>(random.below(static_cast<int>(paths.size())))];
      std::string key = "tags";
      for (const auto& step : path) key += "." + step;
      const Condition condition{key, op, random.literal(op)};
      const bool expected = reference(root, path, op, condition.value);
      ASSERT_EQ(holds(*doc, condition), expected)
          << json << " " << key << " " << to_string(op) << " " << text_of_tree(tree_of(condition.value));
      held += expected ? 1 : 0;
      ++checked;
    }
  }
  // The generator would be worth nothing if hardly anything held, or everything did.
  EXPECT_GT(held, checked / 10);
  EXPECT_LT(held, checked * 9 / 10);
}

TEST(QueryProperty, TimesCompareAsNumbersOfMilliseconds) {
  Generator random(5);
  using Compare = bool (*)(TimeMs, TimeMs);
  const std::pair<Operator, Compare> ops[] = {
      {Operator::datetime_gt, [](TimeMs a, TimeMs b) { return a > b; }},
      {Operator::datetime_lt, [](TimeMs a, TimeMs b) { return a < b; }},
      {Operator::datetime_gte, [](TimeMs a, TimeMs b) { return a >= b; }},
      {Operator::datetime_lte, [](TimeMs a, TimeMs b) { return a <= b; }},
      {Operator::timediff_gt, [](TimeMs a, TimeMs b) { return a > b; }},
      {Operator::timediff_lt, [](TimeMs a, TimeMs b) { return a < b; }},
      {Operator::timediff_gte, [](TimeMs a, TimeMs b) { return a >= b; }},
      {Operator::timediff_lte, [](TimeMs a, TimeMs b) { return a <= b; }},
      {Operator::eq, [](TimeMs a, TimeMs b) { return a == b; }},
      {Operator::differs, [](TimeMs a, TimeMs b) { return a != b; }},
      {Operator::gt, [](TimeMs a, TimeMs b) { return a > b; }},
      {Operator::lte, [](TimeMs a, TimeMs b) { return a <= b; }},
  };
  for (int round = 0; round < 2000; ++round) {
    const int seconds = random.below(5), shift = random.below(5);
    const TimeMs at = kNow - seconds * 1000, wanted = kNow - shift * 1000;
    const auto doc = document("s", {}, at);
    const auto& [op, compare] = ops[random.below(static_cast<int>(std::size(ops)))];
    const bool relative = op >= Operator::timediff_gt;
    const std::string text = relative ? "now - " + std::to_string(shift) + "s" : rfc3339(wanted);
    ASSERT_EQ(holds(*doc, {"created_at", op, Literal::of(text)}), compare(at, wanted))
        << to_string(op) << " " << seconds << " " << text;
  }
}

std::vector<std::string> names(const std::vector<std::shared_ptr<const Document>>& documents) {
  std::vector<std::string> out;
  for (const auto& one : documents) out.push_back(one->entry->name);
  return out;
}

/// The order of a list, said slowly: key by key over what sorting sees, then creation, then names.
bool in_order(const std::vector<SortKey>& keys, const Document& a, const Document& b) {
  for (const SortKey& key : keys) {
    const auto least = [&](const Document& document) {
      Value value = document.fields[static_cast<std::size_t>(schema().find(key.key.substr(0, key.key.find('.'))))];
      if (key.key == "tags.n") value = value.find("n");
      if (value.kind() != Value::Kind::list || value.size() == 0) return value;
      std::vector<Value> items(value.begin(), value.end());
      std::sort(items.begin(), items.end(), Less());
      return key.descending ? items.back() : items.front();
    };
    const int order = compare(least(a), least(b));
    if (order != 0) return key.descending ? order > 0 : order < 0;
  }
  if (a.entry->created_at != b.entry->created_at) return a.entry->created_at < b.entry->created_at;
  return a.entry->name < b.entry->name;
}

TEST(QueryProperty, SortingInRunsIsAStableSort) {
  std::mt19937 random(11);
  for (const std::size_t n : {0UL, 1UL, 4095UL, 4096UL, 4097UL, 20'000UL}) {
    std::vector<std::pair<int, std::size_t>> all;  // the number says when it was pushed
    const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
    RunSort<std::pair<int, std::size_t>, decltype(before)> sorted(before);
    for (std::size_t i = 0; i < n; ++i) {
      all.emplace_back(static_cast<int>(random() % 100), i);
      sorted.push(all.back());
    }
    std::stable_sort(all.begin(), all.end(), before);
    EXPECT_EQ(sorted.size(), n);
    for (const auto& expected : all) ASSERT_EQ(sorted.next(), std::optional(expected)) << n;
    EXPECT_EQ(sorted.next(), std::nullopt);
  }
}

TEST(QueryProperty, DistinctValuesAreThoseOfASet) {
  for (const unsigned kinds : {3U, 5000U, 50'000U}) {
    std::mt19937 random(kinds);
    Distinct distinct("name", schema());
    std::set<std::string> expected;
    for (int i = 0; i < 20'000; ++i) {
      const std::string name = std::to_string(random() % kinds);
      expected.insert(name);
      ASSERT_TRUE(distinct.push(document("id", {{"name", name}})).ok());
    }
    for (const std::string& name : expected) {
      const auto value = distinct.next();
      ASSERT_TRUE(value);
      ASSERT_EQ(value->text(), name);
    }
    EXPECT_FALSE(distinct.next());
  }
}

TEST(QueryProperty, APageFarBehindIsThatOfAFullSort) {
  std::vector<std::shared_ptr<const Document>> all;
  Generator random(3);
  for (int i = 0; i < 9000; ++i) {
    all.push_back(document("id-" + std::to_string(i), {{"name", random.word()}}, kNow + random.below(100)));
  }
  const std::vector<SortKey> keys{{"name", true}};
  Listing page(keys, schema(), 8000, 5);
  for (const auto& one : all) page.push(one);
  std::vector<std::shared_ptr<const Document>> shown;
  while (!page.take(1000, shown)) {
  }
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return in_order(keys, *a, *b); });
  EXPECT_EQ(names(shown), names({all.begin() + 8000, all.begin() + 8005}));
}

TEST(QueryProperty, PagesAreThoseOfAFullSort) {
  Generator random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::shared_ptr<const Document>> all;
    for (int i = random.below(40); i-- > 0;) {
      all.push_back(document("id-" + std::to_string(i), {{"name", random.word()}, {"tags", text_of_tree([&] {
                                                                                     Tree t;
                                                                                     t.kind = Tree::Kind::object;
                                                                                     t.names = {"n"};
                                                                                     t.items.push_back(random.tree(1));
                                                                                     return t;
                                                                                   }())}},
                             kNow + random.below(3)));
    }
    const std::vector<SortKey> keys{{"tags.n", random.below(2) == 0}, {"name", random.below(2) == 0}};
    const auto skip = static_cast<std::uint64_t>(random.below(10)), limit = static_cast<std::uint64_t>(random.below(8));
    Listing whole(keys, schema(), 0, 0), page(keys, schema(), skip, limit);
    const std::size_t total = all.size();
    for (const auto& one : all) whole.push(one), page.push(one);
    std::vector<std::shared_ptr<const Document>> sorted, shown;
    while (!whole.take(3, sorted)) {
    }
    while (!page.take(1, shown)) {
    }
    std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return in_order(keys, *a, *b); });
    EXPECT_EQ(names(sorted), names(all)) << "round " << round;
    const std::size_t from = std::min<std::size_t>(skip, all.size());
    const std::size_t most = limit == 0 ? all.size() : static_cast<std::size_t>(limit);
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(from));
    if (all.size() > most) all.resize(most);
    ASSERT_EQ(names(shown), names(all)) << "round " << round;
    EXPECT_EQ(page.total(), total);
  }
}

}  // namespace
}  // namespace coffer::model::query
