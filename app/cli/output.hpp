#pragma once
// What commands print: aligned tables for people, one JSON document for programs. Pure but for the stream that they
// are given; main's thread.

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include "model/entry.hpp"

namespace coffer::app::cli {

struct OutputOption {
  std::string format;  // "", "table" or "json"
  bool json() const { return format == "json"; }
};
/// Adds --output; `fallback` is what its help says of the default.
void add_output(CLI::App* command, OutputOption& option, const std::string& fallback = "table");

/// A message as a JSON document with the field names of REST: numbers for 64-bit integers, RFC 3339 for timestamps,
/// base64 for bytes. A field that was not set is left out where that can be seen (optional fields, messages); of a
/// secret's data, value and value_base64 only the one that it has. Two spaces of indentation, a line end.
std::string to_json(const google::protobuf::Message& message);

/// Columns as wide as their widest cell, two spaces apart, headings in capitals. Cells are made safe for a terminal.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> cells);
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// "name: value" lines, values aligned; a line with an empty value is left out.
class Record {
 public:
  void add(std::string name, std::string value);
  void print(std::ostream& out) const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

model::TimeMs to_ms(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp to_timestamp(model::TimeMs time);
/// RFC 3339 in UTC to the second; empty when it is not set.
std::string show_time(bool is_set, const google::protobuf::Timestamp& time);
/// "env=prod team=a", sorted.
template <class Map>
std::string show_tags(const Map& tags) {
  std::vector<std::string> all;
  for (const auto& [key, value] : tags) all.push_back(key + "=" + value);
  std::sort(all.begin(), all.end());
  std::string text;
  for (const auto& tag : all) text += (text.empty() ? "" : " ") + tag;
  return text;
}

}  // namespace coffer::app::cli
