// The configuration of hotlink-proxy: read from the command line, the environment and the client's
// config.json, checked, and put into one struct (design.md §3).
//
// A flag wins over its variable, a variable over config.json. Pure: files are read through
// OptionFiles.
#ifndef HOTLINK_PROXY_CONFIG_OPTIONS_H_
#define HOTLINK_PROXY_CONFIG_OPTIONS_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/log_format.h"
#include "common/message.h"
#include "common/option.h"
#include "common/result.h"
#include "common/secret.h"
#include "common/time.h"
#include "proxy/config/option_values.h"
#include "proxy/core/admission.h"
#include "proxy/core/core_config.h"
#include "proxy/core/exit_rule.h"
#include "proxy/markers/marker.h"
#include "proxy/tokens/token_place.h"

namespace hotlink {

// `given`: HOTLINK_PROXY_ADMIN_SOCKET; empty: the place in the data directory.
std::string AdminSocketPathOf(const std::string& data_dir, const std::string& given);

struct ProxyOptions {
  // Identity.
  std::string email;       // lower case
  std::string data_dir;    // an existing directory
  std::string server_url;  // http, https, ws or wss
  std::string config_path;

  // Tokens: what they are at the start, and where that was found.
  Secret access_token, refresh_token;
  std::string access_token_file, refresh_token_file;
  TokenPlace access_place, refresh_place;
  Duration refresh_pace = 10 * kSecond;  // 6 a minute of the server's 10
  Duration refresh_retry_max = 300 * kSecond;

  // Markers (see MarkerScanOptions).
  bool all_datasites = false;
  std::string run;
  std::vector<std::string> peers;  // lower case; empty: anybody
  std::vector<PortRange> ports = {{1024, 65535}};
  std::vector<EndpointRange> dial_allow;  // empty: nothing is dialled
  size_t channels = 4096;                 // see PlanOptions
  Duration scan_interval = 30 * kSecond;
  bool use_inotify = true;
  bool publish_acl = true;  // a channel's own syft.pub.yaml, where the relay denies

  // The party's side.
  std::vector<std::string> listen_addresses = {"127.0.0.1"};  // numeric, each once
  AllowFrom allow_from;                      // not empty if one of them is no loopback address
  Duration port_retry = 500 * kMillisecond;  // a port that a stranger has

  // The relay link (see RelayLinkOptions).
  Encoding encoding = Encoding::kMsgpack;
  std::string ca_file;
  Duration connect_timeout = 10 * kSecond;
  Duration upgrade_timeout = 10 * kSecond;
  Duration reconnect_min = 100 * kMillisecond;
  Duration reconnect_max = 5 * kSecond;
  Duration relay_ping = 15 * kSecond;
  Duration relay_dead = 30 * kSecond;

  CoreConfig core;

  // Seeing inside.
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::string log_file;  // besides stderr; empty: none
  Duration telemetry_interval = 1 * kSecond;
  std::string admin_socket;      // empty: the default place
  AddressAndPort admin_address;  // port 0: not on TCP

  // The end.
  ExitWhen exit_when = ExitWhen::kNever;
  Duration exit_after = 30 * kSecond;

  std::string DatasitesDir() const { return data_dir + "/datasites"; }
  std::string AdminSocketPath() const { return AdminSocketPathOf(data_dir, admin_socket); }
};

// What the parser needs to know of the disk. Real: adapters/disk_files.
struct OptionFiles {
  // The content of a regular file of at most `most` bytes, or an error that names it.
  std::function<Result<std::string>(const std::string& path, size_t most)> read;
  // Why `path` cannot be used as a directory, as "does not exist"; empty: it can.
  std::function<std::string(const std::string& path)> directory_fault;
};

// Something to say once a log is there.
struct Notice {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

enum class ProxyAction { kRun, kHelp, kVersion, kPrintOptionsDoc };

struct ParsedOptions {
  ProxyAction action = ProxyAction::kRun;
  Result<ProxyOptions> options = Error{};  // of kRun; an error ends the program with exit code 2
  std::vector<Notice> notices;             // also with an error: they may explain it
};

// `arguments`: without the program's name.
ParsedOptions ParseProxyOptions(std::span<const std::string> arguments,
                                const Environment& environment, const OptionFiles& files);

// `commands`: a line for each.
std::string ProxyHelp(const std::string& commands);
std::string ProxyOptionsDoc();  // docs/options.md

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CONFIG_OPTIONS_H_
