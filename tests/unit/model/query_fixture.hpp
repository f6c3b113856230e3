#pragma once
// What the tests of the query share: documents made of attributes, and std::regex in the place of RE2, which model does
// not see.

#include <map>
#include <memory>
#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "model/document.hpp"
#include "model/query_filter.hpp"

namespace coffer::model::query {

inline constexpr TimeMs kNow = 1'700'000'000'000;  // 2023-11-14T22:13:20Z, a Tuesday

/// std::regex stands in for RE2, which model does not see. Literals are folded by hand for the letters of the tests.
class StdRegex final : public Regex {
 public:
  StdRegex(std::string pattern, bool literal) : literal_(literal), pattern_(fold(std::move(pattern))) {
    if (!literal) regex_.assign(pattern_, std::regex::icase);
  }
  static std::string fold(std::string text) {
    for (std::size_t i = 0; (i = text.find("É", i)) != std::string::npos;) text.replace(i, 2, "é");
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
  }
  bool found_in(std::string_view text) const override {
    if (literal_) return fold(std::string(text)).find(pattern_) != std::string::npos;
    const std::string folded = fold(std::string(text));
    return std::regex_search(folded, regex_);
  }

 private:
  bool literal_;
  std::string pattern_;
  std::regex regex_;
};

inline const RegexCompiler kCompiler = [](std::string_view pattern, bool literal) -> Result<std::unique_ptr<Regex>> {
  if (pattern == "(") return Error(Code::invalid_argument, "missing )");
  return std::unique_ptr<Regex>(std::make_unique<StdRegex>(std::string(pattern), literal));
};
inline const Surroundings kAround{kCompiler, kNow};

inline std::shared_ptr<const Entry> entry(std::string id, std::map<std::string, std::string> attributes,
                                          TimeMs at = kNow) {
  auto made = std::make_shared<Entry>();
  made->space = kSecretSpace;
  made->name = std::move(id);
  made->attributes = std::move(attributes);
  made->created_at = at;
  made->versions.push_back({1, State::active, at, "user:a", 0, 1});
  return made;
}
inline const Schema& schema() { return *document_schema(kSecretSpace); }
inline std::shared_ptr<const Document> document(std::string id, std::map<std::string, std::string> attributes,
                                                TimeMs at = kNow) {
  return make_document(entry(std::move(id), std::move(attributes), at), schema());
}
/// A document whose tags are this JSON.
inline std::shared_ptr<const Document> tagged(std::string json) { return document("s", {{"tags", std::move(json)}}); }

inline bool holds(const Document& doc, Condition condition) {
  Pool pool;
  const Filter filter{{std::move(condition)}, {}};
  auto predicate = Predicate::make(filter, schema(), pool, kAround);
  if (!predicate) {
    ADD_FAILURE() << predicate.error().message();
    return false;
  }
  return predicate->holds(doc);
}

}  // namespace coffer::model::query
