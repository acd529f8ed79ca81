#include "proxy/config/options.h"

#include <map>
#include <optional>

#include "common/option_text.h"
#include "proxy/config/client_variables.h"
#include "proxy/config/config_file.h"
#include "proxy/config/option_table.h"
#include "proxy/config/option_values.h"

namespace hotlink {
namespace {

const std::string kActions[] = {"--help", "--version", "--print-options-doc"};
const std::string kPrefixes[] = {"HOTLINK_PROXY_", "SYFTBOX_HOTLINK"};

ProxyAction ActionOf(const std::string& flag) {
  if (flag == "--help") return ProxyAction::kHelp;
  if (flag == "--version") return ProxyAction::kVersion;
  return ProxyAction::kPrintOptionsDoc;
}

OptionTable FullTable(ProxyOptions* options, ClientVariables* seen) {
  OptionTable table = ProxyOptionTable(options);
  table.push_back(ClientVariableGroup(seen));
  return table;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void NoteClientVariables(const ClientVariables& seen, std::vector<Notice>* notices) {
  if (!seen.steering.empty()) {
    notices->push_back(
        {LogLevel::kInfo, Joined(seen.steering) + ": for the client; no effect here"});
  }
  if (!seen.direct_path.empty()) {
    notices->push_back({LogLevel::kInfo,
                        Joined(seen.direct_path) + ": no effect, this version has no direct path"});
  }
}

// Numbers that must fit each other.
std::optional<Error> CheckTogether(const ProxyOptions& o) {
  struct Pair {
    const char *low_name, *high_name;
    int64_t low, high;
  };
  const CoreConfig& c = o.core;
  const Pair pairs[] = {
      {"SYFTBOX_HOTLINK_TCP_PROXY_CHUNK_SIZE", "HOTLINK_PROXY_WINDOW",
       static_cast<int64_t>(c.frame_max), static_cast<int64_t>(c.window)},
      {"HOTLINK_PROXY_RECONNECT_MIN_MS", "HOTLINK_PROXY_RECONNECT_MAX_MS", o.reconnect_min,
       o.reconnect_max},
      {"HOTLINK_PROXY_TOKEN_REFRESH_MS", "HOTLINK_PROXY_TOKEN_REFRESH_MAX_MS", o.refresh_pace,
       o.refresh_retry_max},
      {"HOTLINK_PROXY_RELAY_PING_MS", "HOTLINK_PROXY_RELAY_DEAD_MS", o.relay_ping, o.relay_dead},
      {"HOTLINK_PROXY_OPEN_RETRY_MIN_MS", "HOTLINK_PROXY_OPEN_RETRY_MAX_MS", c.open_retry_min,
       c.open_retry_max},
      {"HOTLINK_PROXY_FLOW_OPEN_RETRY_MIN_MS", "HOTLINK_PROXY_FLOW_OPEN_RETRY_MAX_MS",
       c.flow_open_retry_min, c.flow_open_retry_max},
      {"HOTLINK_PROXY_CHALLENGE_RETRY_MIN_MS", "HOTLINK_PROXY_CHALLENGE_RETRY_MAX_MS",
       c.challenge_retry_min, c.challenge_retry_max},
      {"HOTLINK_PROXY_RTO_MIN_MS", "HOTLINK_PROXY_RTO_MAX_MS", c.rto_min, c.rto_max},
      {"HOTLINK_PROXY_REORDER_DELAY_MS", "HOTLINK_PROXY_REORDER_DELAY_MAX_MS", c.reorder_delay,
       c.reorder_delay_max},
      {"HOTLINK_PROXY_PING_MIN_MS", "HOTLINK_PROXY_PING_MAX_MS", c.ping_min, c.ping_max},
  };
  for (const Pair& pair : pairs) {
    if (pair.low <= pair.high) continue;
    const std::string low = pair.low_name;
    const int64_t unit = low.ends_with("_MS") ? kMillisecond : 1;
    return Error{low + " is " + std::to_string(pair.low / unit) + " and " + pair.high_name +
                 " only " + std::to_string(pair.high / unit) + ": it must be at least as large"};
  }
  return {};
}

std::optional<Error> CheckIdentity(const ProxyOptions& o, const OptionFiles& files,
                                   const std::string& data_dir_source) {
  const char* missing = o.email.empty()        ? "SYFTBOX_EMAIL"
                        : o.data_dir.empty()   ? "SYFTBOX_DATA_DIR"
                        : o.server_url.empty() ? "SYFTBOX_SERVER_URL"
                                               : nullptr;
  if (missing != nullptr) {
    return Error{std::string(missing) + " is missing: set it, give " + FlagOf(missing) +
                 ", or let SYFTBOX_CONFIG_PATH name a config.json that has it"};
  }
  const std::string fault = files.directory_fault(o.data_dir);
  if (!fault.empty()) return Error{data_dir_source + " is \"" + o.data_dir + "\": " + fault};
  return {};
}

// One of the two tokens, as its options leave it.
struct TokenSetting {
  const char* name;  // of the variable
  const char* key;   // in config.json
  Secret* token;
  std::string* file;
  TokenPlace* place;
};

// Reads the token's file where no token is given, and checks the token.
std::optional<Error> SettleToken(const GivenValues& given, const OptionFiles& files,
                                 const std::string& config_path, const TokenSetting& setting,
                                 std::vector<Notice>* notices) {
  const std::string file_name = std::string(setting.name) + "_FILE";
  const auto token = given.find(setting.name);
  if (token != given.end()) {
    if (!setting.file->empty()) {
      setting.file->clear();
      notices->push_back({LogLevel::kWarning, file_name + " has no effect, since " +
                                                  token->second.source + " is given"});
    }
    const bool variable = token->second.source == setting.name;
    *setting.place = variable ? TokenPlace{TokenPlace::Kind::kVariable, setting.name, ""}
                              : TokenPlace{TokenPlace::Kind::kConfig, config_path, setting.key};
    const Complaint complaint = CheckToken(setting.token->Reveal());
    if (complaint) return Error{token->second.source + " is \"***\": " + *complaint};
  } else if (!setting.file->empty()) {
    *setting.place = {TokenPlace::Kind::kFile, *setting.file, ""};
    const Result<std::string> content = files.read(*setting.file, kTokenFileMax);
    if (!content) return Error{file_name + ": " + content.error()};
    const Result<Secret> read = TokenIn(*setting.place, *content);
    if (!read) return Error{file_name + ": " + read.error()};
    *setting.token = *read;
  }
  return {};
}

std::optional<Error> SettleTokens(const GivenValues& given, const OptionFiles& files,
                                  ProxyOptions* o, std::vector<Notice>* notices) {
  const TokenSetting access = {"SYFTBOX_ACCESS_TOKEN", "access_token", &o->access_token,
                               &o->access_token_file, &o->access_place};
  const TokenSetting refresh = {"SYFTBOX_REFRESH_TOKEN", "refresh_token", &o->refresh_token,
                                &o->refresh_token_file, &o->refresh_place};
  for (const TokenSetting& setting : {access, refresh}) {
    if (auto error = SettleToken(given, files, o->config_path, setting, notices)) return error;
  }
  // An access token that is yet to be had goes beside a refresh token of config.json.
  if (o->access_place.kind == TokenPlace::Kind::kNowhere &&
      o->refresh_place.kind == TokenPlace::Kind::kConfig) {
    o->access_place = {TokenPlace::Kind::kConfig, o->config_path, access.key};
  }
  return {};
}

// An address that others reach is only listened on if it is said who they are.
std::optional<Error> CheckListening(const ProxyOptions& o, std::vector<Notice>* notices) {
  for (const std::string& text : o.listen_addresses) {
    const Result<IpAddress> address = ParseIpAddress(text);
    if (address && address->is_loopback()) continue;
    if (!o.allow_from.empty()) return {};
    return Error{"SYFTBOX_HOTLINK_TCP_PROXY_ADDR has " + text +
                 ", which is no loopback address: say in HOTLINK_PROXY_ALLOW_FROM who may connect "
                 "(docker for the containers of this host, or networks as 10.0.0.0/8), or use "
                 "127.0.0.1"};
  }
  if (!o.allow_from.empty()) {
    notices->push_back({LogLevel::kWarning,
                        "HOTLINK_PROXY_ALLOW_FROM has no effect: only loopback addresses are "
                        "listened on, see SYFTBOX_HOTLINK_TCP_PROXY_ADDR"});
  }
  return {};
}

// config.json, where flag or variable name one. A token's file, given nearer, hides its token.
std::optional<Error> AddConfigFile(const OptionFiles& files, GivenValues* given) {
  const auto path = given->find("SYFTBOX_CONFIG_PATH");
  if (path == given->end() || path->second.text.empty()) return {};
  const Result<std::string> content = files.read(path->second.text, kConfigFileMax);
  if (!content) return Error{path->second.source + ": " + content.error()};
  Result<ConfigFile> file = ReadConfigFile(path->second.text, *content);
  if (!file) return Error{path->second.source + ": " + file.error()};
  for (const std::string name : {"SYFTBOX_ACCESS_TOKEN", "SYFTBOX_REFRESH_TOKEN"}) {
    if (given->count(name + "_FILE") > 0) file->values.erase(name);
  }
  given->merge(file->values);  // what is given already wins
  return {};
}

Result<ProxyOptions> Settle(GivenValues given, const OptionFiles& files,
                            std::vector<Notice>* notices) {
  if (const auto error = AddConfigFile(files, &given)) return *error;
  ProxyOptions options;
  ClientVariables seen;
  if (const auto error = ApplyOptions(FullTable(&options, &seen), given)) return *error;
  NoteClientVariables(seen, notices);
  if (const auto error = SettleTokens(given, files, &options, notices)) return *error;
  const auto data_dir = given.find("SYFTBOX_DATA_DIR");
  const std::string source = data_dir == given.end() ? "" : data_dir->second.source;
  if (const auto error = CheckIdentity(options, files, source)) return *error;
  if (const auto error = CheckTogether(options)) return *error;
  if (const auto error = CheckListening(options, notices)) return *error;
  options.core.email = options.email;
  return options;
}

}  // namespace

ParsedOptions ParseProxyOptions(std::span<const std::string> arguments,
                                const Environment& environment, const OptionFiles& files) {
  ParsedOptions parsed;
  ProxyOptions defaults;
  ClientVariables seen;
  const OptionTable table = FullTable(&defaults, &seen);
  Result<CommandLine> line = ReadCommandLine(table, arguments, kActions);
  if (line && !line->action.empty()) {
    parsed.action = ActionOf(line->action);
    return parsed;
  }
  for (std::string& text : UnknownVariables(table, environment, kPrefixes)) {
    parsed.notices.push_back({LogLevel::kWarning, std::move(text)});
  }
  if (!line) {
    parsed.options = Error{line.error()};
    return parsed;
  }
  GivenValues given = std::move(line->values);
  given.merge(ReadEnvironment(table, environment));  // flags win
  parsed.options = Settle(std::move(given), files, &parsed.notices);
  return parsed;
}

std::string AdminSocketPathOf(const std::string& data_dir, const std::string& given) {
  return given.empty() ? data_dir + "/.syftbox/hotlink-proxy.sock" : given;
}

std::string ProxyHelp(const std::string& commands) {
  ProxyOptions defaults;
  ClientVariables seen;
  return "hotlink-proxy: carries the TCP connections of the party beside it to the parties at the\n"
         "other ends, over hotlink sessions that a SyftBox server or hotlink-relay relays.\n"
         "\n"
         "Usage: hotlink-proxy [--FLAG VALUE]...\n"
         "       hotlink-proxy --help | --version | --print-options-doc\n"
         "       hotlink-proxy COMMAND [--help]\n"
         "\n"
         "Commands: check looks beforehand, the others ask the sidecar that runs:\n" +
         commands +
         "\n"
         "Every option is an environment variable, most are a flag too. A flag wins over the\n"
         "variable, the variable over config.json. Below: variable, flag, default.\n" +
         OptionsHelp(FullTable(&defaults, &seen));
}

std::string ProxyOptionsDoc() {
  ProxyOptions defaults;
  ClientVariables seen;
  return "# Options of hotlink-proxy\n"
         "\n"
         "Every option is an environment variable, most are a flag too. A flag wins over the "
         "variable, the variable over config.json (`SYFTBOX_CONFIG_PATH`). An empty variable "
         "counts "
         "as not set. A bad value ends the program with exit code 2 and a line that names the "
         "variable, the value and what it takes; an unknown variable that begins with "
         "`HOTLINK_PROXY_` or `SYFTBOX_HOTLINK` is warned of. `make docs` writes this text from "
         "the program's own table.\n" +
         OptionsMarkdown(FullTable(&defaults, &seen));
}

}  // namespace hotlink
