// A tree of path segments; see router.hpp.

#include "net/http/router.hpp"

#include <algorithm>

namespace coffer::net::http {
namespace {

using model::Code;
using model::Error;
using model::Status;

struct Segment {
  std::string_view text;  // the literal, or the variable's name
  bool is_variable = false;
};

/// Takes the first segment off a path that begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

/// "{name}" and "{name=*}"; else nothing.
std::string_view variable_name(std::string_view segment) {
  if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') return {};
  auto name = segment.substr(1, segment.size() - 2);
  if (name.ends_with("=*")) name.remove_suffix(2);
  return name.find_first_of("{}=*/") == std::string_view::npos ? name : std::string_view();
}

/// A map of few words: comparing sizes first makes a walk along it cheaper than a tree's comparisons.
template <class Value>
struct Words {
  std::vector<std::pair<std::string, Value>> all;

  const Value* find(std::string_view word) const {
    for (const auto& [known, value] : all) {
      if (known == word) return &value;
    }
    return nullptr;
  }
  Value& at(std::string_view word) {
    for (auto& [known, value] : all) {
      if (known == word) return value;
    }
    return all.emplace_back(std::string(word), Value()).second;
  }
};

}  // namespace

/// The methods of one path, or of one path and verb.
struct Router::Leaf {
  struct Target {
    const Endpoint* endpoint = nullptr;
    std::vector<std::string> variables;  // names in the order of the path
  };
  Words<Target> methods;
};

struct Router::Node {
  Words<std::unique_ptr<Node>> literals;
  std::unique_ptr<Node> variable;
  Words<Leaf> leaves;  // by verb; "" is the plain path
  bool has_verbs() const {
    return std::ranges::any_of(leaves.all, [](const auto& leaf) { return !leaf.first.empty(); });
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

Status Router::add(std::string_view method, std::string_view pattern, const Endpoint* endpoint) {
  const auto refuse = [&](std::string_view why) {
    return Error(Code::invalid_argument, "the route " + std::string(pattern) + " " + std::string(why));
  };
  if (!pattern.starts_with('/')) return refuse("does not begin with '/'");
  std::string_view rest = pattern;
  std::string_view verb;
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos && colon > rest.rfind('/')) {
    verb = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (verb.empty()) return refuse("ends with ':'");
  }
  Node* node = root_.get();
  std::vector<std::string> names;
  while (!rest.empty()) {
    const auto segment = take_segment(rest);
    if (const auto name = variable_name(segment); !name.empty()) {
      if (!node->variable) node->variable = std::make_unique<Node>();
      node = node->variable.get();
      names.emplace_back(name);
    } else {
      if (segment.find_first_of("{}*") != std::string_view::npos) return refuse("has a segment that is not served");
      auto& child = node->literals.at(segment);
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    }
  }
  Leaf::Target& target = node->leaves.at(verb).methods.at(method);
  if (target.endpoint) return refuse("is there twice for " + std::string(method));
  target = {endpoint, std::move(names)};
  return {};
}

/// One look for a path: goes down literals before variables and comes back when that leads nowhere.
class Router::Search {
 public:
  Search(std::string_view method, Match& match) : method_(method), match_(match) {}

  bool walk(const Node& node, std::string_view rest) {
    if (!rest.starts_with('/')) return false;
    const auto segment = take_segment(rest);
    if (rest.empty()) return last(node, segment);
    const auto* literal = node.literals.find(segment);
    if (literal && walk(**literal, rest)) return true;
    if (!node.variable || segment.empty()) return false;
    values_.push_back(segment);
    if (walk(*node.variable, rest)) return true;
    values_.pop_back();
    return false;
  }

 private:
  bool last(const Node& node, std::string_view segment) {
    if (literal(node, segment, "")) return true;
    const auto colon = segment.rfind(':');
    const bool has_colon = colon != std::string_view::npos;
    if (has_colon) {
      const auto base = segment.substr(0, colon);
      const auto verb = segment.substr(colon + 1);
      if (!verb.empty() && (literal(node, base, verb) || variable(node, base, verb))) return true;
    }
    // Where verbs exist, an unknown one is a mistake and not a part of the name.
    if (has_colon && node.variable && node.variable->has_verbs()) return false;
    return variable(node, segment, "");
  }

  bool literal(const Node& node, std::string_view segment, std::string_view verb) {
    const auto* child = node.literals.find(segment);
    return child && take(**child, verb);
  }
  bool variable(const Node& node, std::string_view segment, std::string_view verb) {
    if (!node.variable || segment.empty()) return false;
    values_.push_back(segment);
    if (take(*node.variable, verb)) return true;
    values_.pop_back();
    return false;
  }

  bool take(const Node& node, std::string_view verb) {
    const Leaf* leaf = node.leaves.find(verb);
    if (!leaf) return false;
    const Leaf::Target* target = leaf->methods.find(method_);
    if (!target && method_ == "HEAD") target = leaf->methods.find("GET");
    if (!target) {
      for (const auto& [name, unused] : leaf->methods.all) allow(name);
      if (leaf->methods.find("GET")) allow("HEAD");
      return false;
    }
    match_.endpoint = target->endpoint;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      match_.variables.emplace_back(target->variables[i], values_[i]);
    }
    return true;
  }

  void allow(std::string_view name) {
    if (match_.allow.find(name) != std::string::npos) return;
    if (!match_.allow.empty()) match_.allow += ", ";
    match_.allow += name;
  }

  std::string_view method_;
  Match& match_;
  std::vector<std::string_view> values_;
};

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  Search(method, match).walk(*root_, path);
  return match;
}

}  // namespace coffer::net::http
