// hotlink-proxy: parse the options, take the lock, run the sidecar until it has ended. Or run a
// command that asks one.
#include <curl/curl.h>
#include <unistd.h>
#include <uv.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/heap.h"
#include "common/log_writer.h"
#include "common/version.h"
#include "net/open_files.h"
#include "proxy/adapters/disk_files.h"
#include "proxy/adapters/lock_file.h"
#include "proxy/adapters/log_sink.h"
#include "proxy/adapters/signals.h"
#include "proxy/commands/command.h"
#include "proxy/config/options.h"
#include "proxy/sidecar.h"

namespace hotlink {
namespace {

// Exit codes: 0 ended with everything acknowledged, 1 not everything, 2 could not start.
constexpr int kCannotStart = 2;

int Fail(const std::string& why) {
  std::fprintf(stderr, "hotlink-proxy: %s\n", why.c_str());
  return kCannotStart;
}

Environment ReadEnvironment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

int Run(const ProxyOptions& options, Log& log) {
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) return Fail("the event loop cannot be made");
  int exit_code = kCannotStart;
  {
    Sidecar sidecar(&loop, options, log);
    // Before anything else runs: a signal at any moment drains.
    Signals signals(&loop, {SIGTERM, SIGINT}, [&sidecar] { sidecar.Terminate(); });
    if (const auto error = sidecar.Start()) {
      Fail(error->text);
    } else {
      uv_run(&loop, UV_RUN_DEFAULT);
      exit_code = sidecar.exit_code();
    }
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return exit_code;
}

int Start(const ProxyOptions& options, const std::vector<Notice>& notices) {
  std::vector<LogWriter::Sink> sinks{StderrSink()};
  if (!options.log_file.empty()) {
    auto sink = FileSink(options.log_file);
    if (!sink) return Fail(sink.error());
    sinks.push_back(*sink);
  }
  LogWriter log(options.log_level, options.log_format, WallTime, std::move(sinks));
  for (const Notice& notice : notices) log.Write(notice.level, notice.text);
  auto lock = LockFile::Take(options.data_dir);
  if (!lock) return Fail(lock.error());
  log.Write(LogLevel::kInfo, VersionLine("hotlink-proxy") + " email=" + options.email +
                                 " data_dir=" + options.data_dir);
  log.Write(LogLevel::kInfo, "limit of open files: " + std::to_string(RaiseFileLimit()));
  const int exit_code = Run(options, log);
  log.Flush();
  return exit_code;
}

int Main(const std::vector<std::string>& arguments) {
  const Environment environment = ReadEnvironment();
  const OptionFiles files = DiskFiles();
  if (!arguments.empty() && !arguments.front().starts_with("-")) {
    return RunCommand(arguments, environment, files);
  }
  const ParsedOptions parsed = ParseProxyOptions(arguments, environment, files);
  switch (parsed.action) {
    case ProxyAction::kHelp:
      std::fputs(ProxyHelp(CommandsHelp()).c_str(), stdout);
      return 0;
    case ProxyAction::kVersion:
      std::puts(VersionLine("hotlink-proxy").c_str());
      return 0;
    case ProxyAction::kPrintOptionsDoc:
      std::fputs(ProxyOptionsDoc().c_str(), stdout);
      return 0;
    case ProxyAction::kRun:
      break;
  }
  if (!parsed.options) {
    for (const Notice& notice : parsed.notices) Fail(notice.text);
    return Fail(parsed.options.error());
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const int exit_code = Start(*parsed.options, parsed.notices);
  curl_global_cleanup();
  return exit_code;
}

}  // namespace
}  // namespace hotlink

int main(int argc, char** argv) {
  hotlink::KeepHeap();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);  // as PID 1 of a container we inherit orphans: no zombies of them
  return hotlink::Main(std::vector<std::string>(argv + 1, argv + argc));
}
