// See regex.hpp.

#include "actors/regex.hpp"

#include <re2/re2.h>

namespace coffer::actors {
namespace {

constexpr std::int64_t kMostBytes = 1 << 20;  // of one program and its automaton

class Re2Regex final : public model::query::Regex {
 public:
  Re2Regex(const re2::StringPiece& pattern, const RE2::Options& options) : regex_(pattern, options) {}
  bool found_in(std::string_view text) const override {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex_);
  }
  const RE2& regex() const { return regex_; }

 private:
  const RE2 regex_;
};

model::Result<std::unique_ptr<model::query::Regex>> compile(std::string_view pattern, bool literal) {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_literal(literal);
  options.set_max_mem(kMostBytes);
  options.set_log_errors(false);
  options.set_never_capture(true);
  auto made = std::make_unique<Re2Regex>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!made->regex().ok()) {
    return model::Error(model::Code::invalid_argument, "the regular expression is refused: " + made->regex().error());
  }
  return std::unique_ptr<model::query::Regex>(std::move(made));
}

}  // namespace

const model::query::RegexCompiler& regex_compiler() {
  static const model::query::RegexCompiler compiler = compile;
  return compiler;
}

}  // namespace coffer::actors
