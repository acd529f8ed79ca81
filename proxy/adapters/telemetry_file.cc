#include "proxy/adapters/telemetry_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "proxy/adapters/fd.h"

namespace hotlink {
namespace {

constexpr char kName[] = "hotlink_telemetry.json";
constexpr char kTemporary[] = "hotlink_telemetry.json.tmp";

std::string Failed(const std::string& what) { return what + ": " + std::strerror(errno); }

// The directory's own spelling of `name`; `name` where there is none.
std::string Spelled(int parent, const std::string& name) {
  if (faccessat(parent, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return name;
  DIR* entries = fdopendir(openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entries == nullptr) return name;
  std::string spelled = name;
  while (const dirent* entry = readdir(entries)) {
    if (strcasecmp(entry->d_name, name.c_str()) == 0) spelled = entry->d_name;
  }
  closedir(entries);
  return spelled;
}

Fd OpenBelow(const Fd& parent, const std::string& name, mode_t mode) {
  mkdirat(parent.get(), name.c_str(), mode);  // what is wrong with it shows at the open
  return Fd(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::optional<std::string> WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed(kTemporary);
    text.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

// What went wrong, if something did.
std::optional<std::string> Replace(const std::string& data_dir, const std::string& email,
                                   std::string_view json) {
  Fd directory(open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return Failed(data_dir);
  directory = OpenBelow(directory, "datasites", 0755);
  if (directory.get() < 0) return Failed("datasites");
  const std::string datasite = Spelled(directory.get(), email);
  directory = OpenBelow(directory, datasite, 0755);
  if (directory.get() < 0) return Failed("datasites/" + datasite);
  directory = OpenBelow(directory, ".syftbox", 0755);
  if (directory.get() < 0) return Failed("datasites/" + datasite + "/.syftbox");

  unlinkat(directory.get(), kTemporary, 0);  // left by a process that was killed
  const Fd file(openat(directory.get(), kTemporary,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (file.get() < 0) return Failed(kTemporary);
  if (auto failed = WriteAll(file.get(), json)) return failed;
  if (renameat(directory.get(), kTemporary, directory.get(), kName) != 0) return Failed(kName);
  return {};
}

}  // namespace

TelemetryFile::TelemetryFile(std::string data_dir, std::string email, Log& log)
    : data_dir_(std::move(data_dir)), email_(std::move(email)), log_(log) {}

void TelemetryFile::Write(std::string_view json) {
  const std::optional<std::string> failed = Replace(data_dir_, email_, json);
  if (failed && !warned_) {
    log_.Write(LogLevel::kWarning, "telemetry in " + data_dir_ + " cannot be written: " + *failed);
  }
  warned_ = failed.has_value();
}

}  // namespace hotlink
