// Reads syft.pub.yaml files on libuv's thread pool: a slow disk must not hold up the channels.
#ifndef HOTLINK_PROXY_ADAPTERS_ACL_READER_H_
#define HOTLINK_PROXY_ADAPTERS_ACL_READER_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

namespace hotlink {

// Blocking: as AclReader::Read(), for who has no loop to keep going.
Result<std::string> ReadAcl(const std::string& data_dir, std::string_view directory);

class AclReader {
 public:
  // The content, or why there is none; `ticket` as it was given. Called from the loop.
  using OnRead = std::function<void(uint64_t ticket, const Result<std::string>& content)>;

  // `loop` outlives the reader and has to run on until what is under way has ended.
  AclReader(uv_loop_t* loop, std::string data_dir, OnRead on_read);
  // At any time; no OnRead comes after that.
  ~AclReader();
  AclReader(const AclReader&) = delete;
  AclReader& operator=(const AclReader&) = delete;

  // `directory`: below datasites/, relative to it. From datasites/ on no symlink is followed, and
  // what is no regular file of at most kAclFileMax bytes is not read.
  void Read(uint64_t ticket, std::string directory);

 private:
  struct Job;

  uv_loop_t* const loop_;
  const std::string data_dir_;
  std::shared_ptr<OnRead> on_read_;  // shared with the jobs, empty once the reader is gone
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_ACL_READER_H_
