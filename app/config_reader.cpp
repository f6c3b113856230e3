// Typed reading of one TOML table; see config_reader.hpp.

#include "app/config_reader.hpp"

#include <algorithm>

#include "app/parse.hpp"
#include "app/text.hpp"

namespace coffer::app {
namespace {

Position position(const toml::node& node) { return {node.source().begin.line, node.source().begin.column}; }

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "a number";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

}  // namespace

void ReadState::problem(const std::string& setting, const toml::node* node, std::string message) {
  const auto at = node ? position(*node) : Position{};
  problems.push_back({setting, at.line, at.column, std::move(message)});
}

void ReadState::report_unknown() {
  for (const auto& item : unknown) {
    const auto prefix = item.section.empty() ? std::string() : item.section + ".";
    std::vector<std::string> siblings;
    std::optional<std::string> elsewhere;  // the right key in the wrong table
    for (const auto& setting : settings) {
      const auto dot = setting.rfind('.');
      const auto last = dot == std::string::npos ? setting : setting.substr(dot + 1);
      if (last == item.key) elsewhere = setting;
      if (!setting.starts_with(prefix)) continue;
      const auto below = setting.substr(prefix.size());
      siblings.push_back(below.substr(0, below.find('.')));
    }
    auto suggestion = nearest(item.key, siblings);
    if (suggestion) suggestion = prefix + *suggestion;
    if (!suggestion) suggestion = elsewhere;
    problems.push_back({prefix + item.key, item.at.line, item.at.column,
                        "there is no such setting" + (suggestion ? "; did you mean " + *suggestion + "?" : "")});
  }
  unknown.clear();
}

Section::Section(ReadState& state, std::string name, const toml::table* table)
    : state_(state), name_(std::move(name)), table_(table) {}

Section::~Section() {
  if (!table_) return;
  for (const auto& [key, node] : *table_) {
    if (keys_.contains(key.str())) continue;
    state_.unknown.push_back({name_, std::string(key.str()), {key.source().begin.line, key.source().begin.column}});
  }
}

std::string Section::full(std::string_view key) const {
  return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

const toml::node* Section::find(const char* key) {
  keys_.insert(key);
  if (!table_) return nullptr;
  const auto* node = table_->get(key);
  if (node) state_.positions.emplace(full(key), position(*node));
  return node;
}

bool Section::refuse(const char* key, const toml::node& node, std::string_view wanted) {
  state_.problem(full(key), &node, "must be " + std::string(wanted) + ", not " + std::string(type_name(node)));
  return false;
}

void Section::problem(const char* key, std::string message) {
  const auto* node = table_ ? table_->get(key) : nullptr;
  state_.problem(full(key), node ? node : table_, std::move(message));
}

bool Section::text(const char* key, std::string& out, const TextCheck& check) {
  state_.settings.insert(full(key));
  const auto* node = find(key);
  if (!node) return false;
  const auto* value = node->as_string();
  if (!value) return refuse(key, *node, "a string");
  if (check) {
    if (const auto status = check(value->get()); !status.ok()) {
      problem(key, std::string(status.error().message()));
      return false;
    }
  }
  out = value->get();
  return true;
}

bool Section::flag(const char* key, bool& out) {
  state_.settings.insert(full(key));
  const auto* node = find(key);
  if (!node) return false;
  const auto* value = node->as_boolean();
  if (!value) return refuse(key, *node, "true or false");
  out = value->get();
  return true;
}

std::optional<std::uint64_t> Section::read_number(const char* key, std::uint64_t least, std::uint64_t most) {
  state_.settings.insert(full(key));
  const auto* node = find(key);
  if (!node) return std::nullopt;
  const auto* value = node->as_integer();
  if (!value) {
    refuse(key, *node, "a whole number");
    return std::nullopt;
  }
  const auto number = value->get();
  if (number < 0 || static_cast<std::uint64_t>(number) < least || static_cast<std::uint64_t>(number) > most) {
    problem(key,
            std::to_string(number) + " is out of range: from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number);
}

std::optional<std::uint64_t> Section::read_size(const char* key, std::uint64_t least, std::uint64_t most) {
  state_.settings.insert(full(key));
  const auto* node = find(key);
  if (!node) return std::nullopt;
  model::Result<std::uint64_t> size{model::Code::invalid_argument};
  if (const auto* text = node->as_string()) {
    size = parse_size(text->get());
  } else if (const auto* number = node->as_integer(); number && number->get() >= 0) {
    size = static_cast<std::uint64_t>(number->get());
  } else {
    refuse(key, *node, "a size such as \"64MiB\"");
    return std::nullopt;
  }
  if (!size.ok()) {
    problem(key, size.error().detail);
    return std::nullopt;
  }
  if (*size < least || *size > most) {
    problem(key, format_size(*size) + " is out of range: from " + format_size(least) + " to " + format_size(most));
    return std::nullopt;
  }
  return *size;
}

std::optional<std::chrono::milliseconds> Section::read_duration(const char* key, std::chrono::milliseconds least,
                                                                std::chrono::milliseconds most,
                                                                std::chrono::milliseconds step) {
  state_.settings.insert(full(key));
  const auto* node = find(key);
  if (!node) return std::nullopt;
  const auto* text = node->as_string();
  if (!text) {
    refuse(key, *node, "a duration such as \"30s\"");
    return std::nullopt;
  }
  const auto value = parse_duration(text->get());
  if (!value.ok()) {
    problem(key, value.error().detail);
    return std::nullopt;
  }
  if (*value < least || *value > most) {
    problem(key, format_duration(*value) + " is out of range: from " + format_duration(least) + " to " +
                     format_duration(most));
    return std::nullopt;
  }
  if (value->count() % step.count() != 0) {
    problem(key, format_duration(*value) + " is too fine: use whole steps of " + format_duration(step));
    return std::nullopt;
  }
  return *value;
}

std::optional<std::size_t> Section::choice(const char* key, const std::vector<std::string>& words) {
  std::string word;
  if (!text(key, word)) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string all;
  for (const auto& w : words) all += (all.empty() ? "" : ", ") + w;
  problem(key, "'" + word + "' is none of: " + all);
  return std::nullopt;
}

bool Section::texts(const char* key, std::vector<std::string>& out) {
  state_.settings.insert(full(key));
  const auto* node = find(key);
  if (!node) return false;
  const auto* array = node->as_array();
  if (!array) return refuse(key, *node, "an array of strings");
  std::vector<std::string> values;
  bool fine = true;
  for (const auto& item : *array) {
    if (const auto* value = item.as_string()) {
      values.push_back(value->get());
    } else {
      fine = refuse(key, item, "an array of strings");
    }
  }
  if (fine) out = std::move(values);
  return fine;
}

void Section::table(const char* key, const std::function<void(Section&)>& read) {
  const auto* node = find(key);
  const auto* inner = node ? node->as_table() : nullptr;
  if (node && !inner) refuse(key, *node, "a table");
  Section section(state_, full(key), inner);
  read(section);
}

void Section::tables(const char* key, const std::function<void(Section&)>& read) {
  const auto* node = find(key);
  const auto* array = node ? node->as_array() : nullptr;
  if (node && !array) refuse(key, *node, "an array of tables, written [[" + full(key) + "]]");
  bool any = false;
  if (array) {
    for (const auto& item : *array) {
      if (const auto* inner = item.as_table()) {
        Section section(state_, full(key), inner);
        read(section);
        any = true;
      } else {
        refuse(key, item, "an array of tables, written [[" + full(key) + "]]");
      }
    }
  }
  if (any) return;
  Section section(state_, full(key), nullptr);
  read(section);
}

}  // namespace coffer::app
