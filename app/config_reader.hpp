#pragma once
// One table of a TOML file while it is read: typed getters that write into the configuration, remember which keys exist
// and where values stand, and turn everything that is wrong into a Problem with its place. Used by config_file.cpp only,
// main's thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "app/config.hpp"

namespace coffer::app {

/// What all sections of one file share.
struct ReadState {
  std::vector<Problem> problems;
  std::map<std::string, Position> positions;
  std::set<std::string> settings;  // every name the schema knows
  struct Unknown {
    std::string section, key;
    Position at;
  };
  std::vector<Unknown> unknown;

  void problem(const std::string& setting, const toml::node* node, std::string message);
  /// Adds a problem for each unknown key, with the known one that it resembles. Call after the whole schema was read.
  void report_unknown();
};

/// A getter leaves its target alone when the key is absent or wrong. A section without a table (absent in the file)
/// only names its keys, so that running the schema over an empty file lists every setting.
class Section {
 public:
  Section(ReadState& state, std::string name, const toml::table* table);
  /// Reports the keys that no getter asked for.
  ~Section();
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  using TextCheck = std::function<model::Status(std::string_view)>;
  /// `check` may be empty. Returns whether the key is present and right.
  bool text(const char* key, std::string& out, const TextCheck& check = {});
  bool flag(const char* key, bool& out);
  template <class Int>
  bool number(const char* key, Int& out, std::uint64_t least, std::uint64_t most) {
    const auto value = read_number(key, least, most);
    if (value) out = static_cast<Int>(*value);
    return value.has_value();
  }
  /// A number of bytes, or text such as "64MiB".
  template <class Int>
  bool size(const char* key, Int& out, std::uint64_t least, std::uint64_t most) {
    const auto value = read_size(key, least, most);
    if (value) out = static_cast<Int>(*value);
    return value.has_value();
  }
  template <class Duration>
  bool duration(const char* key, Duration& out, std::chrono::milliseconds least, std::chrono::milliseconds most) {
    const auto value = read_duration(key, least, most, std::chrono::milliseconds(Duration(1)));
    if (value) out = std::chrono::duration_cast<Duration>(*value);
    return value.has_value();
  }
  /// One of `words`; the answer is its index.
  std::optional<std::size_t> choice(const char* key, const std::vector<std::string>& words);
  bool texts(const char* key, std::vector<std::string>& out);
  /// A table in this one; it is read also when absent, to learn its keys.
  void table(const char* key, const std::function<void(Section&)>& read);
  /// An array of tables. `read` is run once on an empty section when there is none (present() is false then).
  void tables(const char* key, const std::function<void(Section&)>& read);

  bool present() const { return table_ != nullptr; }
  bool has(const char* key) const { return table_ && table_->contains(key); }
  void problem(const char* key, std::string message);

 private:
  const toml::node* find(const char* key);
  std::string full(std::string_view key) const;
  bool refuse(const char* key, const toml::node& node, std::string_view wanted);
  std::optional<std::uint64_t> read_number(const char* key, std::uint64_t least, std::uint64_t most);
  std::optional<std::uint64_t> read_size(const char* key, std::uint64_t least, std::uint64_t most);
  std::optional<std::chrono::milliseconds> read_duration(const char* key, std::chrono::milliseconds least,
                                                         std::chrono::milliseconds most,
                                                         std::chrono::milliseconds step);

  ReadState& state_;
  std::string name_;
  const toml::table* table_;
  std::set<std::string, std::less<>> keys_;
};

}  // namespace coffer::app
