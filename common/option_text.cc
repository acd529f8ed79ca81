#include "common/option_text.h"

#include <algorithm>
#include <sstream>

namespace hotlink {
namespace {

constexpr size_t kHelpWidth = 100;  // columns

std::string FlagAndValue(const Option& option) {
  return option.value_name.empty() ? option.flag : option.flag + " " + option.value_name;
}

// What is a flag alone stands in the first column.
std::string FirstColumn(const Option& option) {
  return option.name == option.flag ? FlagAndValue(option) : option.name;
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string Wrapped(const std::string& text, const std::string& indent) {
  std::istringstream words(text);
  std::string word, line = indent, lines;
  while (words >> word) {
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kHelpWidth) {
      lines += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += " ";
    line += word;
  }
  return lines + line + "\n";
}

// `text` in a cell of a Markdown table.
std::string Cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

std::string Code(const std::string& text) { return text.empty() ? "" : "`" + Cell(text) + "`"; }

}  // namespace

std::string OptionsHelp(const OptionTable& table) {
  size_t names = 0, flags = 0;
  for (const OptionGroup& group : table) {
    for (const Option& option : group.options) {
      names = std::max(names, FirstColumn(option).size());
      flags = std::max(flags, FlagAndValue(option).size());
    }
  }
  std::string text;
  for (const OptionGroup& group : table) {
    text += "\n" + group.title + "\n";
    for (const Option& option : group.options) {
      std::string line = "  " + FirstColumn(option);
      const bool second = !option.flag.empty() && option.flag != option.name;
      if (second) line = Padded(line, names + 4) + FlagAndValue(option);
      if (!option.fallback.empty()) line = Padded(line, names + flags + 6) + option.fallback;
      const std::string takes = option.bare ? "" : " Takes " + option.accepts + ".";
      text += line + "\n" + Wrapped(option.help + takes, "      ");
    }
  }
  return text;
}

std::string OptionsMarkdown(const OptionTable& table) {
  std::string text;
  for (const OptionGroup& group : table) {
    text += "\n### " + group.title + "\n\n";
    text += "| variable | flag | takes | default | what it does |\n|---|---|---|---|---|\n";
    for (const Option& option : group.options) {
      text += "| " + Code(option.name) + " | " + Code(option.flag) + " | " + Cell(option.accepts) +
              " | " + Code(option.fallback) + " | " + Cell(option.help) + " |\n";
    }
  }
  return text;
}

}  // namespace hotlink
