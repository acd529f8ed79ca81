// Publishes the syft.pub.yaml of channels that the relay denies (design.md §3 "Permission"): reads
// it, checks it, writes it to the relay by FileWrite, and tells what came of it. Pure.
//
// A file is published if it lets the peer read and names nobody but AclRequest::allowed. The same
// content goes out once per relay connection: a relay that was restarted may have forgotten it.
#ifndef HOTLINK_PROXY_MARKERS_ACL_PUBLISHER_H_
#define HOTLINK_PROXY_MARKERS_ACL_PUBLISHER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "common/acl_file.h"
#include "common/log.h"
#include "common/message.h"
#include "common/result.h"
#include "common/time.h"
#include "proxy/markers/acl_request.h"

namespace hotlink {

// Files read or unanswered at a time: hundreds of channels may be denied at once, and with 16 KiB
// each these stay far below what may wait on the link.
inline constexpr size_t kAclsInFlight = 8;
// Files whose published content is remembered; beyond it all are forgotten, which costs no more
// than writing them again.
inline constexpr size_t kAclsRemembered = 4096;

struct AclPublisherOptions {
  bool enabled = true;                 // HOTLINK_PROXY_PUBLISH_ACL
  Duration answer_wait = 5 * kSecond;  // for the relay's Ack or Nack
};

struct AclPublisherCalls {
  // Read the file in this directory; FileRead() with the same ticket follows, not from within.
  std::function<void(uint64_t ticket, const std::string& disk_directory)> read;
  std::function<void(const std::string& id, const FileWrite& write)> send;
  // Comes once for each Denied() that was taken, also from within it, unless the link went down.
  // Not published: `detail` says why, and the rule that is missing.
  std::function<void(ChannelId channel, bool published, const std::string& detail)> done;
};

class AclPublisher {
 public:
  // `log` outlives the publisher.
  AclPublisher(AclPublisherOptions options, AclPublisherCalls calls, Log& log);

  // The relay denies the channel. Not taken while an earlier one is being worked on.
  void Denied(ChannelId channel, AclRequest request);

  void FileRead(uint64_t ticket, const Result<std::string>& content, Time now);
  // Any message; the answers to ours count.
  void Received(const Message& message);
  // Everything under way is given up: the channels will be denied anew.
  void LinkDown();

  // Nothing is due before Deadline().
  Time Deadline() const;
  void Tick(Time now);

 private:
  struct Work {
    AclRequest request;
    bool begun = false;  // counts as in flight
    std::string id;      // of the FileWrite; empty: not sent yet
    Time give_up = kNever;
  };

  void Begin();
  void Send(ChannelId channel, Work* work, const std::string& content, Time now);
  void Finish(ChannelId channel, bool published, const std::string& detail);
  ChannelId ChannelOf(std::string_view id) const;

  const AclPublisherOptions options_;
  const AclPublisherCalls calls_;
  Log& log_;
  std::map<ChannelId, Work> works_;
  std::deque<ChannelId> waiting_;  // of works_, not begun
  size_t in_flight_ = 0;
  uint64_t sent_ = 0;                             // numbers the FileWrites
  std::map<std::string, std::string> published_;  // etag by directory
};

// Why the content of a file must not be published, or would not help; empty: it may.
std::string AclFault(const AclRequest& request, std::string_view content);

// What somebody has to write into the file, in one line.
std::string MissingAclRule(const AclRequest& request);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_ACL_PUBLISHER_H_
