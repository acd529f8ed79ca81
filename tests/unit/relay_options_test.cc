#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "relay/core/options.h"

namespace hotlink {
namespace {

Result<RelayOptions> Parse(std::vector<std::string_view> arguments) {
  return ParseRelayOptions(arguments);
}

TEST_CASE("without options the relay listens on 127.0.0.1:8080 and is plain") {
  const Result<RelayOptions> options = Parse({});
  REQUIRE(options.ok());
  CHECK(options->host == "127.0.0.1");
  CHECK(options->port == 8080);
  CHECK_FALSE(options->ipv6);
  CHECK_FALSE(options->allow_all_reads);
  CHECK(options->syftbox_workers == 0);
  CHECK_FALSE(options->faults.any());
  CHECK(options->tls_certificate.empty());
  CHECK(options->queue_bytes == 64u << 20);
}

TEST_CASE("every option is taken, with '=' and with a space") {
  const Result<RelayOptions> options =
      Parse({"--listen=[::1]:0", "--port-file", "/tmp/a b", "--allow-all-reads", "--as-syftbox=4",
             "--fault", "loss=0.5", "--seed=18446744073709551615", "--queue-bytes", "8388608",
             "--log-level=warning", "--tls-cert", "/c.pem", "--tls-key=/k.pem", "--token-file=/t",
             "--token-lifetime", "50ms"});
  REQUIRE(options.ok());
  CHECK(options->host == "::1");
  CHECK(options->ipv6);
  CHECK(options->port == 0);
  CHECK(options->port_file == "/tmp/a b");
  CHECK(options->allow_all_reads);
  CHECK(options->syftbox_workers == 4);
  CHECK(options->faults.loss == 0.5);
  CHECK(options->seed == UINT64_MAX);
  CHECK(options->queue_bytes == 8u << 20);
  CHECK(options->log_level == LogLevel::kWarning);
  CHECK(options->tls_certificate == "/c.pem");
  CHECK(options->tls_key == "/k.pem");
  CHECK(options->token_file == "/t");
  CHECK(options->token_lifetime == 50 * kMillisecond);
  CHECK(Parse({"--as-syftbox"})->syftbox_workers == kDefaultSyftboxWorkers);
  CHECK(Parse({"--as-syftbox", "--allow-all-reads"})->allow_all_reads);
  CHECK(Parse({"--help"})->help);
  CHECK(Parse({"--version"})->version);
}

TEST_CASE("addresses: loopback, and others only with a token file") {
  for (std::string_view good : {"127.0.0.1:1", "127.255.0.3:65535", "[::1]:8080"}) {
    CAPTURE(good);
    CHECK(Parse({"--listen", good}).ok());
  }
  for (std::string_view open :
       {"0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[2001:db8::1]:80", "[::ffff:127.0.0.1]:80"}) {
    CAPTURE(open);
    const Result<RelayOptions> refused = Parse({"--listen", open});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().find("give --token-file") != std::string::npos);
    CHECK(Parse({"--listen", open, "--token-file", "/t"}).ok());
    CHECK(Parse({"--token-file=/t", "--listen", open}).ok());
  }
}

TEST_CASE("addresses: numeric, with a port") {
  for (std::string_view bad :
       {"127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0:80", "127.0.0.1.1:80",
        "127.0.0.256:80", "127..0.1:80", "127.0.0.0001:80", "localhost:80", "::1:80", "[::1]",
        ":80", "", "127.0.0.1:-1", "127.0.0.1:8x", "[:80", "[]:80", "[127.0.0.1]:80"}) {
    CAPTURE(bad);
    const Result<RelayOptions> options = Parse({"--listen", bad});
    REQUIRE_FALSE(options.ok());
    CHECK(options.error().find("--listen=" + std::string(bad) + ": must be a numeric") == 0);
  }
}

TEST_CASE("a wrong option names itself, its value and what it may be") {
  const struct {
    std::vector<std::string_view> arguments;
    std::string names;
  } kCases[] = {
      {{"--lisen=x"}, "unknown option --lisen"},
      {{"extra"}, "unknown option extra"},
      {{""}, "unknown option"},
      {{"--listen"}, "--listen needs a value: ADDRESS:PORT"},
      {{"--allow-all-reads=1"}, "--allow-all-reads takes no value"},
      {{"--as-syftbox=0"}, "--as-syftbox=0: must be a number of workers from 1 to 64"},
      {{"--as-syftbox=65"}, "1 to 64"},
      {{"--fault", "loss=2"}, "--fault=loss=2: must be a list of faults (loss=2: a chance"},
      {{"--seed", "-1"}, "--seed=-1: must be a number from 0"},
      {{"--queue-bytes", "8388607"}, "from 8388608 to 4294967296"},
      {{"--queue-bytes", "4294967297"}, "from 8388608 to 4294967296"},
      {{"--log-level", "loud"}, "debug, info, warning or error"},
      {{"--port-file="}, "the path of a file"},
      {{"--tls-cert=c"}, "--tls-cert needs --tls-key"},
      {{"--tls-key=k"}, "--tls-key needs --tls-cert"},
      {{"--tls-cert=", "--tls-key=k"}, "--tls-cert=: must be the path of a file"},
      {{"--token-file="}, "the path of a file"},
      {{"--token-lifetime=0s"}, "--token-lifetime=0s: must be a duration from 1ms"},
  };
  for (const auto& wrong : kCases) {
    CAPTURE(wrong.names);
    const Result<RelayOptions> options = Parse(wrong.arguments);
    REQUIRE_FALSE(options.ok());
    CAPTURE(options.error());
    CHECK(options.error().find(wrong.names) != std::string::npos);
  }
}

TEST_CASE("the help names every option") {
  const std::string help = RelayHelp();
  for (const char* name :
       {"--listen ADDRESS:PORT", "--port-file PATH", "--tls-cert PATH", "--tls-key PATH",
        "--token-file PATH", "--token-lifetime DURATION", "--allow-all-reads\n",
        "--as-syftbox[=WORKERS]", "--fault LIST", "--seed N", "--queue-bytes BYTES",
        "--log-level LEVEL", "--version\n", "--help\n"}) {
    CAPTURE(name);
    CHECK(help.find(name) != std::string::npos);
  }
}

}  // namespace
}  // namespace hotlink
