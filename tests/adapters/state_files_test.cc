// The files that the sidecar keeps: lock, telemetry, log; and those that it reads its options from.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/adapters/disk_files.h"
#include "proxy/adapters/lock_file.h"
#include "proxy/adapters/log_sink.h"
#include "proxy/adapters/telemetry_file.h"
#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

namespace fs = std::filesystem;

// A directory of its own, gone with its content at the end.
struct TemporaryDirectory {
  std::string path;
  TemporaryDirectory() {
    std::string name = (fs::temp_directory_path() / "hotlink-files-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryDirectory() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

std::string ContentOf(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

void Put(const std::string& path, const std::string& content) { std::ofstream(path) << content; }

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("lock file: one holder a data directory, who is named to the second") {
  const TemporaryDirectory data;
  {
    const Result<LockFile> first = LockFile::Take(data.path);
    REQUIRE(first.ok());
    CHECK(ModeOf(data / ".syftbox") == 0700);
    CHECK(ModeOf(data / ".syftbox/hotlink-proxy.lock") == 0600);
    CHECK(ContentOf(data / ".syftbox/hotlink-proxy.lock") == std::to_string(getpid()) + "\n");
    const Result<LockFile> second = LockFile::Take(data.path);
    REQUIRE_FALSE(second.ok());
    CHECK(Mentions(second.error(), "process " + std::to_string(getpid())));
    CHECK(Mentions(second.error(), data.path));
  }
  CHECK(LockFile::Take(data.path).ok());
}

TEST_CASE("lock file: held while it moves, and given up by a process that is killed") {
  const TemporaryDirectory data;
  Result<LockFile> first = LockFile::Take(data.path);
  REQUIRE(first.ok());
  {
    const LockFile moved = std::move(*first);
    CHECK_FALSE(LockFile::Take(data.path).ok());
  }
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const Result<LockFile> lock = LockFile::Take(data.path);
    const char word = lock.ok() ? 'y' : 'n';
    if (write(ready[1], &word, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char word = 0;
  CHECK(read(ready[0], &word, 1) == 1);
  CHECK(word == 'y');
  const Result<LockFile> refused = LockFile::Take(data.path);
  REQUIRE_FALSE(refused.ok());
  CHECK(Mentions(refused.error(), "process " + std::to_string(child)));
  kill(child, SIGKILL);
  CHECK(waitpid(child, nullptr, 0) == child);
  CHECK(LockFile::Take(data.path).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("lock file: a symlink in its place is refused, what is in the way is named") {
  const TemporaryDirectory data;
  fs::create_directory(data / ".syftbox");
  fs::create_symlink(data / "elsewhere", data / ".syftbox/hotlink-proxy.lock");
  CHECK(Mentions(LockFile::Take(data.path).error(), "hotlink-proxy.lock"));
  CHECK_FALSE(fs::exists(data / "elsewhere"));
  CHECK(Mentions(LockFile::Take(data / "missing").error(), "missing/.syftbox"));
}

bool Write(TelemetryFile* file, std::string_view json) {
  file->Begin();
  file->Add(json.substr(0, 1));
  file->Add(json.substr(1));
  return file->Finish();
}

TEST_CASE("telemetry file: directories are made, the content is replaced whole") {
  const TemporaryDirectory data;
  TestLog log;
  TelemetryFile telemetry(data.path, "a@x", log);
  const std::string directory = data / "datasites/a@x/.syftbox";
  Write(&telemetry, "{\"long\": 1}\n");
  CHECK(ContentOf(directory + "/hotlink_telemetry.json") == "{\"long\": 1}\n");
  std::ifstream old(directory + "/hotlink_telemetry.json");
  Put(directory + "/hotlink_telemetry.json.tmp", "left behind");
  Write(&telemetry, "{}\n");
  CHECK(ContentOf(directory + "/hotlink_telemetry.json") == "{}\n");
  CHECK_FALSE(fs::exists(directory + "/hotlink_telemetry.json.tmp"));
  std::string before;
  std::getline(old, before);
  CHECK(before == "{\"long\": 1}");  // who has it open keeps reading the old one
  CHECK(log.lines.empty());
}

TEST_CASE("telemetry file: a datasite spelled in other case is used as it is") {
  const TemporaryDirectory data;
  fs::create_directories(data / "datasites/A.B@Example.org");
  TestLog log;
  TelemetryFile telemetry(data.path, "a.b@example.org", log);
  Write(&telemetry, "{}\n");
  CHECK(fs::exists(data / "datasites/A.B@Example.org/.syftbox/hotlink_telemetry.json"));
  CHECK_FALSE(fs::exists(data / "datasites/a.b@example.org"));
}

TEST_CASE("telemetry file: follows no symlink, warns once, and again after it went well") {
  const TemporaryDirectory data, other;
  fs::create_directories(data / "datasites/a@x");
  fs::create_symlink(other.path, data / "datasites/a@x/.syftbox");
  TestLog log;
  TelemetryFile telemetry(data.path, "a@x", log);
  Write(&telemetry, "{}\n");
  Write(&telemetry, "{}\n");
  CHECK_FALSE(Write(&telemetry, "{}\n"));
  CHECK(fs::is_empty(other.path));
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].first == LogLevel::kWarning);
  CHECK(Mentions(log.lines[0].second, "datasites/a@x/.syftbox"));

  fs::remove(data / "datasites/a@x/.syftbox");
  CHECK(Write(&telemetry, "{}\n"));
  CHECK(log.lines.size() == 1);
  fs::remove_all(data / "datasites");
  Put(data / "datasites", "a file");
  Write(&telemetry, "{}\n");
  CHECK(log.lines.size() == 2);
}

TEST_CASE("telemetry file: a symlink in the file's own place is replaced, not written through") {
  const TemporaryDirectory data;
  fs::create_directories(data / "datasites/a@x/.syftbox");
  Put(data / "target", "untouched");
  const std::string path = data / "datasites/a@x/.syftbox/hotlink_telemetry.json";
  fs::create_symlink(data / "target", path);
  fs::create_symlink(data / "target", path + ".tmp");
  TestLog log;
  TelemetryFile telemetry(data.path, "a@x", log);
  Write(&telemetry, "{}\n");
  CHECK(ContentOf(data / "target") == "untouched");
  CHECK(fs::is_regular_file(fs::symlink_status(path)));
  CHECK(ContentOf(path) == "{}\n");
}

TEST_CASE("log file: appended to, private, and no FIFO or directory") {
  const TemporaryDirectory data;
  {
    const Result<LogWriter::Sink> sink = FileSink(data / "log");
    REQUIRE(sink.ok());
    (*sink)("one\n");
  }
  const Result<LogWriter::Sink> again = FileSink(data / "log");
  REQUIRE(again.ok());
  (*again)("two\n");
  CHECK(ContentOf(data / "log") == "one\ntwo\n");
  CHECK(ModeOf(data / "log") == 0600);
  CHECK_FALSE(FileSink(data.path).ok());
  REQUIRE(mkfifo((data / "fifo").c_str(), 0600) == 0);
  CHECK_FALSE(FileSink(data / "fifo").ok());
  CHECK(Mentions(FileSink(data / "no/log").error(), data / "no/log"));
  CHECK_FALSE(FileSink("/dev/full").ok());
}

TEST_CASE("option files: regular ones up to their limit, usable directories") {
  const TemporaryDirectory data;
  const OptionFiles files = DiskFiles();
  Put(data / "file", "12345678");
  CHECK(*files.read(data / "file", 8) == "12345678");
  CHECK(Mentions(files.read(data / "file", 7).error(), "more than 7 bytes"));
  CHECK(*files.read(data / "file", 9) == "12345678");
  Put(data / "empty", "");
  CHECK(*files.read(data / "empty", 9) == "");
  CHECK(Mentions(files.read(data / "missing", 9).error(), data / "missing"));
  CHECK(Mentions(files.read(data.path, 9).error(), "no regular file"));
  REQUIRE(mkfifo((data / "fifo").c_str(), 0600) == 0);
  CHECK(Mentions(files.read(data / "fifo", 9).error(), "no regular file"));
  CHECK(files.directory_fault(data.path) == "");
  CHECK(files.directory_fault(data / "file") ==
        "is not a directory; point to the one that the client uses");
  CHECK(Mentions(files.directory_fault(data / "missing"), "does not exist"));
}

}  // namespace hotlink
