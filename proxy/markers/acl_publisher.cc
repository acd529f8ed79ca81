#include "proxy/markers/acl_publisher.h"

#include <nettle/md5.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "common/utf8.h"

namespace hotlink {
namespace {

std::string PathOf(const AclRequest& request) {
  return request.relay_directory + '/' + std::string(kAclFileName);
}

// As the server's storage and its clients name a content.
std::string Etag(std::string_view content) {
  md5_ctx context;
  md5_init(&context);
  md5_update(&context, content.size(), reinterpret_cast<const uint8_t*>(content.data()));
  std::array<uint8_t, MD5_DIGEST_SIZE> digest{};
  md5_digest(&context, digest.size(), digest.data());
  std::string text;
  for (const uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

std::string AclFault(const AclRequest& request, std::string_view content) {
  const Result<AclFile> file = ParseAclFile(content);
  if (!file) return "it is no valid one: " + file.error();
  for (const std::string& name : AclNames(*file)) {
    if (request.allowed.contains(name)) continue;
    return "it grants something to " + (name == "*" ? "everybody" : name) +
           ", who is no peer of this run";
  }
  if (AclGrants(*file, kRequestFile, request.peer, AclLevel::kRead)) return "";
  return "it does not let " + request.peer + " read " + std::string(kRequestFile);
}

std::string MissingAclRule(const AclRequest& request) {
  return request.peer + " needs read on " + request.relay_directory + "/**; in " + PathOf(request) +
         " under rules: - {pattern: \"**\", access: {read: [\"" + request.peer + "\"]}}";
}

AclPublisher::AclPublisher(AclPublisherOptions options, AclPublisherCalls calls, Log& log)
    : options_(options), calls_(std::move(calls)), log_(log) {}

void AclPublisher::Denied(ChannelId channel, AclRequest request) {
  const auto [at, is_new] = works_.try_emplace(channel);
  if (!is_new) return;
  at->second.request = std::move(request);
  if (!options_.enabled) {
    return Finish(channel, false, "HOTLINK_PROXY_PUBLISH_ACL is 0, nothing was published");
  }
  waiting_.push_back(channel);
  Begin();
}

void AclPublisher::Begin() {
  while (in_flight_ < kAclsInFlight && !waiting_.empty()) {
    const ChannelId channel = waiting_.front();
    waiting_.pop_front();
    Work& work = works_.at(channel);
    work.begun = true;
    ++in_flight_;
    calls_.read(channel, work.request.disk_directory);
  }
}

void AclPublisher::FileRead(uint64_t ticket, const Result<std::string>& content, Time now) {
  const auto found = works_.find(ticket);
  // One that was given up and asked for anew may still wait for its turn.
  if (found == works_.end() || !found->second.begun || !found->second.id.empty()) return;
  Work& work = found->second;
  const std::string path = PathOf(work.request);
  if (!content) {
    return Finish(ticket, false, Printable(path) + " cannot be published: " + content.error());
  }
  const std::string fault = AclFault(work.request, *content);
  if (!fault.empty()) return Finish(ticket, false, path + " is not published: " + fault);
  Send(ticket, &work, *content, now);
}

void AclPublisher::Send(ChannelId channel, Work* work, const std::string& content, Time now) {
  const std::string path = PathOf(work->request), etag = Etag(content);
  if (published_.size() >= kAclsRemembered) published_.clear();
  std::string& before = published_[work->request.relay_directory];
  if (before == etag) {
    return Finish(channel, false,
                  "the relay denies although " + path +
                      " was published, as it does where a file further up is terminal");
  }
  before = etag;
  work->id = "acl" + std::to_string(++sent_);
  work->give_up = now + options_.answer_wait;
  log_.Write(LogLevel::kInfo, "publishing " + path + " bytes=" + std::to_string(content.size()));
  calls_.send(work->id,
              {.path = path, .etag = etag, .length = content.size(), .content = AsBytes(content)});
}

// Said once to the channel; the next in line begins.
void AclPublisher::Finish(ChannelId channel, bool published, const std::string& detail) {
  const auto found = works_.find(channel);
  const Work work = std::move(found->second);
  works_.erase(found);
  if (work.begun) --in_flight_;
  calls_.done(channel, published,
              published ? "" : detail + "; missing: " + MissingAclRule(work.request));
  Begin();
}

ChannelId AclPublisher::ChannelOf(std::string_view id) const {
  const auto found = std::find_if(works_.begin(), works_.end(),
                                  [id](const auto& entry) { return entry.second.id == id; });
  return found == works_.end() || id.empty() ? 0 : found->first;
}

void AclPublisher::Received(const Message& message) {
  if (const auto* ack = std::get_if<Ack>(&message.body)) {
    if (const ChannelId channel = ChannelOf(ack->original_id)) Finish(channel, true, "");
  } else if (const auto* nack = std::get_if<Nack>(&message.body)) {
    const ChannelId channel = ChannelOf(nack->original_id);
    if (channel == 0) return;
    Finish(
        channel, false,
        "the relay refused " + PathOf(works_.at(channel).request) + ": " + Printable(nack->error));
  }
}

void AclPublisher::LinkDown() {
  works_.clear();
  waiting_.clear();
  published_.clear();
  in_flight_ = 0;
}

Time AclPublisher::Deadline() const {
  Time at = kNever;
  for (const auto& [channel, work] : works_) at = std::min(at, work.give_up);
  return at;
}

void AclPublisher::Tick(Time now) {
  while (true) {
    const auto late = std::find_if(works_.begin(), works_.end(), [now](const auto& entry) {
      return entry.second.give_up <= now;
    });
    if (late == works_.end()) return;
    const AclRequest& request = late->second.request;
    published_.erase(request.relay_directory);  // it may be lost: worth another attempt
    Finish(late->first, false, "the relay did not answer the FileWrite of " + PathOf(request));
  }
}

}  // namespace hotlink
