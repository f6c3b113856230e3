// coffer completion bash: a completion script made from the tree of commands, so that it cannot fall behind it.
//
// The script walks the words to the command that they name, and offers its subcommands and options. An option's type
// decides what follows it: FILE and DIR are completed by the shell, "a|b" are words, anything else is free text.

#include "app/cli/program.hpp"

namespace coffer::app::cli {
namespace {

struct Node {
  std::string path;  // "coffer admin tenants"
  const CLI::App* app;
};

void collect(const CLI::App* app, const std::string& path, std::vector<Node>& out) {
  out.push_back({path, app});
  for (const auto* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
    collect(sub, path + " " + sub->get_name(), out);
  }
}

std::vector<std::string> spellings(const CLI::Option* option) {
  std::vector<std::string> all;
  for (const auto& name : option->get_snames()) all.push_back("-" + name);
  for (const auto& name : option->get_lnames()) all.push_back("--" + name);
  return all;
}

/// "path --option"|"path -o": a pattern of bash's case.
std::string pattern(const Node& node, const CLI::Option* option) {
  std::string text;
  for (const auto& name : spellings(option)) text += (text.empty() ? "\"" : "|\"") + node.path + " " + name + "\"";
  return text;
}

std::string words_of(const Node& node) {
  std::string words;
  for (const auto* sub : node.app->get_subcommands([](const CLI::App*) { return true; })) {
    words += (words.empty() ? "" : " ") + sub->get_name();
  }
  for (const auto* option : node.app->get_options()) {
    for (const auto& name : spellings(option)) words += (words.empty() ? "" : " ") + name;
  }
  return words;
}

/// What completes the value of an option; "" for a flag.
std::string value_rule(const CLI::Option* option) {
  if (option->get_items_expected_max() == 0 || option->get_type_size() == 0) return "";
  auto type = option->get_type_name();
  if (type == "FILE" || type == "DIR") return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\"))";
  if (type.find('|') == std::string::npos) return "COMPREPLY=()";
  for (auto& c : type) c = c == '|' ? ' ' : c;
  return "COMPREPLY=($(compgen -W \"" + type + "\" -- \"$cur\"))";
}

std::string bash_script(const CLI::App* root) {
  std::vector<Node> nodes;
  collect(root, root->get_name(), nodes);
  std::string commands, values, words;
  for (const auto& node : nodes) {
    if (node.app != root) commands += (commands.empty() ? "\"" : "|\"") + node.path + "\"";
    words += "    \"" + node.path + "\") words=\"" + words_of(node) + "\" ;;\n";
    for (const auto* option : node.app->get_options()) {
      const auto rule = value_rule(option);
      if (rule.empty() || spellings(option).empty()) continue;
      values += "    " + pattern(node, option) + ") " + rule + "; return ;;\n";
    }
  }
  return "# bash completion of coffer; load it with: source <(coffer completion bash)\n"
         "_coffer() {\n"
         "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" path=coffer words=\"\" i\n"
         "  # bash makes words of '=': --output=js is three\n"
         "  if [[ \"$cur\" == \"=\" ]]; then cur=\"\"\n"
         "  elif [[ \"$prev\" == \"=\" ]]; then prev=\"${COMP_WORDS[COMP_CWORD-2]}\"; fi\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$path ${COMP_WORDS[i]}\" in\n"
         "      " +
         commands +
         ") path=\"$path ${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path $prev\" in\n" +
         values +
         "  esac\n"
         "  case \"$path\" in\n" +
         words +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -F _coffer coffer\n";
}

}  // namespace

void add_completion(CLI::App& root, Program& program) {
  auto* command = root.add_subcommand("completion", "Print a completion script for a shell.");
  command->require_subcommand(1);
  auto* bash = command->add_subcommand("bash", "For bash: source <(coffer completion bash)");
  program.on(bash, [&root, &program] {
    program.io.out << bash_script(&root);
    return Outcome();
  });
}

}  // namespace coffer::app::cli
