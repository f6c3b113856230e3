// coffer man: manual pages made from the tree of commands, so that they cannot fall behind it. One page for the program
// and one for each first-level command (coffer-admin.1 has all that is beneath it).

#include <fstream>

#include "app/cli/program.hpp"
#include "app/version.hpp"

namespace coffer::app::cli {
namespace {

/// Text as troff takes it: no line begins with a control character, no hyphen becomes another letter.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  return text;
}

std::string head(const std::string& name, const std::string& description) {
  return ".TH " + upper(name) + " 1 \"\" \"coffer " + std::string(kVersion) + "\" \"Coffer\"\n.SH NAME\n" + roff(name) +
         " \\- " + roff(description) + "\n";
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// "-y, --yes" or "--out FILE"; a positional is its name.
std::string spelling(const CLI::Option& option) {
  std::string names;
  if (option.get_snames().empty() && option.get_lnames().empty()) {
    names = "\\fI" + roff(option.get_name(true)) + "\\fR";
  } else {
    for (const auto& name : option.get_snames())
      names += (names.empty() ? "" : ", ") + ("\\fB\\-" + roff(name) + "\\fR");
    for (const auto& name : option.get_lnames()) {
      names += (names.empty() ? "" : ", ") + ("\\fB\\-\\-" + roff(name) + "\\fR");
    }
    if (!option.get_type_name().empty() && option.get_items_expected_max() > 0) {
      names += " \\fI" + roff(option.get_type_name()) + "\\fR";
    }
  }
  return names;
}

std::string synopsis(const CLI::App& app, const std::string& path) {
  std::string text = "\\fB" + roff(path) + "\\fR";
  if (!commands_of(app).empty()) return text + " \\fICOMMAND\\fR";
  text += " [\\fIOPTION\\fR]...";
  for (const auto* option : app.get_options()) {
    if (!option->get_snames().empty() || !option->get_lnames().empty()) continue;
    const std::string name = " \\fI" + roff(option->get_name(true)) + "\\fR";
    text += option->get_required() ? name : " [" + name.substr(1) + "]";
  }
  return text;
}

std::string options(const CLI::App& app) {
  std::string text;
  for (const auto* option : app.get_options()) {
    text += ".TP\n" + spelling(*option) + "\n" + roff(option->get_description()) + "\n";
  }
  return text;
}

/// A command and everything beneath it, as sections.
void describe(const CLI::App& app, const std::string& path, std::string& out) {
  out += ".SS " + roff(path) + "\n" + synopsis(app, path) + "\n.PP\n" + roff(app.get_description()) + "\n";
  if (commands_of(app).empty()) out += options(app);
  for (const auto* sub : commands_of(app)) describe(*sub, path + " " + sub->get_name(), out);
}

std::string page_of_program(const CLI::App& root) {
  std::string out =
      head("coffer", root.get_description()) + ".SH SYNOPSIS\n" + synopsis(root, "coffer") + "\n.SH COMMANDS\n";
  for (const auto* sub : commands_of(root)) {
    out += ".TP\n\\fB" + roff(sub->get_name()) + "\\fR\n" + roff(sub->get_description()) + " See \\fBcoffer\\-" +
           roff(sub->get_name()) + "\\fR(1).\n";
  }
  return out + ".SH EXIT STATUS\n.nf\n" + roff(exit_code_help()) + "\n.fi\n";
}

std::string page_of_command(const CLI::App& app) {
  const std::string name = "coffer-" + app.get_name(), path = "coffer " + app.get_name();
  std::string out = head(name, app.get_description()) + ".SH SYNOPSIS\n" + synopsis(app, path) + "\n";
  if (commands_of(app).empty()) {
    out += ".SH OPTIONS\n" + options(app);
  } else {
    out += ".SH COMMANDS\n";
    for (const auto* sub : commands_of(app)) describe(*sub, path + " " + sub->get_name(), out);
  }
  return out + ".SH SEE ALSO\n\\fBcoffer\\fR(1)\n";
}

Outcome write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (file) return std::nullopt;
  return Failure(Exit::usage, "cannot write " + path, "name a folder that is there and may be written to");
}

}  // namespace

void add_man(CLI::App& root, Program& program) {
  auto folder = std::make_shared<std::string>();
  auto* command = root.add_subcommand("man", "Write the manual pages (coffer.1, coffer-put.1, ...) into a folder.");
  command->add_option("DIR", *folder, "The folder")->required()->type_name("");
  program.on(command, [folder, &root] {
    auto failure = write(*folder + "/coffer.1", page_of_program(root));
    for (const auto* sub : commands_of(root)) {
      if (!failure) failure = write(*folder + "/coffer-" + sub->get_name() + ".1", page_of_command(*sub));
    }
    return failure;
  });
}

}  // namespace coffer::app::cli
