// See query_value.hpp.

#include "model/query_value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "model/json_text.hpp"

namespace coffer::model::query {
namespace {

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int compare_numbers(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return order(!std::isnan(a), !std::isnan(b));
  return order(a, b);
}

int rank(const Value& v) { return v.is_missing() ? static_cast<int>(Value::Kind::null) : static_cast<int>(v.kind()); }

/// Reads what check_json would accept, and stops at what it would not. REQUIRES: nothing of the text.
class JsonReader {
 public:
  JsonReader(std::string_view text, Pool& pool) : text_(text), pool_(pool) {}

  Value whole() {
    const Value v = value(0);
    space();
    return good_ && at_ == text_.size() ? v : Value();
  }

 private:
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Value fail() {
    good_ = false;
    return {};
  }
  bool word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }

  Value value(std::size_t depth) {
    if (depth > kMaxJsonDepth || !good_) return fail();
    space();
    if (at_ >= text_.size()) return fail();
    switch (text_[at_]) {
      case '{': return object(depth);
      case '[': return list(depth);
      case '"': return Value::of(string());
      case 't': return word("true") ? Value::of(true) : fail();
      case 'f': return word("false") ? Value::of(false) : fail();
      case 'n': return word("null") ? Value::null() : fail();
      default: return number();
    }
  }

  Value number() {
    double n = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), n);
    if (error == std::errc::invalid_argument) return fail();
    at_ = static_cast<std::size_t>(end - text_.data());
    return Value::of(n);
  }

  Value list(std::size_t depth) {
    ++at_;
    std::vector<Value> items;
    if (take(']')) return pool_.list(items);
    do items.push_back(value(depth + 1));
    while (good_ && take(','));
    return take(']') && good_ ? pool_.list(items) : fail();
  }

  Value object(std::size_t depth) {
    ++at_;
    std::vector<Value::Member> members;
    if (take('}')) return pool_.object(members);
    do {
      space();
      if (at_ >= text_.size() || text_[at_] != '"') return fail();
      const std::string_view name = string();
      if (!take(':')) return fail();
      members.push_back({name, value(depth + 1)});
    } while (good_ && take(','));
    return take('}') && good_ ? pool_.object(members) : fail();
  }

  std::string_view string() {
    const std::size_t open = at_++;
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\') ++at_;
    if (at_ < text_.size() && text_[at_] == '"') return text_.substr(begin, at_++ - begin);
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) return fail(), std::string_view();
    ++at_;
    // Escapes are rare: the one decoder of model takes the string as the only member of an object.
    const auto one = split_json_object("{\"\":" + std::string(text_.substr(open, at_ - open)) + "}");
    if (!one) return fail(), std::string_view();
    return pool_.text(one->front().second.expose());
  }

  std::string_view text_;
  Pool& pool_;
  std::size_t at_ = 0;
  bool good_ = true;
};

}  // namespace

Literal Literal::of(bool b) {
  Literal l;
  l.kind = Kind::boolean;
  l.boolean = b;
  return l;
}
Literal Literal::of(double n) {
  Literal l;
  l.kind = Kind::number;
  l.number = n;
  return l;
}
Literal Literal::of(std::string t) {
  Literal l;
  l.kind = Kind::text;
  l.text = std::move(t);
  return l;
}
Literal Literal::of_list(std::vector<Literal> items) {
  Literal l;
  l.kind = Kind::list;
  l.items = std::move(items);
  return l;
}

Value Value::of_list(const Value* items, std::size_t n) {
  Value v(Kind::list, n);
  v.items_ = items;
  std::size_t weight = kScalarWeight;
  for (std::size_t i = 0; i < n && weight < kMostWeight; ++i) weight += items[i].weight();
  v.weigh(std::min<std::size_t>(weight, kMostWeight));
  return v;
}
Value Value::of_object(const Member* members, std::size_t n) {
  Value v(Kind::object, n);
  v.members_ = members;
  std::size_t weight = kScalarWeight;
  for (std::size_t i = 0; i < n && weight < kMostWeight; ++i) {
    weight += kScalarWeight + members[i].name.size() + members[i].value.weight();
  }
  v.weigh(std::min<std::size_t>(weight, kMostWeight));
  return v;
}

Value Value::find(std::string_view name) const {
  if (kind_ != Kind::object) return {};
  for (std::size_t i = 0; i < size_; ++i) {
    if (members_[i].name == name) return members_[i].value;
  }
  return {};
}

std::string_view Pool::text(std::string_view text) {
  if (text.empty()) return {};
  char* copy = static_cast<char*>(memory_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

Value Pool::list(const std::vector<Value>& items) {
  if (items.empty()) return Value::of_list(nullptr, 0);
  auto* copy = static_cast<Value*>(memory_.allocate(items.size() * sizeof(Value), alignof(Value)));
  std::uninitialized_copy(items.begin(), items.end(), copy);
  return Value::of_list(copy, items.size());
}

Value Pool::object(const std::vector<Value::Member>& members) {
  if (members.empty()) return Value::of_object(nullptr, 0);
  using Member = Value::Member;
  auto* copy = static_cast<Member*>(memory_.allocate(members.size() * sizeof(Member), alignof(Member)));
  std::uninitialized_copy(members.begin(), members.end(), copy);
  return Value::of_object(copy, members.size());
}

int compare(const Value& a, const Value& b) {
  if (const int by_kind = order(rank(a), rank(b)); by_kind != 0) return by_kind;
  switch (a.kind()) {
    case Value::Kind::missing:
    case Value::Kind::null: return 0;
    case Value::Kind::boolean: return order(a.boolean(), b.boolean());
    case Value::Kind::number: return compare_numbers(a.number(), b.number());
    case Value::Kind::text: return order(a.text(), b.text());
    case Value::Kind::time: return order(a.time(), b.time());
    case Value::Kind::list: break;
    case Value::Kind::object:
      for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        if (const int c = order(a.member(i).name, b.member(i).name); c != 0) return c;
        if (const int c = compare(a.member(i).value, b.member(i).value); c != 0) return c;
      }
      return order(a.size(), b.size());
  }
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (const int c = compare(a.item(i), b.item(i)); c != 0) return c;
  }
  return order(a.size(), b.size());
}

void append_identity(const Value& value, std::string& out) {
  const bool nothing = value.is_nothing();
  out += static_cast<char>(nothing ? Value::Kind::null : value.kind());
  const auto raw = [&](const auto& scalar) { out.append(reinterpret_cast<const char*>(&scalar), sizeof scalar); };
  switch (value.kind()) {
    case Value::Kind::missing:
    case Value::Kind::null: return;
    case Value::Kind::boolean: return raw(value.boolean());
    case Value::Kind::number: return raw(value.number() == 0 ? 0.0 : value.number());
    case Value::Kind::time: return raw(value.time());
    case Value::Kind::text: raw(value.size()), out.append(value.text()); return;
    case Value::Kind::list:
      raw(value.size());
      for (const Value& item : value) append_identity(item, out);
      return;
    case Value::Kind::object:
      raw(value.size());
      for (std::size_t i = 0; i < value.size(); ++i) {
        append_identity(Value::of(value.member(i).name), out);
        append_identity(value.member(i).value, out);
      }
  }
}

Value to_value(const Literal& literal, Pool& pool) {
  switch (literal.kind) {
    case Literal::Kind::null: break;
    case Literal::Kind::boolean: return Value::of(literal.boolean);
    case Literal::Kind::number: return Value::of(literal.number);
    case Literal::Kind::text: return Value::of(pool.text(literal.text));
    case Literal::Kind::list: {
      std::vector<Value> items;
      for (const Literal& one : literal.items) items.push_back(to_value(one, pool));
      return pool.list(items);
    }
    case Literal::Kind::object: {
      std::vector<Value::Member> members;
      for (std::size_t i = 0; i < literal.names.size(); ++i) {
        members.push_back({pool.text(literal.names[i]), to_value(literal.items[i], pool)});
      }
      return pool.object(members);
    }
  }
  return Value::null();
}

Value parse_json(std::string_view json, Pool& pool) { return JsonReader(json, pool).whole(); }

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> steps;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t dot = std::min(path.find('.', begin), path.size());
    steps.emplace_back(path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return steps;
}

Value value_at(const Value& root, const std::string* step, const std::string* end, std::size_t* looked) {
  Value at = root;
  for (; step != end; ++step) {
    if (looked && at.kind() == Value::Kind::object) *looked += at.size();
    if (at.kind() == Value::Kind::list) {
      std::size_t index = 0;
      const auto [stop, error] = std::from_chars(step->data(), step->data() + step->size(), index);
      const bool good = error == std::errc() && stop == step->data() + step->size() && index < at.size();
      at = good ? at.item(index) : Value();
    } else {
      at = at.find(*step);
    }
  }
  return at;
}

}  // namespace coffer::model::query
