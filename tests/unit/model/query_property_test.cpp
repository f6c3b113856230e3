// The query's evaluator against a slow and obvious reference: every operator over values of every kind, found at every
// kind of path; and pages against a full sort.

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "model/query_listing.hpp"
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

std::string json_of(const Tree& t) {
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
    out += json_of(t.items[i]);
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

bool same(const Tree& a, const Tree& b) {
  const auto nothing = [](const Tree& t) { return t.kind == Tree::Kind::missing || t.kind == Tree::Kind::null; };
  if (nothing(a) || nothing(b)) return nothing(a) && nothing(b);
  return a.kind == b.kind && json_of(a) == json_of(b);
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
    case Operator::eq: return any([&](const Tree& t) { return same(t, wanted); });
    case Operator::differs: return !any([&](const Tree& t) { return same(t, wanted); });
    case Operator::lt: return any([&](const Tree& t) { return ordered(t, std::less<>()); });
    case Operator::gt: return any([&](const Tree& t) { return ordered(t, std::greater<>()); });
    case Operator::lte:
      if (wanted.kind == Tree::Kind::null) return any([&](const Tree& t) { return same(t, wanted); });
      return any([&](const Tree& t) { return ordered(t, std::less_equal<>()); });
    case Operator::gte:
      if (wanted.kind == Tree::Kind::null) return any([&](const Tree& t) { return same(t, wanted); });
      return any([&](const Tree& t) { return ordered(t, std::greater_equal<>()); });
    case Operator::exists: {
      const bool there =
          std::any_of(found.begin(), found.end(), [](const Tree& t) { return t.kind != Tree::Kind::missing; });
      return there == literal.boolean;
    }
    case Operator::in:
    case Operator::not_in: {
      bool one = false;
      for (const Literal& l : literal.items) one |= any([&](const Tree& t) { return same(t, tree_of(l)); });
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
            good = std::any_of(each.begin(), each.end(), [&](const Tree& m) { return same(m, wanted.items[i]); });
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
    const std::string json = json_of(root);
    const auto doc = tagged(json);
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Operator::regex_in); ++i) {
      const auto op = static_cast<Operator>(i);
      const auto& path = paths[static_cast<std::size_t>(random.below(static_cast<int>(paths.size())))];
      std::string key = "tags";
      for (const auto& step : path) key += "." + step;
      const Condition condition{key, op, random.literal(op)};
      const bool expected = reference(root, path, op, condition.value);
      ASSERT_EQ(holds(*doc, condition), expected)
          << json << " " << key << " " << to_string(op) << " " << json_of(tree_of(condition.value));
      held += expected ? 1 : 0;
      ++checked;
    }
  }
  // The generator would be worth nothing if hardly anything held, or everything did.
  EXPECT_GT(held, checked / 10);
  EXPECT_LT(held, checked * 9 / 10);
}

TEST(QueryProperty, PagesAreThoseOfAFullSort) {
  Generator random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::shared_ptr<const Document>> all;
    for (int i = random.below(40); i-- > 0;) {
      all.push_back(document("id-" + std::to_string(i), {{"name", random.word()}, {"tags", json_of([&] {
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
    for (const auto& one : all) whole.push(one), page.push(one);
    auto sorted = whole.finish();
    std::vector<std::string> expected, got;
    for (std::size_t i = skip; i < sorted.size() && (limit == 0 || i < skip + limit); ++i) {
      expected.push_back(sorted[i]->entry->name);
    }
    for (const auto& one : page.finish()) got.push_back(one->entry->name);
    ASSERT_EQ(got, expected) << "round " << round;
    EXPECT_EQ(page.total(), all.size());
  }
}

}  // namespace
}  // namespace coffer::model::query
