#include "proxy/adapters/acl_reader.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/acl_file.h"
#include "net/fd.h"
#include "proxy/markers/marker_scan.h"

namespace hotlink {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;

}  // namespace

// Name by name, so that no part of the path may be a symlink.
Result<std::string> ReadAcl(const std::string& data_dir, std::string_view directory) {
  Fd at(open(data_dir.c_str(), kDirectory));
  std::string name = "datasites";
  while (true) {
    at = Fd(openat(at.get(), name.c_str(), kDirectory | O_NOFOLLOW));
    if (at.get() < 0) {
      const bool no_directory = errno == ENOTDIR || errno == ELOOP;
      return Error{name + (no_directory ? ": it is a symlink or no directory"
                                        : std::string(": ") + std::strerror(errno))};
    }
    if (directory.empty()) break;
    name = directory.substr(0, directory.find('/'));
    directory.remove_prefix(std::min(name.size() + 1, directory.size()));
  }
  std::string buffer;
  MarkerFile file = ReadSmallFile(at.get(), std::string(kAclFileName), kAclFileMax, &buffer);
  switch (file.state) {
    case MarkerFile::State::kAbsent:
      return Error{"there is none"};
    case MarkerFile::State::kRefused:
    case MarkerFile::State::kUnknown:
      return Error{file.fault};
    case MarkerFile::State::kRead:
      break;
  }
  return std::move(file.content);
}

struct AclReader::Job {
  uv_work_t work{};
  std::shared_ptr<OnRead> on_read;
  std::string data_dir, directory;
  uint64_t ticket = 0;
  Result<std::string> content = Error{};
};

AclReader::AclReader(uv_loop_t* loop, std::string data_dir, OnRead on_read)
    : loop_(loop),
      data_dir_(std::move(data_dir)),
      on_read_(std::make_shared<OnRead>(std::move(on_read))) {}

AclReader::~AclReader() { *on_read_ = nullptr; }

void AclReader::Read(uint64_t ticket, std::string directory) {
  auto* job = new Job;
  job->work.data = job;
  job->on_read = on_read_;
  job->data_dir = data_dir_;
  job->directory = std::move(directory);
  job->ticket = ticket;
  uv_queue_work(
      loop_, &job->work,
      [](uv_work_t* work) {
        Job* self = static_cast<Job*>(work->data);
        self->content = ReadAcl(self->data_dir, self->directory);
      },
      [](uv_work_t* work, int) {
        const std::unique_ptr<Job> self(static_cast<Job*>(work->data));
        if (*self->on_read) (*self->on_read)(self->ticket, self->content);
      });
}

}  // namespace hotlink
