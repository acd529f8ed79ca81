#include "relay/core/options.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>

namespace hotlink {

namespace {

using Status = std::optional<std::string>;  // what the value may be, if it is none of that

template <typename Number>
bool ParseWhole(std::string_view text, Number low, Number high, Number* number) {
  const char* end = text.data() + text.size();
  const auto [parsed, status] = std::from_chars(text.data(), end, *number);
  return status == std::errc() && parsed == end && *number >= low && *number <= high;
}

bool IsNumeric(const std::string& host, bool ipv6) {
  std::array<uint8_t, sizeof(in6_addr)> address;
  return inet_pton(ipv6 ? AF_INET6 : AF_INET, host.c_str(), address.data()) == 1;
}

// Of a numeric address.
bool IsLoopback(const std::string& host, bool ipv6) {
  if (!ipv6) return host.starts_with("127.");
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
}

Status SetListen(RelayOptions& options, std::string_view value) {
  const Status bad =
      "a numeric address and a port, as 127.0.0.1:8080 or [::1]:0 (0: any free port)";
  const size_t colon = value.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = value.substr(0, colon);
  if (!ParseWhole(value.substr(colon + 1), uint16_t{0}, uint16_t{65535}, &options.port)) return bad;
  options.ipv6 = host.starts_with('[') && host.ends_with(']');
  if (options.ipv6) host = host.substr(1, host.size() - 2);
  options.host = host;
  if (!IsNumeric(options.host, options.ipv6)) return bad;
  return {};
}

template <std::string RelayOptions::*path>
Status SetPath(RelayOptions& options, std::string_view value) {
  if (value.empty()) return "the path of a file";
  options.*path = value;
  return {};
}

Status SetTokenLifetime(RelayOptions& options, std::string_view value) {
  const Result<Duration> lifetime = ParseDuration(value);
  if (!lifetime) return "a duration from 1ms to 3600s, as 50ms or 2s";
  options.token_lifetime = *lifetime;
  return {};
}

Status SetAllowAllReads(RelayOptions& options, std::string_view) {
  options.allow_all_reads = true;
  return {};
}

Status SetAsSyftbox(RelayOptions& options, std::string_view value) {
  options.syftbox_workers = kDefaultSyftboxWorkers;
  if (value.empty()) return {};
  if (ParseWhole(value, 1u, kMaxSyftboxWorkers, &options.syftbox_workers)) return {};
  return "a number of workers from 1 to " + std::to_string(kMaxSyftboxWorkers);
}

Status SetFault(RelayOptions& options, std::string_view value) {
  const Result<FaultPlan> plan = ParseFaultPlan(value);
  if (!plan) return "a list of faults (" + plan.error() + ")";
  options.faults = *plan;
  return {};
}

Status SetSeed(RelayOptions& options, std::string_view value) {
  if (ParseWhole(value, uint64_t{0}, UINT64_MAX, &options.seed)) return {};
  return "a number from 0 to 2^64-1";
}

Status SetQueueBytes(RelayOptions& options, std::string_view value) {
  if (ParseWhole(value, kMinQueueBytes, kMaxQueueBytes, &options.queue_bytes)) return {};
  return "bytes, from " + std::to_string(kMinQueueBytes) + " to " + std::to_string(kMaxQueueBytes);
}

Status SetLogLevel(RelayOptions& options, std::string_view value) {
  for (const auto& [name, level] : {std::pair{std::string_view("debug"), LogLevel::kDebug},
                                    {"info", LogLevel::kInfo},
                                    {"warning", LogLevel::kWarning},
                                    {"error", LogLevel::kError}}) {
    if (value != name) continue;
    options.log_level = level;
    return {};
  }
  return "debug, info, warning or error";
}

Status SetHelp(RelayOptions& options, std::string_view) {
  options.help = true;
  return {};
}

Status SetVersion(RelayOptions& options, std::string_view) {
  options.version = true;
  return {};
}

enum class Takes { kNothing, kValue, kMaybeValue };  // kMaybeValue: only as --name=value

struct Option {
  std::string_view name, value_name;
  Takes takes;
  Status (*set)(RelayOptions&, std::string_view);
  std::string_view help;
};

constexpr std::array kOptions = {
    Option{
        "--listen", "ADDRESS:PORT", Takes::kValue, SetListen,
        "where to listen; port 0 is any free one (default 127.0.0.1:8080). Addresses other than\n"
        "      loopback need --token-file: without it everybody's name is believed"},
    Option{"--port-file", "PATH", Takes::kValue, SetPath<&RelayOptions::port_file>,
           "write the port there once listening (a temporary file, then a rename)"},
    Option{"--tls-cert", "PATH", Takes::kValue, SetPath<&RelayOptions::tls_certificate>,
           "serve wss and https (TLS 1.2 or newer) instead of ws and http, with this certificate:\n"
           "      PEM, followed by those between it and its authority. Goes with --tls-key"},
    Option{"--tls-key", "PATH", Takes::kValue, SetPath<&RelayOptions::tls_key>,
           "the certificate's private key: PEM, without a passphrase"},
    Option{
        "--token-file", "PATH", Takes::kValue, SetPath<&RelayOptions::token_file>,
        "who may connect: lines \"EMAIL: SHA256\", the digest (64 hex digits) of an access token\n"
        "      that its bearer sends, who then is EMAIL; and \"refresh EMAIL: SHA256\", of a "
        "refresh\n"
        "      token for POST /auth/refresh, which gives new ones. '#' begins a comment line.\n"
        "      Given-out tokens live in memory: after a restart those of the file count again"},
    Option{"--token-lifetime", "DURATION", Takes::kValue, SetTokenLifetime,
           "of access tokens from POST /auth/refresh, 1ms to 3600s (default 3600s)"},
    Option{"--allow-all-reads", "", Takes::kNothing, SetAllowAllReads,
           "development: everybody may read every path, whatever syft.pub.yaml files say"},
    Option{"--as-syftbox", "[=WORKERS]", Takes::kMaybeValue, SetAsSyftbox,
           "reorder and drop messages as the SyftBox server does, 1 to 64 workers (default 2)"},
    Option{"--fault", "LIST", Takes::kValue, SetFault,
           "faults on purpose, comma-separated: loss=CHANCE and dup=CHANCE drop or repeat a\n"
           "      forwarded message; cut-every=N cuts a random connection after every N forwarded\n"
           "      messages; stall=DURATION@PERIOD, as 50ms@1s, sends nothing for DURATION at the\n"
           "      end of every PERIOD"},
    Option{"--seed", "N", Takes::kValue, SetSeed,
           "of the random numbers behind --fault and --as-syftbox (default 1)"},
    Option{"--queue-bytes", "BYTES", Takes::kValue, SetQueueBytes,
           "what may wait for one connection, 8 MiB to 4 GiB; beyond it messages are dropped\n"
           "      (default 67108864)"},
    Option{"--log-level", "LEVEL", Takes::kValue, SetLogLevel,
           "debug, info, warning or error (default info)"},
    Option{"--version", "", Takes::kNothing, SetVersion, "print version and commit"},
    Option{"--help", "", Takes::kNothing, SetHelp, "print this"},
};

const Option* FindOption(std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

}  // namespace

Result<RelayOptions> ParseRelayOptions(std::span<const std::string_view> arguments) {
  RelayOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const size_t equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
    const bool has_value = equals != std::string_view::npos;
    const std::string name(argument.substr(0, equals));
    std::string_view value = has_value ? argument.substr(equals + 1) : std::string_view();

    const Option* option = FindOption(name);
    if (!option) return Error{"unknown option " + name + "; --help lists them"};
    if (option->takes == Takes::kNothing && has_value) return Error{name + " takes no value"};
    if (option->takes == Takes::kValue && !has_value) {
      if (i + 1 == arguments.size()) {
        return Error{name + " needs a value: " + std::string(option->value_name)};
      }
      value = arguments[++i];
    }
    if (const Status bad = option->set(options, value)) {
      return Error{name + "=" + std::string(value) + ": must be " + *bad};
    }
  }
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return Error{options.tls_key.empty()
                     ? "--tls-cert needs --tls-key, the certificate's private key"
                     : "--tls-key needs --tls-cert, the key's certificate"};
  }
  if (options.token_file.empty() && !IsLoopback(options.host, options.ipv6)) {
    return Error{
        "--listen: " + options.host +
        " can be reached from other machines: give --token-file to say who may connect, or "
        "listen on 127.0.0.1 or [::1]; without tokens every user's name is believed"};
  }
  return options;
}

std::string RelayHelp() {
  std::string text =
      "hotlink-relay: passes hotlink messages between sidecars as the SyftBox server does, at\n"
      "ws(s)://ADDRESS:PORT/api/v1/events?user=EMAIL. Without --token-file it believes the\n"
      "user's name, on loopback only.\n"
      "Who may open and read a path is said by the syft.pub.yaml files that their owners write to\n"
      "it. It keeps them in memory: after a restart they have to be written again, as sidecars "
      "do.\n\n"
      "Options:\n";
  for (const Option& option : kOptions) {
    text += "  " + std::string(option.name);
    if (option.takes == Takes::kValue) text += " ";
    text += std::string(option.value_name) + "\n      " + std::string(option.help) + "\n";
  }
  return text;
}

}  // namespace hotlink
