#include "common/option.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "common/plain_text.h"

namespace hotlink {
namespace {

constexpr size_t kValueShown = 200;  // bytes of a bad value that a message repeats

bool ParseWhole(std::string_view text, uint64_t* number) {
  const char* end = text.data() + text.size();
  const auto [parsed, status] = std::from_chars(text.data(), end, *number);
  return status == std::errc() && parsed == end && !text.empty();
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// "256K", "256KiB", "262144".
bool ParseBytes(std::string_view text, uint64_t* bytes) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string unit = Lower(text.substr(digits));
  int shift = 0;
  if (unit == "k" || unit == "kib") shift = 10;
  if (unit == "m" || unit == "mib") shift = 20;
  if (unit == "g" || unit == "gib") shift = 30;
  if (shift == 0 && !unit.empty()) return false;
  if (!ParseWhole(text.substr(0, digits), bytes)) return false;
  if (*bytes > std::numeric_limits<uint64_t>::max() >> shift) return false;
  *bytes <<= shift;
  return true;
}

std::string BytesText(uint64_t bytes) {
  for (const auto& [shift, unit] : {std::pair{30, " GiB"}, {20, " MiB"}, {10, " KiB"}}) {
    if (bytes >> shift > 0 && (bytes >> shift) << shift == bytes) {
      return std::to_string(bytes >> shift) + unit;
    }
  }
  return std::to_string(bytes);
}

Option Named(std::string name, std::string value_name, std::string help) {
  Option option;
  option.flag = FlagOf(name);
  option.name = std::move(name);
  option.value_name = std::move(value_name);
  option.help = std::move(help);
  return option;
}

Option StringOption(std::string name, std::string value_name, std::string accepts,
                    std::string* target, std::string help) {
  Option option = Named(std::move(name), std::move(value_name), std::move(help));
  option.accepts = std::move(accepts);
  option.fallback = *target;
  option.set = [target](const std::string& text) {
    *target = text;
    return Complaint();
  };
  return option;
}

using NumberParser = bool (*)(std::string_view, uint64_t*);

template <typename T>
Option NumberOption(Option option, T* target, uint64_t least, uint64_t most, T scale,
                    NumberParser parse) {
  option.set = [=, accepts = option.accepts](const std::string& text) -> Complaint {
    uint64_t number = 0;
    if (!parse(text, &number) || number < least || number > most) return "must be " + accepts;
    *target = static_cast<T>(number) * scale;
    return {};
  };
  return option;
}

template <typename T>
Option AnyCountOption(std::string name, T* target, T least, T most, const std::string& unit,
                      std::string help) {
  Option option = Named(std::move(name), "N", std::move(help));
  option.accepts = unit + " from " + std::to_string(least) + " to " + std::to_string(most);
  option.fallback = std::to_string(*target);
  return NumberOption<T>(std::move(option), target, static_cast<uint64_t>(least),
                         static_cast<uint64_t>(most), 1, ParseWhole);
}

// A bad value for a message. What stands between :// and @ may be a password.
std::string Shown(const Option& option, const std::string& value) {
  if (option.secret) return "***";
  const size_t scheme = value.find("://");
  const size_t at = value.rfind('@');
  if (scheme == std::string::npos || at == std::string::npos || at < scheme) {
    return PlainText(value, kValueShown);
  }
  return PlainText(value.substr(0, scheme) + "://***" + value.substr(at), kValueShown);
}

template <typename Visit>
void ForEachOption(const OptionTable& table, Visit visit) {
  for (const OptionGroup& group : table) {
    for (const Option& option : group.options) visit(option);
  }
}

const Option* FindFlag(const OptionTable& table, std::string_view flag) {
  const Option* found = nullptr;
  ForEachOption(table, [&](const Option& option) {
    if (!option.flag.empty() && option.flag == flag) found = &option;
  });
  return found;
}

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string FlagOf(std::string_view name) {
  for (const std::string_view prefix : {"SYFTBOX_HOTLINK_", "HOTLINK_PROXY_", "SYFTBOX_"}) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    break;
  }
  std::string flag = "--" + Lower(name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

Option TextOption(std::string name, std::string* target, std::string help) {
  return StringOption(std::move(name), "TEXT", "a text", target, std::move(help));
}

Option PathOption(std::string name, std::string* target, std::string help) {
  return StringOption(std::move(name), "PATH", "a path", target, std::move(help));
}

Option SecretOption(std::string name, Secret* target, std::string help) {
  Option option = Named(std::move(name), "SECRET", std::move(help));
  option.flag.clear();  // others on the machine can read a command line
  option.accepts = "a text without spaces";
  option.secret = true;
  option.set = [target](const std::string& text) {
    *target = Secret(text);
    return Complaint();
  };
  return option;
}

Option SwitchOption(std::string name, bool* target, std::string help) {
  return ChoiceOption(
      std::move(name), {"0", "1"}, *target ? 1 : 0,
      [target](size_t index) { *target = index == 1; }, std::move(help));
}

Option DurationOption(std::string name, Duration* target, Duration least, Duration most,
                      std::string help) {
  const Duration low = least / kMillisecond, high = most / kMillisecond;
  Option option = Named(std::move(name), "MS", std::move(help));
  option.accepts = "milliseconds from " + std::to_string(low) + " to " + std::to_string(high);
  option.fallback = std::to_string(*target / kMillisecond);
  return NumberOption<Duration>(std::move(option), target, static_cast<uint64_t>(low),
                                static_cast<uint64_t>(high), kMillisecond, ParseWhole);
}

Option BytesOption(std::string name, size_t* target, size_t least, size_t most, std::string help) {
  Option option = Named(std::move(name), "BYTES", std::move(help));
  option.accepts = "bytes from " + BytesText(least) + " to " + BytesText(most);
  option.fallback = BytesText(*target);
  return NumberOption<size_t>(std::move(option), target, least, most, 1, ParseBytes);
}

Option MegabytesOption(std::string name, size_t* target, size_t least, size_t most,
                       std::string help) {
  constexpr size_t kMegabyte = 1 << 20;
  Option option = Named(std::move(name), "MB", std::move(help));
  option.accepts = "megabytes from " + std::to_string(least) + " to " + std::to_string(most);
  option.fallback = std::to_string(*target / kMegabyte);
  return NumberOption<size_t>(std::move(option), target, least, most, kMegabyte, ParseWhole);
}

Option CountOption(std::string name, int* target, int least, int most, const std::string& unit,
                   std::string help) {
  return AnyCountOption(std::move(name), target, least, most, unit, std::move(help));
}

Option CountOption(std::string name, size_t* target, size_t least, size_t most,
                   const std::string& unit, std::string help) {
  return AnyCountOption(std::move(name), target, least, most, unit, std::move(help));
}

Option ChoiceOption(std::string name, std::vector<std::string> words, size_t fallback,
                    std::function<void(size_t)> set, std::string help) {
  Option option = Named(std::move(name), "", std::move(help));
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) option.value_name += "|";
    option.value_name += words[i];
    if (i > 0) option.accepts += i + 1 < words.size() ? ", " : " or ";
    option.accepts += words[i];
  }
  option.fallback = words[fallback];
  option.set = [words = std::move(words), accepts = option.accepts,
                set = std::move(set)](const std::string& text) -> Complaint {
    const auto word = std::find(words.begin(), words.end(), Lower(text));
    if (word == words.end()) return "must be " + accepts;
    set(static_cast<size_t>(word - words.begin()));
    return {};
  };
  return option;
}

Option BareFlag(std::string flag, bool* target, std::string help) {
  Option option;
  option.name = option.flag = std::move(flag);
  option.help = std::move(help);
  option.bare = true;
  option.set = [target](const std::string&) {
    *target = true;
    return Complaint();
  };
  return option;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    const size_t first = item.find_first_not_of(" \t");
    if (first != std::string_view::npos) {
      items.emplace_back(item.substr(first, item.find_last_not_of(" \t") - first + 1));
    }
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

Result<CommandLine> ReadCommandLine(const OptionTable& table,
                                    std::span<const std::string> arguments,
                                    std::span<const std::string> actions) {
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (std::find(actions.begin(), actions.end(), argument) != actions.end()) {
      line.action = argument;
      return line;
    }
    const std::string shown = PlainText(argument, kValueShown);
    if (!argument.starts_with("--")) {
      return Error{"unexpected argument \"" + shown + "\"; --help lists the options"};
    }
    const size_t equals = argument.find('=');
    const std::string flag = argument.substr(0, equals);
    const Option* option = FindFlag(table, flag);
    if (option == nullptr) {
      std::vector<std::string> flags(actions.begin(), actions.end());
      ForEachOption(table, [&](const Option& known) { flags.push_back(known.flag); });
      return Error{"unknown option " + PlainText(flag, kValueShown) + DidYouMean(flag, flags) +
                   "; --help lists the options"};
    }
    const std::string source = option->name == flag ? flag : flag + " (" + option->name + ")";
    if (option->bare && equals != std::string::npos) return Error{source + " takes no value"};
    if (option->bare) {
      line.values[option->name] = {"", source};
    } else if (equals != std::string::npos) {
      line.values[option->name] = {argument.substr(equals + 1), source};
    } else if (i + 1 < arguments.size()) {
      line.values[option->name] = {arguments[++i], source};
    } else {
      return Error{source + " needs a value: " + option->accepts};
    }
  }
  return line;
}

GivenValues ReadEnvironment(const OptionTable& table, const Environment& environment) {
  GivenValues values;
  ForEachOption(table, [&](const Option& option) {
    const auto variable = environment.find(option.name);
    if (variable == environment.end() || variable->second.empty()) return;
    values[option.name] = {variable->second, option.name};
  });
  return values;
}

std::vector<std::string> UnknownVariables(const OptionTable& table, const Environment& environment,
                                          std::span<const std::string> prefixes) {
  std::vector<std::string> names;
  ForEachOption(table, [&](const Option& option) { names.push_back(option.name); });
  const std::set<std::string> known(names.begin(), names.end());
  std::vector<std::string> lines;
  for (const auto& variable : environment) {
    const std::string& name = variable.first;
    const bool ours = std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
      return name.starts_with(prefix);
    });
    if (!ours || known.count(name) > 0) continue;
    lines.push_back("unknown variable " + PlainText(name, kValueShown) + " has no effect" +
                    DidYouMean(name, names));
  }
  return lines;
}

std::optional<Error> ApplyOptions(const OptionTable& table, const GivenValues& values) {
  std::optional<Error> error;
  ForEachOption(table, [&](const Option& option) {
    const auto given = values.find(option.name);
    if (error || given == values.end()) return;
    const Complaint complaint = option.set(given->second.text);
    if (!complaint) return;
    const std::string shown = Shown(option, given->second.text);
    error = Error{given->second.source + " is \"" + shown + "\": " + *complaint};
  });
  return error;
}

std::string DidYouMean(std::string_view word, std::span<const std::string> words) {
  if (word.size() > kValueShown) return "";  // the search takes the product of both lengths
  size_t least = std::max<size_t>(2, word.size() / 5) + 1;
  const std::string* nearest = nullptr;
  for (const std::string& candidate : words) {
    if (candidate.empty()) continue;
    const size_t distance = Distance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = &candidate;
  }
  return nearest == nullptr ? "" : " (did you mean " + *nearest + "?)";
}

}  // namespace hotlink
