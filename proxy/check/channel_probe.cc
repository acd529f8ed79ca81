#include "proxy/check/channel_probe.h"

#include <algorithm>
#include <utility>

#include "proxy/core/sid.h"

namespace hotlink {

ChannelProbe::ChannelProbe(std::string own_email, std::vector<ProbedChannel> channels, Send send,
                           const std::function<uint64_t()>& random)
    : own_email_(std::move(own_email)),
      channels_(std::move(channels)),
      send_(std::move(send)),
      base_(random()),
      questions_(channels_.size()),
      results_(channels_.size()) {}

std::string ChannelProbe::NewSid() {
  return std::string(kCheckSidPrefix) + InstText(base_ + sids_++);
}

void ChannelProbe::Start(Time now) {
  give_up_ = now + kProbeLimit;
  AskMore();
  Tick(now);
}

void ChannelProbe::AskMore() {
  for (; next_ < channels_.size() && unanswered_ < kProbesUnanswered; ++next_) {
    questions_[next_].sid = NewSid();
    results_[next_].asked = true;
    ++unanswered_;
    send_(Open{.sid = questions_[next_].sid,
               .path = channels_[next_].own_path,
               .to = channels_[next_].peer});
  }
}

void ChannelProbe::Received(const Message& message, Time now) {
  if (done_) return;
  const auto* accept = std::get_if<Accept>(&message.body);
  const auto* reject = std::get_if<Reject>(&message.body);
  if (accept == nullptr && reject == nullptr) return;
  const std::string_view sid = accept != nullptr ? accept->sid : reject->sid;
  if (sid.empty()) return;  // as that of an Open which was not sent
  for (size_t i = 0; i < next_; ++i) {
    if (sid != questions_[i].sid && sid != questions_[i].own_sid) continue;
    if (reject != nullptr) {
      OnReject(i, *reject, now);
    } else {
      if (results_[i].accepts++ == 0) --unanswered_;
      questions_[i].settled_at = now + kProbeSettle;
    }
    break;
  }
  AskMore();
  Tick(now);
}

void ChannelProbe::OnReject(size_t index, const Reject& reject, Time now) {
  Question& question = questions_[index];
  ProbeResult& result = results_[index];
  if (reject.sid == question.own_sid) {
    result.own_denied = true;
    question.settled_at = now;
  } else if (result.rejected.empty() && result.accepts == 0) {
    --unanswered_;
    result.rejected = reject.reason.empty() ? "no reason given" : std::string(reject.reason);
    question.settled_at = now + kProbeSettle;
    question.own_sid = NewSid();
    send_(Open{.sid = question.own_sid, .path = channels_[index].own_path, .to = own_email_});
  }
}

bool ChannelProbe::Settled(Time now) const {
  if (now >= give_up_) return true;
  return std::all_of(questions_.begin(), questions_.end(),
                     [now](const Question& question) { return question.settled_at <= now; });
}

void ChannelProbe::Tick(Time now) {
  if (!done_ && Settled(now)) Finish();
}

// The relay may forget the sessions.
void ChannelProbe::Finish() {
  done_ = true;
  for (const Question& question : questions_) {
    for (const std::string& sid : {question.sid, question.own_sid}) {
      if (!sid.empty()) send_(Close{.sid = sid, .reason = "checked"});
    }
  }
}

Time ChannelProbe::Deadline() const {
  if (done_) return kNever;
  Time at = 0;  // when the last one has settled
  for (const Question& question : questions_) at = std::max(at, question.settled_at);
  return std::min(at, give_up_);
}

}  // namespace hotlink
