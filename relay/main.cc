// hotlink-relay: the relay for demo, tests and small groups on one machine.
#include <sys/stat.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/heap.h"
#include "common/log_writer.h"
#include "common/version.h"
#include "net/open_files.h"
#include "relay/core/options.h"
#include "relay/server.h"
#include "relay/token_file.h"

namespace hotlink {
namespace {

int64_t WallTime() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

void ToStderr(std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); }

void AnnounceModes(const RelayOptions& options, Log& log) {
  if (options.allow_all_reads) {
    log.Write(LogLevel::kWarning,
              "--allow-all-reads: EVERYBODY MAY READ EVERY PATH. For development only");
  }
  if (options.syftbox_workers > 0) {
    log.Write(LogLevel::kWarning, "--as-syftbox: REORDERS AND DROPS MESSAGES with " +
                                      std::to_string(options.syftbox_workers) +
                                      " workers. For tests only");
  }
  if (options.faults.any()) {
    log.Write(LogLevel::kWarning,
              "--fault: FAULTS ON PURPOSE: " + FaultPlanText(options.faults) + ". For tests only");
  }
}

// Whoever waits for the file never sees half of it.
bool WritePortFile(const std::string& path, uint16_t port) {
  const std::string temporary = path + ".tmp";
  FILE* file = std::fopen(temporary.c_str(), "we");
  if (!file) return false;
  const bool written = std::fprintf(file, "%u\n", port) > 0;
  if (std::fclose(file) != 0 || !written) return false;
  return std::rename(temporary.c_str(), path.c_str()) == 0;
}

ServerConfig MakeServerConfig(const RelayOptions& options, Auth* auth) {
  ServerConfig config;
  config.auth = auth;
  config.address = options.host;
  config.port = options.port;
  config.relay.router.allow_all_reads = options.allow_all_reads;
  config.relay.queue_bytes = options.queue_bytes;
  config.relay.faults = options.faults;
  config.relay.syftbox_workers = options.syftbox_workers;
  config.relay.seed = options.seed;
  return config;
}

void AnnouncePort(const RelayOptions& options, uint16_t port) {
  const std::string host = options.ipv6 ? "[" + options.host + "]" : options.host;
  const char* scheme = options.tls_certificate.empty() ? "ws" : "wss";
  std::printf("listening on %s://%s:%u\n", scheme, host.c_str(), port);
  std::fflush(stdout);
}

// Serves until SIGTERM or SIGINT. What to exit with.
int Serve(const RelayOptions& options, const ServerConfig& config, uv_loop_t* loop, Log& log) {
  Server server(config, loop, &log);
  const Result<uint16_t> port = server.Start();
  if (!port) {
    log.Write(LogLevel::kError, port.error());
    server.Stop();
    uv_run(loop, UV_RUN_DEFAULT);
    return 1;
  }
  std::array<uv_signal_t, 2> signals;
  const std::array<int, 2> numbers = {SIGTERM, SIGINT};
  for (size_t i = 0; i < signals.size(); ++i) {
    uv_signal_init(loop, &signals[i]);
    signals[i].data = loop;
    uv_signal_start(
        &signals[i],
        [](uv_signal_t* handle, int) { uv_stop(static_cast<uv_loop_t*>(handle->data)); },
        numbers[i]);
  }
  int status = 0;
  if (!options.port_file.empty() && !WritePortFile(options.port_file, *port)) {
    log.Write(LogLevel::kError, "cannot write --port-file " + options.port_file);
    status = 1;
  } else {
    AnnouncePort(options, *port);
    uv_run(loop, UV_RUN_DEFAULT);
  }
  log.Write(LogLevel::kInfo, "stopping: " + server.Summary());
  for (uv_signal_t& signal : signals) uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
  server.Stop();
  uv_run(loop, UV_RUN_DEFAULT);  // until every handle is closed
  return status;
}

int Run(const std::vector<std::string_view>& arguments) {
  const Result<RelayOptions> options = ParseRelayOptions(arguments);
  if (!options) {
    std::fprintf(stderr, "hotlink-relay: %s\n", options.error().c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(RelayHelp().c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::puts(VersionLine("hotlink-relay").c_str());
    return 0;
  }
  std::optional<Auth> auth;
  if (!options->token_file.empty()) {
    Result<TokenTable> tokens = ReadTokenFile(options->token_file);
    if (!tokens) {
      std::fprintf(stderr, "hotlink-relay: --token-file: %s\n", tokens.error().c_str());
      return 2;
    }
    auth.emplace(std::move(*tokens), options->token_lifetime, FillRandom);
  }
  ServerConfig config = MakeServerConfig(*options, auth ? &*auth : nullptr);
  if (const TlsFiles files = {options->tls_certificate, options->tls_key}; files.given()) {
    Result<TlsContext> tls = LoadTls(files);
    if (!tls) {
      std::fprintf(stderr, "hotlink-relay: %s\n", tls.error().c_str());
      return 2;
    }
    config.tls = std::move(*tls);
  }
  LogWriter log(options->log_level, LogFormat::kText, WallTime, {ToStderr});
  AnnounceModes(*options, log);
  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);  // as PID 1 of a container we inherit orphans: no zombies of them
  uv_loop_t loop;
  uv_loop_init(&loop);
  const int status = Serve(*options, config, &loop, log);
  uv_loop_close(&loop);
  log.Flush();
  return status;
}

}  // namespace
}  // namespace hotlink

int main(int argc, char** argv) {
  hotlink::KeepHeap();
  return hotlink::Run(std::vector<std::string_view>(argv + 1, argv + argc));
}
