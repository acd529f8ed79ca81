#include "proxy/adapters/log_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace hotlink {
namespace {

// What cannot be written is lost: a full disk or a closed stderr is no reason to end.
void WriteAll(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = write(fd, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    line.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

LogWriter::Sink StderrSink() {
  return [](std::string_view line) { WriteAll(STDERR_FILENO, line); };
}

Result<LogWriter::Sink> FileSink(const std::string& path) {
  // Non-blocking: to open a FIFO would wait for a reader.
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0) return Error{"log file " + path + ": " + std::strerror(errno)};
  const std::shared_ptr<const int> owned(new int(fd), [](const int* open_fd) {
    close(*open_fd);
    delete open_fd;
  });
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{"log file " + path + " is no regular file"};
  }
  return LogWriter::Sink([owned](std::string_view line) { WriteAll(*owned, line); });
}

int64_t WallTime() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace hotlink
