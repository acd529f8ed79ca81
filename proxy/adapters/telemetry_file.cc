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

#include "common/result.h"

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

// The directory of the file, made where it is missing. An error: why there is none.
Result<Fd> OpenPlace(const std::string& data_dir, const std::string& email) {
  Fd directory(open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return Error{Failed(data_dir)};
  directory = OpenBelow(directory, "datasites", 0755);
  if (directory.get() < 0) return Error{Failed("datasites")};
  const std::string datasite = Spelled(directory.get(), email);
  directory = OpenBelow(directory, datasite, 0755);
  if (directory.get() < 0) return Error{Failed("datasites/" + datasite)};
  directory = OpenBelow(directory, ".syftbox", 0755);
  if (directory.get() < 0) return Error{Failed("datasites/" + datasite + "/.syftbox")};
  return directory;
}

}  // namespace

TelemetryFile::TelemetryFile(std::string data_dir, std::string email, Log& log)
    : data_dir_(std::move(data_dir)), email_(std::move(email)), log_(log) {}

void TelemetryFile::Begin() {
  failed_.reset();
  Result<Fd> place = OpenPlace(data_dir_, email_);
  if (!place) {
    failed_ = place.error();
    return;
  }
  directory_ = std::move(*place);
  unlinkat(directory_.get(), kTemporary, 0);  // left by a process that was killed
  file_ = Fd(openat(directory_.get(), kTemporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (file_.get() < 0) failed_ = Failed(kTemporary);
}

void TelemetryFile::Add(std::string_view json) {
  if (!failed_) failed_ = WriteAll(file_.get(), json);
}

bool TelemetryFile::Finish() {
  if (!failed_ && renameat(directory_.get(), kTemporary, directory_.get(), kName) != 0) {
    failed_ = Failed(kName);
  }
  file_ = Fd(-1);
  directory_ = Fd(-1);
  if (failed_ && !warned_) {
    log_.Write(LogLevel::kWarning, "telemetry in " + data_dir_ + " cannot be written: " + *failed_);
  }
  warned_ = failed_.has_value();
  return !failed_;
}

}  // namespace hotlink
