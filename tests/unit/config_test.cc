#include <doctest/doctest.h>

#include <map>

#include "proxy/config/config_file.h"
#include "proxy/config/option_table.h"
#include "proxy/config/option_values.h"
#include "proxy/config/options.h"

namespace hotlink {
namespace {

bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A disk of named contents.
struct FakeDisk {
  std::map<std::string, std::string> files;
  OptionFiles Access() const {
    return {[this](const std::string& path, size_t most) -> Result<std::string> {
              const auto file = files.find(path);
              if (file == files.end()) return Error{path + " does not exist"};
              if (file->second.size() > most) return Error{path + " is too large"};
              return file->second;
            },
            [](const std::string& path) -> std::string {
              return path.starts_with("/data") ? "" : "does not exist";
            }};
  }
};

const Environment kGood = {{"SYFTBOX_EMAIL", "Alice@Example.org"},
                           {"SYFTBOX_DATA_DIR", "/data"},
                           {"SYFTBOX_SERVER_URL", "https://relay.example.org"}};

// kGood with changes; an empty value counts as not set.
Environment With(const Environment& changes) {
  Environment environment = changes;
  environment.insert(kGood.begin(), kGood.end());
  return environment;
}

ParsedOptions Parse(const Environment& changes, const std::vector<std::string>& arguments = {},
                    const FakeDisk& disk = {}) {
  return ParseProxyOptions(arguments, With(changes), disk.Access());
}

std::string ErrorOf(const Environment& changes, const std::vector<std::string>& arguments = {},
                    const FakeDisk& disk = {}) {
  const ParsedOptions parsed = Parse(changes, arguments, disk);
  return parsed.options ? "no error" : parsed.options.error();
}

std::string NoticesOf(const ParsedOptions& parsed, LogLevel level) {
  std::string text;
  for (const Notice& notice : parsed.notices) {
    if (notice.level == level) text += notice.text + "\n";
  }
  return text;
}

TEST_CASE("the three that are required are enough, and the e-mail is lower-cased") {
  const ParsedOptions parsed = Parse({});
  REQUIRE(parsed.options.ok());
  const ProxyOptions& o = *parsed.options;
  CHECK(o.email == "alice@example.org");
  CHECK(o.core.email == "alice@example.org");
  CHECK(o.data_dir == "/data");
  CHECK(o.DatasitesDir() == "/data/datasites");
  CHECK(o.server_url == "https://relay.example.org");
  CHECK(o.access_token.empty());
  CHECK(o.listen_addresses == std::vector<std::string>{"127.0.0.1"});
  CHECK(o.encoding == Encoding::kMsgpack);
  CHECK(parsed.notices.empty());
}

TEST_CASE("what is missing is named, with the ways to give it") {
  for (const char* name : {"SYFTBOX_EMAIL", "SYFTBOX_DATA_DIR", "SYFTBOX_SERVER_URL"}) {
    const std::string error = ErrorOf({{name, ""}});
    CHECK(Mentions(error, std::string(name) + " is missing"));
    CHECK(Mentions(error, "SYFTBOX_CONFIG_PATH"));
  }
}

TEST_CASE("a data directory that cannot be used is named") {
  CHECK(ErrorOf({{"SYFTBOX_DATA_DIR", "/nowhere"}}) ==
        "SYFTBOX_DATA_DIR is \"/nowhere\": does not exist");
}

TEST_CASE("bad identities") {
  for (const char* bad : {"nobody", "a@b@c", "a/b@x", "a..b@x", "a b@x", "a\n@x"}) {
    CAPTURE(bad);
    CHECK(Mentions(ErrorOf({{"SYFTBOX_EMAIL", bad}}), "SYFTBOX_EMAIL is \""));
  }
  for (const char* bad : {"ftp://x", "relay.example.org", "http://", "http:///x", "http://a b",
                          "http://x:0", "http://x:65536", "http://x:y", "http://[::1", "http://[x]",
                          "http://x?y=1", "http://x/#y", "http://u:p@x", "://x", "http://x\n"}) {
    CAPTURE(bad);
    CHECK(Mentions(ErrorOf({{"SYFTBOX_SERVER_URL", bad}}), "SYFTBOX_SERVER_URL is \""));
  }
  CHECK_FALSE(Mentions(ErrorOf({{"SYFTBOX_SERVER_URL", "http://u:hush@x"}}), "hush"));
  for (const char* good :
       {"http://x", "HTTPS://x:1/", "ws://127.0.0.1:65535/base", "wss://[::1]:8"}) {
    CAPTURE(good);
    CHECK(Parse({{"SYFTBOX_SERVER_URL", good}}).options.ok());
  }
}

TEST_CASE("a flag wins over the variable, the variable over config.json") {
  FakeDisk disk;
  disk.files["/c.json"] = R"({"email": "c@x", "data_dir": "/data/c", "server_url": "http://c",
                              "access_token": "tok", "other": {"deep": [1]}})";
  const Environment all = {{"SYFTBOX_CONFIG_PATH", "/c.json"}};
  const Environment file_only = {{"SYFTBOX_CONFIG_PATH", "/c.json"},
                                 {"SYFTBOX_EMAIL", ""},
                                 {"SYFTBOX_DATA_DIR", ""},
                                 {"SYFTBOX_SERVER_URL", ""}};
  ParsedOptions parsed = Parse(file_only, {}, disk);
  REQUIRE(parsed.options.ok());
  CHECK(parsed.options->email == "c@x");
  CHECK(parsed.options->data_dir == "/data/c");
  CHECK(parsed.options->server_url == "http://c");
  CHECK(parsed.options->access_token.Reveal() == "tok");
  CHECK(Parse(all, {}, disk).options->email == "alice@example.org");
  CHECK(Parse(all, {"--email", "f@x"}, disk).options->email == "f@x");
  CHECK(Parse({}, {"--config=/c.json"}, disk).options->access_token.Reveal() == "tok");
}

TEST_CASE("a bad config.json is named, with the line or the key") {
  const Environment at = {{"SYFTBOX_CONFIG_PATH", "/c.json"}, {"SYFTBOX_EMAIL", ""}};
  FakeDisk disk;
  CHECK(Mentions(ErrorOf(at, {}, disk), "SYFTBOX_CONFIG_PATH: /c.json does not exist"));
  disk.files["/c.json"] = "{\n\"email\": oops}";
  CHECK(Mentions(ErrorOf(at, {}, disk), "/c.json is not JSON: line 2"));
  disk.files["/c.json"] = "{} x";
  CHECK(Mentions(ErrorOf(at, {}, disk), "is not JSON"));
  disk.files["/c.json"] = "[]";
  CHECK(Mentions(ErrorOf(at, {}, disk), "JSON object"));
  disk.files["/c.json"] = R"({"email": 7})";
  CHECK(Mentions(ErrorOf(at, {}, disk), "email in /c.json is no text"));
  disk.files["/c.json"] = R"({"email": "nobody"})";
  CHECK(Mentions(ErrorOf(at, {}, disk), "email in /c.json is \"nobody\""));
  disk.files["/c.json"] = R"({"email": null})";
  CHECK(Mentions(ErrorOf(at, {}, disk), "SYFTBOX_EMAIL is missing"));
  disk.files["/c.json"] = "";
  CHECK(Mentions(ErrorOf(at, {}, disk), "is not JSON"));
}

TEST_CASE("config.json: 64 KiB are read, one byte more is not") {
  std::string content = R"({"email": "c@x"})";
  content.resize(kConfigFileMax, ' ');
  CHECK(ReadConfigFile("/c", content).ok());
  CHECK(Mentions(ReadConfigFile("/c", content + " ").error(), "65536 bytes"));
  for (size_t n = 0; n < 16; ++n) {
    CHECK_FALSE(ReadConfigFile("/c", content.substr(0, n)).ok());
  }
}

TEST_CASE("access tokens: variable over file over config.json, and never shown") {
  FakeDisk disk;
  disk.files["/token"] = " from-file\n";
  disk.files["/c.json"] = R"({"access_token": "from-json"})";
  const Environment file = {{"SYFTBOX_ACCESS_TOKEN_FILE", "/token"},
                            {"SYFTBOX_CONFIG_PATH", "/c.json"}};
  ParsedOptions parsed = Parse(file, {}, disk);
  REQUIRE(parsed.options.ok());
  CHECK(parsed.options->access_token.Reveal() == "from-file");
  CHECK(parsed.options->access_token_file == "/token");

  Environment both = file;
  both["SYFTBOX_ACCESS_TOKEN"] = "from-variable";
  parsed = Parse(both, {}, disk);
  REQUIRE(parsed.options.ok());
  CHECK(parsed.options->access_token.Reveal() == "from-variable");
  CHECK(Mentions(NoticesOf(parsed, LogLevel::kWarning), "SYFTBOX_ACCESS_TOKEN_FILE has no effect"));

  CHECK_FALSE(Mentions(ErrorOf({{"SYFTBOX_ACCESS_TOKEN", "hush\r\nX: y"}}), "hush"));
  CHECK(Mentions(ErrorOf({{"SYFTBOX_ACCESS_TOKEN", "hush y"}}), "visible ASCII"));
  disk.files["/token"] = " \n";
  CHECK(ErrorOf(file, {}, disk) == "SYFTBOX_ACCESS_TOKEN_FILE: /token is empty");
  disk.files.erase("/token");
  CHECK(Mentions(ErrorOf(file, {}, disk), "/token does not exist"));
}

TEST_CASE("tokens: each is found with its place, which is where a renewed one goes") {
  using Kind = TokenPlace::Kind;
  FakeDisk disk;
  disk.files["/r"] = "from-file\n";
  disk.files["/c.json"] = R"({"refresh_token": "r", "access_token": "a"})";
  const Environment at = {{"SYFTBOX_CONFIG_PATH", "/c.json"}};
  ParsedOptions parsed = Parse(at, {}, disk);
  CHECK(parsed.notices.empty());
  CHECK(parsed.options->access_place.Text() == "access_token in /c.json");
  CHECK(parsed.options->refresh_token.Reveal() == "r");
  CHECK(parsed.options->refresh_place.Text() == "refresh_token in /c.json");

  parsed = Parse({{"SYFTBOX_CONFIG_PATH", "/c.json"},
                  {"SYFTBOX_ACCESS_TOKEN", "v"},
                  {"SYFTBOX_REFRESH_TOKEN_FILE", "/r"}},
                 {}, disk);
  CHECK(parsed.options->access_place.kind == Kind::kVariable);
  CHECK(parsed.options->access_place.Text() == "SYFTBOX_ACCESS_TOKEN");
  CHECK(parsed.options->refresh_token.Reveal() == "from-file");
  CHECK(parsed.options->refresh_place.kind == Kind::kFile);
  CHECK(parsed.options->refresh_place.Text() == "/r");

  disk.files["/c.json"] = R"({"refresh_token": "r"})";
  CHECK(Parse(at, {}, disk).options->access_place.Text() == "access_token in /c.json");
  CHECK(Parse({}, {}, disk).options->access_place.kind == Kind::kNowhere);
  CHECK(Parse({{"SYFTBOX_REFRESH_TOKEN", "r"}}).options->access_place.kind == Kind::kNowhere);
  CHECK(Mentions(ErrorOf({{"SYFTBOX_REFRESH_TOKEN_FILE", "/nowhere"}}),
                 "SYFTBOX_REFRESH_TOKEN_FILE: /nowhere does not exist"));
}

TEST_CASE("listen addresses: numeric, each once, none that another covers") {
  const auto addresses = [](const char* text) {
    const ParsedOptions parsed = Parse(
        {{"SYFTBOX_HOTLINK_TCP_PROXY_ADDR", text}, {"HOTLINK_PROXY_ALLOW_FROM", "10.0.0.0/8"}});
    REQUIRE(parsed.options);
    return parsed.options->listen_addresses;
  };
  using List = std::vector<std::string>;
  CHECK(addresses("127.0.0.1, ::1,0:0::1,127.0.0.2") == List{"127.0.0.1", "::1", "127.0.0.2"});
  CHECK(addresses("::ffff:10.0.0.1,10.0.0.1,fd00::1") == List{"10.0.0.1", "fd00::1"});
  CHECK(addresses("127.0.0.1,0.0.0.0,::1") == List{"0.0.0.0", "::1"});
  CHECK(addresses("::1,::,0.0.0.0,127.0.0.1") == List{"::", "0.0.0.0"});
  for (const char* bad : {"localhost", "127.0.0.1:80", ",", "127.1", "fe80::1%eth0"}) {
    CAPTURE(bad);
    CHECK(Mentions(ErrorOf({{"SYFTBOX_HOTLINK_TCP_PROXY_ADDR", bad}}), "TCP_PROXY_ADDR is \""));
  }
}

TEST_CASE("listen addresses that others reach need a list of who may connect") {
  for (const char* open : {"0.0.0.0", "10.0.0.1", "::", "127.0.0.1,172.17.0.1", "::1,fd00::1"}) {
    CAPTURE(open);
    const std::string error = ErrorOf({{"SYFTBOX_HOTLINK_TCP_PROXY_ADDR", open}});
    CHECK(Mentions(error, "SYFTBOX_HOTLINK_TCP_PROXY_ADDR has "));
    CHECK(Mentions(error, "HOTLINK_PROXY_ALLOW_FROM"));
    const ParsedOptions allowed =
        Parse({{"SYFTBOX_HOTLINK_TCP_PROXY_ADDR", open}, {"HOTLINK_PROXY_ALLOW_FROM", "docker"}});
    CHECK(allowed.options);
    CHECK(allowed.notices.empty());
  }
  const ParsedOptions useless = Parse({{"HOTLINK_PROXY_ALLOW_FROM", "docker"}});
  CHECK(useless.options);
  CHECK(Mentions(NoticesOf(useless, LogLevel::kWarning), "HOTLINK_PROXY_ALLOW_FROM has no effect"));
}

TEST_CASE("who may connect: networks, addresses, the word docker") {
  const auto allow = [](const char* text) {
    const ParsedOptions parsed = Parse({{"HOTLINK_PROXY_ALLOW_FROM", text}});
    REQUIRE(parsed.options);
    return parsed.options->allow_from;
  };
  CHECK(allow("").empty());
  CHECK(allow("docker").docker);
  CHECK(allow("docker").networks.empty());
  CHECK(allow("10.0.0.0/8,docker, fd00::/8,10.0.0.0/8").Text() == "docker,10.0.0.0/8,fd00::/8");
  CHECK(allow("10.1.2.3").Text() == "10.1.2.3/32");
  CHECK_FALSE(allow("10.1.2.3").docker);
  for (const char* bad : {",", "Docker", "10.0.0.1/8", "10.0.0.0/33", "10/8", "any", "*",
                          "10.0.0.0/8;11.0.0.0/8", "example.org"}) {
    CAPTURE(bad);
    CHECK(Mentions(ErrorOf({{"HOTLINK_PROXY_ALLOW_FROM", bad}}), "HOTLINK_PROXY_ALLOW_FROM is \""));
  }
}

TEST_CASE("ports and peers") {
  const auto ports = Parse({{"HOTLINK_PROXY_PORTS", "80, 20000-20100"}}).options->ports;
  REQUIRE(ports.size() == 2);
  CHECK(ports[0].first == 80);
  CHECK(ports[0].last == 80);
  CHECK(ports[1].first == 20000);
  CHECK(ports[1].last == 20100);
  for (const char* bad : {"0", "65536", "9-8", "-9", "9-", "9-x", "a", "1-2-3", ","}) {
    CAPTURE(bad);
    CHECK(Mentions(ErrorOf({{"HOTLINK_PROXY_PORTS", bad}}), "HOTLINK_PROXY_PORTS is \""));
  }
  CHECK(Parse({{"HOTLINK_PROXY_PEERS", "B@x, c@x,b@X"}}).options->peers ==
        std::vector<std::string>{"b@x", "c@x"});
  CHECK(Mentions(ErrorOf({{"HOTLINK_PROXY_PEERS", "b@x,c"}}), "\"c\" has no @"));
}

TEST_CASE("the client's names keep their meaning") {
  CHECK(Parse({{"SYFTBOX_HOTLINK_TCP_PROXY_CHUNK_SIZE", "4096"}}).options->core.frame_max == 4096);
  for (const char* bad : {"4095", "1048577", "0"}) {
    CHECK(Mentions(ErrorOf({{"SYFTBOX_HOTLINK_TCP_PROXY_CHUNK_SIZE", bad}}), "4 KiB to 1 MiB"));
  }
  CHECK(Parse({{"SYFTBOX_HOTLINK_DEBUG", "1"}}).options->log_level == LogLevel::kDebug);
  CHECK(Parse({{"SYFTBOX_HOTLINK_DEBUG", "0"}}).options->log_level == LogLevel::kInfo);
  CHECK(Parse({{"SYFTBOX_HOTLINK_DEBUG", "1"}, {"HOTLINK_PROXY_LOG_LEVEL", "error"}})
            .options->log_level == LogLevel::kError);
  for (const char* name :
       {"SYFTBOX_HOTLINK_P2P_ONLY", "SYFTBOX_HOTLINK_QUIC_ONLY", "SYFTBOX_HOTLINK_BENCH_STRICT"}) {
    CHECK(Mentions(ErrorOf({{name, "1"}}), std::string(name) + " is \"1\": no direct path"));
    CHECK(Mentions(ErrorOf({{name, "true"}}), "no direct path in this version"));
    CHECK(Parse({{name, "0"}}).options.ok());
  }
}

TEST_CASE("variables that steer the client or a direct path: one info line each kind") {
  const ParsedOptions parsed = Parse({{"SYFTBOX_HOTLINK", "1"},
                                      {"SYFTBOX_HOTLINK_TCP_PROXY", "1"},
                                      {"SYFTBOX_HOTLINK_QUIC", "1"},
                                      {"SYFTBOX_HOTLINK_SOCKET_ONLY", "1"},
                                      {"SYFTBOX_HOTLINK_IPC", "1"},
                                      {"SYFTBOX_HOTLINK_TCP_ADDR", "1"},
                                      {"SYFTBOX_HOTLINK_WS_FALLBACK_GRACE_MS", "1"},
                                      {"SYFTBOX_HOTLINK_ICE_SERVERS", "1"},
                                      {"SYFTBOX_HOTLINK_STUN_SERVER", "1"},
                                      {"SYFTBOX_HOTLINK_TURN_USER", "1"},
                                      {"SYFTBOX_HOTLINK_TURN_PASS", "hush"},
                                      {"SYFTBOX_HOTLINK_WEBRTC_BUFFERED_HIGH", "1"},
                                      {"SYFTBOX_HOTLINK_WEBRTC_BACKPRESSURE_WAIT_MS", "1"},
                                      {"BV_SYFTBOX_HOTLINK", "1"}});
  REQUIRE(parsed.options.ok());
  REQUIRE(parsed.notices.size() == 2);
  CHECK(NoticesOf(parsed, LogLevel::kInfo).find("hush") == std::string::npos);
  CHECK(Mentions(parsed.notices[0].text, "SYFTBOX_HOTLINK SYFTBOX_HOTLINK_TCP_PROXY: for the"));
  CHECK(Mentions(parsed.notices[1].text, "SYFTBOX_HOTLINK_TURN_PASS"));
}

TEST_CASE("an unknown variable of ours is warned of, also beside an error") {
  ParsedOptions parsed = Parse({{"HOTLINK_PROXY_LINGERMS", "7"}});
  REQUIRE(parsed.options.ok());
  CHECK(Mentions(NoticesOf(parsed, LogLevel::kWarning), "did you mean HOTLINK_PROXY_LINGER_MS?"));
  parsed = Parse({{"SYFTBOX_HOTLINK_DEBIG", "7"}}, {"stray"});
  CHECK_FALSE(parsed.options.ok());
  CHECK(Mentions(NoticesOf(parsed, LogLevel::kWarning), "did you mean SYFTBOX_HOTLINK_DEBUG?"));
}

TEST_CASE("numbers that must fit each other") {
  CHECK(Parse({{"HOTLINK_PROXY_WINDOW", "256K"}}).options.ok());
  CHECK(ErrorOf({{"HOTLINK_PROXY_WINDOW", "262143"}}) ==
        "SYFTBOX_HOTLINK_TCP_PROXY_CHUNK_SIZE is 262144 and HOTLINK_PROXY_WINDOW only 262143: it "
        "must be at least as large");
  CHECK(ErrorOf({{"HOTLINK_PROXY_RECONNECT_MAX_MS", "99"}}) ==
        "HOTLINK_PROXY_RECONNECT_MIN_MS is 100 and HOTLINK_PROXY_RECONNECT_MAX_MS only 99: it must "
        "be at least as large");
  for (const char* high :
       {"RELAY_DEAD_MS", "OPEN_RETRY_MAX_MS", "FLOW_OPEN_RETRY_MAX_MS", "CHALLENGE_RETRY_MAX_MS",
        "RTO_MAX_MS", "REORDER_DELAY_MAX_MS", "PING_MAX_MS"}) {
    CAPTURE(high);
    const std::string name = std::string("HOTLINK_PROXY_") + high;
    CHECK(Mentions(ErrorOf({{name, "1"}}), name + " only 1:"));
  }
}

TEST_CASE("actions") {
  CHECK(Parse({{"SYFTBOX_EMAIL", "bad"}}, {"--help"}).action == ProxyAction::kHelp);
  CHECK(Parse({}, {"--version"}).action == ProxyAction::kVersion);
  CHECK(Parse({}, {"--print-options-doc"}).action == ProxyAction::kPrintOptionsDoc);
  CHECK(Parse({}, {"--run", "--help"}).action == ProxyAction::kRun);
  for (const char* part :
       {"SYFTBOX_EMAIL", "--linger-ms MS", "--help | --version", "ready  says so"}) {
    CHECK(Mentions(ProxyHelp("  ready  says so\n"), part));
  }
}

TEST_CASE("every duration can be set to one millisecond, and each option sets what it shows") {
  ProxyOptions options;
  size_t durations = 0;
  for (const OptionGroup& group : ProxyOptionTable(&options)) {
    for (const Option& option : group.options) {
      CAPTURE(option.name);
      CHECK_FALSE(option.help.empty());
      CHECK_FALSE(option.accepts.empty());
      if (!option.name.ends_with("_MS")) continue;
      ++durations;
      const std::string before = option.fallback;
      CHECK_FALSE(option.set("1"));
      bool shown = false;
      for (const OptionGroup& again : ProxyOptionTable(&options)) {
        for (const Option& other : again.options) {
          if (other.name != option.name) continue;
          shown = other.fallback == "1" && before != "1";
        }
      }
      CHECK(shown);
    }
  }
  const CoreConfig& core = options.core;
  for (const Duration duration : {core.open_retry_min,
                                  core.open_retry_max,
                                  core.denied_retry,
                                  core.flow_open_retry_min,
                                  core.flow_open_retry_max,
                                  core.challenge_retry_min,
                                  core.challenge_retry_max,
                                  core.rto_min,
                                  core.rto_max,
                                  core.ack_delay,
                                  core.reorder_delay,
                                  core.reorder_delay_max,
                                  core.miss_repeat,
                                  core.ping_min,
                                  core.ping_max,
                                  core.heard_ping,
                                  core.prove_delay,
                                  core.probe_fin_wait,
                                  core.linger,
                                  core.linger_standby,
                                  core.peer_silent,
                                  core.reset_wait,
                                  core.drain,
                                  core.dial_retry_min,
                                  core.dial_retry_max,
                                  core.plain_after,
                                  core.plain_gap,
                                  options.scan_interval,
                                  options.port_retry,
                                  options.connect_timeout,
                                  options.upgrade_timeout,
                                  options.reconnect_min,
                                  options.reconnect_max,
                                  options.relay_ping,
                                  options.relay_dead,
                                  options.refresh_pace,
                                  options.refresh_retry_max,
                                  options.telemetry_interval,
                                  options.exit_after}) {
    CHECK(duration == kMillisecond);
    --durations;
  }
  CHECK(durations == 0);
}

TEST_CASE("no two options share a name or a flag") {
  ProxyOptions options;
  std::map<std::string, int> seen;
  for (const OptionGroup& group : ProxyOptionTable(&options)) {
    for (const Option& option : group.options) {
      CHECK(++seen[option.name] == 1);
      if (!option.flag.empty()) CHECK(++seen[option.flag] == 1);
    }
  }
}

}  // namespace
}  // namespace hotlink
