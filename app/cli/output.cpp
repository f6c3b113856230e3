// Tables and records; see output.hpp. JSON stands in json.cpp.

#include "app/cli/output.hpp"

#include "app/parse.hpp"
#include "app/text.hpp"

namespace coffer::app::cli {

void add_output(CLI::App* command, OutputOption& option, const std::string& fallback) {
  command->add_option("-o,--output", option.format, "How to print (default: " + fallback + ")")
      ->type_name("json|table")
      ->check([](const std::string& text) {
        return text == "json" || text == "table" ? std::string() : "'" + text + "' is neither json nor table";
      });
}

Table::Table(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }

void Table::add(std::vector<std::string> cells) {
  for (auto& cell : cells) cell = printable(cell);
  cells.resize(rows_.front().size());
  rows_.push_back(std::move(cells));
}

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - display_width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
}

void Record::add(std::string name, std::string value) {
  if (!value.empty()) lines_.emplace_back(std::move(name), printable(value));
}

void Record::print(std::ostream& out) const {
  std::size_t width = 0;
  for (const auto& [name, value] : lines_) width = std::max(width, display_width(name));
  for (const auto& [name, value] : lines_) {
    out << name << ":" << std::string(width - display_width(name) + 1, ' ') << value << "\n";
  }
}

model::TimeMs to_ms(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

google::protobuf::Timestamp to_timestamp(model::TimeMs time) {
  google::protobuf::Timestamp out;
  out.set_seconds(time / 1000);
  out.set_nanos(static_cast<int>(time % 1000) * 1'000'000);
  return out;
}

std::string show_time(bool is_set, const google::protobuf::Timestamp& time) {
  return is_set ? format_time(time.seconds() * 1000) : "";
}

}  // namespace coffer::app::cli
