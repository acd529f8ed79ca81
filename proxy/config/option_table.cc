#include "proxy/config/option_table.h"

#include "proxy/config/option_values.h"

namespace hotlink {
namespace {

constexpr Duration kHour = 3600 * kSecond;
constexpr Duration kDay = 24 * kHour;

// An option whose value one of option_values.h takes.
template <typename T>
Option ValueOption(std::string name, std::string value_name, std::string accepts,
                   std::string fallback, T* target, Complaint (*set)(const std::string&, T*),
                   std::string help) {
  Option option;
  option.flag = FlagOf(name);
  option.name = std::move(name);
  option.value_name = std::move(value_name);
  option.accepts = std::move(accepts);
  option.fallback = std::move(fallback);
  option.help = std::move(help);
  option.set = [target, set](const std::string& text) { return set(text, target); };
  return option;
}

Option WithFlag(Option option, std::string flag) {
  option.flag = std::move(flag);
  return option;
}

Option Milliseconds(std::string name, Duration* target, std::string help) {
  return DurationOption(std::move(name), target, kMillisecond, kDay, std::move(help));
}

OptionGroup Identity(ProxyOptions* o) {
  Option access = SecretOption("SYFTBOX_ACCESS_TOKEN", &o->access_token,
                               "Sent to the server as Authorization: Bearer. Not a flag, since "
                               "others can read a command line.");
  Option refresh = SecretOption("SYFTBOX_REFRESH_TOKEN", &o->refresh_token,
                                "Renews the access token, and itself, when the server refuses the "
                                "access token. From a file or config.json it survives a restart, "
                                "since the new one is written back there.");
  return {
      "Identity",
      {ValueOption("SYFTBOX_EMAIL", "EMAIL", "an e-mail address", "", &o->email, SetEmail,
                   "The own e-mail: the identity at the server and the name of the datasite. "
                   "Required."),
       DataDirOption(&o->data_dir),
       ValueOption("SYFTBOX_SERVER_URL", "URL", "an http, https, ws or wss address", "",
                   &o->server_url, SetServerUrl,
                   "The SyftBox server, or a hotlink-relay. Required."),
       ConfigPathOption(&o->config_path), std::move(access),
       PathOption("SYFTBOX_ACCESS_TOKEN_FILE", &o->access_token_file,
                  "A file that holds the access token: read again before each connect, and "
                  "rewritten when the token is renewed."),
       std::move(refresh),
       PathOption("SYFTBOX_REFRESH_TOKEN_FILE", &o->refresh_token_file,
                  "A file that holds the refresh token, likewise."),
       Milliseconds("HOTLINK_PROXY_TOKEN_REFRESH_MS", &o->refresh_pace,
                    "Between two requests for a new access token at least; twice that after each "
                    "that did not help. The server takes 10 a minute from one address."),
       Milliseconds("HOTLINK_PROXY_TOKEN_REFRESH_MAX_MS", &o->refresh_retry_max,
                    "The most it grows to, and how long a refused refresh token is not sent "
                    "again.")}};
}

OptionGroup Markers(ProxyOptions* o) {
  return {
      "Markers",
      {ChoiceOption(
           "HOTLINK_PROXY_MARKERS", {"own", "all"}, o->all_datasites ? 1 : 0,
           [o](size_t index) { o->all_datasites = index == 1; },
           "Which markers count: those of the own datasite, or also those of other datasites that "
           "name the own e-mail."),
       TextOption("HOTLINK_PROXY_RUN", &o->run,
                  "Narrows to one run: a shell pattern for the path between the datasite and the "
                  "channel directories, or a leading part of it; * and ? match slashes too. "
                  "Empty: every run."),
       ValueOption("HOTLINK_PROXY_PEERS", "LIST", "e-mail addresses, separated by commas",
                   "anybody", &o->peers, SetPeers, "The only peers that markers may name."),
       ValueOption("HOTLINK_PROXY_PORTS", "LIST",
                   "ports and ranges of ports from 1 to 65535, separated by commas", "1024-65535",
                   &o->ports, SetPorts, "The only ports that markers may name."),
       ValueOption("HOTLINK_PROXY_DIAL_ALLOW", "LIST",
                   "numeric addresses or networks with ports, separated by commas", "nothing",
                   &o->dial_allow, SetEndpointRanges,
                   "What markers may ask to be dialled, as 127.0.0.1:5001,10.0.0.0/24:9000-9100. "
                   "Others may write markers, so loopback is not safe by itself. The sidecar's "
                   "own ports are never dialled."),
       CountOption("HOTLINK_PROXY_CHANNELS", &o->channels, 1, 65536, "channels",
                   "How many there may be at once. Who has one keeps it, then the newest markers "
                   "count; those beyond are rejected until there is room."),
       DurationOption("HOTLINK_PROXY_SCAN_MS", &o->scan_interval, kMillisecond, kHour,
                      "How often all markers are looked for, besides the kernel's notifications. "
                      "Rarer where a scan takes long."),
       SwitchOption("HOTLINK_PROXY_INOTIFY", &o->use_inotify,
                    "Whether the kernel is asked to notify of new markers; 0 for file systems "
                    "that others write to over a network."),
       SwitchOption("HOTLINK_PROXY_PUBLISH_ACL", &o->publish_acl,
                    "Whether a channel's own syft.pub.yaml is written to the relay where that "
                    "denies the channel, and the file grants nobody but own peers of its run.")}};
}

OptionGroup Party(ProxyOptions* o) {
  CoreConfig& core = o->core;
  return {
      "The party's connections",
      {WithFlag(ValueOption("SYFTBOX_HOTLINK_TCP_PROXY_ADDR", "LIST",
                            "numeric IPv4 and IPv6 addresses, separated by commas", "127.0.0.1",
                            &o->listen_addresses, SetListenAddresses,
                            "Where the channels' ports listen. Other addresses than loopback, also "
                            "0.0.0.0 and ::, only together with HOTLINK_PROXY_ALLOW_FROM."),
                "--listen"),
       ValueOption("HOTLINK_PROXY_ALLOW_FROM", "LIST",
                   "networks (as 10.0.0.0/8 or fd00::/8), addresses and the word docker, separated "
                   "by commas",
                   "nobody but this host", &o->allow_from, SetAllowFrom,
                   "Who else than loopback clients may connect; others are reset. docker: the "
                   "subnets of this host's bridges."),
       Milliseconds("HOTLINK_PROXY_PORT_RETRY_MS", &o->port_retry,
                    "How often a port that another program has is tried again."),
       CountOption("HOTLINK_PROXY_STANDBYS", &core.standbys, 1, 1024, "connections",
                   "How many may wait behind the active one of a channel; more are reset."),
       CountOption("HOTLINK_PROXY_STREAMS", &core.streams, 1, 65536, "connections",
                   "How many a channel whose marker has `dial` carries at once, of each side; more "
                   "are reset."),
       BytesOption("HOTLINK_PROXY_STREAM_WINDOW", &core.stream_window, 4 << 10, 16 << 20,
                   "What each of them may have on its way as it begins; grows where the party "
                   "keeps up."),
       Milliseconds("HOTLINK_PROXY_DIAL_RETRY_MIN_MS", &core.dial_retry_min,
                    "The first wait before a party that does not listen yet is dialled again; "
                    "doubles."),
       Milliseconds("HOTLINK_PROXY_DIAL_RETRY_MAX_MS", &core.dial_retry_max,
                    "The longest wait before it is dialled again."),
       Milliseconds("HOTLINK_PROXY_PROVE_MS", &core.prove_delay,
                    "The age at which a connection that has sent nothing counts as no probe."),
       Milliseconds("HOTLINK_PROXY_PROBE_FIN_WAIT_MS", &core.probe_fin_wait,
                    "How long a connection that shut down without having sent anything may still "
                    "turn out to be a probe, by a reset."),
       BytesOption("HOTLINK_PROXY_PROBE_KEEP", &core.probe_keep, 4 << 10, 16 << 20,
                   "How much of what a silent connection was given is kept for the next one.")}};
}

OptionGroup Relay(ProxyOptions* o) {
  return {
      "The relay link",
      {ChoiceOption(
           "HOTLINK_PROXY_ENCODING", {"msgpack", "json"}, o->encoding == Encoding::kJson ? 1 : 0,
           [o](size_t index) { o->encoding = index == 1 ? Encoding::kJson : Encoding::kMsgpack; },
           "The encoding asked for; with msgpack the server may still choose json."),
       PathOption("HOTLINK_PROXY_CA_FILE", &o->ca_file,
                  "Certificates (PEM) to trust instead of the system's."),
       Milliseconds("HOTLINK_PROXY_CONNECT_TIMEOUT_MS", &o->connect_timeout,
                    "Limit for name resolution, connecting, a proxy and TLS."),
       Milliseconds("HOTLINK_PROXY_UPGRADE_TIMEOUT_MS", &o->upgrade_timeout,
                    "Limit for the server's answer to the upgrade."),
       Milliseconds("HOTLINK_PROXY_RECONNECT_MIN_MS", &o->reconnect_min,
                    "The first wait before connecting again; doubles, with jitter."),
       Milliseconds("HOTLINK_PROXY_RECONNECT_MAX_MS", &o->reconnect_max,
                    "The longest wait before connecting again."),
       Milliseconds("HOTLINK_PROXY_RELAY_PING_MS", &o->relay_ping,
                    "How often the WebSocket is pinged."),
       Milliseconds("HOTLINK_PROXY_RELAY_DEAD_MS", &o->relay_dead,
                    "Without a byte for that long the WebSocket counts as dead.")}};
}

OptionGroup Sessions(CoreConfig* core) {
  return {"Sessions",
          {CountOption("HOTLINK_PROXY_OPENS_UNANSWERED", &core->opens_unanswered, 1, 128, "Opens",
                       "How many may be unanswered at a time."),
           Milliseconds("HOTLINK_PROXY_OPEN_RETRY_MIN_MS", &core->open_retry_min,
                        "The first wait before an unanswered Open is followed by another."),
           Milliseconds("HOTLINK_PROXY_OPEN_RETRY_MAX_MS", &core->open_retry_max,
                        "The longest wait of that kind."),
           Milliseconds("HOTLINK_PROXY_DENIED_RETRY_MS", &core->denied_retry,
                        "The wait after a permission denied, and for the relay's answer to a "
                        "syft.pub.yaml."),
           Milliseconds("HOTLINK_PROXY_FLOW_OPEN_RETRY_MIN_MS", &core->flow_open_retry_min,
                        "The first wait before an unanswered flow_open is repeated."),
           Milliseconds("HOTLINK_PROXY_FLOW_OPEN_RETRY_MAX_MS", &core->flow_open_retry_max,
                        "The longest wait of that kind."),
           Milliseconds("HOTLINK_PROXY_CHALLENGE_RETRY_MIN_MS", &core->challenge_retry_min,
                        "The first wait before another instance of the peer is asked again whether "
                        "it lives."),
           Milliseconds("HOTLINK_PROXY_CHALLENGE_RETRY_MAX_MS", &core->challenge_retry_max,
                        "The longest wait of that kind."),
           CountOption("HOTLINK_PROXY_CHALLENGE_TRIES", &core->challenge_tries, 1, 100, "tries",
                       "How often it is asked before it counts as dead.")}};
}

OptionGroup Streams(CoreConfig* core) {
  return {
      "Streams",
      {BytesOption("HOTLINK_PROXY_WINDOW", &core->window, 4 << 10, 1 << 30,
                   "What is kept unacknowledged, and granted to the peer, per channel and "
                   "direction. At least the largest frame."),
       WithFlag(BytesOption("SYFTBOX_HOTLINK_TCP_PROXY_CHUNK_SIZE", &core->frame_max, 4 << 10,
                            1 << 20, "The largest payload of one message."),
                "--chunk-size"),
       MegabytesOption("HOTLINK_PROXY_MEMORY_MB", &core->memory, 16, 65536,
                       "What all channels together may hold for their parties: half for what is "
                       "sent and not acknowledged, a quarter for what is received or granted, "
                       "a quarter for connections of markers with `dial`. Each channel has "
                       "64 KiB of the first two in any case."),
       CountOption("HOTLINK_PROXY_FRAMES_IN_FLIGHT", &core->frames_in_flight, 1, 128, "frames",
                   "Sent and not acknowledged over the WebSocket; the server drops behind 256 "
                   "from all senders."),
       CountOption("HOTLINK_PROXY_LOOK_AHEAD", &core->look_ahead, 1, 64, "connections",
                   "How many may be begun before the peer has come that far."),
       Milliseconds("HOTLINK_PROXY_RTO_MIN_MS", &core->rto_min,
                    "The shortest wait before a frame is sent again."),
       Milliseconds("HOTLINK_PROXY_RTO_MAX_MS", &core->rto_max, "The longest."),
       Milliseconds("HOTLINK_PROXY_ACK_DELAY_MS", &core->ack_delay,
                    "How long an acknowledgement may wait for more to acknowledge."),
       Milliseconds("HOTLINK_PROXY_REORDER_DELAY_MS", &core->reorder_delay,
                    "How long a gap may be a mere overtaking, at first; adapts."),
       Milliseconds("HOTLINK_PROXY_REORDER_DELAY_MAX_MS", &core->reorder_delay_max,
                    "The longest that this becomes."),
       Milliseconds("HOTLINK_PROXY_MISS_REPEAT_MS", &core->miss_repeat,
                    "How often a gap is reported again."),
       Milliseconds("HOTLINK_PROXY_PING_MIN_MS", &core->ping_min,
                    "The first wait before a peer whose window is full is asked again."),
       Milliseconds("HOTLINK_PROXY_PING_MAX_MS", &core->ping_max, "The longest."),
       Milliseconds("HOTLINK_PROXY_HEARD_PING_MS", &core->heard_ping,
                    "A peer that was silent for that long during a join is pinged; with over 300 "
                    "channels later, up to a third of HOTLINK_PROXY_PEER_SILENT_MS.")}};
}

OptionGroup Ends(CoreConfig* core) {
  return {"Ends of connections",
          {Milliseconds("HOTLINK_PROXY_LINGER_MS", &core->linger,
                        "Half-closed with nobody on the other side: reset after that."),
           Milliseconds("HOTLINK_PROXY_LINGER_STANDBY_MS", &core->linger_standby,
                        "The same while another connection waits."),
           Milliseconds("HOTLINK_PROXY_PEER_SILENT_MS", &core->peer_silent,
                        "A join whose peer was not heard for that long is reset."),
           Milliseconds("HOTLINK_PROXY_RESET_WAIT_MS", &core->reset_wait,
                        "How long a party gets to take the last bytes before a reset is carried "
                        "through, and to close after an end."),
           Milliseconds("HOTLINK_PROXY_DRAIN_MS", &core->drain,
                        "How long a removed channel, or the program at its end, waits for "
                        "acknowledgements."),
           Milliseconds("HOTLINK_PROXY_PLAIN_AFTER_MS", &core->plain_after,
                        "An accepted session without flow control for that long: the peer is the "
                        "existing client."),
           Milliseconds("HOTLINK_PROXY_PLAIN_GAP_MS", &core->plain_gap,
                        "A message from such a client that is missing for that long ends the "
                        "connection.")}};
}

OptionGroup Inside(ProxyOptions* o) {
  // The log level stands behind the client's switch: what is set last counts.
  return {
      "Seeing inside",
      {Option{.name = "SYFTBOX_HOTLINK_DEBUG",
              .accepts = "0 or 1",
              .fallback = "0",
              .help = "1: log level debug, unless HOTLINK_PROXY_LOG_LEVEL says otherwise.",
              .set = [o](const std::string& text) -> Complaint {
                if (text != "0" && text != "1") return "must be 0 or 1";
                if (text == "1") o->log_level = LogLevel::kDebug;
                return {};
              }},
       ChoiceOption(
           "HOTLINK_PROXY_LOG_LEVEL", {"debug", "info", "warning", "error"},
           static_cast<size_t>(o->log_level),
           [o](size_t index) { o->log_level = static_cast<LogLevel>(index); },
           "What is logged at least."),
       ChoiceOption(
           "HOTLINK_PROXY_LOG_FORMAT", {"text", "json"}, o->log_format == LogFormat::kJson ? 1 : 0,
           [o](size_t index) { o->log_format = index == 1 ? LogFormat::kJson : LogFormat::kText; },
           "Lines of text, or a JSON object a line."),
       PathOption("HOTLINK_PROXY_LOG_FILE", &o->log_file,
                  "A file that gets the log too, appended."),
       Milliseconds("HOTLINK_PROXY_TELEMETRY_MS", &o->telemetry_interval,
                    "The least between two writes of the telemetry file. While nothing changes it "
                    "is rewritten every 15 seconds, or this if it is longer."),
       AdminSocketOption(&o->admin_socket),
       ValueOption("HOTLINK_PROXY_ADMIN_ADDR", "[ADDRESS:]PORT",
                   "a port, or a numeric address and a port", "not on TCP", &o->admin_address,
                   SetAddressAndPort,
                   "Where status, metrics and probes are also answered over HTTP on TCP, without "
                   "POST /drain. A port alone is one of 127.0.0.1.")}};
}

OptionGroup Ending(ProxyOptions* o) {
  return {"Ending by itself",
          {ChoiceOption(
               "HOTLINK_PROXY_EXIT_WHEN", {"never", "idle", "markers-gone"},
               static_cast<size_t>(o->exit_when),
               [o](size_t index) { o->exit_when = static_cast<ExitWhen>(index); },
               "When to drain and end without being told: parties have talked, and now none is "
               "connected and everything is acknowledged; or markers that were written since the "
               "start were there, and now none is."),
           Milliseconds("HOTLINK_PROXY_EXIT_AFTER_MS", &o->exit_after,
                        "How long it has to be so without a break.")}};
}

}  // namespace

Option DataDirOption(std::string* target) {
  return PathOption("SYFTBOX_DATA_DIR", target,
                    "The data directory, which holds datasites/. Required.");
}

Option ConfigPathOption(std::string* target) {
  return WithFlag(
      PathOption(
          "SYFTBOX_CONFIG_PATH", target,
          "The client's config.json: email, data_dir, server_url, access_token and "
          "refresh_token come from there where neither flag nor variable gives them; renewed "
          "tokens go back there."),
      "--config");
}

Option AdminSocketOption(std::string* target) {
  Option option = PathOption("HOTLINK_PROXY_ADMIN_SOCKET", target,
                             "The unix socket on which a running sidecar answers status, ready, "
                             "wait and drain.");
  option.fallback = "<data dir>/.syftbox/hotlink-proxy.sock";
  return option;
}

OptionTable ProxyOptionTable(ProxyOptions* options) {
  CoreConfig* core = &options->core;
  return {Identity(options), Markers(options), Party(options),  Relay(options), Sessions(core),
          Streams(core),     Ends(core),       Inside(options), Ending(options)};
}

}  // namespace hotlink
