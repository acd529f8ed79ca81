// Options: each is an environment variable and, mostly, a flag. One table of them feeds parsing,
// "did you mean", --help and the documentation (option_text.h).
//
// Pure: arguments and environment come from the caller. Options are made by the functions below,
// bound to the variable that they set; what that holds when the option is made is the default.
#ifndef HOTLINK_COMMON_OPTION_H_
#define HOTLINK_COMMON_OPTION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/secret.h"
#include "common/time.h"

namespace hotlink {

using Complaint = std::optional<std::string>;  // what is wrong with a value; nothing: it was taken

struct Option {
  std::string name;        // environment variable
  std::string flag;        // "--linger-ms"; empty: none
  std::string value_name;  // "MS", for --help
  std::string accepts;     // "milliseconds from 1 to 86400000", for --help and errors
  std::string fallback;    // the default in words; empty: there is none
  std::string help;        // one sentence
  bool secret = false;     // the value is never repeated
  bool bare = false;       // the flag stands alone: no value follows
  std::function<Complaint(const std::string&)> set;
};

// The flag of a variable: HOTLINK_PROXY_LINGER_MS and SYFTBOX_LINGER_MS have --linger-ms.
std::string FlagOf(std::string_view name);

// Each makes one option with that flag; `target` outlives it.
Option TextOption(std::string name, std::string* target, std::string help);
Option PathOption(std::string name, std::string* target, std::string help);
Option SecretOption(std::string name, Secret* target, std::string help);  // has no flag
Option SwitchOption(std::string name, bool* target, std::string help);    // 0 or 1
// Whole milliseconds.
Option DurationOption(std::string name, Duration* target, Duration least, Duration most,
                      std::string help);
// Bytes, also with K, M, G (1024-based; KiB, MiB, GiB are the same).
Option BytesOption(std::string name, size_t* target, size_t least, size_t most, std::string help);
// Whole megabytes (MiB).
Option MegabytesOption(std::string name, size_t* target, size_t least, size_t most,
                       std::string help);
// A whole number. `unit`: what is counted, "frames".
Option CountOption(std::string name, int* target, int least, int most, const std::string& unit,
                   std::string help);
Option CountOption(std::string name, size_t* target, size_t least, size_t most,
                   const std::string& unit, std::string help);
// One of `words`; `set` is told which, by its index.
Option ChoiceOption(std::string name, std::vector<std::string> words, size_t fallback,
                    std::function<void(size_t)> set, std::string help);
// A flag of a command, which is no variable: its name is the flag itself.
Option BareFlag(std::string flag, bool* target, std::string help);
// Comma-separated; spaces around an item do not count, empty items are left out.
std::vector<std::string> SplitList(std::string_view text);

struct OptionGroup {
  std::string title;
  std::vector<Option> options;
};
using OptionTable = std::vector<OptionGroup>;

// A value and where it came from: "HOTLINK_PROXY_LINGER_MS", "--linger-ms (HOTLINK_…)",
// "email in /…/config.json".
struct GivenValue {
  std::string text, source;
};
using GivenValues = std::map<std::string, GivenValue>;  // by Option::name
using Environment = std::map<std::string, std::string>;

struct CommandLine {
  GivenValues values;
  std::string action;  // the first of the actions that was found, as "--help"; what follows it and
                       // what is wrong behind it is not looked at
};
// "--flag value" and "--flag=value" are the same; of repeated flags the last one counts.
Result<CommandLine> ReadCommandLine(const OptionTable& table,
                                    std::span<const std::string> arguments,
                                    std::span<const std::string> actions);

// The variables that are set and not empty.
GivenValues ReadEnvironment(const OptionTable& table, const Environment& environment);

// A line for each variable that begins with one of `prefixes` and is in no option: "… did you …".
std::vector<std::string> UnknownVariables(const OptionTable& table, const Environment& environment,
                                          std::span<const std::string> prefixes);

// Sets each option that is given, in the table's order. The first complaint is the error.
[[nodiscard]] std::optional<Error> ApplyOptions(const OptionTable& table,
                                                const GivenValues& values);

// " (did you mean X?)" for the word nearest to `word`, or nothing where none is near.
std::string DidYouMean(std::string_view word, std::span<const std::string> words);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_OPTION_H_
