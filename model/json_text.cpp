// The scanner of JSON texts (RFC 8259); any thread. Plaintext passes through it: what it decodes stays in Secret.

#include "model/json_text.hpp"

#include <array>

#include "model/utf8.hpp"

namespace coffer::model {
namespace {

using Members = std::vector<std::pair<std::string, Secret>>;

void append_utf8(Secret* out, char32_t c) {
  std::array<char, 4> bytes;
  std::size_t n = 0;
  const auto tail = [&](unsigned shift) { bytes[n++] = static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    bytes[n++] = static_cast<char>(c);
  } else if (c < 0x800) {
    bytes[n++] = static_cast<char>(0xc0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    bytes[n++] = static_cast<char>(0xe0 | c >> 12);
    tail(6), tail(0);
  } else {
    bytes[n++] = static_cast<char>(0xf0 | c >> 18);
    tail(12), tail(6), tail(0);
  }
  out->append({bytes.data(), n});
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads one text from its front. Each method returns false at the first fault and leaves the reason in problem().
// REQUIRES: the text is UTF-8, so strings need only be checked for escapes and control characters.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool whole_text() { return space(), value(0) && end_of_text(); }

  bool whole_object(Members* members) {
    space();
    if (peek() != '{') return fail("it is not an object");
    return object(0, members) && end_of_text();
  }

  std::string problem() const { return "byte " + std::to_string(at_) + ": " + problem_; }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool end_of_text() {
    space();
    return at_ == text_.size() || fail("something follows the value");
  }

  bool value(std::size_t depth) {
    switch (peek()) {
      case '{': return object(depth, nullptr);
      case '[': return array(depth);
      case '"': return string(nullptr);
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: return number();
    }
  }

  bool object(std::size_t depth, Members* members) {
    if (depth == kMaxJsonDepth) return fail("nested deeper than 64 levels");
    ++at_;
    space();
    if (take('}')) return true;
    do {
      space();
      if (!member(depth, members)) return false;
      space();
    } while (take(','));
    return take('}') || fail("a ',' or '}' is missing");
  }

  bool member(std::size_t depth, Members* members) {
    Secret name, content;
    if (peek() != '"') return fail("a member's name in quotes is missing");
    if (!string(members ? &name : nullptr)) return false;
    space();
    if (!take(':')) return fail("a ':' is missing");
    space();
    const std::size_t start = at_;
    const bool is_string = peek() == '"';
    if (!(members && is_string ? string(&content) : value(depth + 1))) return false;
    if (members) {
      if (!is_string) content.append(text_.substr(start, at_ - start));
      members->emplace_back(std::string(name.expose()), std::move(content));
    }
    return true;
  }

  bool array(std::size_t depth) {
    if (depth == kMaxJsonDepth) return fail("nested deeper than 64 levels");
    ++at_;
    space();
    if (take(']')) return true;
    do {
      space();
      if (!value(depth + 1)) return false;
      space();
    } while (take(','));
    return take(']') || fail("a ',' or ']' is missing");
  }

  bool literal(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return fail("a value is missing");
    at_ += word.size();
    return true;
  }

  bool digits() {
    const std::size_t start = at_;
    while (is_digit(peek())) ++at_;
    return at_ > start;
  }

  bool number() {
    const bool negative = take('-');
    if (!is_digit(peek())) return fail(negative ? "a digit is missing" : "a value is missing");
    if (!take('0')) digits();
    if (take('.') && !digits()) return fail("a digit is missing");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return fail("a digit is missing");
    }
    return true;
  }

  // Appends the decoded string when `out` is given. Runs without escapes are appended as a whole.
  bool string(Secret* out) {
    ++at_;
    std::size_t run = at_;
    for (; at_ < text_.size(); ++at_) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c != '"' && c != '\\' && c >= 0x20) continue;
      if (c < 0x20) return fail("a control character in a string is not escaped");
      if (out) out->append(text_.substr(run, at_ - run));
      if (take('"')) return true;
      ++at_;
      if (!escape(out)) return false;
      run = at_--;
    }
    return fail("a string does not end");
  }

  bool escape(Secret* out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (take('u')) return unicode_escape(out);
    const std::size_t which = at_ < text_.size() ? kLetters.find(text_[at_]) : std::string_view::npos;
    if (which == std::string_view::npos) return fail("an escape is not one of JSON's");
    ++at_;
    if (out) out->append(kMeanings.substr(which, 1));
    return true;
  }

  bool unicode_escape(Secret* out) {
    char32_t c = 0;
    if (!four_digits(&c)) return false;
    if (c >= 0xdc00 && c < 0xe000) return fail("an escaped surrogate has no first half");
    if (c >= 0xd800 && c < 0xdc00) {
      char32_t second = 0;
      if (text_.substr(at_, 2) != "\\u") return fail("an escaped surrogate has no second half");
      at_ += 2;
      if (!four_digits(&second)) return false;
      if (second < 0xdc00 || second >= 0xe000) return fail("an escaped surrogate has no second half");
      c = 0x10000 + ((c - 0xd800) << 10) + (second - 0xdc00);
    }
    if (out) append_utf8(out, c);
    return true;
  }

  bool four_digits(char32_t* out) {
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      const char lower = static_cast<char>(c | 0x20);
      if (is_digit(c))
        *out = *out << 4 | static_cast<char32_t>(c - '0');
      else if (lower >= 'a' && lower <= 'f')
        *out = *out << 4 | static_cast<char32_t>(lower - 'a' + 10);
      else
        return fail("\\u needs four hexadecimal digits");
      ++at_;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* problem_ = "";
};

}  // namespace

void append_json_string(Secret* out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr std::string_view kShort = "\b\t\n\f\r";
  constexpr std::string_view kLetters = "btnfr";
  out->append("\"");
  std::size_t run = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.substr(run, i - run));
    run = i + 1;
    char escaped[6] = {'\\', 'u', '0', '0', kDigits[c >> 4], kDigits[c & 15]};
    std::size_t size = 2;
    if (c == '"' || c == '\\')
      escaped[1] = text[i];
    else if (const auto at = kShort.find(text[i]); at != std::string_view::npos)
      escaped[1] = kLetters[at];
    else
      size = sizeof escaped;
    out->append({escaped, size});
    wipe(escaped, sizeof escaped);
  }
  out->append(text.substr(run));
  out->append("\"");
}

Status check_json(std::string_view text) {
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) return Error(Code::invalid_argument, "byte " + std::to_string(valid) + ": it is not UTF-8");
  Scanner scanner(text);
  if (!scanner.whole_text()) return Error(Code::invalid_argument, scanner.problem());
  return {};
}

std::optional<std::vector<std::pair<std::string, Secret>>> split_json_object(std::string_view text) {
  if (!is_valid_utf8(text)) return std::nullopt;
  Members members;
  if (!Scanner(text).whole_object(&members)) return std::nullopt;
  return members;
}

}  // namespace coffer::model
